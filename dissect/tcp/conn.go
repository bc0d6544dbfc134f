package tcp

import (
	"time"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/packet"
)

// The bits of Wireshark's tcp.completeness.
const (
	sawSYN = 1 << iota
	sawSYNACK
	sawACK
	sawData
	sawFIN
	sawRST
)

// Conn is what the segments of one flow say about the connection: the states
// of both ends, what was retransmitted or out of order, round trips and stalls.
// The zero Conn is ready. It has one owner.
type Conn struct {
	ends   [2]end
	last   event.Mark    // the latest of its segments
	first  int64         // capture time of the first
	rtt    time.Duration // of the handshake; while !hasRTT, of what was seen of it
	took   time.Duration // the handshake with its retransmissions, where hasRTT
	saw    uint8         // tcp.completeness
	hasRTT bool
	shaken bool // a SYN was seen
	up     bool // both ends have got past their handshake
	closer closer
	reset  closer
	doubt  closer // sent a RST that its peer need not believe, and nothing since
}

// closer is who did something first.
type closer struct {
	by  flow.Dir
	yes bool
}

// end is one end of a connection. Most are idle most of the time, and there are
// many: what only some ever need is in trouble.
type end struct {
	packets  uint64
	bytes    uint64   // of its stream, delivered
	trouble  *trouble // nil: it had none
	synAt    int64    // capture time of the SYN to which a round trip is measured; 0: none
	an       analysis
	opts     Options
	base     packet.Seq // the initial sequence number, where synSeen
	fin      packet.Seq // the number after the FIN, where finSeen
	maxWin   uint16     // the largest window offered, before scaling
	state    State
	synSeen  bool
	synAcked bool // what was sent at synAt
	finSeen  bool
}

// trouble is what is counted of an end beyond packets and bytes.
type trouble struct {
	Counters               // but Packets and Bytes
	unseen   uint64        // numbers that its peer has acknowledged, where nothing that it sent was captured
	lone     bool          // the latest that was added to unseen is one number
	zero     bool          // its window is zero
	zeroFrom int64         // capture time since when, where zero
	stalled  time.Duration // that its bytes lost to retransmission or its peer's zero window
	rst      event.Mark    // its RST that counts: the one that reset the connection, or the latest in doubt
}

// troubled is the end's trouble, to add to.
func (e *end) troubled() *trouble {
	if e.trouble == nil {
		e.trouble = &trouble{}
	}
	return e.trouble
}

// untroubled stands for the trouble of an end that had none. It is only read.
var untroubled trouble

// had is the end's trouble, to read.
func (e *end) had() *trouble {
	if e.trouble == nil {
		return &untroubled
	}
	return e.trouble
}

// counters are those of the end's record.
func (e *end) counters() Counters {
	n := e.had().Counters
	n.Packets, n.Bytes = e.packets, e.bytes
	return n
}

// Window is the most that the end which sends in dir can have offered to
// receive at once, in bytes: what is scaled by an unknown factor counts as
// scaled by the largest (RFC 7323 §2.3).
func (c *Conn) Window(dir flow.Dir) uint32 { return c.window(&c.ends[dir]) }

func (c *Conn) window(e *end) uint32 {
	shift := uint8(14)
	if c.ends[0].synSeen && c.ends[1].synSeen && c.saw&(sawSYN|sawSYNACK) == sawSYN|sawSYNACK {
		shift = 0
		if c.ends[0].opts.HasScale && c.ends[1].opts.HasScale {
			shift = min(e.opts.WindowScale, 14)
		}
	}
	return uint32(e.maxWin) << shift
}

// Counters are the counts of tcp.flow, for the segments that one end sent.
type Counters struct {
	Packets             uint64
	Bytes, Lost         uint64 // stream bytes delivered, and missing
	Conflicts           uint32 // later copies of bytes that differ
	Retransmissions     uint32
	FastRetransmissions uint32
	OutOfOrder          uint32
	DuplicateACKs       uint32
	ZeroWindows         uint32
	WindowUpdates       uint32
	KeepAlives          uint32
}

// Reuses reports that a SYN is not this connection's but opens the next one on
// the same 5-tuple: it has another initial sequence number. Its sender is dir.
func (c *Conn) Reuses(dir flow.Dir, s *packet.Segment) bool {
	if s.Flags&(packet.SYN|packet.ACK) != packet.SYN {
		return false
	}
	e := &c.ends[dir]
	return (e.synSeen || e.packets > 0) && s.Seq != e.base
}

// Segment takes the next segment off the wire; its sender is dir. valid is false
// for a RST whose sequence number its peer does not expect: such a one is
// challenged, and the connection lives on (RFC 5961 §3.2).
func (c *Conn) Segment(dir flow.Dir, s *packet.Segment, valid bool) {
	c.last = event.Mark(s.Stamp())
	e, p := &c.ends[dir], &c.ends[dir.Reverse()]
	if e.packets+p.packets == 0 {
		c.first = s.Nanos
	}
	if e.packets == 0 {
		if e.trouble != nil {
			e.trouble.unseen, e.trouble.lone = 0, false
		}
		if !s.Flags.Any(packet.SYN) {
			e.base = s.Seq - 1
		}
	}
	e.packets++
	e.maxWin = max(e.maxWin, s.Window)
	e.acknowledge(p, s)
	c.analyse(e, p, s)
	c.handshake(e, p, s)
	c.up = c.up || !c.reset.yes && e.state >= Established && p.state >= Established
	c.teardown(dir, s, valid)
	c.saw |= sawOf(s)
}

// acknowledge counts what p must have sent, though nothing of it was captured.
func (e *end) acknowledge(p *end, s *packet.Segment) {
	if p.packets > 0 || !e.an.acks || !s.Flags.Any(packet.ACK) || s.Flags.Any(packet.RST) {
		return
	}
	if n := s.Ack.Sub(e.an.lastACK); n > 0 {
		t := p.troubled()
		t.unseen, t.lone = t.unseen+uint64(n), n == 1
	}
}

// handshake moves both ends by the SYNs, and by what acknowledges them.
func (c *Conn) handshake(e, p *end, s *packet.Segment) {
	switch syn, ack := s.Flags.Any(packet.SYN), s.Flags.Any(packet.ACK); {
	case syn && !ack:
		if c.saw&(sawData|sawFIN) == 0 { // refused, and tried again
			c.reset.yes = false
			e.state, p.state = e.state.again(), p.state.again()
		}
		c.sawSYN(e, p, s)
		e.state, p.state = e.state.after(sndSYN), p.state.after(rcvSYN)
	case syn:
		c.sawSYN(e, p, s)
		if !p.synSeen {
			p.synSeen, p.base = true, s.Ack-1
		}
		e.state, p.state = e.state.after(sndSYNACK), p.state.after(rcvSYNACK)
	case s.Flags.Any(packet.RST):
	case e.state == Unknown || p.state == Unknown:
		e.state, p.state = e.state.after(sndData), p.state.after(sndData)
	case ack && e.state == SynSent, e.state == SynReceived && (p.packets == 0 || c.saw&sawACK != 0):
		// It has got what it waited for, though that was not captured, or was an ACK
		// of another number, as programs write that make captures up.
		e.state = e.state.after(sndData)
	}
	if s.Flags.Any(packet.ACK) && (!p.synSeen || s.Ack.Sub(p.base) > 0) {
		p.state = p.state.after(rcvACKofSYN)
		c.roundTrip(e, p, s)
	}
}

// sawSYN learns from e's SYN.
func (c *Conn) sawSYN(e, p *end, s *packet.Segment) {
	c.shaken = true
	if !e.synSeen || e.packets <= 1 {
		e.synSeen, e.base, e.opts = true, s.Seq, parseOptions(s.Options)
	}
	switch {
	case c.hasRTT:
	case !s.Flags.Any(packet.ACK): // the handshake begins, or begins again
		e.synAt, e.synAcked, c.rtt = s.Nanos, false, 0
		if c.saw&sawSYNACK != 0 {
			p.synAt, p.synAcked = 0, false
		}
	case e.synAt == 0:
		e.synAt = s.Nanos
	}
}

// roundTrip measures the handshake: for either end, from its SYN to the first
// segment that acknowledges it. Where the second SYN answers the first, that is
// from the first SYN to the ACK of the second; where the SYNs cross, their
// round trips overlap, and each is half of the way. Of an end that was not
// captured, the ACK of its SYN stands for both.
func (c *Conn) roundTrip(e, p *end, s *packet.Segment) {
	if c.hasRTT || s.Flags.Any(packet.RST) {
		return
	}
	if p.synAt != 0 && !p.synAcked {
		p.synAcked = true
		c.rtt += time.Duration(s.Nanos - p.synAt)
		c.hasRTT, c.took = e.synAcked, time.Duration(s.Nanos-c.first)
		return
	}
	if c.saw == sawSYN && p.packets == 0 && s.Seq == e.base+1 && s.Len() == 0 {
		c.rtt, c.hasRTT = time.Duration(s.Nanos-e.synAt), true
		c.took = time.Duration(s.Nanos - c.first)
	}
}

// teardown moves both ends by FINs, what acknowledges them, and RSTs.
func (c *Conn) teardown(dir flow.Dir, s *packet.Segment, valid bool) {
	e, p := &c.ends[dir], &c.ends[dir.Reverse()]
	if s.Flags.Any(packet.ACK) && p.finSeen && s.Ack.Sub(p.fin) >= 0 {
		p.state = p.state.after(rcvACKofFIN)
	}
	if s.Flags.Any(packet.FIN) {
		if !c.closer.yes {
			c.closer = closer{dir, true}
		}
		if !e.finSeen {
			e.finSeen, e.fin = true, s.Seq.Add(s.Space())
			snd := sndFIN
			if e.state == CloseWait && (!s.Flags.Any(packet.ACK) || s.Ack.Sub(p.fin) < 0) {
				snd = sndFINToo // simultaneous close (RFC 9293 §3.6, figure 13)
			}
			e.state, p.state = e.state.after(snd), p.state.after(rcvFIN)
		}
	}
	switch {
	case !s.Flags.Any(packet.RST):
		if c.doubt.yes && s.Len() > 0 {
			c.doubt.yes = false
		}
	case !valid:
		if c.doubt = (closer{dir, true}); !c.reset.yes {
			e.troubled().rst = c.last
		}
	default:
		if !c.reset.yes {
			c.reset, e.troubled().rst = closer{dir, true}, c.last
		}
		e.state, p.state = e.state.after(rst), p.state.after(rst)
	}
}

// sawOf is what a segment adds to Wireshark's tcp.completeness.
func sawOf(s *packet.Segment) (saw uint8) {
	fl := s.Flags
	switch {
	case fl.Has(packet.SYN | packet.ACK):
		saw = sawSYNACK
	case fl.Any(packet.SYN):
		saw = sawSYN
	case fl.Any(packet.ACK) && s.Len() == 0:
		saw = sawACK
	}
	if s.Len() > 0 {
		saw |= sawData
	}
	if fl.Has(packet.FIN | packet.ACK) {
		saw |= sawFIN
	}
	if fl.Any(packet.RST) {
		saw |= sawRST
	}
	return saw
}

// Flip exchanges the roles of the two ends.
func (c *Conn) Flip() {
	c.ends[0], c.ends[1] = c.ends[1], c.ends[0]
	for _, x := range []*closer{&c.closer, &c.reset, &c.doubt} {
		x.by = x.by.Reverse()
	}
}

// Established reports that both ends have got past their handshake.
func (c *Conn) Established() bool { return c.up }

// Over reports that nothing more is to be expected: both ends have sent a FIN
// that was acknowledged, or one has reset the connection.
func (c *Conn) Over() bool {
	return c.reset.yes || c.ends[0].finished() && c.ends[1].finished()
}

func (e *end) finished() bool { return e.finSeen && (e.state == TimeWait || e.state == Closed) }

// Reset reports that the connection was reset, and by the sender in which
// direction.
func (c *Conn) Reset() (by flow.Dir, yes bool) { return c.reset.by, c.reset.yes }

// Doubtful reports that the last that was seen of the connection, but for ACKs,
// is a RST that its receiver need not have believed.
func (c *Conn) Doubtful() bool { return c.doubt.yes }

// First is the capture time of the flow's first segment, in nanoseconds.
func (c *Conn) First() int64 { return c.first }

// Last is the latest segment of the flow.
func (c *Conn) Last() event.Mark { return c.last }

// ResetAt is the RST because of which Reset or Doubtful reports true.
func (c *Conn) ResetAt() event.Mark {
	by := c.doubt.by
	if c.reset.yes {
		by = c.reset.by
	}
	return c.ends[by].had().rst
}

// TakeUnseen is how many bytes in dir were acknowledged since it was last asked,
// where nothing of dir was captured, and how many were Lost before them. A last number that was acknowledged alone
// is left out: a FIN takes one too.
func (c *Conn) TakeUnseen(dir flow.Dir) (off, n uint64) {
	t := c.ends[dir].trouble
	if t == nil {
		return 0, 0
	}
	n, t.unseen = t.unseen, 0
	if t.lone {
		n, t.lone = n-1, false
	}
	return t.Lost, n
}

// InitialRTT is how long the handshake took, from the SYN to the ACK that ends
// it, where enough of it was captured to tell.
func (c *Conn) InitialRTT() (time.Duration, bool) {
	if !c.hasRTT {
		return 0, false
	}
	return c.rtt, true
}

// Connect is how long the client had to wait before it could send: from the first
// SYN, however often it was sent again, to the segment that ends the handshake,
// where InitialRTT is known.
func (c *Conn) Connect() (time.Duration, bool) {
	if !c.hasRTT {
		return 0, false
	}
	return c.took, true
}

// Stalled is the time so far that bytes in dir lost to retransmission and to
// the receiver's zero window.
func (c *Conn) Stalled(dir flow.Dir) time.Duration { return c.ends[dir].had().stalled }

// Silent reports that nothing was captured that was sent in dir.
func (c *Conn) Silent(dir flow.Dir) bool { return c.ends[dir].packets == 0 }

// Delivered counts n more bytes of the stream in dir.
func (c *Conn) Delivered(dir flow.Dir, n int) { c.ends[dir].bytes += uint64(n) }

// Lost counts n bytes of the stream in dir that will not be delivered.
func (c *Conn) Lost(dir flow.Dir, n uint64) { c.ends[dir].troubled().Lost += n }

// Conflict counts a later copy of bytes in dir that differs from the first.
func (c *Conn) Conflict(dir flow.Dir) { c.ends[dir].troubled().Conflicts++ }
