// Package text writes facts for a person to read, one line each: what -T text
// prints. The columns of known width stand first and the words last, so that
// the lines stay aligned whatever the traffic holds:
//
//	              #0     10.0.0.1:51234 → 93.184.216.34:80
//	12:03:04.123  #0   ⇄ 200  1.20 kB  12.3 ms  GET example.com/a  text/html
//
// A flow is introduced by its two ends when it first appears and is #N after
// that, where N is its tcp.stream. An arrow points away from the sender: → the
// client sent it, ← the server did, ⇄ both took part.
//
// Every byte from the wire goes through package safe. An Event belongs to
// everyone once emitted: a sink reads it and changes nothing.
package text

import (
	"fmt"
	"io"
	"time"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/internal/safe"
)

// Options say how the lines look. The zero Options are plain text in UTF-8 of
// any length.
type Options struct {
	Color    bool // style with the 16 colours of the terminal's own palette
	ASCII    bool // nothing but ASCII: for a terminal or a locale that is not UTF-8
	Width    int  // cut lines to so many cells; 0 cuts nothing
	Progress bool // also the records whose facts a later record repeats
}

// flushSize is how many bytes may gather before a batch is done.
const flushSize = 64 << 10

// maxFlows bounds the memory of which flows were introduced. Past it all are
// forgotten, and the open ones introduced again.
const maxFlows = 1 << 16

// streamWidth is that of the column of flows, until a number does not fit.
const streamWidth = len("#123")

type sink struct {
	w      io.Writer
	opt    Options
	line   line
	day    int64 // since the Unix epoch, of the line before
	dated  bool  // day is set
	seen   map[flow.ID]struct{}
	broken bool
}

// New makes a sink that writes to w. It holds nothing back: Emit ends with a
// single Write of what the batch came to, after earlier ones where it came to
// more than 64 KiB. When a Write fails, that Emit returns the error; later ones
// write nothing and return nil.
func New(w io.Writer, opt Options) event.Sink {
	s := &sink{w: w, opt: opt, seen: map[flow.ID]struct{}{}}
	s.line = line{max: opt.Width, color: opt.Color, glyphs: &unicodeGlyphs, mode: safe.List, streams: streamWidth}
	if opt.ASCII {
		s.line.glyphs, s.line.mode = &asciiGlyphs, safe.ASCII
	}
	return s
}

// Emit writes the lines of the batch.
func (s *sink) Emit(batch []event.Event) error {
	for i := range batch {
		e := &batch[i]
		if s.broken {
			return nil
		}
		if e.Body.Progress() && !s.opt.Progress {
			continue
		}
		s.event(e)
		if len(s.line.buf) >= flushSize {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	return s.flush()
}

func (s *sink) flush() error {
	if len(s.line.buf) == 0 {
		return nil
	}
	n, err := s.w.Write(s.line.buf)
	if err == nil && n < len(s.line.buf) {
		err = io.ErrShortWrite
	}
	s.line.buf = s.line.buf[:0]
	if err != nil {
		s.broken = true
		return fmt.Errorf("text: writing lines: %w", err)
	}
	return nil
}

// event writes a fact, after what introduces it.
func (s *sink) event(e *event.Event) {
	if e.Body.Kind() == "capture.summary" {
		s.summary(e.Body)
		return
	}
	s.date(e.Nanos)
	s.introduce(e)
	s.fact(e)
}

// date writes a heading when the day, in UTC, is another one than before.
func (s *sink) date(nanos int64) {
	const perDay = int64(24 * time.Hour)
	day := nanos / perDay
	if nanos%perDay < 0 {
		day--
	}
	if s.dated && day == s.day {
		return
	}
	s.day, s.dated = day, true
	rule := s.line.glyphs.rule
	s.line.put(dim, rule)
	s.line.space(1)
	s.line.put(dim, safe.Clean(time.Unix(0, nanos).UTC().Format("2006-01-02 UTC"), safe.ASCII))
	s.line.space(1)
	s.line.put(dim, rule)
	s.line.end()
}

// introduce writes the ends of a flow that has not been seen. The flow's own
// record is its last, after which it need not be remembered.
func (s *sink) introduce(e *event.Event) {
	if e.Ends == nil {
		return
	}
	id := e.Ends.ID
	_, known := s.seen[id]
	if e.Body.Kind() == "tcp.flow" {
		delete(s.seen, id)
	} else if !known {
		if len(s.seen) >= maxFlows {
			clear(s.seen)
		}
		s.seen[id] = struct{}{}
	}
	if known {
		return
	}
	s.line.space(timeWidth + 2)
	s.line.stream(dim, e.Ends.Stream)
	s.line.space(signWidth + 1)
	s.line.put(dim, safe.Clean(e.Ends.Client.String(), safe.ASCII))
	s.line.space(1)
	s.line.put(dim, s.line.glyphs.right)
	s.line.space(1)
	s.line.put(dim, safe.Clean(e.Ends.Server.String(), safe.ASCII))
	s.line.end()
}
