package ndjson

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"example.com/wirewatch/event"
	"example.com/wirewatch/internal/safe"
)

// encoder appends records to a buffer. It opens and closes nested objects by
// comparing each name with the one before, so names that have a prefix in
// common must stand together; event.Body promises that.
type encoder struct {
	buf []byte
	// path is the name written last in the object at hand: the objects that
	// are open in it are its components but the last. Empty at its start.
	path  string
	inner int // length of those components, with their dots
	// emit is e.field, made once: a method value made for each event would be
	// an allocation for each.
	emit func(string, event.Value) bool

	steps [steps]step

	second int64  // the second that stamp is for
	stamp  []byte // its date and time of day, up to the fraction
}

func (e *encoder) init() {
	e.emit = e.field
	e.second = -1 << 63
}

// reset empties the buffer.
func (e *encoder) reset() {
	if e.buf = e.buf[:0]; cap(e.buf) > keepSize {
		e.buf = nil
	}
}

// record appends one line.
func (e *encoder) record(ev *event.Event) {
	e.envelope(ev)
	ev.Body.Fields()(e.emit)
	e.buf = append(appendEnds(e.buf, e.path), "}\n"...)
}

// envelope appends what every record has. tcp.stream comes last, because the
// fields of a fact about TCP go on in the same object.
func (e *encoder) envelope(ev *event.Event) {
	b := append(e.buf, `{"kind":"`...)
	b = append(b, ev.Body.Kind()...)
	b = append(b, `","time":"`...)
	b = e.appendTime(b, ev.Nanos)
	b = strconv.AppendUint(append(b, `","frame":{"number":`...), ev.Frame, 10)
	b = strconv.AppendUint(append(b, `,"first":`...), ev.First, 10)
	b = append(b, '}')
	b = appendFlow(b, ev)
	b = appendState(b, ev)
	if e.path, e.inner = "", 0; ev.Ends != nil {
		b = strconv.AppendUint(append(b, `,"tcp":{"stream":`...), ev.Ends.Stream, 10)
		e.path, e.inner = "tcp.stream", len("tcp.")
	}
	e.buf = b
}

// appendFlow appends who talked to whom, where the fact is about a flow.
func appendFlow(b []byte, ev *event.Event) []byte {
	if ev.Ends != nil {
		b = ev.Ends.Client.Addr().AppendTo(append(b, `,"client":{"ip":"`...))
		b = strconv.AppendUint(append(b, `","port":`...), uint64(ev.Ends.Client.Port()), 10)
		b = ev.Ends.Server.Addr().AppendTo(append(b, `},"server":{"ip":"`...))
		b = strconv.AppendUint(append(b, `","port":`...), uint64(ev.Ends.Server.Port()), 10)
		b = append(b, '}')
	}
	if ev.HasDir {
		b = append(append(append(b, `,"from":"`...), ev.Dir.String()...), '"')
	}
	return b
}

// appendState appends the exchange, if any, and whether the fact is complete.
func appendState(b []byte, ev *event.Event) []byte {
	if ev.Exchange != 0 {
		b = strconv.AppendUint(append(b, `,"exchange":`...), uint64(ev.Exchange), 10)
	}
	if ev.Incomplete == event.Complete {
		return append(b, `,"complete":true`...)
	}
	b = append(b, `,"complete":false,"incomplete":"`...)
	return append(append(b, ev.Incomplete.String()...), '"')
}

// appendTime appends an RFC 3339 time in UTC with nine digits of fraction.
// Records come in the order of time, so a second's digits are made once.
func (e *encoder) appendTime(b []byte, nanos int64) []byte {
	second, frac := nanos/1e9, nanos%1e9
	if frac < 0 {
		second, frac = second-1, frac+1e9
	}
	if second != e.second {
		e.second = second
		e.stamp = time.Unix(second, 0).UTC().AppendFormat(e.stamp[:0], "2006-01-02T15:04:05.")
	}
	b = append(b, e.stamp...)
	return append(appendFraction(b, frac, 9), 'Z')
}

// appendFraction appends n, padded with zeros to that many digits.
func appendFraction(b []byte, n int64, digits int) []byte {
	var d [9]byte
	for i := digits - 1; i >= 0; i-- {
		d[i], n = '0'+byte(n%10), n/10
	}
	return append(b, d[:digits]...)
}

// A step is what leads from one name to the next in the same object: the ends
// of the objects that the next one is not in, a comma, the starts of those that
// it is in, and its key. A kind of record has the same steps every time, so
// they are remembered.
type step struct {
	from, to string
	inner    int    // where the last component of to begins
	text     []byte // `},"response":{"code":`
}

// steps is how many are remembered; a power of two, and some times what the
// kinds of records have together.
const steps = 512

// key appends the key of name, and what leads there.
func (e *encoder) key(name string) {
	if e.path == "" {
		e.comma()
		e.buf, e.inner = appendKey(e.buf, name, 0)
	} else {
		s := e.step(name)
		e.buf, e.inner = append(e.buf, s.text...), s.inner
	}
	e.path = name
}

// step is the one from the path to name. Names that share a place take turns
// in it.
func (e *encoder) step(name string) *step {
	h := uint(len(e.path)) + 7*uint(len(name)) + 31*uint(name[len(name)-1]) + 61*uint(e.path[len(e.path)-1])
	s := &e.steps[h%steps]
	if s.from != e.path || s.to != name {
		s.from, s.to = e.path, name
		shared := 0 // length of the components in common, with their dots
		for i := 0; i < e.inner && i < len(name) && e.path[i] == name[i]; i++ {
			if name[i] == '.' {
				shared = i + 1
			}
		}
		s.text = append(appendEnds(s.text[:0], e.path[shared:]), ',')
		s.text, s.inner = appendKey(s.text, name, shared)
	}
	return s
}

// appendKey appends the starts of the objects that name[from:] is in, and its
// key. It returns where the last component of name begins.
func appendKey(b []byte, name string, from int) (_ []byte, inner int) {
	for {
		n := strings.IndexByte(name[from:], '.')
		if n < 0 {
			return append(append(append(b, '"'), name[from:]...), `":`...), from
		}
		b = append(append(append(b, '"'), name[from:from+n]...), `":{`...)
		from += n + 1
	}
}

// appendEnds appends the ends of the objects that a path has opened.
func appendEnds(b []byte, path string) []byte {
	for range strings.Count(path, ".") {
		b = append(b, '}')
	}
	return b
}

// comma separates a member or element from the one before it, if there is one.
func (e *encoder) comma() {
	if c := e.buf[len(e.buf)-1]; c != '{' && c != '[' {
		e.buf = append(e.buf, ',')
	}
}

// field appends one field; it always wants the next one.
func (e *encoder) field(name string, v event.Value) bool {
	if v.Kind() == event.None {
		return true
	}
	e.key(name)
	switch v.Kind() {
	case event.String, event.Text:
		e.text(v.Str())
	case event.Bytes:
		e.buf = appendBase64(e.buf, v.Raw())
	case event.Int:
		e.buf = strconv.AppendInt(e.buf, v.Int(), 10)
	case event.Bool:
		e.buf = strconv.AppendBool(e.buf, v.Bool())
	case event.Millis:
		e.buf = appendMillis(e.buf, v.Duration())
	default:
		e.list(&v)
	}
	return true
}

// list appends a value that is an array.
func (e *encoder) list(v *event.Value) {
	e.buf = append(e.buf, '[')
	switch v.Kind() {
	case event.Pairs:
		for _, p := range v.Pairs() {
			e.comma()
			e.buf = appendPair(e.buf, p)
		}
	case event.Ranges:
		for _, r := range v.Ranges() {
			e.comma()
			e.buf = appendRange(e.buf, r)
		}
	case event.Ints:
		for _, n := range v.Ints() {
			e.comma()
			e.buf = strconv.AppendUint(e.buf, n, 10)
		}
	default:
		for _, fields := range v.Objects() {
			e.object(fields)
		}
	}
	e.buf = append(e.buf, ']')
}

// object appends one group of fields, with paths of its own.
func (e *encoder) object(fields event.Fields) {
	path, inner := e.path, e.inner
	e.comma()
	e.buf = append(e.buf, '{')
	e.path, e.inner = "", 0
	fields(e.emit)
	e.buf = append(appendEnds(e.buf, e.path), '}')
	e.path, e.inner = path, inner
}

// text appends a string; if it is not UTF-8, it renames the key just written to
// that of the sibling and appends base64.
func (e *encoder) text(s string) {
	b, ok := safe.AppendJSON(append(e.buf, '"'), s)
	if ok {
		e.buf = append(b, '"')
		return
	}
	b = e.buf[:len(e.buf)-len(`":`)]
	if e.path[e.inner:] == "text" {
		b = append(b[:len(b)-len("text")], `base64":`...)
	} else {
		b = append(b, `_base64":`...)
	}
	e.buf = appendBase64(b, []byte(s))
}

// appendPair appends [name,value].
func appendPair(b []byte, p event.Pair) []byte {
	b = appendComponent(append(b, '['), p.Name)
	b = appendComponent(append(b, ','), p.Value)
	return append(b, ']')
}

// appendComponent appends a string, or {"base64":"…"} if it is not UTF-8.
func appendComponent(b []byte, s string) []byte {
	start := len(b)
	b, ok := safe.AppendJSON(append(b, '"'), s)
	if ok {
		return append(b, '"')
	}
	b = append(b[:start], `{"base64":`...)
	return append(appendBase64(b, []byte(s)), '}')
}

// appendRange appends [offset,length].
func appendRange(b []byte, r event.Range) []byte {
	b = strconv.AppendUint(append(b, '['), r.Off, 10)
	b = strconv.AppendUint(append(b, ','), r.Len, 10)
	return append(b, ']')
}

// appendBase64 appends p in the standard alphabet with padding (RFC 4648 §4),
// in quotes. p is not kept.
func appendBase64(b, p []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(b, '"'), p), '"')
}

// appendMillis appends a duration in milliseconds, exactly: down to the
// nanosecond, without trailing zeros.
func appendMillis(b []byte, d time.Duration) []byte {
	n := uint64(d)
	if d < 0 {
		b, n = append(b, '-'), -n
	}
	b = strconv.AppendUint(b, n/1e6, 10)
	frac, digits := int64(n%1e6), 6
	if frac == 0 {
		return b
	}
	for frac%10 == 0 {
		frac, digits = frac/10, digits-1
	}
	return appendFraction(append(b, '.'), frac, digits)
}
