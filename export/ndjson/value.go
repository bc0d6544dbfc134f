package ndjson

import (
	"encoding/base64"
	"strconv"
	"time"

	"example.com/wirewatch/event"
	"example.com/wirewatch/internal/safe"
)

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
