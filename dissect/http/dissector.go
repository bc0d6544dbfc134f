package http

import (
	"math"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// role is what a direction carries.
type role uint8

const (
	request role = iota
	response
)

// state is where in a message a direction is.
type state uint8

const (
	atStart     state = iota // before or in a head
	inCounted                // content, half.left bytes remain
	inClosed                 // content, until the connection closes
	atChunkSize              // before or in chunk-size [ chunk-ext ] CRLF
	inChunkData              // half.left bytes of chunk-data remain
	atChunkEnd               // before the CRLF that ends chunk-data
	inTrailers               // in the trailer section
	paused                   // until a response decides what the bytes are
	searching                // for a message that can be proved
)

// dissector is one flow. It has one owner.
type dissector struct {
	pairing
	half    [2]half  // by role
	swapped flow.Dir // 1 if requests come from the flow's server
	proved  bool     // a start-line was seen
	asked   bool     // a request was seen
}

// half is one direction.
type half struct {
	state state
	role  role
	last  bool // the message before was to be the last
	over  bool // and its sender said so
	ended bool // the direction has ended
	begun begun
	head  scanner
	x     *exchange // that the message in progress belongs to; nil at atStart
	left  uint64
	read  reader
	track track
}

// feed is one call of Data: the bytes, and how far they are consumed.
type feed struct {
	c   *dissect.Conn
	dir flow.Dir
	p   []byte
	n   int
	end bool
}

func (f *feed) rest() []byte { return f.p[f.n:] }

// take consumes n bytes.
func (f *feed) take(n int) { f.n += n }

// at is where byte i of the rest came from.
func (f *feed) at(i int) event.Mark { return f.c.At(f.dir, f.n+i) }

// lasts notes that the first n bytes of the rest are the latest of a message of x.
func (f *feed) lasts(x *exchange, r role, n int) {
	if at := f.c.Latest(f.dir, f.n, f.n+n); at.Frame > x.last[r].Frame {
		x.last[r] = at
	}
}

// offset is where in the stream the rest begins.
func (f *feed) offset() int64 { return f.c.Offset(f.dir) + int64(f.n) }

// report names an anomaly of an exchange, nil for none.
func (f *feed) report(code *event.Code, x *exchange, detail string) {
	f.c.Anomaly(f.dir, code, x.number(), clip(detail))
}

// maxQuote bounds what is quoted from the wire, in bytes.
const maxQuote = 100

func clip(s string) string { return s[:min(len(s), maxQuote)] }

func newDissector(o dissect.Offer) dissect.Dissector {
	d := &dissector{}
	d.half[response].role = response
	d.ordinal, d.holed, d.stray = o.Exchange, math.MinInt64, math.MinInt64
	if o.Swapped {
		d.swapped = 1
	}
	if o.Mid {
		for r := range d.half {
			d.half[r].search(false, nil)
			d.half[r].track.here = false // that depends on what went by
			d.lose(&d.half[r], math.MinInt64)
		}
	}
	return d
}

// dirOf is the direction that carries a role.
func (d *dissector) dirOf(r role) flow.Dir { return flow.Dir(r) ^ d.swapped }

// Data runs the state machine until it needs more than there is.
func (d *dissector) Data(c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
	f := feed{c: c, dir: dir, p: p, end: end}
	h := &d.half[dir^d.swapped]
	for {
		v, again := d.step(&f, h)
		if again {
			continue
		}
		if end && v == dissect.More && !h.ended {
			if h.x != nil && c.EndOf(dir) == dissect.FIN && c.Owed(dir.Reverse()) {
				return f.n, dissect.Wait // which end closed first is not known yet
			}
			d.end(&f, h)
		}
		return f.n, v
	}
}

// step consumes what it can in the present state. again asks for another step.
func (d *dissector) step(f *feed, h *half) (v dissect.Verdict, again bool) {
	if h.x != nil && h.x.expects && h.role == request && (h.state == inCounted && h.left > 0 || h.state == atChunkSize) {
		if v, yes := d.withheld(f, h); yes {
			return v, h.state == atStart && len(f.rest()) > 0
		}
	}
	switch h.state {
	case atStart:
		return d.start(f, h)
	case inCounted, inClosed:
		return d.content(f, h)
	case atChunkSize:
		return d.chunkSize(f, h)
	case inChunkData:
		return d.chunkData(f, h)
	case atChunkEnd:
		return d.chunkEnd(f, h)
	case inTrailers:
		return d.trailers(f, h)
	case paused:
		return d.pause(f, h)
	case searching:
		return d.seek(f, h)
	}
	return dissect.Fail, false
}

// content consumes content that is framed by a length or by the end.
func (d *dissector) content(f *feed, h *half) (dissect.Verdict, bool) {
	h.data(f)
	if h.state == inCounted && h.left == 0 {
		d.finish(f, h)
		return dissect.More, true
	}
	return dissect.More, false
}

// data takes the next bytes of content.
func (h *half) data(f *feed) {
	p := f.rest()
	if h.state != inClosed {
		p = p[:min(uint64(len(p)), h.left)]
		h.left -= uint64(len(p))
	}
	if len(p) == 0 {
		return
	}
	b := h.x.contentOf(h.role)
	b.Size += uint64(len(p))
	b.Captured += uint64(len(p))
	f.lasts(h.x, h.role, len(p))
	h.read.data(f, h, p)
	f.take(len(p))
}

// Gap survives inside of content, where the framing says what is missing.
func (d *dissector) Gap(c *dissect.Conn, dir flow.Dir, n uint64) dissect.Verdict {
	h := &d.half[dir^d.swapped]
	f := feed{c: c, dir: dir, p: c.Rest(dir)}
	switch {
	case h.state == inClosed || h.state == inCounted && n <= h.left || h.state == inChunkData && n < h.left:
		h.gap(&f, n)
		if h.state == inCounted && h.left == 0 {
			d.finish(&f, h)
		}
	default:
		if h.state == inCounted || h.state == inChunkData {
			h.gap(&f, h.left)
		}
		d.cut(&f, h, missing(c))
		d.holes(&f, h, n)
		d.lose(h, f.offset())
		h.search(false, nil)
	}
	return dissect.More
}

// holes notes where a hole of n bytes ends that may have held responses.
func (d *dissector) holes(f *feed, h *half, n uint64) {
	if h.role == response {
		d.holed = f.c.Offset(f.dir) + int64(len(f.p)) + int64(n)
	}
}

// gap notes that n bytes of content are missing.
func (h *half) gap(f *feed, n uint64) {
	if h.state != inClosed {
		h.left -= n
	}
	h.x.miss(missing(f.c))
	if full := h.x.contentOf(h.role).gap(n, f.c.Limits().Ranges); full {
		f.report(gapsLimit, h.x, "")
	}
	h.read.gap(f, h)
}

// missing is why the bytes of the gap that is being delivered are missing.
func missing(c *dissect.Conn) event.Incomplete {
	if why := c.Missing(); why != event.Complete {
		return why
	}
	return event.Gap
}

// end is called once, when a direction has ended and nothing more can be made
// of its bytes.
func (d *dissector) end(f *feed, h *half) {
	h.ended = true
	how := f.c.EndOf(f.dir)
	if h.state == inClosed && how == dissect.FIN {
		d.finish(f, h)
	}
	d.cut(f, h, how.Incomplete())
	f.n = len(f.p)
	if h.role == response {
		d.abandon(f.c, unanswered(how))
	}
}

// unanswered is the reason for a request without response when the direction of
// responses ended so.
func unanswered(how dissect.End) event.Incomplete {
	if how == dissect.FIN {
		return event.NoResponse
	}
	return how.Incomplete()
}

// Close releases the decoders.
func (d *dissector) Close() {
	d.half[request].read.close()
	d.half[response].read.close()
}
