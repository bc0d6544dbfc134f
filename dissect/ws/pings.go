package ws

import (
	"time"

	"example.com/wirewatch/event"
)

// pinging is the Ping frames of one end.
type pinging struct {
	waiting     []ping     // that may yet be answered, oldest first
	first, last event.Mark // of all of them
	unanswered  uint64     // behind the last one that was answered
	answered    uint64
	sum         time.Duration // of the round trips of those that were
	least, most time.Duration
	forgot      bool // some of them are remembered no more, though they may yet be answered
}

// ping is a Ping frame that was not answered.
type ping struct {
	payload string
	at      event.Mark // the part of it that came last
	off     int64      // stream offset of its first byte
}

// maxPings bounds how many of an end's Ping frames are remembered.
const maxPings = 64

// pinged keeps a ping until it is answered.
func (d *dissector) pinged(f *feed, h *half, x *Control) {
	if h.pinging == nil {
		h.pinging = &pinging{first: f.stamp}
	}
	p := h.pinging
	p.last = f.stamp
	p.unanswered++
	if x.why != event.Complete {
		p.forgot = true // its pong will not be recognised
		return
	}
	if len(p.waiting) >= maxPings {
		p.waiting = p.waiting[:copy(p.waiting, p.waiting[maxPings/2:])]
		p.forgot = true
		d.report(f, h, pingsLimit, "")
	}
	p.waiting = append(p.waiting, ping{x.payload, f.stamp, x.off})
}

// answer finds the ping that a pong answers: the latest with its payload that its
// sender had begun to receive. Those before it will not be answered any more (RFC 6455
// §5.5.3). Were it the oldest, one that was never answered would make every round
// trip behind it too long, where all pings look the same.
func (d *dissector) answer(f *feed, h *half, x *Control) {
	if x.why != event.Complete {
		return
	}
	from := d.other(h)
	if i := from.pinging.find(x.payload, f.c.Acked(f.dir, f.n-1)); i >= 0 {
		x.RTT = max(0, f.stamp.Sub(from.pinging.waiting[i].at)) // captures reorder across directions
		from.pinging.answer(i, x.RTT)
		return
	}
	x.Unsolicited = from.torn == event.Complete && (from.pinging == nil || !from.pinging.forgot)
}

// find is the index of the latest ping that waits, with that payload, of which
// its receiver had begun to receive the stream offset; negative if there is none.
func (p *pinging) find(payload string, received int64) int {
	if p == nil {
		return -1
	}
	for i := len(p.waiting) - 1; i >= 0; i-- {
		if w := &p.waiting[i]; w.payload == payload && w.off < received {
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
	p.forgot = p.forgot || i > 0
	n := copy(p.waiting, p.waiting[i+1:])
	clear(p.waiting[n:])
	p.waiting = p.waiting[:n]
	p.unanswered = uint64(n)
}

// giveUp notes that pongs may be missing, so that nobody knows which of the pings
// so far were answered.
func (p *pinging) giveUp() {
	if p != nil {
		p.waiting, p.unanswered, p.forgot = nil, 0, true
	}
}

// Heartbeat sums up the pings of one end. What there is none of is negative.
type Heartbeat struct {
	Interval         time.Duration // the mean time from one ping to the next
	RTT, Least, Most time.Duration // the mean round trip of those that were answered, the shortest, the longest
	Unanswered       int64         // pings behind the last one that was answered
}

// heartbeat sums up the pings of an end, of which there were n.
func (p *pinging) heartbeat(n uint64) Heartbeat {
	b := Heartbeat{Interval: -1, RTT: -1, Least: -1, Most: -1, Unanswered: -1}
	if p == nil {
		return b
	}
	b.Unanswered = int64(p.unanswered)
	if n > 1 {
		b.Interval = max(0, p.last.Sub(p.first)/time.Duration(n-1))
	}
	if p.answered > 0 {
		b.RTT, b.Least, b.Most = p.sum/time.Duration(p.answered), p.least, p.most
	}
	return b
}
