// Package ndjson writes facts as JSON, one object per line, in the order in
// which they were found: what -T ndjson prints.
//
// The dotted name of a field is its path in the object, so the fields
// http.request.method and http.request.uri become
//
//	{"http":{"request":{"method":"GET","uri":"/"}}}
//
// Text from the wire is a JSON string only when it is valid UTF-8; otherwise
// its sibling holds it in base64: uri_base64 beside uri, and for a field whose
// last component is text, base64 beside text. In a list of headers, a component
// that is not UTF-8 is {"base64":"…"}. A line never holds a raw control or
// format character, so it is harmless in a terminal.
//
// An Event belongs to everyone once emitted: a sink reads it and changes
// nothing.
package ndjson

import (
	"io"

	"example.com/wirewatch/event"
	"example.com/wirewatch/export/lines"
)

// Options say what is written. The zero Options write every record that is not
// progress.
type Options struct {
	Progress bool // also the records whose facts a later record repeats
}

// New makes a sink that writes to w as package lines does: every record of a
// batch is written when Emit returns, and none is cut between two writes.
func New(w io.Writer, opt Options) event.Sink { return lines.New(w, newEncoder(opt)) }
