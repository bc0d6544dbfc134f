package reassembly

import (
	"math"

	"example.com/wirewatch/packet"
)

// Consumer receives one direction as an ordered stream. Offset 0 is the first
// byte after the SYN. Of a stream that was joined in its middle, it is the first
// byte that either end spoke of, so that offsets may be negative; gaps count.
type Consumer interface {
	// Data delivers the next bytes, borrowed until it returns, and the segment
	// that they came with.
	Data(off int64, p []byte, from Origin)
	// Gap says that the next n bytes will not be delivered.
	Gap(off int64, n uint64, why Why)
	// Conflict says that a later copy of bytes differs from the first.
	Conflict(c Conflict)
	// End says that the stream is over: its sender's FIN has been reached. The
	// other ends of a stream are its owner's to know.
	End(off int64)
}

// Origin is the segment that bytes came with.
type Origin struct {
	packet.Stamp
	// Acked is what the sender had received of its peer when it sent them: the
	// segment's acknowledgment number, as an offset of the other direction's
	// stream; Unacknowledged if it has none. Bytes that are held keep theirs, so
	// that it does not depend on the order in which segments were captured.
	Acked int64
}

// Unacknowledged is less than any offset.
const Unacknowledged = math.MinInt64 + 1

// Why says why bytes are missing.
type Why uint8

// The reasons.
const (
	Lost    Why = iota // the capture never saw them
	Snaplen            // the capture cut the frames that carried them
	Full               // they did not come before a limit was hit
)

// Conflict is a range of the stream of which two copies differ, and a 64-bit
// hash (XXH64) of each.
type Conflict struct {
	Off        int64
	Len        uint64
	Kept, Came uint64
}

// Outcome is what Push made of a segment, as a set of bits.
type Outcome uint8

// The bits of an Outcome.
const (
	InOrder Outcome = 1 << iota // bytes were delivered at once
	Held                        // bytes wait for a hole before them
	Old                         // some bytes had been delivered or held before
	Late                        // bytes came after the stream's end
)

// Stream orders one direction of one flow. The zero Stream is ready: its first
// segment starts it.
type Stream struct {
	off     int64      // of the next byte to deliver
	next    packet.Seq // its sequence number, where placed
	placed  bool       // one of the ends has spoken of the stream
	started bool       // its sender has, or its SYN was answered
	synced  bool       // by a SYN
	joined  bool       // no SYN says where it begins
	moved   bool       // bytes were delivered, or given up
	fin     bool       // a FIN was seen, at finOff
	ended   bool
	waited  bool  // for the next number, which alone is acknowledged: see unseenFIN
	acked   int64 // highest offset that the peer has acknowledged
	finOff  int64
	held    []hold   // ordered by offset, disjoint, all beyond off
	bytes   int      // what held costs
	seen    *history // of delivered and not yet acknowledged bytes; nil when empty
}

// Started reports that the stream knows where it is.
func (s *Stream) Started() bool { return s.started }

// Synced reports that the stream's SYN was seen.
func (s *Stream) Synced() bool { return s.synced }

// Ended reports that the FIN was reached.
func (s *Stream) Ended() bool { return s.ended }

// FIN is the offset at which the stream ends, where a FIN was seen.
func (s *Stream) FIN() (off int64, seen bool) { return s.finOff, s.fin }

// Offset is how far the stream has been delivered, gaps included.
func (s *Stream) Offset() int64 { return s.off }

// Acked is how much of the stream the peer has acknowledged.
func (s *Stream) Acked() int64 { return s.acked }

// Holding reports that bytes wait for a hole before them.
func (s *Stream) Holding() bool { return len(s.held) > 0 }

// Joining reports that the first bytes seen of a stream that was joined in its
// middle wait for those before them, which may only have been reordered.
func (s *Stream) Joining() bool { return s.joined && !s.moved && s.Holding() }

// Owed reports that the peer has acknowledged bytes that were not delivered, and
// that may yet come.
func (s *Stream) Owed() bool {
	return s.started && s.acked > s.off && !s.ended && !(s.waited && s.unseenFIN(s.acked))
}

// Ahead is how far a segment starts beyond the next byte to deliver; negative
// before it. It means nothing for a stream that has not started.
func (s *Stream) Ahead(seg *packet.Segment) int32 { return seg.Seq.Sub(s.next) }

// Expects reports that the receiver of the stream may be waiting for a segment
// that starts where seg does: at the next byte, with a FIN for one (RFC 9293
// §3.4), or before it. Anything may be what it waits for where the next byte is
// not known, or something before seg may be missing.
func (s *Stream) Expects(seg *packet.Segment) bool {
	n := s.Ahead(seg)
	return !s.started || n <= 0 || s.ended && n == 1 || s.Holding() || s.fin && !s.ended
}

// Start says that the next byte has sequence number seq. It counts only for a
// stream that nothing has started.
func (s *Stream) Start(seq packet.Seq) {
	if !s.started {
		s.place(seq)
		s.started = true
	}
}

// place makes seq the sequence number of offset 0.
func (s *Stream) place(seq packet.Seq) {
	s.next, s.off, s.acked, s.placed = seq, 0, 0, true
}

// Ack tells the stream what its peer has acknowledged, and returns that as an
// offset; a FIN counts as a byte.
func (s *Stream) Ack(ack packet.Seq, m *Memory) int64 {
	if !s.placed {
		s.place(ack)
	}
	d := int64(ack.Sub(s.next))
	if d == 1 && s.started && !s.synced && s.fresh() { // see anchor
		s.next, d = ack, 0
	}
	at := s.off + d
	to := at
	if s.fin && at == s.finOff+1 {
		to = s.finOff
	}
	if to > s.acked {
		s.acked = to
		if s.seen != nil && s.seen.hi <= to {
			m.putHistory(s.seen)
			s.seen = nil
		}
	}
	return at
}

// fresh reports that nothing has come of the stream's bytes yet.
func (s *Stream) fresh() bool { return !s.moved && len(s.held) == 0 }

// Push takes the stream's next segment off the wire. It delivers what has come
// in order and holds the rest in m. acked is the segment's acknowledgment, as
// the other direction's stream returned it.
func (s *Stream) Push(seg *packet.Segment, acked int64, c Consumer, m *Memory) Outcome {
	seq := seg.Seq
	if seg.Flags.Any(packet.SYN) {
		seq = seq.Add(1)
	}
	if !s.started {
		s.join(seq, seg)
	}
	if s.fresh() {
		s.anchor(seq, seg)
	}
	at := s.off + int64(seq.Sub(s.next))
	var out Outcome
	if n := seg.Len(); n > 0 {
		if n == 1 && s.joined && s.fresh() {
			acked = Unacknowledged // a keep-alive's byte perhaps, and the stream begins behind it
		}
		out = s.take(at, seg, Origin{seg.Stamp(), acked}, c, m)
	}
	if seg.Flags.Any(packet.FIN) && !s.fin {
		if end := at + int64(seg.Len()); end >= s.off {
			s.fin, s.finOff = true, end
		}
	}
	s.reachEnd(c)
	return out
}

// near is how far what the two ends say of a stream may lie apart where it is
// joined: further, and it is not this stream that the peer has acknowledged.
const near = 1 << 20

// join starts a stream with the first segment of its sender, which begins at
// seq. Where that leaves out bytes that the peer had not acknowledged, they were
// sent before the capture began, or are still to come: then they are waited for.
func (s *Stream) join(seq packet.Seq, seg *packet.Segment) {
	s.started, s.joined = true, true
	at := s.off + int64(seq.Sub(s.next))
	switch {
	case seg.Flags.Any(packet.SYN): // see anchor
	case !s.placed, at > s.acked+near, at < s.acked-near:
		s.place(seq)
	case at <= s.acked+1, seg.Space() == 0:
		s.next, s.off = seq, at
	default:
		s.next, s.off = seq-packet.Seq(at-s.acked), s.acked
	}
}

// anchor corrects where a stream starts that nothing was delivered of. A SYN
// says so for certain. A keep-alive, which may be the first that is seen of a
// stream, lies one byte before the next (RFC 9293 §3.8.4); so do the first bytes
// in captures made by programs that forget that a SYN takes a sequence number.
// A stream that was joined with a segment without data may have begun before.
func (s *Stream) anchor(seq packet.Seq, seg *packet.Segment) {
	switch off := seq.Sub(s.next); {
	case seg.Flags.Any(packet.SYN):
		if off != 0 || !s.placed {
			s.place(seq)
		}
		s.fin, s.ended, s.synced, s.joined = false, false, true, false
	case off == 1 && !s.synced:
		s.next = seq
	case off == -1 && seg.Len() > 1:
		s.next = seq
	case s.joined && off < -1 && off > -near && seg.Len() > 0:
		s.next, s.off = seq, s.off+int64(off)
	}
}

func (s *Stream) reachEnd(c Consumer) {
	if s.fin && !s.ended && s.off >= s.finOff {
		s.ended = true
		c.End(s.off)
	}
}

// take sorts the bytes of a segment that starts at offset at, which may lie
// before the stream's start, into old, next and early ones.
func (s *Stream) take(at int64, seg *packet.Segment, from Origin, c Consumer, m *Memory) Outcome {
	p, missing := seg.Payload, uint64(seg.Missing)
	if s.ended {
		if at+int64(seg.Len()) > s.off {
			return Late
		}
		return Old
	}
	var out Outcome
	if old := s.off - at; old > 0 {
		out |= Old
		n := min(old, int64(len(p)))
		s.check(at, p[:n], c)
		p = p[n:]
		old -= n
		if old >= int64(missing) && len(p) == 0 {
			return out
		}
		missing -= uint64(old)
		at = s.off
	}
	if at == s.off && len(s.held) == 0 {
		s.deliver(p, from, c, m)
		s.lose(missing, Snaplen, c)
		return out | InOrder
	}
	if s.insert(at, p, missing, from, c, m) {
		out |= Old
	}
	before := s.off
	s.drain(c, m)
	if s.off > before {
		out |= InOrder
	} else {
		out |= Held
	}
	for m.over(s) {
		s.skipTo(s.held[0].off, Full, c, m)
	}
	return out
}

// deliver hands on the next bytes.
func (s *Stream) deliver(p []byte, from Origin, c Consumer, m *Memory) {
	if len(p) == 0 {
		return
	}
	if s.off+int64(len(p)) > s.acked {
		if s.seen == nil {
			s.seen = m.getHistory()
		}
		s.seen.add(s.off, p)
	}
	off := s.off
	s.off += int64(len(p))
	s.next = s.next.Add(len(p))
	s.moved, s.waited = true, false
	c.Data(off, p, from)
}

// lose declares the next n bytes a gap.
func (s *Stream) lose(n uint64, why Why, c Consumer) {
	if n == 0 {
		return
	}
	off := s.off
	s.off += int64(n)
	s.next += packet.Seq(n)
	s.moved, s.waited = true, false
	c.Gap(off, n, why)
}

// drain delivers what has become the next of the held bytes.
func (s *Stream) drain(c Consumer, m *Memory) {
	i := 0
	for ; i < len(s.held) && s.held[i].off <= s.off; i++ {
		h := &s.held[i]
		s.deliver(h.buf, h.from, c, m)
		s.lose(h.missing, Snaplen, c)
		s.bytes -= m.release(h)
	}
	if i > 0 {
		n := copy(s.held, s.held[i:])
		clear(s.held[n:])
		s.held = s.held[:n]
		if n == 0 {
			s.held = nil
		}
	}
}

// skipTo gives up the bytes before offset to, and delivers what follows. What
// precedes the first bytes seen of a joined stream is no gap: it starts there.
func (s *Stream) skipTo(to int64, why Why, c Consumer, m *Memory) {
	if s.Joining() {
		to = s.held[0].off
		s.next, s.off = s.next.Add(int(to-s.off)), to
	}
	s.lose(uint64(to-s.off), why, c)
	s.drain(c, m)
	s.reachEnd(c)
}

// GiveUp declares a gap: the bytes that the peer has acknowledged, and that
// precede any held ones, will not come. Where unseen is true the peer's
// acknowledgments are not captured, and the first hole is given up without one. A
// number that a FIN may have taken is no gap: it is only Owed no longer.
func (s *Stream) GiveUp(c Consumer, m *Memory, unseen bool) {
	switch {
	case s.ended:
	case (unseen || s.Joining()) && len(s.held) > 0:
		s.skipTo(s.held[0].off, Lost, c, m)
	case !s.Owed():
	case s.unseenFIN(s.acked):
		s.waited = true
	case len(s.held) > 0:
		s.skipTo(min(s.acked, s.held[0].off), Lost, c, m)
	default:
		s.skipTo(s.acked, Lost, c, m)
	}
}

// Flush declares every hole a gap, up to what the peer has acknowledged or the
// sender has finished, and delivers what is held. Nothing may be pushed after.
func (s *Stream) Flush(c Consumer, m *Memory) {
	for !s.ended && len(s.held) > 0 {
		s.skipTo(s.held[0].off, Lost, c, m)
	}
	to := s.acked
	if s.fin {
		to = max(to, s.finOff)
	}
	if s.started && !s.ended && to > s.off && !s.unseenFIN(to) {
		s.skipTo(to, Lost, c, m)
	}
	s.Drop(m)
}

// unseenFIN reports that all that is missing below to is one number of sequence
// space with nothing behind it: a FIN that was not captured takes one too.
func (s *Stream) unseenFIN(to int64) bool {
	return to == s.off+1 && len(s.held) == 0 && !s.fin
}

// Drop frees what the stream holds without delivering it.
func (s *Stream) Drop(m *Memory) {
	for i := range s.held {
		m.release(&s.held[i])
	}
	s.held, s.bytes = nil, 0
	if s.seen != nil {
		m.putHistory(s.seen)
		s.seen = nil
	}
}
