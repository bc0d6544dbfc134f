package reassembly

import (
	"example.com/wirewatch/packet"
)

// Consumer receives one direction as an ordered stream. off counts from the
// first byte after the SYN, or from the first byte seen; gaps count.
type Consumer interface {
	// Data delivers the next bytes, borrowed until it returns, and the frame
	// that they came with.
	Data(off uint64, p []byte, at packet.Stamp)
	// Gap says that the next n bytes will not be delivered.
	Gap(off, n uint64, why Why)
	// Conflict says that a later copy of bytes differs from the first.
	Conflict(c Conflict)
	// End says that the stream is over: its sender's FIN has been reached. The
	// other ends of a stream are its owner's to know.
	End(off uint64)
}

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
	Off, Len   uint64
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
	off     uint64     // of the next byte to deliver
	next    packet.Seq // its sequence number
	started bool
	synced  bool // by a SYN
	fin     bool // a FIN was seen, at finOff
	ended   bool
	acked   uint64 // highest offset that the peer has acknowledged
	finOff  uint64
	held    []hold   // ordered by offset, disjoint, all beyond off
	bytes   int      // what held costs
	seen    *history // of delivered and not yet acknowledged bytes; nil when empty
}

// Started reports that the stream knows where it is.
func (s *Stream) Started() bool { return s.started }

// Ended reports that the FIN was reached.
func (s *Stream) Ended() bool { return s.ended }

// Offset is how far the stream has been delivered, gaps included.
func (s *Stream) Offset() uint64 { return s.off }

// Acked is how much of the stream the peer has acknowledged.
func (s *Stream) Acked() uint64 { return s.acked }

// Holding reports that bytes wait for a hole before them.
func (s *Stream) Holding() bool { return len(s.held) > 0 }

// Owed reports that the peer has acknowledged bytes that were not delivered.
func (s *Stream) Owed() bool { return s.acked > s.off && !s.ended && !s.unseenFIN(s.acked) }

// Ahead is how far a segment starts beyond the next byte to deliver; negative
// before it. It means nothing for a stream that has not started.
func (s *Stream) Ahead(seg *packet.Segment) int32 { return seg.Seq.Sub(s.next) }

// Start says that the next byte has sequence number seq. It counts only for a
// stream that nothing has started.
func (s *Stream) Start(seq packet.Seq) {
	if !s.started {
		s.next, s.started = seq, true
	}
}

// Ack tells the stream what its peer has acknowledged.
func (s *Stream) Ack(ack packet.Seq, m *Memory) {
	if !s.started {
		return
	}
	d := int64(ack.Sub(s.next))
	if d == 1 && !s.synced && s.off == 0 && len(s.held) == 0 { // see anchor
		s.next, d = ack, 0
	}
	if d < 0 && uint64(-d) > s.off {
		return
	}
	at := uint64(int64(s.off) + d)
	if s.fin && at == s.finOff+1 {
		at = s.finOff
	}
	if at > s.acked {
		s.acked = at
		if s.seen != nil && s.seen.hi <= at {
			m.putHistory(s.seen)
			s.seen = nil
		}
	}
}

// Push takes the stream's next segment off the wire. It delivers what has come
// in order and holds the rest in m.
func (s *Stream) Push(seg *packet.Segment, c Consumer, m *Memory) Outcome {
	seq := seg.Seq
	if seg.Flags.Any(packet.SYN) {
		seq = seq.Add(1)
	}
	s.Start(seq)
	if s.off == 0 && len(s.held) == 0 {
		s.anchor(seq, seg)
	}
	at := int64(s.off) + int64(seq.Sub(s.next))
	var out Outcome
	if n := seg.Len(); n > 0 {
		out = s.take(at, seg, c, m)
	}
	if seg.Flags.Any(packet.FIN) && !s.fin {
		if end := at + int64(seg.Len()); end >= int64(s.off) {
			s.fin, s.finOff = true, uint64(end)
		}
	}
	s.reachEnd(c)
	return out
}

// anchor corrects where a stream starts that nothing was delivered of. A SYN
// says so for certain. A keep-alive, which may be the first that is seen of a
// stream, lies one byte before the next (RFC 9293 §3.8.4); so do the first bytes
// in captures made by programs that forget that a SYN takes a sequence number.
func (s *Stream) anchor(seq packet.Seq, seg *packet.Segment) {
	switch off := seq.Sub(s.next); {
	case seg.Flags.Any(packet.SYN):
		s.next, s.fin, s.ended, s.synced = seq, false, false, true
	case off == 1 && !s.synced:
		s.next = seq
	case off == -1 && seg.Len() > 1:
		s.next = seq
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
func (s *Stream) take(at int64, seg *packet.Segment, c Consumer, m *Memory) Outcome {
	p, missing := seg.Payload, uint64(seg.Missing)
	if s.ended {
		if at+int64(seg.Len()) > int64(s.off) {
			return Late
		}
		return Old
	}
	var out Outcome
	if old := int64(s.off) - at; old > 0 {
		out |= Old
		n := min(old, int64(len(p)))
		s.check(at, p[:n], c)
		p = p[n:]
		old -= n
		if old >= int64(missing) && len(p) == 0 {
			return out
		}
		missing -= uint64(old)
		at = int64(s.off)
	}
	off := uint64(at)
	if off == s.off && len(s.held) == 0 {
		s.deliver(p, seg.Stamp(), c, m)
		s.lose(missing, Snaplen, c)
		return out | InOrder
	}
	if s.insert(off, p, missing, seg.Stamp(), c, m) {
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
func (s *Stream) deliver(p []byte, at packet.Stamp, c Consumer, m *Memory) {
	if len(p) == 0 {
		return
	}
	if s.off+uint64(len(p)) > s.acked {
		if s.seen == nil {
			s.seen = m.getHistory()
		}
		s.seen.add(s.off, p)
	}
	off := s.off
	s.off += uint64(len(p))
	s.next = s.next.Add(len(p))
	c.Data(off, p, at)
}

// lose declares the next n bytes a gap.
func (s *Stream) lose(n uint64, why Why, c Consumer) {
	if n == 0 {
		return
	}
	off := s.off
	s.off += n
	s.next += packet.Seq(n)
	c.Gap(off, n, why)
}

// drain delivers what has become the next of the held bytes.
func (s *Stream) drain(c Consumer, m *Memory) {
	i := 0
	for ; i < len(s.held) && s.held[i].off <= s.off; i++ {
		h := &s.held[i]
		s.deliver(h.buf, h.at, c, m)
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

// skipTo gives up the bytes before offset to, and delivers what follows.
func (s *Stream) skipTo(to uint64, why Why, c Consumer, m *Memory) {
	s.lose(to-s.off, why, c)
	s.drain(c, m)
	s.reachEnd(c)
}

// GiveUp declares a gap: the bytes that the peer has acknowledged, and that
// precede any held ones, will not come. Where unseen is true the peer's
// acknowledgments are not captured, and the first hole is given up without one.
func (s *Stream) GiveUp(c Consumer, m *Memory, unseen bool) {
	switch {
	case s.ended:
	case unseen && len(s.held) > 0:
		s.skipTo(s.held[0].off, Lost, c, m)
	case !s.Owed():
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
	if !s.ended && to > s.off && !s.unseenFIN(to) {
		s.skipTo(to, Lost, c, m)
	}
	s.Drop(m)
}

// unseenFIN reports that all that is missing below to is one number of sequence
// space with nothing behind it: a FIN that was not captured takes one too.
func (s *Stream) unseenFIN(to uint64) bool {
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
