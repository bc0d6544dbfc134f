package tcp

import (
	"cmp"
	"time"

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
	zeroProbeACK
	spuriousRetransmission // of bytes that were acknowledged
	fastRetransmission
	outOfOrder
	retransmission
	stray // what is expected next goes by a segment that the peer cannot have expected

	retransmissions = retransmission | fastRetransmission | spuriousRetransmission
)

// analysis is what the definitions need to remember of one direction.
type analysis struct {
	next     packet.Seq // the highest number expected next, where seen
	lastACK  packet.Seq // where acks
	nextAt   int64      // capture time in nanoseconds when next was reached
	lastAt   int64      // of the last segment
	window   uint16
	dupACKs  uint16
	lastNote note
	seen     bool
	acks     bool
}

const (
	fastWithin = 20 * time.Millisecond // after a duplicate ACK
	oooWithin  = 3 * time.Millisecond  // where the handshake's round trip is unknown
)

// analyse counts what the segment of e is by the definitions that Wireshark
// documents for tcp.analysis, so that the counts can be compared.
func (c *Conn) analyse(e, p *end, s *packet.Segment) {
	n := e.an.flow(&p.an, s)
	if n&(keepAlive|zeroWindowProbe) == 0 && (s.Len() > 0 || s.Flags.Any(packet.SYN|packet.FIN)) {
		rtt, _ := c.InitialRTT()
		n |= e.an.again(&p.an, s, cmp.Or(rtt, oooWithin))
	}
	if n&zeroProbeACK != 0 && s.Ack == e.an.lastACK+1 {
		p.an.next = s.Ack // the probe's byte was taken after all
	}
	n |= c.astray(e, p, s)
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
	if size > 0 || s.Seq != a.next {
		return n
	}
	same, sameOrNext := s.Ack == a.lastACK, s.Ack == a.lastACK || s.Ack == a.lastACK+1
	switch {
	case s.Window == 0:
		if s.Window == a.window && sameOrNext && p.lastNote&zeroWindowProbe != 0 {
			n |= zeroProbeACK
		}
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
// near is how soon after the bytes beyond it a segment may be only late.
func (a *analysis) again(p *analysis, s *packet.Segment, near time.Duration) note {
	if !a.seen || !s.Seq.Less(a.next) {
		return 0
	}
	size := s.Len()
	end := s.Seq.Add(s.Space())
	switch {
	case size > 0 && p.acks && end.Sub(p.lastACK) <= 0:
		return spuriousRetransmission
	case size > 1 && s.Seq == a.next-1: // after a zero window probe, most of it is new
		return 0
	case p.dupACKs >= 2 && s.Seq == p.lastACK && within(s, p.lastAt, fastWithin):
		return fastRetransmission
	case within(s, a.nextAt, near) && end != a.next:
		return outOfOrder
	}
	return retransmission
}

// within reports that a segment came less than d after from. A clock that went
// back proves nothing.
func within(s *packet.Segment, from int64, d time.Duration) bool {
	after := time.Duration(s.Nanos - from)
	return after >= 0 && after < d
}

// advance remembers the segment.
func (a *analysis) advance(s *packet.Segment, n note) {
	if next := s.Seq.Add(s.Space()); (!a.seen || a.next.Less(next)) && n&zeroWindowProbe == 0 {
		a.next, a.seen, a.nextAt = next, true, s.Nanos
	}
	if s.Flags.Any(packet.ACK) {
		switch {
		case n&duplicateACK != 0:
			a.dupACKs++
		case s.Ack != a.lastACK:
			a.dupACKs = 0
		}
		a.lastACK, a.acks = s.Ack, true
	}
	a.window, a.lastAt, a.lastNote = s.Window, s.Nanos, n
}

// count adds a segment to the counters.
func (e *end) count(n note) {
	if n == 0 {
		return
	}
	t := e.troubled()
	for _, c := range [...]struct {
		bits note
		n    *uint32
	}{
		{retransmissions, &t.Retransmissions},
		{fastRetransmission, &t.FastRetransmissions},
		{outOfOrder, &t.OutOfOrder},
		{duplicateACK, &t.DuplicateACKs},
		{zeroWindow, &t.ZeroWindows},
		{windowUpdate, &t.WindowUpdates},
		{keepAlive, &t.KeepAlives},
	} {
		if n&c.bits != 0 {
			*c.n++
		}
	}
}

// stall charges time to e's direction: how long a retransmission came after the
// bytes before it, and how long the peer's window stayed zero. A RST, or a
// segment beyond all that the peer can have offered to receive, makes no
// retransmission of what comes after it.
func (c *Conn) stall(e, p *end, s *packet.Segment, n note) {
	if n&retransmissions != 0 && e.an.seen && n&stray == 0 {
		e.troubled().stalled += time.Duration(max(0, s.Nanos-e.an.lastAt))
	}
	switch {
	case n&zeroWindow != 0 && !e.had().zero:
		t := e.troubled()
		t.zero, t.zeroFrom = true, s.Nanos
	case n&zeroWindow == 0 && e.had().zero && s.Window > 0:
		e.trouble.zero = false
		p.troubled().stalled += time.Duration(max(0, s.Nanos-e.trouble.zeroFrom))
	}
}

// astray reports that what is expected next of e goes, with s, by a RST, or by a
// segment beyond all that the peer can have offered to receive.
func (c *Conn) astray(e, p *end, s *packet.Segment) note {
	if !e.an.seen {
		return 0
	}
	most := min(max(c.window(p), 1<<16), 1<<30)
	switch ahead := s.Seq.Add(s.Space()).Sub(e.an.next); {
	case ahead <= 0:
		return e.an.lastNote & stray
	case s.Flags.Any(packet.RST), uint32(ahead) > most:
		return stray
	}
	return 0
}
