package http

import (
	"math"
	"slices"
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// pairing is which requests wait for their responses. The package comment has
// its rules. They go by what the segments say and not by the order in which they
// were captured.
type pairing struct {
	queue     []waiting // in order
	ordinal   uint32    // of the last exchange
	switching uint32    // that whose request came last, if it asks for another protocol and its response is not known; 0 if not
	websocket bool      // it asks for a WebSocket
	lost      bool      // responses may be missing
	holed     int64     // where in the stream of responses the last hole ends
	stray     int64     // where in it a response begins of which the request is not known
	strayed   int64     // and what of the requests its sender had received
	reach     int64     // how much of the requests the sender of the response in progress had received
	asking    int64     // what the last request acknowledged
	hasAsked  bool      // and nothing of the requests is missing since
	ended     int64     // where the last response ended
	clean     bool      // and nothing of the responses is missing since
	pipelines bool      // the client sends a request before it has the response before
	overtook  int64     // where the first request begins that shows it
}

// waiting is a request without response, or nil for requests that may be missing.
type waiting struct {
	x    *exchange
	at   int64 // where in the stream of requests it begins
	over int   // with x nil, at the front: this many were given up at the limit, and their responses may come
}

// begun is what is noted when the first byte of a message comes.
type begun struct {
	done    bool
	at      int64 // its stream offset
	acked   int64 // how much of the other direction its sender had received
	stalled time.Duration
}

// front is the request that waits longest, nil where none is known to.
func (d *pairing) front() *exchange {
	if len(d.queue) == 0 {
		return nil
	}
	return d.queue[0].x
}

// open makes the exchange of the request that begins.
func (d *dissector) open(f *feed) *exchange {
	h := &d.half[request]
	if h.x != nil {
		return h.x // made for an early response
	}
	x := d.newExchange(&h.begun)
	switch {
	case x.acked == dissect.Unacknowledged:
	case d.hasAsked && d.asking == x.acked, d.clean && !d.lost && len(d.queue) == 0 && x.acked < d.ended:
		d.overtakes(x)
	}
	d.asking, d.hasAsked = x.acked, true
	h.x = x
	d.push(f, x)
	return x
}

// overtakes notes that a request was sent before the response before was there.
func (d *pairing) overtakes(x *exchange) {
	if !d.pipelines || x.at < d.overtook {
		d.pipelines, d.overtook = true, x.at
	}
}

// push appends to the queue. At the limit, the oldest is given up.
func (d *dissector) push(f *feed, x *exchange) {
	if len(d.queue) >= f.c.Limits().Exchanges {
		f.report(pipelineLimit, x, "")
		d.overflow(f.c)
	}
	d.queue = append(d.queue, waiting{x: x, at: x.at})
}

// overflow gives up the request that waits longest. The response to it is not one
// to the next.
func (d *pairing) overflow(c *dissect.Conn) {
	i := slices.IndexFunc(d.queue, func(w waiting) bool { return w.x != nil })
	if i < 0 {
		return
	}
	old := d.queue[i]
	if i == 0 {
		d.queue[0] = waiting{at: old.at, over: 1}
	} else {
		d.queue = slices.Delete(d.queue, i, i+1)
		if d.queue[0].over > 0 {
			d.queue[0].over++
		}
	}
	old.x.giveUp(c, event.Limit)
}

// responded notes that a response has ended at stream offset at.
func (d *pairing) responded(at int64) {
	d.ended, d.clean = at, true
	if x := d.front(); d.trusted() && x.acked != dissect.Unacknowledged && x.acked < at {
		d.overtakes(x)
	}
}

// remove takes n entries off the front of the queue.
func (d *dissector) remove(n int) {
	k := copy(d.queue, d.queue[n:])
	clear(d.queue[k:])
	d.queue = d.queue[:k]
}

// lose notes that messages of a direction may be missing from stream offset at
// on.
func (d *dissector) lose(h *half, at int64) {
	if h.role == response {
		d.lost, d.clean = true, false
		return
	}
	d.hasAsked = false
	if n := len(d.queue); n == 0 || d.queue[n-1].x != nil {
		d.queue = append(d.queue, waiting{at: at})
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
func (d *pairing) pick(at int64) (i int, how choice) {
	if d.overflowed() {
		return 0, nobody
	}
	if d.trusted() {
		if d.reach > 0 && d.queue[0].at >= d.reach {
			return 0, nobody // it was sent before the request was there
		}
		return 0, surely
	}
	first, last, tied, holes := -1, -1, false, false
	for i, w := range d.queue[:d.reached()] {
		switch {
		case w.x == nil:
			holes = true
		case w.x.acked > at:
		case first < 0:
			first, last = i, i
		default:
			tied = d.queue[last].x.acked == w.x.acked
			last = i
		}
	}
	switch {
	case first < 0:
		return 0, nobody
	case d.pipelines && d.overtook < d.reach:
		has := d.queue[first].x.acked
		return first, sureIf(!holes && first == last || has == at && first == 0 || has == d.ended && d.clean)
	}
	return last, sureIf(!tied)
}

// overflowed reports that the next response answers a request that was given up
// at the limit.
func (d *pairing) overflowed() bool { return len(d.queue) > 0 && d.queue[0].over > 0 && !d.lost }

// trusted reports that nothing is missing before the request at the front.
func (d *pairing) trusted() bool { return d.front() != nil && !d.lost }

// reached is how many of those that wait, from the front, the sender of the
// response in progress can have received.
func (d *pairing) reached() int {
	for i, w := range d.queue {
		if w.at >= d.reach {
			return i
		}
	}
	return len(d.queue)
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
	if d.reach = h.begun.acked; d.reach == dissect.Unacknowledged {
		d.reach = math.MaxInt64 // then it tells nothing
	}
	if !d.trusted() && f.c.Owed(f.dir.Reverse()) {
		return nil, true
	}
	d.early(f)
	i, how := d.pick(f.offset())
	if how != surely {
		d.stray, d.strayed = f.offset(), d.reach
	}
	switch how {
	case surely:
		d.skip(f.c, i)
		d.lost = false
		return d.queue[0].x, false
	case somehow:
		f.report(pairingUnknown, nil, "")
		d.giveUpBefore(f.c, f.offset())
	case nobody:
	}
	x = d.orphan(h)
	if d.overflowed() {
		x.reason = event.Limit
	}
	return x, false
}

// early makes the exchange of a request of which only the request-line is there
// yet, so that a response can answer it.
func (d *dissector) early(f *feed) {
	h := &d.half[request]
	if len(d.queue) == 0 && h.state == atStart && h.head.checked && h.x == nil {
		d.open(f)
	}
}

// skip gives up the requests before index i: their responses are missing.
func (d *dissector) skip(c *dissect.Conn, i int) {
	for _, w := range d.queue[:i] {
		if w.x != nil {
			w.x.giveUp(c, event.Gap)
		}
	}
	d.remove(i)
}

// giveUpBefore gives up every request that a response at stream offset at might
// have answered. What else is missing stays missing.
func (d *dissector) giveUpBefore(c *dissect.Conn, at int64) {
	n := 0
	for i, w := range d.queue[:d.reached()] {
		if w.x != nil && w.x.acked <= at {
			n = i + 1
		}
	}
	hole := waiting{at: d.queue[0].at}
	d.skip(c, n)
	d.queue = append([]waiting{hole}, d.queue...)
}

// orphan makes the exchange of a response without request.
func (d *dissector) orphan(h *half) *exchange {
	x := d.newExchange(&h.begun)
	x.reason, x.done[request] = event.NoRequest, true
	return x
}

func (d *dissector) newExchange(b *begun) *exchange {
	d.ordinal++
	x := &exchange{num: d.ordinal, at: b.at, acked: b.acked, stalled: b.stalled}
	x.req.Length, x.res.Length, x.Sent.Decoded, x.Received.Decoded = -1, -1, -1, -1
	return x
}

// giveUp ends an exchange whose response will not be seen.
func (x *exchange) giveUp(c *dissect.Conn, why event.Incomplete) {
	x.miss(why)
	x.answered, x.done[response] = true, true
	x.settle(c)
}

// astray reports that a request may have had its response: in a hole, or in one
// that was not known to be its own.
func (d *pairing) astray(x *exchange) bool {
	return x.acked < d.holed || x.acked <= d.stray && x.at < d.strayed
}

// abandon gives up all that wait, when no response can come. Where the response
// may have gone astray, that is the reason.
func (d *dissector) abandon(c *dissect.Conn, why event.Incomplete) {
	for _, w := range d.queue {
		switch {
		case w.x == nil:
		case d.astray(w.x):
			w.x.giveUp(c, event.Gap)
		default:
			w.x.giveUp(c, why)
		}
	}
	d.queue = d.queue[:0]
}
