package ndjson

import (
	"strconv"
	"strings"
	"time"

	"example.com/wirewatch/event"
)

// encoder appends records to a buffer. It opens and closes nested objects by
// comparing each name with the one before, so names that have a prefix in
// common must stand together; event.Body promises that.
type encoder struct {
	opt Options
	buf []byte // while a record is being appended
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

func newEncoder(opt Options) *encoder {
	e := &encoder{opt: opt, second: -1 << 63}
	e.emit = e.field
	return e
}

// Append appends the line of a fact.
func (e *encoder) Append(b []byte, ev *event.Event) []byte {
	if ev.Body.Progress() && !e.opt.Progress {
		return b
	}
	e.buf = b
	e.envelope(ev)
	ev.Body.Fields()(e.emit)
	b, e.buf = append(appendEnds(e.buf, e.path), "}\n"...), nil
	return b
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
