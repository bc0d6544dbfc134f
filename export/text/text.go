// Package text writes facts for a person to read, one line each: what -T text
// prints. The columns of known width stand first and the words last, so that
// the lines stay aligned whatever the traffic holds:
//
//	12:03:04.101  #0    +               1.20 ms  10.0.0.1:51234 → 93.184.216.34:80  handshake
//	12:03:04.123  #0    ⇄ 200  1.20 kB  12.3 ms  GET example.com/a  text/html
//
// A flow's first line names its two ends; after that it is #N, where N is its
// tcp.stream. An arrow points away from the sender: → the client sent it, ← the
// server did, ⇄ both took part; + opens a flow and × ends it.
//
// Without a width nothing is cut and every column has its place. A narrow
// terminal has fewer columns, and shorter words; the method, the status and a
// part of the target are what is given up last (see layout and words).
//
// Every byte from the wire goes through package safe. An Event belongs to
// everyone once emitted: a sink reads it and changes nothing.
package text

import (
	"io"
	"strings"
	"time"

	"example.com/wirewatch/event"
	"example.com/wirewatch/export/lines"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/internal/safe"
)

// Options say how the lines look. The zero Options are plain text in UTF-8 of
// any length.
type Options struct {
	Color     bool // style with the 16 colours of the terminal's own palette
	ASCII     bool // nothing but ASCII: for a terminal or a locale that is not UTF-8
	Width     int  // cells of the terminal, into which every line must fit; 0 for no limit
	Progress  bool // also the records whose facts a later record repeats
	HideError bool // leave out why the capture ended early: someone else says so at the same place
}

// maxFlows bounds the memory of which flows were introduced. Past it all are
// forgotten, and the open ones introduced again.
const maxFlows = 1 << 16

// printer makes lines of facts.
type printer struct {
	opt    Options
	layout layout
	line   line
	day    int64 // since the Unix epoch, of the line before
	dated  bool  // day is set
	seen   map[flow.ID]struct{}
	asked  map[question]request
}

// New makes a sink that writes to w as package lines does: every line of a
// batch is written when Emit returns.
//
// Two kinds of progress are always written: a flow's opening, which introduces
// the flow, and a response that begins a stream of server-sent events.
func New(w io.Writer, opt Options) event.Sink { return lines.New(w, newPrinter(opt)) }

func newPrinter(opt Options) *printer {
	p := &printer{opt: opt, layout: layoutOf(opt.Width), seen: map[flow.ID]struct{}{}, asked: map[question]request{}}
	p.line = line{max: opt.Width, color: opt.Color, glyphs: &unicodeGlyphs, mode: safe.List, streams: p.layout.stream}
	if opt.ASCII {
		p.line.glyphs, p.line.mode = &asciiGlyphs, safe.ASCII
	}
	return p
}

// Append appends the line of a fact, after those that introduce it.
func (p *printer) Append(b []byte, e *event.Event) []byte {
	p.line.buf = b
	switch kind := e.Body.Kind(); {
	case kind == "capture.summary":
		p.summary(e.Body)
	case kind == "tcp.open":
		p.date(e.Nanos)
		p.meet(e)
		p.fact(e)
	case !e.Body.Progress() || p.opt.Progress || beginsStream(e):
		p.date(e.Nanos)
		p.introduce(e)
		p.fact(e)
	case kind == "http.request":
		d := e.Body.Digest()
		p.request(e, &d) // a response may be told
	}
	b, p.line.buf = p.line.buf, nil
	return b
}

// beginsStream reports that a fact is a response after which server-sent events
// come, for as long as it lasts: without it nobody knew whose they are.
func beginsStream(e *event.Event) bool {
	return e.Body.Kind() == "http.response" && strings.HasPrefix(e.Body.Digest().Note, "text/event-stream")
}

// date writes a heading when the day, in UTC, is another one than before.
func (p *printer) date(nanos int64) {
	const perDay = int64(24 * time.Hour)
	day := nanos / perDay
	if nanos%perDay < 0 {
		day--
	}
	if p.dated && day == p.day {
		return
	}
	p.day, p.dated = day, true
	rule := p.line.glyphs.rule
	p.line.put(dim, rule)
	p.line.space(1)
	p.line.put(dim, safe.Clean(time.Unix(0, nanos).UTC().Format("2006-01-02 UTC"), safe.ASCII))
	p.line.space(1)
	p.line.put(dim, rule)
	p.line.end()
}

// meet notes the flow of a fact, and reports whether it is known from before.
// The flow's own record is its last, after which it need not be remembered.
func (p *printer) meet(e *event.Event) (known bool) {
	if e.Ends == nil {
		return true
	}
	id := e.Ends.ID
	_, known = p.seen[id]
	if e.Body.Kind() == "tcp.flow" {
		delete(p.seen, id)
	} else if !known {
		if len(p.seen) >= maxFlows {
			clear(p.seen)
		}
		p.seen[id] = struct{}{}
	}
	return known
}

// introduce writes the ends of a flow that has not been seen opening, or was
// forgotten.
func (p *printer) introduce(e *event.Event) {
	if p.meet(e) {
		return
	}
	l := &p.line
	if p.layout.clock != "" {
		l.space(len(p.layout.clock) + p.layout.gap)
	}
	l.stream(dim, e.Ends.Stream)
	l.space(1 + signWidth + 1)
	l.put(dim, p.ends(e).ClipMiddle(l.room(), l.mode))
	l.end()
}

// ends are the two ends of a flow.
func (p *printer) ends(e *event.Event) safe.Text {
	return p.line.word(e.Ends.Client.String() + " " + p.line.glyphs.right.String() + " " + e.Ends.Server.String())
}
