package reassembly

import (
	"testing"

	"example.com/wirewatch/packet"
)

// TestQuestions checks what a stream's owner asks, step by step.
func TestQuestions(t *testing.T) {
	k, s, m := &sink{t: t}, &Stream{}, NewMemory(DefaultLimits())
	type state struct {
		started, ended, holding, owed bool
		off, acked                    int64
	}
	check := func(what string, want state) {
		t.Helper()
		if got := (state{s.Started(), s.Ended(), s.Holding(), s.Owed(), s.Offset(), s.Acked()}); got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	expects := func(off int, want bool) {
		t.Helper()
		if got := s.Expects(seg(9, off, "", packet.RST)); got != want {
			t.Errorf("expects a segment at offset %d: %t", off, got)
		}
	}
	expects(1000, true)
	check("nothing", state{})
	s.Ack(isn.Add(5), m)
	check("an ACK before anything", state{})
	s.Push(&packet.Segment{Frame: 1, Seq: isn, Flags: packet.SYN}, 0, k, m)
	check("SYN", state{started: true})
	if out := s.Push(seg(2, 0, "abc", 0), 0, k, m); out != InOrder {
		t.Errorf("outcome %b", out)
	}
	check("in order", state{started: true, off: 3})
	expects(0, true)
	expects(3, true)
	expects(4, false)
	if a := s.Ahead(seg(3, 5, "f", 0)); a != 2 {
		t.Errorf("%d ahead", a)
	}
	if out := s.Push(seg(3, 5, "fg", packet.FIN), 0, k, m); out != Held {
		t.Errorf("outcome %b", out)
	}
	check("a hole", state{started: true, holding: true, off: 3})
	expects(1000, true)
	s.Ack(isn.Add(1+5), m)
	check("the hole acknowledged", state{started: true, holding: true, owed: true, off: 3, acked: 5})
	s.Ack(isn.Add(1+4), m)
	check("an older ACK", state{started: true, holding: true, owed: true, off: 3, acked: 5})
	if out := s.Push(seg(4, 0, "abcde", 0), 0, k, m); out != InOrder|Old {
		t.Errorf("outcome %b", out)
	}
	check("the hole filled", state{started: true, ended: true, off: 7, acked: 5})
	expects(8, true)
	expects(9, false)
	s.Ack(isn.Add(1+8), m)
	check("the FIN acknowledged, which is no byte", state{started: true, ended: true, off: 7, acked: 7})
	if out := s.Push(seg(5, 0, "abc", 0), 0, k, m); out != Old {
		t.Errorf("outcome %b", out)
	}
	if out := s.Push(seg(5, 7, "x", 0), 0, k, m); out != Late {
		t.Errorf("outcome %b", out)
	}
	if string(k.data) != "abcdefg" || !k.ended {
		t.Errorf("%q, ended %t", k.data, k.ended)
	}
}

// TestOneNumberAlone checks that a number which is acknowledged alone, a byte or an
// unseen FIN, is waited for and is no gap.
func TestOneNumberAlone(t *testing.T) {
	k, s, m := &sink{t: t}, &Stream{}, NewMemory(DefaultLimits())
	s.Push(&packet.Segment{Frame: 1, Seq: isn, Flags: packet.SYN}, 0, k, m)
	s.Push(seg(2, 0, "abc", 0), 0, k, m)
	owed := func(what string, want bool) {
		t.Helper()
		if s.Owed() != want || s.Offset() != int64(len(k.data)) {
			t.Errorf("%s: owed %t, offset %d after %q", what, s.Owed(), s.Offset(), k.data)
		}
	}
	s.Ack(isn.Add(1+4), m)
	owed("acknowledged", true)
	s.GiveUp(k, m, false)
	owed("waited for", false)
	s.Push(seg(3, 3, "d", 0), 0, k, m)
	owed("it was a byte", false)
	s.Ack(isn.Add(1+5), m)
	owed("the next", true)
	s.GiveUp(k, m, false)
	s.Ack(isn.Add(1+7), m)
	owed("two more", true)
	s.Push(seg(4, 4, "efg", 0), 0, k, m)
	s.Ack(isn.Add(1+8), m)
	s.Flush(k, m)
	owed("in the end", true)
	if string(k.data) != "abcdefg" {
		t.Errorf("%q", k.data)
	}
}

// TestBuffersComeBack checks that what was held is used again.
func TestBuffersComeBack(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short goes with -race, which allocates on its own account")
	}
	k, m := nothing{}, NewMemory(DefaultLimits())
	s := &Stream{}
	s.Push(&packet.Segment{Frame: 1, Seq: isn, Flags: packet.SYN}, 0, k, m)
	first, second := seg(2, 0, "abc", 0), seg(3, 3, "def", 0)
	turn := func() {
		s.Push(second, 0, k, m)
		s.Push(first, 0, k, m)
		first.Seq, second.Seq = first.Seq.Add(6), second.Seq.Add(6)
		s.Ack(first.Seq, m)
	}
	turn()
	if n := testing.AllocsPerRun(1000, turn); n > 2 { // but not for the bytes
		t.Errorf("%v allocations for two segments out of order", n)
	}
	if m.Total() != 0 {
		t.Errorf("%d bytes are held", m.Total())
	}
}
