package dissect

import (
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// queue is what of a direction came behind bytes that a dissector waits with,
// from the first gap on. It is delivered in order when those bytes have been: a
// gap does not make a message hurry that stands before it. It is never empty, and
// there is none unless the direction waits.
type queue struct {
	parts  []part
	bytes  int // in parts
	pieces int // that these came in
	end    End // behind them all; Open if it has not come
}

// part is a gap and the bytes behind it.
type part struct {
	off   int64 // stream offset of the first of the bytes
	gap   uint64
	why   event.Incomplete
	carry *carry // from Env; nil where the next gap follows at once
}

// mostParts are the gaps of a direction that may wait: as many as there are
// segments that a flow waits for those before them.
const mostParts = 64

// enqueue puts a gap of n bytes behind what the direction holds.
func (h *half) enqueue(n uint64, why event.Incomplete) {
	if h.queue == nil {
		h.queue = &queue{}
	}
	q := h.queue
	off := h.off + int64(len(h.carry.bytes()))
	if i := len(q.parts); i > 0 {
		off = q.parts[i-1].off + int64(len(q.parts[i-1].carry.bytes()))
	}
	q.parts = append(q.parts, part{off: off + int64(n), gap: n, why: why})
}

// last is where n more bytes, of one segment, are to be held.
func (q *queue) last(n int) (off int64, at **carry) {
	q.bytes += n
	q.pieces++
	p := &q.parts[len(q.parts)-1]
	return p.off, &p.carry
}

// pop takes the first part.
func (q *queue) pop() part {
	p := q.parts[0]
	n := copy(q.parts, q.parts[1:])
	q.parts[n] = part{}
	q.parts = q.parts[:n]
	q.bytes -= len(p.carry.bytes())
	q.pieces -= len(p.carry.from())
	return p
}

// ending reports that the end of the direction was delivered, or waits to be.
func (h *half) ending() bool { return h.end != Open || h.queue != nil && h.queue.end != Open }

// movable reports that there is something to offer.
func (h *half) movable() bool { return h.again || h.queue != nil && !h.waiting }

// dequeue delivers the next of what waited in dir, a gap and the bytes behind it,
// or the end.
func (c *Conn) dequeue(dir flow.Dir) {
	h := &c.half[dir]
	q := h.queue
	if len(q.parts) == 0 {
		h.queue = nil
		c.end(dir, q.end)
		return
	}
	p := q.pop()
	if len(q.parts) == 0 && q.end == Open {
		h.queue = nil
	}
	c.why = p.why
	c.gap(dir, p.gap)
	c.why = event.Complete
	if p.carry == nil {
		return
	}
	h.carry = p.carry
	if h.again = !h.waiting; h.opaque {
		c.dropAll(h)
	}
}

// press hurries a direction that waits until it holds no more than it may.
func (c *Conn) press(dir flow.Dir) {
	for h := &c.half[dir]; h.waiting && h.full(&c.env.Limits); h = &c.half[dir] {
		dir = c.hurry(dir)
		c.settle()
	}
}

// full reports that a direction holds more than it may.
func (h *half) full(l *Limits) bool {
	if q := h.queue; q != nil {
		return h.carry.exceeds(l, q.bytes, q.pieces) || len(q.parts) > mostParts
	}
	return h.carry.exceeds(l, 0, 0)
}

// rush offers what both directions wait with for the last time, when nothing can
// move any more.
func (c *Conn) rush() {
	for d := range flow.Dir(2) {
		for again := true; again && c.half[d].waiting; again = c.half[d].queue != nil {
			c.hurry(d)
			c.settle()
		}
	}
}
