package decode

import (
	"bytes"
	"slices"
	"testing"

	"example.com/wirewatch/packet"
)

// within reports whether part lies in whole's memory.
func within(part, whole []byte) bool {
	if len(part) == 0 {
		return true
	}
	for i := range whole {
		if &whole[i] == &part[0] {
			return i+len(part) <= len(whole)
		}
	}
	return false
}

// checkSegment checks what is true of every segment, whatever the frame.
func checkSegment(t *testing.T, f *packet.Frame, s *packet.Segment) {
	t.Helper()
	if s.Frame != f.Number || s.Nanos != f.Nanos {
		t.Errorf("frame %d at %d became %d at %d", f.Number, f.Nanos, s.Frame, s.Nanos)
	}
	if len(s.Options) > 40 || len(s.Options)%4 != 0 {
		t.Errorf("%d bytes of options", len(s.Options))
	}
	if s.Missing > 0 && int(s.Missing) > max(0, f.WireLen-len(f.Data)) {
		t.Errorf("%d bytes missing of a frame of %d with %d captured", s.Missing, f.WireLen, len(f.Data))
	}
	if len(s.Payload) > max(maxDatagram, len(f.Data)) {
		t.Errorf("a payload of %d in a frame of %d", len(s.Payload), len(f.Data))
	}
	if s.Key.Lo().Compare(s.Key.Hi()) > 0 || !s.Key.Lo().Addr().IsValid() {
		t.Errorf("key %v %v", s.Key.Lo(), s.Key.Hi())
	}
}

// FuzzDecode cuts data into frames of a decoder's life and checks that each is
// either a segment, whose bytes are the frame's or nobody's, or is counted
// once, until it turns out to be a part of a segment; that the frame is not written to; and that what came before does not
// matter, but for fragments.
func FuzzDecode(f *testing.F) {
	for _, e := range examples() {
		f.Add(e.link, e.data, uint16(len(e.data)), uint16(0))
		f.Add(e.link, e.data[:len(e.data)-9], uint16(9), uint16(9))
	}
	for _, v := range versions {
		p := v.split(1, long(40, 0), 24, 48)
		f.Add(uint16(101), slices.Concat(p...), uint16(len(p[0])), uint16(0))
	}
	f.Fuzz(func(t *testing.T, link uint16, data []byte, size, cut uint16) {
		d := New(Options{FragmentBytes: 64 << 10, Datagrams: 16})
		var frames uint64
		for len(data) > 0 && frames < 100 {
			n := min(len(data), int(size)+1)
			frames++
			fr := packet.Frame{Number: frames, Nanos: int64(frames) * 1e9, Link: link, WireLen: n + int(cut), Data: data[:n:n]}
			data = data[n:]
			decodeChecked(t, d, &fr)
		}
		if d.frags4.cost > 64<<10 || d.frags6.cost > 64<<10 {
			t.Errorf("holds %d and %d", d.frags4.cost, d.frags6.cost)
		}
	})
}

// tally is how many frames d counts as no part of a segment.
func tally(d *Decoder) (sum uint64) {
	for _, n := range d.Counts() {
		sum += n
	}
	return sum
}

func decodeChecked(t *testing.T, d *Decoder, f *packet.Frame) {
	t.Helper()
	total, fragments := tally(d), d.frags4.fates[joined]+d.frags6.fates[joined]
	before := slices.Clone(f.Data)
	s, alone := garbage(), garbage()
	err := d.Decode(f, &s)
	if err == nil {
		checkSegment(t, f, &s)
	}
	switch now := tally(d); {
	case err != nil && now != total+1:
		t.Errorf("%d frames were counted, now %d: %v", total, now, countsOf(d))
	case err == nil && (now > total || total-now > fragments):
		t.Errorf("%d frames were counted, %d fragments, and with a segment %d: %v", total, fragments, now, countsOf(d))
	}
	if !bytes.Equal(before, f.Data) {
		t.Error("the frame was written to")
	}
	if New(Options{}).Decode(f, &alone) != nil {
		if err == nil && (within(s.Payload, f.Data) && len(s.Payload) > 0 || within(s.Options, f.Data) && len(s.Options) > 0) {
			t.Error("a reassembled segment borrows from its last frame")
		}
		return
	}
	if now := tally(d); now != total {
		t.Errorf("%d frames were counted, and with a segment of one frame %d", total, now)
	}
	if err != nil || s.Key != alone.Key || s.Seq != alone.Seq || !bytes.Equal(s.Payload, alone.Payload) || s.Missing != alone.Missing {
		t.Errorf("alone %+v, after others %+v, %v", alone, s, err)
	}
	if !within(s.Payload, f.Data) || !within(s.Options, f.Data) {
		t.Error("a segment lies outside its frame")
	}
}
