package event

import (
	"fmt"
	"unicode/utf8"
)

// Code is one kind of departure from a specification: a row in the table of the
// package that reports it.
type Code struct {
	Name string // "http.chunk_size_invalid"
	Level
	Spec string // the clause that it offends, "RFC 9112 §7.1"; "" for missing data
	Text string // what it is, as one sentence without a full stop
}

// Anomaly is the fact that traffic departs from a specification, or that data
// is missing.
type Anomaly struct {
	*Code
	Detail string // what exactly, here; may hold bytes from the wire
}

// Kind is "anomaly".
func (a *Anomaly) Kind() string { return "anomaly" }

// Progress is false.
func (a *Anomaly) Progress() bool { return false }

// Digest has the code as its result and the sentence as its note.
func (a *Anomaly) Digest() Digest {
	return Digest{Verb: "anomaly", Result: a.Name, Note: a.text(), Level: a.Level}
}

func (a *Anomaly) text() string {
	if a.Detail == "" {
		return a.Text
	}
	return a.Text + ": " + escaped(a.Detail)
}

// escaped writes bytes that are not UTF-8 as \xNN.
func escaped(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	b := make([]byte, 0, len(s)+16)
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			b = fmt.Appendf(b, `\x%02x`, s[0])
		} else {
			b = append(b, s[:n]...)
		}
		s = s[n:]
	}
	return string(b)
}

// Fields are anomaly.code, .severity, .spec and .text.
func (a *Anomaly) Fields() Fields {
	return func(yield func(string, Value) bool) {
		_ = yield("anomaly.code", StringOf(a.Name)) &&
			yield("anomaly.severity", StringOf(a.String())) &&
			yield("anomaly.spec", StringOf(a.Spec)) &&
			yield("anomaly.text", TextOf(a.text()))
	}
}
