package reassembly

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"example.com/wirewatch/packet"
)

// sink is a Consumer that keeps what it is told.
type sink struct {
	t         testing.TB
	data      []byte // gaps as zeros
	known     []bool
	conflicts []Conflict
	ended     bool
}

func (s *sink) at(off int64) {
	if s.ended {
		s.t.Errorf("something at %d after the end", off)
	}
	if off != int64(len(s.data)) {
		s.t.Errorf("offset %d, want %d", off, len(s.data))
	}
}

func (s *sink) Data(off int64, p []byte, at Origin) {
	s.at(off)
	if len(p) == 0 || at.Frame == 0 {
		s.t.Errorf("data of %d bytes from frame %d", len(p), at.Frame)
	}
	s.data = append(s.data, p...)
	for range p {
		s.known = append(s.known, true)
	}
}

func (s *sink) Gap(off int64, n uint64, _ Why) {
	s.at(off)
	if n == 0 {
		s.t.Error("empty gap")
	}
	s.data = append(s.data, make([]byte, n)...)
	s.known = append(s.known, make([]bool, n)...)
}
func (s *sink) Conflict(c Conflict) { s.conflicts = append(s.conflicts, c) }
func (s *sink) End(off int64)       { s.at(off); s.ended = true }

const isn packet.Seq = 0xffffff00 // the streams of these tests cross the wrap

func seg(frame uint64, off int, p string, fl packet.Flags) *packet.Segment {
	return &packet.Segment{Frame: frame, Seq: isn.Add(1 + off), Payload: []byte(p), Flags: packet.ACK | fl}
}

type step struct {
	off  int
	data string
	fl   packet.Flags
	ack  int // >0: the peer acknowledges so much first
	cut  int // bytes that the snaplen cut
}

func run1(t testing.TB, l Limits, steps []step) (*sink, *Stream, *Memory) {
	k, s, m := &sink{t: t}, &Stream{}, NewMemory(l)
	s.Push(&packet.Segment{Frame: 1, Seq: isn, Flags: packet.SYN}, 0, k, m)
	for i, st := range steps {
		if st.ack > 0 {
			s.Ack(isn.Add(1+st.ack), m)
		}
		if st.data != "" || st.fl != 0 || st.cut > 0 {
			g := seg(uint64(i+2), st.off, st.data, st.fl)
			g.Missing = uint32(st.cut)
			s.Push(g, 0, k, m)
		}
	}
	return k, s, m
}

func TestStream(t *testing.T) {
	for _, tc := range []struct {
		name      string
		steps     []step
		want      string // '.' for a gap's bytes
		conflicts int
		open      bool
	}{
		{"in order", []step{{0, "abc", 0, 0, 0}, {3, "def", packet.FIN, 0, 0}}, "abcdef", 0, false},
		{"reordered", []step{{3, "def", packet.FIN, 0, 0}, {0, "abc", 0, 0, 0}}, "abcdef", 0, false},
		{"early FIN without data", []step{{3, "", packet.FIN, 0, 0}, {0, "abc", 0, 0, 0}}, "abc", 0, false},
		{"duplicate", []step{{0, "abc", 0, 0, 0}, {0, "abc", 0, 0, 0}, {3, "", packet.FIN, 0, 0}}, "abc", 0, false},
		{"conflict with delivered", []step{{0, "abc", 0, 0, 0}, {0, "aXc", 0, 0, 0}, {3, "", packet.FIN, 0, 0}}, "abc", 1, false},
		{"no conflict once acknowledged", []step{{0, "abc", 0, 0, 0}, {0, "aXc", 0, 3, 0}, {3, "", packet.FIN, 0, 0}}, "abc", 0, false},
		{"conflict inside a longer copy", []step{{0, "abc", 0, 0, 0}, {0, "aXcdef", packet.FIN, 0, 0}}, "abcdef", 1, false},
		{"conflict with parts of two segments", []step{{0, "abc", 0, 0, 0}, {3, "def", 0, 0, 0}, {2, "cX", 0, 0, 0}, {6, "", packet.FIN, 0, 0}}, "abcdef", 1, false},
		{"conflict with held", []step{{3, "def", 0, 0, 0}, {0, "abcXeY", packet.FIN, 0, 0}}, "abcdef", 1, false},
		{"held pieces, covered and not", []step{{2, "c", 0, 0, 0}, {4, "e", 0, 0, 0}, {1, "bXdYf", 0, 0, 0}, {0, "a", 0, 0, 0}, {6, "", packet.FIN, 0, 0}}, "abcdef", 2, false},
		{"partial overlap", []step{{0, "abcd", 0, 0, 0}, {2, "cdef", packet.FIN, 0, 0}}, "abcdef", 0, false},
		{"hole at the end of the flow", []step{{0, "abc", 0, 0, 0}, {5, "fgh", 0, 0, 0}}, "abc..fgh", 0, true},
		{"tail acknowledged, never seen", []step{{0, "abc", 0, 0, 0}, {0, "", 0, 9, 0}}, "abc......", 0, true},
		{"unseen FIN is no gap", []step{{0, "abc", 0, 0, 0}, {0, "", 0, 4, 0}}, "abc", 0, true},
		{"snaplen", []step{{0, "ab", 0, 0, 3}, {5, "f", packet.FIN, 0, 0}}, "ab...f", 0, false},
		{"snaplen, reordered", []step{{5, "f", packet.FIN, 0, 0}, {0, "ab", 0, 0, 3}}, "ab...f", 0, false},
		{"snaplen, held", []step{{2, "c", 0, 0, 3}, {0, "ab", 0, 0, 0}, {6, "g", packet.FIN, 0, 0}}, "abc...g", 0, false},
		{"keep-alive is no copy", []step{{0, "a", 0, 0, 0}, {0, "\x00", 0, 0, 0}, {1, "", packet.FIN, 0, 0}}, "a", 0, false},
		{"first bytes on the SYN's number", []step{{-1, "abc", 0, 0, 0}, {2, "def", packet.FIN, 0, 0}}, "abcdef", 0, false},
		{"before the start", []step{{-3, "xyzab", 0, 0, 0}, {2, "", packet.FIN, 0, 0}}, "ab", 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k, s, m := run1(t, DefaultLimits(), tc.steps)
			s.Flush(k, m)
			got := append([]byte(nil), k.data...)
			for i, ok := range k.known {
				if !ok {
					got[i] = '.'
				}
			}
			if string(got) != tc.want || len(k.conflicts) != tc.conflicts || k.ended == tc.open {
				t.Errorf("got %q, %d conflicts, ended %v; want %q, %d, %v", got, len(k.conflicts), k.ended, tc.want, tc.conflicts, !tc.open)
			}
			if m.Total() != 0 {
				t.Errorf("%d bytes still held", m.Total())
			}
		})
	}
}

func TestConflictHashesBoth(t *testing.T) {
	k, _, _ := run1(t, DefaultLimits(), []step{{0, "abc", 0, 0, 0}, {0, "aXc", 0, 0, 0}})
	if len(k.conflicts) != 1 || k.conflicts[0].Kept == k.conflicts[0].Came || k.conflicts[0].Len != 3 {
		t.Errorf("conflicts %+v", k.conflicts)
	}
}

func TestHistoryRing(t *testing.T) {
	k, s, m := &sink{t: t}, &Stream{}, NewMemory(DefaultLimits())
	s.Push(&packet.Segment{Frame: 1, Seq: isn, Flags: packet.SYN}, 0, k, m)
	stream := make([]byte, 5*historyMax)
	for i := range stream {
		stream[i] = byte(i * 7 >> 3)
	}
	for off := 0; off < len(stream); {
		n := min(2+off%1460, len(stream)-off)
		s.Push(seg(2, off, string(stream[off:off+n]), 0), 0, k, m)
		from := max(0, off+n-historyMax) // all that can be remembered is compared, and is the same
		s.Push(seg(3, from, string(stream[from:off+n]), 0), 0, k, m)
		if len(k.conflicts) != 0 {
			t.Fatalf("conflict at %d: %+v", off, k.conflicts)
		}
		bad := bytes.Clone(stream[from : off+n])
		bad[0] ^= 1
		if s.Push(seg(4, from, string(bad), 0), 0, k, m); len(k.conflicts) != 1 {
			t.Fatalf("no conflict found at %d", from)
		}
		k.conflicts = nil
		off += n
	}
}

func TestGiveUpOnlyWhatIsOwed(t *testing.T) {
	k, s, m := run1(t, DefaultLimits(), []step{{0, "abc", 0, 0, 0}, {9, "jkl", 0, 0, 0}})
	if s.GiveUp(k, m, false); len(k.data) != 3 {
		t.Fatalf("gave up a hole that nobody acknowledged: %q", k.data)
	}
	s.Ack(isn.Add(1+6), m)
	if s.GiveUp(k, m, false); len(k.data) != 6 {
		t.Fatalf("delivered up to %d, want 6", len(k.data))
	}
	s.Ack(isn.Add(1+12), m)
	if s.GiveUp(k, m, false); string(k.data[9:]) != "jkl" {
		t.Fatalf("held bytes were not delivered: %q", k.data)
	}
}

func TestLimits(t *testing.T) {
	for name, l := range map[string]Limits{
		"segments": {Flow: 1 << 30, Shard: 1 << 30, Segments: 10},
		"flow":     {Flow: 30 << 10, Shard: 1 << 30, Segments: 1 << 20},
		"shard":    {Flow: 1 << 30, Shard: 30 << 10, Segments: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			k, s, m := &sink{t: t}, &Stream{}, NewMemory(l)
			s.Push(&packet.Segment{Frame: 1, Seq: isn, Flags: packet.SYN}, 0, k, m)
			for i := range 1000 {
				s.Push(seg(uint64(i+2), 1+2*i, "x", 0), 0, k, m)
				if len(s.held) > 20 || m.Total() > 40<<10 {
					t.Fatalf("%d runs, %d bytes held", len(s.held), m.Total())
				}
			}
			s.Flush(k, m)
			if len(k.data) != 2000 {
				t.Errorf("%d bytes accounted for", len(k.data))
			}
		})
	}
}

func TestMidStreamStart(t *testing.T) {
	k, s, m := &sink{t: t}, &Stream{}, NewMemory(DefaultLimits())
	s.Push(seg(1, 100, "hello", 0), 0, k, m)
	if string(k.data) != "hello" {
		t.Errorf("got %q", k.data)
	}
}

func TestKeepAliveFirst(t *testing.T) {
	k, s, m := &sink{t: t}, &Stream{}, NewMemory(DefaultLimits())
	s.Push(seg(1, 99, "", 0), 0, k, m)
	s.Push(seg(2, 100, "hello", 0), 0, k, m)
	if string(k.data) != "hello" {
		t.Errorf("got %q", k.data)
	}
}

func TestSYNAfterAnInjectedFIN(t *testing.T) {
	k, s, m := &sink{t: t}, &Stream{}, NewMemory(DefaultLimits())
	s.Push(&packet.Segment{Frame: 1, Flags: packet.RST | packet.ACK | packet.FIN}, 0, nothing{}, m)
	s.Push(&packet.Segment{Frame: 2, Seq: isn, Flags: packet.SYN | packet.ACK}, 0, k, m)
	s.Push(seg(3, 0, "hello", 0), 0, k, m)
	if string(k.data) != "hello" {
		t.Errorf("got %q", k.data)
	}
}

func TestInOrderAllocatesNothing(t *testing.T) {
	k, s, m := nothing{}, &Stream{}, NewMemory(DefaultLimits())
	g := seg(1, 0, string(make([]byte, 1460)), 0)
	s.Push(g, 0, k, m)
	if n := testing.AllocsPerRun(1000, func() {
		g.Seq = g.Seq.Add(1460)
		s.Push(g, 0, k, m)
		s.Ack(g.Seq, m)
	}); n != 0 {
		t.Errorf("%v allocations a segment", n)
	}
}

type nothing struct{}

func (nothing) Data(int64, []byte, Origin) {}
func (nothing) Gap(int64, uint64, Why)     {}
func (nothing) Conflict(Conflict)          {}
func (nothing) End(int64)                  {}

// FuzzStream sends a random stream in random pieces, some lost, some twice,
// some with other bytes, and compares what comes out with a map of what went in
// first.
func FuzzStream(f *testing.F) {
	f.Add(uint64(1), uint64(2), uint16(300))
	f.Add(uint64(7), uint64(9), uint16(5))
	f.Fuzz(func(t *testing.T, a, b uint64, size uint16) {
		r := rand.New(rand.NewPCG(a, b))
		oracle(t, r, int(size)%2000+1)
	})
}

func TestOracle(t *testing.T) {
	for i := range uint64(3000) {
		oracle(t, rand.New(rand.NewPCG(i, 1)), 1+int(i%700))
		if t.Failed() {
			t.Fatalf("seed %d", i)
		}
	}
}

func oracle(t *testing.T, r *rand.Rand, size int) {
	stream := make([]byte, size)
	for i := range stream {
		stream[i] = byte(r.Uint32())
	}
	first := make([]int, size) // the first copy of each byte, -1: never sent
	for i := range first {
		first[i] = -1
	}
	k, s, m := &sink{t: t}, &Stream{}, NewMemory(DefaultLimits())
	s.Push(&packet.Segment{Frame: 1, Seq: isn, Flags: packet.SYN}, 0, k, m)
	pos := 0
	conflicting := false
	for frame := uint64(2); pos < size || r.IntN(8) > 0; frame++ {
		var off int
		switch r.IntN(4) {
		case 0:
			off = r.IntN(size)
		default:
			off = min(pos, size-1)
		}
		n := min(1+r.IntN(60), size-off)
		p := bytes.Clone(stream[off : off+n])
		if r.IntN(10) == 0 {
			p[r.IntN(n)] ^= 0x55
			conflicting = true
		}
		if off == pos {
			pos += n
		}
		if r.IntN(6) == 0 {
			continue // lost
		}
		for i, c := range p {
			if first[off+i] < 0 && off+i >= int(s.off) {
				first[off+i] = int(c)
			}
		}
		fl := packet.Flags(0)
		if off+n == size && r.IntN(2) == 0 {
			fl = packet.FIN
		}
		g := seg(frame, off, string(p), fl)
		s.Push(g, 0, k, m)
		clear(g.Payload) // borrowed: nobody may look at it now
		if r.IntN(8) == 0 {
			s.Ack(isn.Add(1+r.IntN(pos+1)), m)
		}
		if r.IntN(30) == 0 {
			s.GiveUp(k, m, false)
		}
	}
	s.Flush(k, m)
	for i := range k.data {
		if k.known[i] != (first[i] >= 0) && k.known[i] {
			t.Fatalf("byte %d delivered, never sent", i)
		}
		if k.known[i] && int(k.data[i]) != first[i] {
			t.Fatalf("byte %d is %#x, want the first copy %#x", i, k.data[i], first[i])
		}
		if !k.known[i] && first[i] >= 0 {
			t.Fatalf("byte %d was sent in time and not delivered", i)
		}
	}
	if len(k.conflicts) > 0 && !conflicting {
		t.Fatal("conflict where no copies differ")
	}
	if m.Total() != 0 {
		t.Fatalf("%d bytes still held", m.Total())
	}
}

func BenchmarkInOrder(b *testing.B) {
	for _, size := range []int{100, 1460} {
		b.Run(map[int]string{100: "small", 1460: "full"}[size], func(b *testing.B) {
			k, s, m := nothing{}, &Stream{}, NewMemory(DefaultLimits())
			g := seg(1, 0, string(make([]byte, size)), 0)
			s.Push(g, 0, k, m)
			b.SetBytes(int64(size))
			for b.Loop() {
				g.Seq = g.Seq.Add(size)
				s.Push(g, 0, k, m)
				s.Ack(g.Seq, m)
			}
		})
	}
}
