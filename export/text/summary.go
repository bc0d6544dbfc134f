package text

import (
	"slices"
	"strconv"
	"strings"
	"time"

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
func (p *printer) summary(body event.Body) {
	t := totals{counts: map[string]uint64{}}
	for name, v := range body.Fields() {
		t.take(name, &v)
	}
	p.line.end()
	if packets := plural(t.counts["packets"], "packet"); packets == "" {
		p.entry("capture", plain, "no packets")
	} else {
		p.entry("capture", plain, packets, size(t.counts["bytes"]), span(t.first, t.last, p.opt.ASCII))
	}
	p.entry("found", plain, append([]string{plural(t.counts["flows"], "flow")}, t.records...)...)
	p.entry("not TCP", plain, append([]string{plural(t.counts["not_tcp"], "packet")}, t.protocols...)...)
	p.entry("lost", yellow,
		suffix(plural(t.counts["dropped_kernel"], "packet"), "dropped by the kernel"),
		suffix(plural(t.counts["dropped_interface"], "packet"), "dropped by the interface"),
		suffix(plural(t.counts["shed_packets"], "packet"), "not looked at in time"),
		suffix(plural(t.counts["truncated_packets"], "packet"), "cut by the snapshot length"))
	if !p.opt.HideError {
		p.entry("error", red, t.fail)
	}
}

// take keeps one field. Every flow has one record, so those are not counted
// twice.
func (t *totals) take(name string, v *event.Value) {
	name = strings.TrimPrefix(name, "capture.")
	switch name {
	case "first":
		t.first = v.Str()
	case "last":
		t.last = v.Str()
	case "error":
		t.fail = v.Str()
	case "records.tcp_flow":
	default:
		if v.Kind() != event.Int {
			return
		}
		if kind, ok := strings.CutPrefix(name, "records."); ok {
			t.records = append(t.records, records(v.Int(), strings.ReplaceAll(kind, "_", ".")))
		} else if what, ok := strings.CutPrefix(name, "protocols."); ok {
			t.protocols = append(t.protocols, strconv.FormatInt(v.Int(), 10)+" "+what)
		} else {
			t.counts[name] = uint64(max(v.Int(), 0))
		}
	}
}

// records is a number of records of a kind, by the kind's name.
func records(n int64, kind string) string {
	if kind == "anomaly" && n != 1 {
		kind = "anomalies"
	}
	return strconv.FormatInt(n, 10) + " " + kind
}

// span says when a capture was made: for how long, and from which second on,
// which is what it takes to find it in a log; the lines have the rest.
func span(first, last string, ascii bool) string {
	from, err := time.Parse(time.RFC3339Nano, first)
	if err != nil {
		return ""
	}
	begin := from.UTC().Format("2006-01-02 15:04:05 UTC")
	to, err := time.Parse(time.RFC3339Nano, last)
	if err != nil || !to.After(from) {
		return "at " + begin
	}
	return took(to.Sub(from), ascii) + " from " + begin
}

func suffix(s, more string) string {
	if s == "" {
		return ""
	}
	return s + " " + more
}

// labelWidth is that of the block's first column.
const labelWidth = len("capture") + 2

// entry writes a part of the block, unless it says nothing: in one line, or in as
// many as the width asks for.
func (p *printer) entry(label string, st style, parts ...string) {
	said := p.list(slices.Clone(parts))
	if said == "" {
		return
	}
	l := &p.line
	l.put(dim, safe.Clean(label, safe.ASCII))
	l.space(labelWidth - len(label))
	for i, row := range l.wrap(said) {
		if i > 0 {
			l.end()
			l.space(labelWidth)
		}
		l.put(st, row.ClipMiddle(l.room(), l.mode)) // a long file name is told by its end
	}
	l.end()
}

// wrap breaks a text at spaces into rows that fit into what is left of the width,
// as far as its words do.
func (l *line) wrap(s string) (rows []safe.Text) {
	s = head(s, maxWord)
	start, pos, cells := 0, 0, 0 // of the row, of the word, and in the row before the word
	for word := range strings.SplitSeq(s, " ") {
		width := safe.Clean(word, l.mode).Width()
		switch {
		case pos == start:
			cells = width
		case cells+1+width > l.room():
			rows = append(rows, safe.Clean(s[start:pos-1], l.mode))
			start, cells = pos, width
		default:
			cells += 1 + width
		}
		pos += len(word) + 1
	}
	return append(rows, safe.Clean(s[start:], l.mode))
}
