package http

import (
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// pairing is which requests wait for their responses. The package comment has
// its rules.
type pairing struct {
	queue     []*exchange // in order; nil stands for requests that may be missing
	ordinal   uint32      // of the last exchange
	lost      bool        // responses may be missing
	holed     uint64      // where in the stream of responses the last hole ends
	pipelines bool        // the client sends a request before it has the response before
}

// begun is what is noted when the first byte of a message comes.
type begun struct {
	done    bool
	acked   uint64 // of the other direction, by the message's sender
	stalled time.Duration
}

// open makes the exchange of the request that begins.
func (d *dissector) open(f *feed) *exchange {
	h := &d.half[request]
	if h.x != nil {
		return h.x // made for an early response
	}
	x := d.newExchange(&h.begun)
	d.synchronise(f.c, x)
	if n := len(d.queue); n > 0 && d.queue[n-1] != nil && d.queue[n-1].acked == x.acked {
		d.pipelines = true
	}
	h.x = x
	d.push(f, x)
	return x
}

// push appends to the queue. At the limit, the oldest is given up.
func (d *dissector) push(f *feed, x *exchange) {
	if len(d.queue) >= f.c.Limits().Exchanges {
		old := d.queue[0]
		f.report(pipelineLimit, x, "")
		d.remove(1)
		d.lost = true
		if old != nil {
			old.giveUp(f.c, event.Limit)
		}
	}
	d.queue = append(d.queue, x)
}

// synchronise trusts the order again where nothing can be outstanding: the
// client has acknowledged all of the responses, and they end where one ends.
func (d *dissector) synchronise(c *dissect.Conn, x *exchange) {
	h := &d.half[response]
	if h.state != atStart || h.begun.done || x.acked != c.Offset(d.dirOf(response)) {
		return
	}
	for _, q := range d.queue {
		if q != nil {
			return
		}
	}
	d.queue, d.lost = d.queue[:0], false
}

// remove takes n entries off the front of the queue.
func (d *dissector) remove(n int) {
	k := copy(d.queue, d.queue[n:])
	clear(d.queue[k:])
	d.queue = d.queue[:k]
}

// lose notes that messages of a direction may be missing from here on.
func (d *dissector) lose(h *half) {
	switch n := len(d.queue); {
	case h.role == response:
		d.lost = true
	case n == 0 || d.queue[n-1] != nil:
		d.queue = append(d.queue, nil)
	}
}

// choice is how sure a pairing is.
type choice uint8

const (
	nobody  choice = iota // no request that was seen can be meant
	somehow               // one of several, there is no telling which
	surely
)

// pick finds the request that a response at stream offset at answers, as an
// index into the queue.
func (d *dissector) pick(at uint64) (i int, how choice) {
	if len(d.queue) == 0 {
		return 0, nobody
	}
	if d.queue[0] != nil && !d.lost {
		return 0, surely
	}
	first, last, tied, holes := -1, -1, false, false
	for i, x := range d.queue {
		switch {
		case x == nil:
			holes = true
		case x.acked > at:
		case first < 0:
			first, last = i, i
		default:
			tied = d.queue[last].acked == x.acked
			last = i
		}
	}
	switch {
	case first < 0:
		return 0, nobody
	case d.pipelines:
		return first, sureIf(!holes && first == last || d.queue[first].acked == at && first == 0)
	}
	return last, sureIf(!tied)
}

func sureIf(ok bool) choice {
	if ok {
		return surely
	}
	return somehow
}

// answer finds the exchange of the response that begins, or reports that its
// request may yet come.
func (d *dissector) answer(f *feed, h *half) (x *exchange, wait bool) {
	if h.x != nil {
		return h.x, false // the interim responses have found it
	}
	d.early(f)
	i, how := d.pick(f.offset())
	if how != surely && f.c.Owed(f.dir.Reverse()) {
		return nil, true
	}
	switch how {
	case surely:
		d.skip(f.c, i)
		d.lost = false
		return d.queue[0], false
	case somehow:
		f.report(pairingUnknown, nil, "")
		d.giveUpBefore(f.c, f.offset())
	case nobody:
	}
	return d.orphan(h), false
}

// early makes the exchange of a request of which only the request-line is there
// yet, so that a response can answer it.
func (d *dissector) early(f *feed) {
	h := &d.half[request]
	if len(d.queue) == 0 && h.state == atStart && h.head.checked && h.x == nil && !f.c.Owed(f.dir.Reverse()) {
		d.open(f)
	}
}

// skip gives up the requests before index i: their responses are missing.
func (d *dissector) skip(c *dissect.Conn, i int) {
	for _, x := range d.queue[:i] {
		if x != nil {
			x.giveUp(c, event.Gap)
		}
	}
	d.remove(i)
}

// giveUpBefore gives up every request that a response at stream offset at might
// have answered. What else is missing stays missing.
func (d *dissector) giveUpBefore(c *dissect.Conn, at uint64) {
	n := 0
	for i, x := range d.queue {
		if x != nil && x.acked <= at {
			n = i + 1
		}
	}
	d.skip(c, n)
	d.queue = append([]*exchange{nil}, d.queue...)
}

// orphan makes the exchange of a response without request.
func (d *dissector) orphan(h *half) *exchange {
	x := d.newExchange(&h.begun)
	x.reason, x.done[request] = event.NoRequest, true
	return x
}

func (d *dissector) newExchange(b *begun) *exchange {
	d.ordinal++
	x := &exchange{num: d.ordinal, acked: b.acked, stalled: b.stalled}
	x.req.Length, x.res.Length, x.Sent.Decoded, x.Received.Decoded = -1, -1, -1, -1
	return x
}

// giveUp ends an exchange whose response will not be seen.
func (x *exchange) giveUp(c *dissect.Conn, why event.Incomplete) {
	x.miss(why)
	x.answered, x.done[response] = true, true
	x.settle(c)
}

// abandon gives up all that wait, when no response can come. Where a hole may
// have held the response, that is the reason.
func (d *dissector) abandon(c *dissect.Conn, why event.Incomplete) {
	for _, x := range d.queue {
		switch {
		case x == nil:
		case x.acked < d.holed:
			x.giveUp(c, event.Gap)
		default:
			x.giveUp(c, why)
		}
	}
	d.queue = d.queue[:0]
}
