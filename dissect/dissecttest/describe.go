package dissecttest

import (
	"fmt"
	"strings"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// describe writes facts, a line for each, without the frames that they came
// with. Directions are those of the wire; mirrored exchanges them.
func describe(facts []dissect.Fact, mirrored bool) []string {
	lines := make([]string, 0, len(facts))
	for _, f := range facts {
		var b strings.Builder
		b.WriteString(f.Body.Kind())
		dir := f.Dir
		if mirrored {
			dir = dir.Reverse()
		}
		if !f.NoDir {
			fmt.Fprintf(&b, " from=%s", dir)
		}
		fmt.Fprintf(&b, " exchange=%d incomplete=%q", f.Exchange, f.Incomplete)
		writeFields(&b, f.Body.Fields())
		lines = append(lines, b.String())
	}
	return lines
}

func writeFields(b *strings.Builder, fields event.Fields) {
	for name, v := range fields {
		if v.Kind() != event.None {
			fmt.Fprintf(b, " %s=", name)
			writeValue(b, &v)
		}
	}
}

func writeValue(b *strings.Builder, v *event.Value) {
	switch v.Kind() {
	case event.None:
	case event.String, event.Text:
		fmt.Fprintf(b, "%q", v.Str())
	case event.Bytes:
		fmt.Fprintf(b, "%x", v.Raw())
	case event.Int:
		fmt.Fprintf(b, "%d", v.Int())
	case event.Bool:
		fmt.Fprintf(b, "%t", v.Bool())
	case event.Millis:
		b.WriteString(v.Duration().String())
	case event.Pairs:
		fmt.Fprintf(b, "%q", v.Pairs())
	case event.Ranges:
		fmt.Fprint(b, v.Ranges())
	case event.Ints:
		fmt.Fprint(b, v.Ints())
	case event.Objects:
		b.WriteByte('{')
		for _, o := range v.Objects() {
			writeFields(b, o)
			b.WriteByte(';')
		}
		b.WriteByte('}')
	}
}

// onWire is the facts of a host with the directions of the wire.
func onWire(h *Host) []dissect.Fact {
	out := make([]dissect.Fact, len(h.Facts))
	for i, f := range h.Facts {
		f.Dir = h.Dir(f.Dir)
		out[i] = f
	}
	return out
}

// firstDiff is the first line that two lists do not share, "" if there is none.
func firstDiff(got, want []string) string {
	line := func(list []string, i int) string {
		if i < len(list) {
			return list[i]
		}
		return "nothing"
	}
	for i := range max(len(got), len(want)) {
		if g, w := line(got, i), line(want, i); g != w {
			return fmt.Sprintf("fact %d:\n\t got %s\n\twant %s", i+1, g, w)
		}
	}
	return ""
}

var bothDirs = [2]flow.Dir{flow.ClientToServer, flow.ServerToClient}
