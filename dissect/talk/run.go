package talk

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// Run plays every talk in the files that match the pattern, as subtests, and
// returns all facts that were heard.
func Run(t *testing.T, pattern string, specs []dissect.Spec) []Heard {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no talks in %s (%v)", pattern, err)
	}
	var all []Heard
	for _, file := range files {
		talks, err := Parse(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, talk := range talks {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".talk")+"/"+talk.Name, func(t *testing.T) {
				heard := talk.Play(specs)
				talk.Compare(t, heard)
				talk.vary(t, specs, describe(heard))
				all = append(all, heard...)
			})
		}
	}
	return all
}

// Compare wants the facts that the talk expects, in their order.
func (t *Talk) Compare(tb testing.TB, heard []Heard) {
	tb.Helper()
	var facts, progress []Heard
	for _, f := range heard {
		if f.Body.Progress() {
			progress = append(progress, f)
		} else {
			facts = append(facts, f)
		}
	}
	match(tb, t.where, facts, t.facts)
	if len(t.progress) > 0 {
		match(tb, t.where, progress, t.progress)
	}
}

func match(tb testing.TB, where string, got []Heard, want []expected) {
	tb.Helper()
	for i := range want {
		if i >= len(got) {
			tb.Errorf("%s: fact %d: none, want %s", where, i+1, want[i].kind)
			continue
		}
		if m := want[i].missing(&got[i]); m != "" {
			tb.Errorf("%s: fact %d: %s\n\t%s", where, i+1, m, describe(got[i : i+1])[0])
		}
	}
	for i := len(want); i < len(got); i++ {
		tb.Errorf("%s: fact %d was not expected:\n\t%s", where, i+1, describe(got[i : i+1])[0])
	}
}

// describe writes facts as a talk does, with all their fields.
func describe(heard []Heard) []string {
	lines := make([]string, 0, len(heard))
	for _, f := range heard {
		m := f.Fields()
		names := make([]string, 0, len(m))
		for name := range m {
			names = append(names, name)
		}
		slices.Sort(names)
		var b strings.Builder
		fmt.Fprintf(&b, "%s", f.Body.Kind())
		for _, name := range names {
			fmt.Fprintf(&b, " %s=%q", name, m[name])
		}
		lines = append(lines, b.String())
	}
	return lines
}

// most bounds how many cuts of one segment are tried.
const most = 700

// vary plays the talk in every other way, and wants the same facts.
func (t *Talk) vary(tb testing.TB, specs []dissect.Spec, want []string) {
	tb.Helper()
	same := func(how string, cut cuts) bool { return t.same(tb, how, specs, cut, want) }
	if !same("byte by byte", bytewise) {
		return
	}
	for n, s := range t.steps {
		for i := 1; i < len(s.data); i += 1 + len(s.data)/most {
			if !same(fmt.Sprintf("line %d cut after %d bytes", n+1, i), cutAt(n, i)) {
				return
			}
		}
	}
}

// same plays the talk in one way and wants the facts.
func (t *Talk) same(tb testing.TB, how string, specs []dissect.Spec, cut cuts, want []string) bool {
	tb.Helper()
	got, want := bySender(describe(t.play(specs, cut))), bySender(want)
	if t.mangled(want) {
		return true
	}
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			tb.Errorf("%s: %s: fact %d:\n\t%s\nwhole:\n\t%s", t.where, how, i+1, g, w)
			return false
		}
	}
	return true
}

// mangled reports a talk made of random bytes in which something else stood
// where a message has to begin, or a response that nothing asked for. Where the
// next message is found, and what it then answers, goes by what has come of the
// other direction; only that nothing breaks is checked then.
func (t *Talk) mangled(facts []string) bool {
	return t.where == fromBytes && slices.ContainsFunc(facts, func(s string) bool {
		return strings.Contains(s, `"http.start_line_invalid"`) || strings.Contains(s, `"http.response_without_request"`) ||
			strings.Contains(s, `"http.pairing_unknown"`)
	})
}

// bySender groups facts by who sent what they are about. In pieces, bytes that
// waited for the other direction go on as soon as a piece of that has come, so
// that only the order of what one end sent is fixed.
func bySender(facts []string) []string {
	sender := func(s string) string {
		_, from, _ := strings.Cut(s, ` from="`)
		return from[:strings.IndexByte(from+`"`, '"')]
	}
	facts = slices.Clone(facts)
	slices.SortStableFunc(facts, func(a, b string) int { return strings.Compare(sender(a), sender(b)) })
	return facts
}

// Anomalies are the names of the anomalies among facts.
func Anomalies(heard []Heard) map[string]bool {
	m := map[string]bool{}
	for _, f := range heard {
		if a, ok := f.Body.(*event.Anomaly); ok {
			m[a.Name] = true
		}
	}
	return m
}
