package text

import (
	"strconv"
	"strings"

	"example.com/wirewatch/event"
	"example.com/wirewatch/internal/safe"
)

// totals is what the closing block takes from capture.summary.
type totals struct {
	counts             map[string]uint64
	first, last, fail  string
	records, protocols []string // "12 http.exchange"
}

// summary writes the closing block: what was captured, what was found in it,
// and, where there is something to say, what is missing.
func (s *sink) summary(body event.Body) {
	t := totals{counts: map[string]uint64{}}
	for name, v := range body.Fields() {
		t.take(name, &v)
	}
	s.line.end()
	s.entry("capture", plain, plural(t.counts["packets"], "packet"), size(t.counts["bytes"]), span(t.first, t.last))
	s.entry("found", plain, append([]string{plural(t.counts["flows"], "flow")}, t.records...)...)
	s.entry("not TCP", plain, append([]string{plural(t.counts["not_tcp"], "packet")}, t.protocols...)...)
	s.entry("lost", yellow,
		suffix(plural(t.counts["dropped_kernel"], "packet"), "dropped by the kernel"),
		suffix(plural(t.counts["dropped_interface"], "packet"), "dropped by the interface"),
		suffix(plural(t.counts["truncated_packets"], "packet"), "cut by the snapshot length"))
	s.entry("error", red, t.fail)
}

// take keeps one field.
func (t *totals) take(name string, v *event.Value) {
	name = strings.TrimPrefix(name, "capture.")
	switch name {
	case "first":
		t.first = v.Str()
	case "last":
		t.last = v.Str()
	case "error":
		t.fail = v.Str()
	default:
		if v.Kind() != event.Int {
			return
		}
		if kind, ok := strings.CutPrefix(name, "records."); ok {
			t.records = append(t.records, strconv.FormatInt(v.Int(), 10)+" "+strings.ReplaceAll(kind, "_", "."))
		} else if what, ok := strings.CutPrefix(name, "protocols."); ok {
			t.protocols = append(t.protocols, strconv.FormatInt(v.Int(), 10)+" "+what)
		} else {
			t.counts[name] = uint64(max(v.Int(), 0))
		}
	}
}

func span(first, last string) string {
	if first == "" || last == "" {
		return ""
	}
	return "from " + first + " to " + last
}

func suffix(s, more string) string {
	if s == "" {
		return ""
	}
	return s + " " + more
}

// labelWidth is that of the block's first column.
const labelWidth = len("capture") + 2

// entry writes a line of the block, unless it says nothing.
func (s *sink) entry(label string, st style, parts ...string) {
	said := s.list(parts)
	if said == "" {
		return
	}
	l := &s.line
	l.put(dim, safe.Clean(label, safe.ASCII))
	l.space(labelWidth - len(label))
	l.put(st, l.word(said))
	l.end()
}
