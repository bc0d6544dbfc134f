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
	"fmt"
	"io"

	"example.com/wirewatch/event"
)

// Options say what is written. The zero Options write every record that is not
// progress.
type Options struct {
	Progress bool // also the records whose facts a later record repeats
}

// flushSize is how many bytes may gather before a batch is done.
const flushSize = 64 << 10

// keepSize is the largest buffer that outlives the record that needed it, so
// that one huge body does not pin its memory for the rest of the run.
const keepSize = 1 << 20

type sink struct {
	w      io.Writer
	opt    Options
	enc    encoder
	broken bool
}

// New makes a sink that writes to w. It holds nothing back: Emit ends with a
// single Write of what the batch came to, after earlier ones of 64 KiB or more
// where it came to more, and a record is never cut between two. When a Write
// fails, that Emit returns the error; later ones write nothing and return nil.
func New(w io.Writer, opt Options) event.Sink {
	s := &sink{w: w, opt: opt}
	s.enc.init()
	return s
}

// Emit writes a line for each event of the batch.
func (s *sink) Emit(batch []event.Event) error {
	for i := range batch {
		e := &batch[i]
		if s.broken {
			return nil
		}
		if e.Body.Progress() && !s.opt.Progress {
			continue
		}
		s.enc.record(e)
		if len(s.enc.buf) >= flushSize {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	return s.flush()
}

func (s *sink) flush() error {
	if len(s.enc.buf) == 0 {
		return nil
	}
	n, err := s.w.Write(s.enc.buf)
	if err == nil && n < len(s.enc.buf) {
		err = io.ErrShortWrite
	}
	s.enc.reset()
	if err != nil {
		s.broken = true
		return fmt.Errorf("ndjson: writing records: %w", err)
	}
	return nil
}
