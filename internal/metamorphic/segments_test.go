package metamorphic

import (
	"bytes"
	"context"
	"io"
	"iter"
	"math/rand/v2"
	"slices"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/decode"
	"example.com/wirewatch/capture/pcapfile"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/packet"
)

// segments reads the TCP segments of a capture, with memory of their own.
func segments(path string) (out []packet.Segment, err error) {
	src, err := pcapfile.Open([]string{path}, pcapfile.Options{})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	dec, n := decode.New(decode.Options{}), uint64(0)
	for {
		b, err := src.Next(context.Background())
		if err != nil {
			return out, nil // what is damaged is read as far as it goes
		}
		for _, r := range b.Frames {
			n++
			f := packet.Frame{Number: n, Nanos: r.Nanos, Link: r.Link, WireLen: int(r.WireLen), Data: b.Buf[r.Off:][:r.Len]}
			var s packet.Segment
			if dec.Decode(&f, &s) == nil {
				s.Payload, s.Options = slices.Clone(s.Payload), slices.Clone(s.Options)
				out = append(out, s)
			}
		}
		b.Release()
	}
}

// replay is a source and a decoder that yield given segments, one a frame.
type replay struct {
	segs []packet.Segment
	next int
}

func (r *replay) Next(context.Context) (*capture.Block, error) {
	if r.next >= len(r.segs) {
		return nil, io.EOF
	}
	b := &capture.Block{}
	for ; r.next < len(r.segs) && len(b.Frames) < 500; r.next++ {
		b.Frames = append(b.Frames, capture.Record{Nanos: r.segs[r.next].Nanos})
	}
	return b, nil
}

func (r *replay) Stats() capture.Stats { return capture.Stats{} }
func (r *replay) Close() error         { return nil }

func (r *replay) Decode(f *packet.Frame, s *packet.Segment) error {
	*s = r.segs[f.Number-1]
	s.Frame, s.Nanos = f.Number, f.Nanos
	return nil
}

func (r *replay) Counts() iter.Seq2[string, uint64] { return func(func(string, uint64) bool) {} }

// A change makes a variant of a capture's segments.
type change struct {
	name string
	f    func(r *rand.Rand, in []packet.Segment) []packet.Segment
}

var changes = []change{
	{"split", split}, {"duplicate", duplicate}, {"reorder", reorder}, {"join", join}, {"cut SYNs", cutSYNs},
	{"join, split", func(r *rand.Rand, in []packet.Segment) []packet.Segment { return split(r, join(r, in)) }},
	{"split, reorder, duplicate", func(r *rand.Rand, in []packet.Segment) []packet.Segment {
		return duplicate(r, reorder(r, split(r, in)))
	}},
	{"cut SYNs, split, duplicate", func(r *rand.Rand, in []packet.Segment) []packet.Segment {
		return duplicate(r, split(r, cutSYNs(r, in)))
	}},
}

// split cuts segments into up to four.
func split(r *rand.Rand, in []packet.Segment) (out []packet.Segment) {
	for _, s := range in {
		for n := r.IntN(4); n > 0 && len(s.Payload) > 1 && !s.Flags.Any(packet.SYN|packet.RST); n-- {
			k := 1 + r.IntN(len(s.Payload)-1)
			first := s
			first.Payload, first.Missing, first.Flags = s.Payload[:k], 0, s.Flags&^(packet.FIN|packet.PSH)
			out = append(out, first)
			s.Payload, s.Seq = s.Payload[k:], s.Seq.Add(k)
		}
		out = append(out, s)
	}
	return out
}

// join makes one segment of two that follow each other in one direction with
// nothing of their flow between them.
func join(r *rand.Rand, in []packet.Segment) (out []packet.Segment) {
	last := map[flow.Key]int{}
	for _, s := range in {
		i, seen := last[s.Key]
		if seen && r.IntN(2) == 0 {
			p := &out[i]
			if p.Swapped == s.Swapped && p.Missing == 0 && len(p.Payload) > 0 && len(s.Payload) > 0 && p.Ack == s.Ack &&
				(p.Flags|s.Flags)&(packet.SYN|packet.RST|packet.URG) == 0 && p.Flags&packet.FIN == 0 &&
				p.Seq.Add(len(p.Payload)) == s.Seq && len(p.Payload)+len(s.Payload) < 1<<16 {
				p.Payload = slices.Concat(p.Payload, s.Payload)
				p.Missing, p.Flags, p.Window = s.Missing, p.Flags|s.Flags, s.Window
				continue
			}
		}
		last[s.Key] = len(out)
		out = append(out, s)
	}
	return out
}

// duplicate sends some segments again, a little later.
func duplicate(r *rand.Rand, in []packet.Segment) (out []packet.Segment) {
	type late struct {
		s  packet.Segment
		in int
	}
	var waiting []late
	for i, s := range in {
		out = append(out, s)
		if r.IntN(4) == 0 && !s.Flags.Any(packet.RST) && !ends(in[i:min(i+4, len(in))], s.Key) {
			waiting = append(waiting, late{s, r.IntN(3)})
		}
		waiting = slices.DeleteFunc(waiting, func(l late) bool {
			if l.in > 0 {
				return false
			}
			l.s.Nanos = s.Nanos
			out = append(out, l.s)
			return true
		})
		for i := range waiting {
			waiting[i].in--
		}
	}
	return out
}

// ends reports that a flow is opened or reset by one of the segments: a copy
// after that would be of another connection.
func ends(in []packet.Segment, k flow.Key) bool {
	return slices.ContainsFunc(in, func(s packet.Segment) bool {
		return s.Key == k && s.Flags.Any(packet.RST|packet.SYN)
	})
}

// reorder moves segments back by up to three places, but not across what stands
// firm in their flow, nor by more time than a network or a capture may hold a
// frame up, nor before another copy of their bytes that differs: which of the
// two came first is what the capture says. The times stay where they are.
func reorder(r *rand.Rand, in []packet.Segment) []packet.Segment {
	out, firm := slices.Clone(in), firmOf(in)
	for i := range out {
		j := i - r.IntN(4)
		if j < 0 || in[i].Nanos-in[j].Nanos > 1e8 || stands(out[j:i+1], firm[j:i+1]) || conflicts(out[j:i], &out[i]) {
			continue
		}
		s, f := out[i], firm[i]
		copy(out[j+1:i+1], out[j:i])
		copy(firm[j+1:i+1], firm[j:i])
		out[j], firm[j] = s, f
	}
	for i := range out {
		out[i].Nanos = in[i].Nanos
	}
	return out
}

// firmOf says which segments others of their flow must not cross: its SYNs and
// RSTs, and the first bytes of a direction of which no SYN was captured. Nothing
// but that they come first says that such a stream begins there, as far as the
// capture goes; what was sent before them, and came after them, would not be in
// a capture that was started between the two.
func firmOf(in []packet.Segment) []bool {
	begun, firm := map[sender]bool{}, make([]bool, len(in))
	for i, s := range in {
		from := sender{s.Key, s.Swapped}
		firm[i] = s.Flags.Any(packet.SYN|packet.RST) || s.Len() > 0 && !begun[from]
		begun[from] = begun[from] || s.Flags.Any(packet.SYN) || s.Len() > 0
	}
	return firm
}

// stands reports that one of the segments is firm and of the flow of the last.
func stands(in []packet.Segment, firm []bool) bool {
	for i := range in {
		if firm[i] && in[i].Key == in[len(in)-1].Key {
			return true
		}
	}
	return false
}

// sender is one direction of a 5-tuple.
type sender struct {
	flow.Key
	swapped bool
}

// conflicts reports that one of the segments has another copy of bytes of s that
// differs.
func conflicts(in []packet.Segment, s *packet.Segment) bool {
	return slices.ContainsFunc(in, func(o packet.Segment) bool {
		if o.Key != s.Key || o.Swapped != s.Swapped {
			return false
		}
		a, b := o.Payload, s.Payload
		if ahead := int(s.Seq.Sub(o.Seq)); ahead >= 0 {
			a = a[min(ahead, len(a)):]
		} else {
			b = b[min(-ahead, len(b)):]
		}
		n := min(len(a), len(b))
		return !bytes.Equal(a[:n], b[:n])
	})
}

// cutSYNs drops the SYNs that a capture lacks that was started late: those that
// the first connection of a 5-tuple was opened with. One that opens another later
// on is all that tells the two apart.
func cutSYNs(_ *rand.Rand, in []packet.Segment) (out []packet.Segment) {
	first := map[sender]packet.Seq{}
	for _, s := range in {
		if s.Flags&(packet.SYN|packet.ACK) == packet.SYN && s.Len() == 0 {
			from := sender{s.Key, s.Swapped}
			if isn, seen := first[from]; !seen || isn == s.Seq {
				first[from] = s.Seq
				continue
			}
		}
		out = append(out, s)
	}
	return out
}
