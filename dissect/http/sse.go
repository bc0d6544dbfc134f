package http

import (
	"strings"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// eventStream reads a text/event-stream (WHATWG HTML §9.2.6):
//
//	stream  = [ bom ] *event
//	event   = *( comment / field ) end-of-line
//	comment = colon *any-char end-of-line
//	field   = 1*name-char [ colon [ space ] *any-char ] end-of-line
//	end-of-line = CR LF / LF / CR
//
// Memory is bounded: of a line, and of an event's data, no more is kept than of
// a body, and never less than a few KiB of a line, for what is not data.
type eventStream struct {
	h     *half
	r     *reader
	most  int64 // bytes of data to keep; negative: all
	line  []byte
	cut   bool // the line is longer than what is kept of it
	begun bool // the byte order mark has been dealt with
	cr    bool // the byte before was CR
	lost  bool // until the next empty line, nothing can be made of the lines
	first event.Mark
	next  ServerSentEvent
	data  []byte
	any   bool // the event has data, though it may be empty
	long  bool // its data is longer than what is kept
	said  bool
}

const lineKept = 4 << 10

func newEventStream(h *half, most int64) *eventStream {
	return &eventStream{h: h, r: &h.read, most: most, next: ServerSentEvent{Retry: -1}}
}

// write takes the next decoded bytes.
func (s *eventStream) write(p []byte) {
	for len(p) > 0 {
		if s.cr && p[0] == '\n' {
			p = p[1:]
		}
		s.cr = false
		i := indexEOL(p)
		if i < 0 {
			s.keep(p)
			return
		}
		s.keep(p[:i])
		s.cr = p[i] == '\r'
		s.endLine()
		p = p[i+1:]
	}
}

// indexEOL is the index of the first CR or LF.
func indexEOL(p []byte) int {
	for i, c := range p {
		if c == '\n' || c == '\r' {
			return i
		}
	}
	return -1
}

// keep appends to the line in progress.
func (s *eventStream) keep(p []byte) {
	if len(p) == 0 {
		return
	}
	if s.first.Frame == 0 {
		s.first = s.r.now.mark
	}
	if most := max(lineKept, s.most+int64(len("data: "))); s.most >= 0 && int64(len(s.line)+len(p)) > most {
		p, s.cut = p[:max(0, most-int64(len(s.line)))], true
	}
	s.line = append(s.line, p...)
}

// endLine reads the line in progress.
func (s *eventStream) endLine() {
	line := string(s.line)
	cut := s.cut
	s.line, s.cut = s.line[:0], false
	if !s.begun {
		line, s.begun = strings.TrimPrefix(line, "\ufeff"), true
	}
	switch {
	case line == "" && !cut:
		s.dispatch()
	case !s.lost:
		name, value, _ := strings.Cut(line, ":")
		s.field(name, strings.TrimPrefix(value, " "), cut)
	}
}

// field takes one field of the event in progress. A line that begins with a
// colon has no name: it is a comment.
func (s *eventStream) field(name, value string, cut bool) {
	switch name {
	case "event":
		s.next.Type = value
	case "data":
		s.addData(value, cut)
	case "id":
		if strings.IndexByte(value, 0) < 0 {
			s.next.ID, s.next.HasID = value, true
		}
	case "retry":
		if n, ok := digits(value); ok {
			s.next.Retry = n
		}
	}
}

// addData appends a line of data. Lines are joined with LF.
func (s *eventStream) addData(value string, cut bool) {
	if s.any {
		value = "\n" + value
	}
	s.any = true
	s.next.size += uint64(len(value))
	if s.most >= 0 {
		if room := s.most - int64(len(s.data)); int64(len(value)) > room {
			value, cut = value[:max(0, room)], true
		}
	}
	s.long = s.long || cut
	s.data = append(s.data, value...)
}

// dispatch ends the event in progress. One without data is none, but the ID and
// the reconnection time that it may have set are told with the next.
func (s *eventStream) dispatch() {
	if s.any {
		e := s.next
		e.Data, e.kept = whole(string(s.data)), s.most != 0
		if e.Type == "" {
			e.Type = "message"
		}
		if s.long && e.kept && !s.said {
			s.said = true
			s.r.now.c.Anomaly(s.r.now.dir, eventLimit, s.h.x.num, "")
		}
		s.r.now.c.Emit(dissect.Fact{Body: &e, First: s.first, Exchange: s.h.x.num, Dir: s.r.now.dir})
	}
	s.restart()
	s.lost = false
}

// restart forgets the event in progress.
func (s *eventStream) restart() {
	last := s.next
	s.next = ServerSentEvent{Retry: -1}
	if !s.any {
		s.next.ID, s.next.HasID, s.next.Retry = last.ID, last.HasID, last.Retry
	}
	s.data, s.any, s.long, s.first = s.data[:0], false, false, event.Mark{}
}

// gap drops the event that a hole is in: what follows, up to an empty line, may
// be the rest of it.
func (s *eventStream) gap() {
	s.line, s.cut, s.lost, s.begun, s.cr = s.line[:0], false, true, true, false
	s.restart()
}
