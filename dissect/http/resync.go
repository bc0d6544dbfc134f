package http

import (
	"bytes"
	"sort"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// track is a direction that searches: for a start-line to the letter, field
// lines that are well-formed, and the empty line behind them, at a place where
// a message may begin. Such a place is where the search begins, and the start
// of each segment; after garbage, the start of each line too.
type track struct {
	here  bool        // a message may begin at the first byte of the rest
	lines bool        // one may begin at each line
	feed  bool        // the byte before the rest is LF
	frame uint64      // the frame of the byte before the rest, 0 after a hole
	code  *event.Code // what to report if there is no message right here
	seen  int         // bytes of the rest that were searched for LF
	line  int         // where the first of its lines begins that was not yet proved
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
		if !t.here {
			t.skip(f)
			continue
		}
		if n, _ := blank(f.rest()); n > 0 && t.line == 0 {
			t.pass(f, n)
			t.here = true
			continue
		}
		if p := f.rest(); len(p) == 1 && p[0] == '\r' && !f.end {
			return dissect.More, false // an empty line, perhaps
		}
		switch t.prove(h.role, f.rest(), f.c.Limits().Head) {
		case dissect.Yes:
			h.state, h.begun, h.head = atStart, begun{}, scanner{}
			return dissect.More, true
		case dissect.Maybe:
			return dissect.More, false
		case dissect.No:
			if t.code != nil {
				f.report(t.code, nil, "")
				t.code = nil
			}
			t.pass(f, 1)
		}
	}
	return dissect.More, false
}

// found makes the most of a direction that searches when no more can come: a
// start-line to the letter and the beginning of a field line behind it, where a
// message may begin, are the head of one that is cut. It reports whether they
// are there.
func (h *half) found(f *feed) bool {
	p := f.rest()
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

// skip consumes the rest up to where a message may begin.
func (t *track) skip(f *feed) {
	p := f.rest()
	n := len(p)
	if f.at(n-1).Frame != t.frame {
		// Frames do not come back, so that the first byte of another is found
		// by halves.
		n = sort.Search(n, func(i int) bool { return f.at(i).Frame != t.frame })
	}
	if t.lines && t.feed {
		n = 0
	} else if i := bytes.IndexByte(p[:n], '\n'); t.lines && i >= 0 {
		n = i + 1
	}
	t.here = n < len(p) || t.lines && p[n-1] == '\n'
	if n > 0 {
		here := t.here
		t.pass(f, n)
		t.here = here
	}
	t.feed = false
}

// pass consumes n bytes.
func (t *track) pass(f *feed, n int) {
	t.frame, t.feed = f.at(n-1).Frame, f.rest()[n-1] == '\n'
	t.seen, t.line, t.here = 0, 0, false
	f.take(n)
}

// prove looks at the lines of p that it has not seen before.
func (t *track) prove(r role, p []byte, limit int) dissect.Match {
	for {
		i := bytes.IndexByte(p[t.seen:], '\n')
		if i < 0 {
			t.seen = len(p)
			if t.seen >= limit || t.line == 0 && !plausible(r, p) {
				return dissect.No
			}
			return dissect.Maybe
		}
		line := bytes.TrimSuffix(p[t.line:t.seen+i], []byte{'\r'})
		if t.seen += i + 1; t.seen > limit {
			return dissect.No
		}
		switch {
		case t.line == 0 && !takesUp(r, line) || t.line > 0 && !provesField(line):
			return dissect.No
		case len(line) == 0:
			return dissect.Yes
		}
		t.line = t.seen
	}
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
