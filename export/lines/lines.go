// Package lines writes facts to a stream as lines of text. What a line holds is
// a Format's business; the package gathers lines and writes them, so that a
// reader has every fact as soon as its batch is done, in few large writes.
package lines

import (
	"fmt"
	"io"

	"example.com/wirewatch/event"
)

// Format makes lines of facts. It is called from one goroutine, in the order of
// the facts, and may remember what came before.
type Format interface {
	// Append appends what the fact comes to, which is whole lines or nothing, to
	// b and returns the extended b. It keeps neither b nor a part of it.
	Append(b []byte, e *event.Event) []byte
}

// flushSize is how many bytes may gather before a batch is done.
const flushSize = 64 << 10

// keepSize is the largest buffer that outlives its Write, so that one huge fact
// does not pin its memory for the rest of the run.
const keepSize = 1 << 20

type sink struct {
	w      io.Writer
	format Format
	buf    []byte // what is not written yet
	broken bool   // a Write has failed
}

// New makes a sink that writes to w. It holds nothing back: Emit ends with a
// single Write of what the batch came to, after earlier ones of 64 KiB or more
// where it came to more, and what a fact came to is never cut between two. When
// a Write fails, that Emit returns the error; later ones write nothing and
// return nil.
func New(w io.Writer, f Format) event.Sink { return &sink{w: w, format: f} }

// Emit writes the lines of the batch.
func (s *sink) Emit(batch []event.Event) error {
	for i := range batch {
		if s.broken {
			return nil
		}
		s.buf = s.format.Append(s.buf, &batch[i])
		if len(s.buf) >= flushSize {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	return s.flush()
}

func (s *sink) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	n, err := s.w.Write(s.buf)
	if err == nil && n < len(s.buf) {
		err = io.ErrShortWrite
	}
	if s.buf = s.buf[:0]; cap(s.buf) > keepSize {
		s.buf = nil
	}
	if err != nil {
		s.broken = true
		return fmt.Errorf("writing records: %w", err)
	}
	return nil
}
