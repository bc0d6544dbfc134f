package ws

import (
	"math"
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// pinging is the Ping frames of one end. All that it knows of their order goes by
// what was received of them, not by what was dissected: the directions are not read
// in the order of the capture.
type pinging struct {
	waiting     []ping     // that were not answered, oldest first
	first, last event.Mark // of all of them
	evicted     uint64     // that were not answered either, and are too many to wait
	answered    uint64
	sum         time.Duration // of the round trips of those that were
	least, most time.Duration
	forgotten   int64 // stream offset of the first that may yet be answered, and is not remembered
	given       int64 // no pong is expected for those before this stream offset,
	missed      int64 // and it may be missing for those before this
}

// ping is a Ping frame that was not answered.
type ping struct {
	payload string
	at      event.Mark // the part of it that came last
	off     int64      // stream offset of its first byte
	unknown bool       // the payload is; its pong will not be recognised
}

// maxPings bounds how many of an end's Ping frames are remembered.
const maxPings = 64

// pings are those of h.
func (h *half) pings() *pinging {
	if h.pinging == nil {
		h.pinging = &pinging{forgotten: math.MaxInt64, given: math.MinInt64, missed: math.MinInt64}
	}
	return h.pinging
}

// pinged keeps a ping until it is answered.
func (d *dissector) pinged(f *feed, h *half, x *Control) {
	p := h.pings()
	if p.last = f.stamp; h.total.Pings == 1 {
		p.first = f.stamp
	}
	if x.off < p.given {
		p.forget(x.off)
		return
	}
	if len(p.waiting) >= maxPings {
		p.forget(p.waiting[0].off)
		p.waiting = p.waiting[:copy(p.waiting, p.waiting[maxPings/2:])]
		p.evicted += maxPings / 2
		d.report(f, h, pingsLimit, "")
	}
	unknown := x.why != event.Complete
	if unknown {
		p.forget(x.off)
	}
	p.waiting = append(p.waiting, ping{x.payload, f.stamp, x.off, unknown})
}

// answer finds the ping that a pong answers: the latest with its payload that its
// sender had begun to receive. Those before it will not be answered any more (RFC 6455
// §5.5.3). Were it the oldest, one that was never answered would make every round
// trip behind it too long, where all pings look the same.
func (d *dissector) answer(f *feed, h *half, x *Control) {
	if x.why != event.Complete {
		return
	}
	p, received := d.other(h).pings(), f.c.Acked(f.dir, f.n-1)
	if i := p.find(x.payload, received); i >= 0 {
		x.RTT = max(0, f.stamp.Sub(p.waiting[i].at)) // captures reorder across directions
		p.answer(i, x.RTT)
		return
	}
	x.Unsolicited = received > dissect.Unacknowledged && received <= p.forgotten
}

// find is the index of the latest ping that waits, with that payload, of which
// its receiver had begun to receive the stream offset; negative if there is none.
func (p *pinging) find(payload string, received int64) int {
	for i := len(p.waiting) - 1; i >= 0; i-- {
		if w := &p.waiting[i]; w.payload == payload && w.off < received && !w.unknown {
			return i
		}
	}
	return -1
}

// answer notes that the ping at index i was answered.
func (p *pinging) answer(i int, rtt time.Duration) {
	if p.answered == 0 || rtt < p.least {
		p.least = rtt
	}
	p.most = max(p.most, rtt)
	p.sum += rtt
	p.answered++
	p.evicted = 0
	if i > 0 {
		p.forget(p.waiting[0].off)
	}
	p.drop(i + 1)
}

// drop lets go of the n oldest.
func (p *pinging) drop(n int) {
	n = copy(p.waiting, p.waiting[n:])
	clear(p.waiting[n:])
	p.waiting = p.waiting[:n]
}

// forget notes that pings from a stream offset on may not be remembered.
func (p *pinging) forget(off int64) { p.forgotten = min(p.forgotten, off) }

// giveUp notes that pongs may be missing behind one point of the other direction,
// whose sender had received so much by then. What it had not answered, it may have
// answered in what is missing.
func (p *pinging) giveUp(received int64) {
	p.given = max(p.given, received)
	if n := p.before(received); n > 0 {
		p.forget(p.waiting[0].off)
		p.drop(n)
	}
}

// miss notes that pongs may be missing before a point of the other direction,
// likewise: nobody knows which of the pings so far were answered.
func (p *pinging) miss(received int64) { p.missed, p.evicted = max(p.missed, received), 0 }

// before is how many of those that wait begin before a stream offset.
func (p *pinging) before(off int64) int {
	n := 0
	for n < len(p.waiting) && p.waiting[n].off < off {
		n++
	}
	return n
}

// Heartbeat sums up the pings of one end. What there is none of is negative.
type Heartbeat struct {
	Interval         time.Duration // the mean time from one ping to the next
	RTT, Least, Most time.Duration // the mean round trip of those that were answered, the shortest, the longest
	Unanswered       int64         // pings behind the last one that was answered, as far as no pong to them can be missing
}

// heartbeat sums up the pings of an end, of which there were n. blind says that
// pongs may be missing to the very end.
func (p *pinging) heartbeat(n uint64, blind bool) Heartbeat {
	b := Heartbeat{Interval: -1, RTT: -1, Least: -1, Most: -1, Unanswered: -1}
	if n == 0 {
		return b
	}
	if b.Unanswered = 0; !blind {
		b.Unanswered = int64(p.evicted) + int64(len(p.waiting)-p.before(p.missed))
	}
	if n > 1 {
		b.Interval = max(0, p.last.Sub(p.first)/time.Duration(n-1))
	}
	if p.answered > 0 {
		b.RTT, b.Least, b.Most = p.sum/time.Duration(p.answered), p.least, p.most
	}
	return b
}
