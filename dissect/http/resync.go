package http

import (
	"bytes"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// track is a direction that searches: for a start-line to the letter, field
// lines that are well-formed, and the empty line behind them. That is enough at a
// place where a message may begin: at a turn (see dissect.Conn), and after
// garbage, at each line. Anywhere else it may be what a content quotes, so that
// it takes a run of messages: see run.
type track struct {
	here  bool        // a message may begin at the first byte of the rest
	lines bool        // one may begin at each line
	prev  byte        // the one before the rest, 0 at first
	alone bool        // the message that is being looked at needs no others behind it
	tried bool        // one is being looked at
	code  *event.Code // what to report if there is no message right here
	seen  int         // bytes of its head that were searched for LF
	line  int         // where the first of its lines begins that was not yet proved
	run   run
	from  int64 // offset of the message that is being looked at, where tried
	floor int64 // no run begins before this offset
	runs  int   // how many have led nowhere
}

// search makes the direction look for a message. code, if not nil, is what it
// is if none begins right here, after garbage or where nothing should follow.
func (h *half) search(lines bool, code *event.Code) {
	h.state, h.x, h.last = searching, nil, false
	h.track = track{here: true, lines: lines, code: code}
}

// seek consumes what cannot be the beginning of a message.
func (d *dissector) seek(f *feed, h *half) (dissect.Verdict, bool) {
	t := &h.track
	for len(f.rest()) > 0 {
		if !t.tried && !t.next(f, h.role) {
			return dissect.More, false
		}
		if !t.tried {
			continue
		}
		switch t.judge(f, h.role) {
		case dissect.Yes:
			h.state, h.begun, h.head = atStart, begun{}, scanner{}
			return dissect.More, true
		case dissect.Maybe:
			t.from = f.offset()
			return dissect.More, false
		case dissect.No:
			t.refute(f)
		}
	}
	return dissect.More, false
}

// judge says whether the message that is being looked at is one.
func (t *track) judge(f *feed, r role) dissect.Match {
	if t.alone {
		return t.prove(r, f.rest(), f.c.Limits().Head)
	}
	m := t.follow(f, r)
	if m == dissect.Maybe && f.end {
		return dissect.No
	}
	return m
}

// undecided reports that a direction holds what may be the beginning of a message
// before offset at.
func (h *half) undecided(at int64) bool {
	return h.state == searching && h.track.tried && h.track.from < at && !h.ended
}

// next consumes the rest up to where a message may begin, and says there how it
// would be proved. It reports false where more bytes must tell.
func (t *track) next(f *feed, r role) bool {
	p := f.rest()
	turn := f.c.Turn(f.dir, f.n, len(f.p)) - f.n
	if t.here || turn == 0 || t.lines && t.prev == '\n' {
		n, _ := blank(p)
		switch {
		case n > 0:
			t.pass(f, n)
			t.here = true
		case len(p) == 1 && p[0] == '\r' && !f.end:
			return false // an empty line, perhaps
		default:
			t.alone, t.tried, t.run = true, true, run{}
		}
		return true
	}
	n, found := t.inner(p[:turn], r, f.offset(), turn < len(p) || f.end)
	if i := bytes.IndexByte(p[:n], '\n'); t.lines && i >= 0 {
		n, found = i+1, false
	}
	if n > 0 {
		t.pass(f, n)
	}
	if found {
		t.alone, t.tried, t.run = false, true, run{}
	}
	return n > 0 || found
}

// pass consumes n bytes.
func (t *track) pass(f *feed, n int) {
	t.prev = f.rest()[n-1]
	t.seen, t.line, t.here, t.tried = 0, 0, false, false
	f.take(n)
}

// refute gives up the message that may have begun at the rest.
func (t *track) refute(f *feed) {
	if t.code != nil {
		f.report(t.code, nil, "")
		t.code = nil
	}
	switch {
	case t.alone:
	case t.run.next > 0:
		t.runs++
	case t.line > 0: // whatever begins above the line that is none of a head ends there too
		t.floor = f.offset() + int64(t.line)
	}
	t.pass(f, 1)
}

// prove looks at the lines of p, a head, that it has not seen before.
func (t *track) prove(r role, p []byte, limit int) dissect.Match {
	for {
		i := bytes.IndexByte(p[t.seen:], '\n')
		if i < 0 {
			t.seen = len(p)
			if t.seen >= limit || t.line == 0 && !mayOpen(r, p) {
				return dissect.No
			}
			return dissect.Maybe
		}
		line, ended := bytes.CutSuffix(p[t.line:t.seen+i], []byte{'\r'})
		if t.seen += i + 1; t.seen > limit {
			return dissect.No
		}
		switch {
		case t.line == 0 && !takesUp(r, line) || t.line > 0 && !provesField(line) || !t.alone && !ended:
			return dissect.No
		case len(line) == 0:
			return dissect.Yes
		}
		t.line = t.seen
	}
}

// mayOpen reports whether p, the beginning of a line, can become one that takesUp
// accepts.
func mayOpen(r role, p []byte) bool {
	if r == request {
		return beginsInner(r, p) != dissect.No
	}
	return plausible(r, p)
}

// found makes the most of a direction that searches when no more can come: a
// start-line to the letter and the beginning of a field line behind it, where a
// message may begin, are the head of one that is cut. It reports whether they
// are there.
func (h *half) found(f *feed) bool {
	p := f.rest()
	if !h.track.alone {
		return false
	}
	start := bytes.IndexByte(p[:min(len(p), h.track.line)], '\n') + 1
	if start == 0 || h.track.line > len(p) || h.track.line == start && !beginsField(p[start:]) {
		return false
	}
	h.state, h.begun, h.head = atStart, f.begin(), scanner{}
	h.head.find(p[:h.track.line])
	h.head.start, h.head.checked = parseStart(h.role, withoutCR(p[:start-1]))
	return h.head.checked
}

// beginsField reports whether p begins with
//
//	field-name ":"   (RFC 9112 §5)
func beginsField(p []byte) bool {
	n := tokenLen(p)
	return n > 0 && n < len(p) && p[n] == ':'
}

// provesField reports whether a line is a field line to the letter, a folded
// one, or the empty line.
func provesField(line []byte) bool {
	if len(line) == 0 || isSpace(line[0]) {
		return true
	}
	name, _, ok := fieldLine(line)
	return ok && isToken(name.of(line)) && line[name.to] == ':'
}
