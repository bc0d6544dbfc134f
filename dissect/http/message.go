package http

import (
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// start reads a head.
func (d *dissector) start(f *feed, h *half) (dissect.Verdict, bool) {
	if h.role == response && len(f.rest()) > 0 && d.front() == nil && f.c.Owed(d.dirOf(request)) {
		return dissect.Wait, false // its request has been reordered, and says how to read it
	}
	if !h.begun.done && !d.begin(f, h) {
		return dissect.More, false
	}
	if h.role == response && !d.trusted() && d.half[request].undecided(h.begun.acked) && !f.c.Hurried(f.dir) {
		return dissect.Wait, false // perhaps it is its request
	}
	if h.over || h.last {
		if h.afterLast(f); h.state != atStart {
			return dissect.More, true
		}
	}
	if d.simple(h) {
		if v, raw := d.simpleResponse(f, h); raw {
			return v, v == dissect.More && h.state != atStart
		}
	}
	p, limit := f.rest(), f.c.Limits()
	size := h.head.find(p[:min(len(p), limit.Head)])
	if !h.head.checked {
		switch d.check(f, h, &size) {
		case isGarbage:
			return d.garbage(f, h)
		case isPreface:
			f.c.SetProtocol("http/2")
			return f.c.Handoff("h2", dissect.Offer{}), false
		case isHead:
		}
	}
	switch {
	case size == 0 && len(p) >= limit.Head:
		return d.tooLong(f, h, headLimit, limit.Head)
	case size == 0:
		return dissect.More, false
	case h.head.lines > limit.Lines+1:
		return d.tooLong(f, h, linesLimit, size)
	}
	if h.role == request {
		return d.request(f, h, size)
	}
	return d.response(f, h, size)
}

// afterLast deals with what follows the last message of a direction: only what is
// surely a message is one, and no message has a place behind an announced close.
// A client that goes on after it sends requests all the same.
func (h *half) afterLast(f *feed) {
	var code *event.Code
	if h.over {
		f.report(dataAfterClose, nil, "")
	} else {
		code = dataAfterClose
	}
	if h.over = false; h.last {
		h.search(true, code)
	}
}

// begin skips what precedes a start-line and notes where that is. It reports
// false while there is none.
func (d *dissector) begin(f *feed, h *half) bool {
	n := 0
	if !d.simple(h) {
		var odd bool
		switch n, odd = blank(f.rest()); {
		case odd:
			h.head.before = oddities
		case n > 0:
			h.head.before = max(h.head.before, emptyLines)
		}
	}
	f.take(n)
	if p := f.rest(); len(p) == 0 || p[0] == '\r' && len(p) == 1 && !f.end {
		return false
	}
	h.begun = f.begin()
	return true
}

// begin is what is noted of a message that begins at the rest.
func (f *feed) begin() begun {
	return begun{done: true, at: f.offset(), acked: f.c.Acked(f.dir, f.n), stalled: stalled(f.c)}
}

// stalled is the time that a flow has lost so far, in both directions.
func stalled(c *dissect.Conn) time.Duration { return c.Stalled(0) + c.Stalled(1) }

// kind is what stands where a message should.
type kind uint8

const (
	isHead kind = iota
	isGarbage
	isPreface
)

// check looks at the first line once it is there, or at what there is of it. A
// request-line without version is a whole request.
func (d *dissector) check(f *feed, h *half, size *int) kind {
	p := f.rest()
	if h.head.first == 0 {
		if !plausible(h.role, p) {
			return isGarbage
		}
		return isHead
	}
	line := p[:h.head.first-1]
	l, ok := parseStart(h.role, withoutCR(line))
	switch {
	case !ok:
		return isGarbage
	case h.role == request && isHTTP2(line):
		return isPreface
	case h.role == request && l.version.empty():
		*size = len(line) + 1
	}
	h.head.start, h.head.checked = l, true
	d.prove(f)
	return isHead
}

// prove notes that there is a message in the flow.
func (d *dissector) prove(f *feed) {
	if !d.proved {
		d.proved = true
		f.c.SetProtocol("http/1.1")
	}
}

// withoutCR is a line without the CR of its CRLF.
func withoutCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

func parseStart(r role, line []byte) (startLine, bool) {
	if r == request {
		return requestLine(line)
	}
	return statusLine(line)
}

// isHTTP2 reports whether a line is the first of the preface of HTTP/2.
func isHTTP2(line []byte) bool { return string(line) == preface[:len(preface)-1] }

// garbage gives the flow up if there never was a message in it, and looks for
// the next message otherwise.
func (d *dissector) garbage(f *feed, h *half) (dissect.Verdict, bool) {
	switch {
	case !d.proved:
		return dissect.Fail, false
	case f.ahead():
		return dissect.Wait, false // the connection may no longer be HTTP
	case d.switching != 0 && d.half[response].x == nil: // and that was not captured
		return d.switched(f), false
	}
	d.lose(h, f.offset())
	h.search(true, startLineInvalid)
	return dissect.More, true
}

// ahead reports that the sender of the rest had received bytes that were not yet
// dissected, and may yet come.
func (f *feed) ahead() bool {
	other := f.dir.Reverse()
	return f.c.Acked(f.dir, f.n) > f.c.Offset(other) && f.c.Owed(other)
}

// tooLong cuts a message at one of our limits; n bytes of its head are known.
func (d *dissector) tooLong(f *feed, h *half, limit *event.Code, n int) (dissect.Verdict, bool) {
	to := f.n + n
	if h.state == atStart {
		d.cutHead(f, h, event.Limit, limit)
	} else {
		f.report(limit, h.x, "")
		d.cut(f, h, event.Limit)
	}
	f.n = to
	d.lose(h, f.offset())
	h.search(false, nil)
	return dissect.More, true
}
