package tcp

import (
	"time"

	"example.com/wirewatch/event"
	"example.com/wirewatch/packet"
)

// note is what Wireshark's TCP analysis would say of a segment.
type note uint16

const (
	zeroWindowProbe note = 1 << iota
	zeroWindow
	keepAlive
	keepAliveACK
	windowUpdate
	duplicateACK
	fastRetransmission
	outOfOrder
	retransmission
)

// analysis is what the definitions need to remember of one direction.
type analysis struct {
	next     packet.Seq // the highest number expected next, where seen
	lastACK  packet.Seq
	nextAt   event.Mark // when next was reached
	lastAt   event.Mark // of the last segment
	window   uint16
	dupACKs  uint16
	lastNote note
	seen     bool // next is set
	sackFrom packet.Seq
	hasSACK  bool
}

const (
	fastWithin = 20 * time.Millisecond // after a duplicate ACK
	oooWithin  = 3 * time.Millisecond  // where the initial RTT is unknown
)

// analyse counts what the segment of e is by the definitions that Wireshark
// documents for tcp.analysis, so that the counts can be compared.
func (c *Conn) analyse(e, p *end, s *packet.Segment) {
	n := e.an.flow(&p.an, s)
	if n&(keepAlive|zeroWindowProbe) == 0 && (s.Len() > 0 || s.Flags.Any(packet.SYN|packet.FIN)) {
		n |= e.an.again(&p.an, s, c.rtt)
	}
	e.count(n)
	c.stall(e, p, s, n)
	e.an.advance(s, n)
}

// flow tells what a segment is by its window and acknowledgment.
func (a *analysis) flow(p *analysis, s *packet.Segment) (n note) {
	plain := !s.Flags.Any(packet.SYN | packet.FIN | packet.RST)
	size := s.Len()
	if a.seen && size == 1 && s.Seq == a.next && p.seen && p.window == 0 {
		return zeroWindowProbe
	}
	if plain && s.Window == 0 {
		n |= zeroWindow
	}
	if !plain || !a.seen {
		return n
	}
	if size <= 1 && s.Seq == a.next-1 {
		n |= keepAlive
	}
	if size > 0 || s.Seq != a.next || s.Window == 0 {
		return n
	}
	same, sameOrNext := s.Ack == a.lastACK, s.Ack == a.lastACK || s.Ack == a.lastACK+1
	switch {
	case s.Window != a.window:
		if same {
			n |= windowUpdate
		}
	case sameOrNext && p.lastNote&keepAlive != 0:
		n |= keepAliveACK
	case same:
		n |= duplicateACK
	}
	return n
}

// again tells what a segment is that takes sequence space without advancing it.
func (a *analysis) again(p *analysis, s *packet.Segment, rtt time.Duration) note {
	size := s.Len()
	behind := a.seen && s.Seq.Less(a.next) && (size <= 1 || s.Seq != a.next-1)
	if !behind {
		return 0
	}
	at := event.Mark(s.Stamp())
	if p.dupACKs >= 2 && at.Sub(p.lastAt) < fastWithin && (p.lastACK == s.Seq || p.hasSACK && s.Seq.Less(p.sackFrom)) {
		return fastRetransmission
	}
	within := oooWithin
	if rtt > 0 {
		within = rtt
	}
	if at.Sub(a.nextAt) < within && s.Seq.Add(size) != a.next {
		return outOfOrder
	}
	return retransmission
}

// advance remembers the segment.
func (a *analysis) advance(s *packet.Segment, n note) {
	at := event.Mark(s.Stamp())
	if next := s.Seq.Add(s.Space()); (!a.seen || a.next.Less(next)) && n&zeroWindowProbe == 0 {
		a.next, a.seen, a.nextAt = next, true, at
	}
	if s.Flags.Any(packet.ACK) {
		switch {
		case n&duplicateACK != 0:
			a.dupACKs++
		case s.Ack != a.lastACK:
			a.dupACKs = 0
		}
		a.lastACK = s.Ack
		a.hasSACK = false
		if len(s.Options) > 0 {
			a.sackFrom, a.hasSACK = lowestSACK(s.Options)
		}
	}
	a.window, a.lastAt, a.lastNote = s.Window, at, n
}

// count adds a segment to the counters.
func (e *end) count(n note) {
	if n == 0 {
		return
	}
	for _, c := range [...]struct {
		bits note
		n    *uint64
	}{
		{retransmission | fastRetransmission, &e.Retransmissions},
		{fastRetransmission, &e.FastRetransmissions},
		{outOfOrder, &e.OutOfOrder},
		{duplicateACK, &e.DuplicateACKs},
		{zeroWindow, &e.ZeroWindows},
		{windowUpdate, &e.WindowUpdates},
		{keepAlive, &e.KeepAlives},
	} {
		if n&c.bits != 0 {
			*c.n++
		}
	}
}

// stall charges time to e's direction: how long a retransmission came after the
// bytes before it, and how long the peer's window stayed zero.
func (c *Conn) stall(e, p *end, s *packet.Segment, n note) {
	at := event.Mark(s.Stamp())
	if n&(retransmission|fastRetransmission) != 0 {
		if d := at.Sub(e.an.lastAt); d > 0 {
			e.stalled += d
		}
	}
	switch {
	case n&zeroWindow != 0 && e.zeroFrom.Frame == 0:
		e.zeroFrom = at
	case n&zeroWindow == 0 && e.zeroFrom.Frame != 0 && s.Window > 0:
		if d := at.Sub(e.zeroFrom); d > 0 {
			p.stalled += d
		}
		e.zeroFrom = event.Mark{}
	}
}
