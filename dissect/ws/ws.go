package ws

import (
	"example.com/wirewatch/content/inflate"
	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/ws/rpc"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// Spec registers WebSocket. Nothing probes for it: HTTP hands over, and a flow
// that was joined in its middle is recognised by its frames.
var Spec = dissect.Spec{Name: "ws", Join: join, New: newDissector}

// role is which end of the WebSocket a direction's sender is.
type role = uint8

const (
	client role = iota
	server
)

// state is where in a stream of frames a direction is.
type state uint8

const (
	atHeader  state = iota // before or in the header of a frame
	inPayload              // half.left bytes of the payload remain
	searching              // for a frame that can be proved
)

// dissector is one WebSocket. It has one owner.
type dissector struct {
	shared   *shared
	offer    *dissect.Offer // until Start
	half     [2]half        // by role
	swapped  flow.Dir       // 1 if the WebSocket's client is the flow's server
	rpc      rpc.Conn       // what the text messages mean
	exchange uint32         // ordinal of the upgrade
	mid      bool           // it was joined in its middle
	opaque   bool           // an extension was agreed on that is not known here
	ready    int64          // stream offset behind the 101, of what the server sends
	began    event.Mark
	last     event.Mark // of the latest part of a frame
}

// half is one direction.
type half struct {
	state    state
	role     role
	doubt    int8             // so many frames more must be plausible: those before were found by a search
	headless bool             // frames may be missing, and no data frame was seen since: the next may go on with a message
	blind    bool             // frames may be missing, and none was seen since
	torn     event.Incomplete // why frames may be missing
	tear     int64            // stream offset from which on they may, the last time
	frame    header
	left     uint64   // bytes of the payload that are to come
	msg      *message // in progress, else nil
	control  *Control // a control frame in progress, if its payload comes in parts
	deflate  deflate
	closing  *closing // the first Close frame; nil before it
	leaving  *leaving // the end of the stream; nil before it
	pinging  *pinging // nil before the first ping
	told     *counts
	search   *search // while searching
	total    Total
}

// shared is what the flows of a shard share: buffers whose content matters only
// during a call, and what is borrowed within a message.
type shared struct {
	pool     inflate.Pool
	unmasked [piece]byte
	inflated [piece]byte
	messages []*message // to use again
}

// maxSpare bounds the messages that are kept to be used again.
const maxSpare = 64

// message is a message in progress that begins as m.
func (s *shared) message(m message) *message {
	var p *message
	if n := len(s.messages); n > 0 {
		p, s.messages = s.messages[n-1], s.messages[:n-1]
	} else {
		p = new(message)
	}
	*p = m
	return p
}

// free takes back a message that has ended.
func (s *shared) free(m *message) {
	*m = message{}
	if len(s.messages) < maxSpare {
		s.messages = append(s.messages, m)
	}
}

// piece is how many bytes of payload are looked at at once: they stay in the L1
// cache.
const piece = 8 << 10

func newShared() any { return new(shared) }

func newDissector(o dissect.Offer) dissect.Dissector {
	d := &dissector{offer: &o, exchange: o.Exchange}
	d.half[server].role = server
	if o.Swapped {
		d.swapped = 1
	}
	return d
}

// Start tells the opening: nothing need ever be sent after it.
func (d *dissector) Start(c *dissect.Conn) {
	d.shared = c.Shared(Spec.Name, newShared).(*shared)
	d.shared.pool.Limit = c.Limits().Windows
	d.began = c.Now()
	d.last = d.began
	if len(d.offer.Params) > 0 {
		d.open(c, *d.offer)
	}
	if d.offer.Mid {
		d.join(c)
	}
	d.offer = nil
}

// feed is one call of Data: the bytes, and how far they are consumed.
type feed struct {
	c   *dissect.Conn
	dir flow.Dir
	p   []byte
	n   int
	end bool

	stamp event.Mark // where that part of the frame came from that came last, of those in p
}

func (f *feed) rest() []byte { return f.p[f.n:] }

// take consumes n bytes.
func (f *feed) take(n int) { f.n += n }

// at is where byte i of the rest came from.
func (f *feed) at(i int) event.Mark { return f.c.At(f.dir, f.n+i) }

// offset is where in the stream the rest begins.
func (f *feed) offset() int64 { return f.c.Offset(f.dir) + int64(f.n) }

// turns reports that the sender of byte i of the rest had received something
// since it sent the byte before.
func (f *feed) turns(i int) bool { return f.c.Turn(f.dir, f.n+i, f.n+i+1) == f.n+i }

// latest is where the last consumed byte came from; where none was, the present
// segment.
func (f *feed) latest() event.Mark {
	if f.n == 0 {
		return f.c.Now()
	}
	return f.c.At(f.dir, f.n-1)
}

// seen notes that a part of a frame was seen, which began at first. The directions
// are not read in the order of the capture.
func (d *dissector) seen(f *feed, first event.Mark) {
	d.last = later(d.last, f.stamp)
	if d.mid && first.Frame < d.began.Frame {
		d.began = first
	}
}

// other is the opposite direction.
func (d *dissector) other(h *half) *half { return &d.half[h.role^1] }

// dirOf is the direction of what a role sends.
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
		if end && v == dissect.More && h.leaving == nil {
			d.end(&f, h)
		}
		return f.n, v
	}
}

// step consumes what it can in the present state. again asks for another step.
func (d *dissector) step(f *feed, h *half) (v dissect.Verdict, again bool) {
	switch h.state {
	case atHeader:
		return d.header(f, h)
	case inPayload:
		return dissect.More, d.payload(f, h)
	case searching:
		return dissect.More, d.seek(f, h)
	}
	return dissect.Fail, false
}

// header reads the header of a frame, and of a control frame the payload with
// it: those are short, and the facts that they make may have to wait. So may
// text, which a request may precede that it answers.
func (d *dissector) header(f *feed, h *half) (v dissect.Verdict, again bool) {
	hd, n := parseHeader(f.rest())
	if n == 0 {
		return dissect.More, false
	}
	if r := d.rules(h.role); h.doubt > 0 && !r.plausible(&hd) {
		d.tear(f, h, event.Gap)
		return dissect.More, true
	}
	if hd.opcode.control() && !hd.overlong() {
		whole := n + int(min(hd.length, maxControl))
		switch {
		case len(f.rest()) < whole:
			return dissect.More, false
		case f.ahead():
			return dissect.Wait, false
		}
	}
	if hd.opcode == opText && f.ahead() {
		return dissect.Wait, false
	}
	d.begin(f, h, hd, n)
	return dissect.More, true
}

// ahead reports that the sender of what comes next had received bytes that have
// not been dissected: the ping or the request that this answers may be among them, or
// the Close frame.
func (f *feed) ahead() bool {
	other := f.dir.Reverse()
	return f.c.Acked(f.dir, f.n) > f.c.Offset(other) && f.c.Owed(other)
}

// begin begins a frame whose header is n bytes long.
func (d *dissector) begin(f *feed, h *half, hd header, n int) {
	first, off := f.at(0), f.offset()
	h.doubt = max(0, h.doubt-1)
	h.frame, h.left, h.state = hd, hd.length, inPayload
	h.total.Frames++
	d.judge(f, h)
	d.early(f, h)
	if h.blind {
		h.blind = false
		d.other(h).pings().miss(f.c.Acked(f.dir, f.n))
	}
	f.take(n)
	f.stamp = f.c.Latest(f.dir, f.n-n, f.n)
	d.seen(f, first)
	switch {
	case hd.overlong():
		d.breakOff(f, h)
	case hd.opcode.control():
		d.beginControl(off, h, first)
	case hd.opcode.known():
		d.beginData(f, h, first)
	}
}

// breakOff gives up a direction whose framing makes no sense, until a frame can
// be proved.
func (d *dissector) breakOff(f *feed, h *half) {
	h.left = 0
	d.tear(f, h, event.Malformed)
}

// tear ends what is in progress, and looks for the next frame.
func (d *dissector) tear(f *feed, h *half, why event.Incomplete) {
	d.cut(f, h, why)
	d.lose(f, h, why)
	h.seek()
}

// payload consumes what there is of a frame's payload, and ends the frame where
// that is all.
func (d *dissector) payload(f *feed, h *half) (again bool) {
	p := f.rest()
	p = p[:min(uint64(len(p)), h.left)]
	if len(p) > 0 {
		f.stamp = later(f.stamp, f.c.Latest(f.dir, f.n, f.n+len(p)))
		d.seen(f, f.stamp)
	}
	for len(p) > 0 {
		part := p[:min(len(p), piece)]
		p = p[len(part):]
		plain := part
		if h.frame.masked {
			plain = h.frame.unmask(d.shared.unmasked[:], part, h.frame.length-h.left)
		}
		h.left -= uint64(len(part))
		f.take(len(part))
		switch {
		case h.frame.opcode.control():
			h.control.write(plain)
		case h.frame.opcode.known():
			d.write(f, h, plain)
		}
	}
	if h.left > 0 {
		return false
	}
	d.finish(f, h)
	return true
}

// finish ends the frame in progress.
func (d *dissector) finish(f *feed, h *half) {
	h.state = atHeader
	switch {
	case h.frame.opcode.control():
		d.endControl(f, h)
	case h.frame.opcode.known() && h.frame.fin:
		d.endMessage(f, h)
	}
}

// Gap survives inside of a payload, whose length says what is missing.
func (d *dissector) Gap(c *dissect.Conn, dir flow.Dir, n uint64) dissect.Verdict {
	h := &d.half[dir^d.swapped]
	f := feed{c: c, dir: dir, p: c.Rest(dir), end: true} // of what there is before the hole
	if h.state == searching {
		d.seek(&f, h)
	}
	for h.state == atHeader {
		hd, size := parseHeader(f.rest())
		if size == 0 {
			break
		}
		d.begin(&f, h, hd, size)
		d.payload(&f, h) // which may not all be there
	}
	switch {
	case h.state == inPayload && n <= h.left:
		d.miss(&f, h, n)
		if h.left == 0 {
			d.finish(&f, h)
		}
		return dissect.More
	case h.state == inPayload: // of this frame, all that is missing is known
		d.miss(&f, h, h.left)
		d.finish(&f, h)
	}
	d.tear(&f, h, missing(c))
	return dissect.More
}

// miss notes that n bytes of a payload are missing.
func (d *dissector) miss(f *feed, h *half, n uint64) {
	h.left -= n
	switch {
	case h.frame.opcode.control():
		h.control.miss(missing(f.c), n)
	case h.frame.opcode.known():
		d.missData(f, h, n)
	}
}

// missing is why the bytes of the gap that is being delivered are missing.
func missing(c *dissect.Conn) event.Incomplete {
	if why := c.Missing(); why != event.Complete {
		return why
	}
	return event.Gap
}

// lose notes that frames of the direction may be missing from here on: those
// that its compressed messages refer to, its pings, and the pongs to its peer's.
func (d *dissector) lose(f *feed, h *half, why event.Incomplete) {
	if h.headless = true; h.torn == event.Complete {
		h.torn = why
	}
	h.deflate.lose()
	h.blind, h.tear = true, f.offset()
	h.pings().forget(h.tear)
	d.other(h).pings().giveUp(f.c.Acked(f.dir, f.n-1))
}

// cut ends what is in progress, of which the rest will not come.
func (d *dissector) cut(f *feed, h *half, why event.Incomplete) {
	h.state = atHeader
	if h.control != nil {
		h.control.cut(why)
		d.endControl(f, h)
	}
	if h.msg != nil {
		h.msg.miss(why)
		d.cutMessage(f, h)
	}
}

// end is called once, when a direction has ended and nothing more can be made of
// its bytes.
func (d *dissector) end(f *feed, h *half) {
	h.leaving = &leaving{at: f.c.Now(), last: d.last, unsure: h.state == searching}
	how := f.c.EndOf(f.dir)
	if how == dissect.FIN && (h.state == inPayload || h.state == atHeader && len(f.rest()) > 0) {
		d.report(f, h, frameIncomplete, "")
	}
	if h.state == atHeader {
		if hd, size := parseHeader(f.rest()); size > 0 {
			d.begin(f, h, hd, size)
			d.payload(f, h)
		}
	}
	why := how.Incomplete()
	if h.closing != nil { // nobody goes on with a message behind that (RFC 6455 §5.5.1)
		why = event.Closed
	}
	d.cut(f, h, why)
	f.n = len(f.p)
	d.settle(f.c)
}

// Close gives back what is borrowed.
func (d *dissector) Close() {
	for r := range d.half {
		d.half[r].deflate.close()
	}
}
