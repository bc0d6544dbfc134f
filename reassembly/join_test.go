package reassembly

import (
	"fmt"
	"strings"
	"testing"

	"example.com/wirewatch/packet"
)

// script is a Consumer that writes down what it is told.
type script struct{ strings.Builder }

func (s *script) Data(off int64, p []byte, from Origin) {
	fmt.Fprintf(s, "%d:%s(frame %d, acked %d) ", off, p, from.Frame, from.Acked)
}
func (s *script) Gap(off int64, n uint64, _ Why) { fmt.Fprintf(s, "%d:gap of %d ", off, n) }
func (s *script) Conflict(Conflict)              {}
func (s *script) End(off int64)                  { fmt.Fprintf(s, "%d:end ", off) }

// TestJoining joins streams in their middle: what the peer has acknowledged says
// where they go on.
func TestJoining(t *testing.T) {
	const far = 1 << 30
	for name, tc := range map[string]struct {
		acks  []int // of the peer, before anything
		segs  []*packet.Segment
		late  int  // an acknowledgment after the segments, if positive
		wait  bool // what is missing is given up before the end
		waits bool
		want  string
	}{
		"nothing is known": {
			segs: []*packet.Segment{seg(1, 50, "abc", 0), seg(2, 53, "de", packet.FIN)},
			want: "0:abc(frame 1, acked 1) 3:de(frame 2, acked 2) 5:end ",
		},
		"where the peer waits": {
			acks: []int{50}, segs: []*packet.Segment{seg(1, 50, "abc", 0)},
			want: "0:abc(frame 1, acked 1) ",
		},
		"reordered": {
			acks: []int{50}, segs: []*packet.Segment{seg(1, 53, "de", 0), seg(2, 50, "abc", 0)},
			want: "0:abc(frame 2, acked 2) 3:de(frame 1, acked 1) ",
		},
		"its first bytes went by before": {
			acks: []int{50}, segs: []*packet.Segment{seg(1, 53, "de", 0)}, waits: true, wait: true,
			want: "3:de(frame 1, acked 1) ",
		},
		"and nothing else comes": {
			acks: []int{50}, segs: []*packet.Segment{seg(1, 53, "de", 0)}, waits: true,
			want: "3:de(frame 1, acked 1) ",
		},
		"and they are acknowledged": {
			acks: []int{50}, segs: []*packet.Segment{seg(1, 53, "de", 0)}, late: 55, waits: true, wait: true,
			want: "3:de(frame 1, acked 1) ",
		},
		"acknowledged before it was captured": {
			acks: []int{50, 55}, segs: []*packet.Segment{seg(1, 48, "xyabc", 0), seg(2, 53, "de", 0)},
			want: "-2:xyabc(frame 1, acked 1) 3:de(frame 2, acked 2) ",
		},
		"the peer speaks of something else": {
			acks: []int{far}, segs: []*packet.Segment{seg(1, 50, "abc", 0)},
			want: "0:abc(frame 1, acked 1) ",
		},
		"an ACK overtakes the bytes before it": {
			segs: []*packet.Segment{seg(1, 53, "", 0), seg(2, 50, "abc", 0), seg(3, 53, "de", 0)},
			want: "-3:abc(frame 2, acked 2) 0:de(frame 3, acked 3) ",
		},
		"a keep-alive's byte": {
			segs: []*packet.Segment{seg(1, 49, "?", 0), seg(2, 50, "abc", 0)},
			want: fmt.Sprintf("0:?(frame 1, acked %d) 1:abc(frame 2, acked 2) ", Unacknowledged),
		},
		"the SYN comes after all": {
			acks: []int{10}, segs: []*packet.Segment{
				{Frame: 1, Seq: isn, Flags: packet.SYN}, seg(2, 0, "abc", 0),
			},
			want: "0:abc(frame 2, acked 2) ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var k script
			s, m := &Stream{}, NewMemory(DefaultLimits())
			for _, a := range tc.acks {
				s.Ack(isn.Add(1+a), m)
			}
			for _, g := range tc.segs {
				s.Push(g, int64(g.Frame), &k, m)
			}
			if tc.late > 0 {
				s.Ack(isn.Add(1+tc.late), m)
			}
			if s.Joining() != tc.waits {
				t.Errorf("joining: %t", s.Joining())
			}
			if tc.wait {
				s.GiveUp(&k, m, false)
			}
			s.Flush(&k, m)
			if k.String() != tc.want {
				t.Errorf("got  %s\nwant %s", &k, tc.want)
			}
		})
	}
}

// TestWhatIsAcknowledged checks the offsets that acknowledgments have, also of a
// stream that has not begun.
func TestWhatIsAcknowledged(t *testing.T) {
	k, s, m := nothing{}, &Stream{}, NewMemory(DefaultLimits())
	for _, tc := range []struct{ ack, want int64 }{{50, 0}, {60, 10}, {40, -10}} {
		if got := s.Ack(isn.Add(int(1+tc.ack)), m); got != tc.want {
			t.Errorf("%d is at %d, want %d", tc.ack, got, tc.want)
		}
	}
	s.Push(seg(1, 48, "abcdefghijkl", packet.FIN), 0, k, m)
	if end, seen := s.FIN(); end != 10 || !seen {
		t.Errorf("FIN at %d, %t", end, seen)
	}
	if got := s.Ack(isn.Add(1+61), m); got != 11 || s.Acked() != 10 {
		t.Errorf("the FIN's acknowledgment is at %d, and %d bytes are acknowledged", got, s.Acked())
	}
}
