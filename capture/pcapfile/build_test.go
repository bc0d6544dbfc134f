package pcapfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"example.com/wirewatch/capture"
)

// frame is a frame as the tests see it, with its own copy of the bytes.
type frame struct {
	nanos int64
	wire  uint32
	link  uint16
	iface uint16
	data  string
}

func (f frame) String() string {
	return fmt.Sprintf("{at %d, wire %d, link %d, iface %d, %d bytes: %.40q}",
		f.nanos, f.wire, f.link, f.iface, len(f.data), f.data)
}

// order is a byte order to build files in.
type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

var orders = []order{binary.LittleEndian, binary.BigEndian}

// pcapHead is the header of a pcap file.
func pcapHead(o order, magic, snaplen, link uint32) []byte {
	b := o.AppendUint32(nil, magic)
	b = o.AppendUint16(b, 2)
	b = o.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = o.AppendUint32(b, snaplen)
	return o.AppendUint32(b, link)
}

// pcapRec appends a record; the lengths need not be true.
func pcapRec(b []byte, o order, sec, frac, caplen, wirelen uint32, data string) []byte {
	for _, v := range []uint32{sec, frac, caplen, wirelen} {
		b = o.AppendUint32(b, v)
	}
	return append(b, data...)
}

// ng builds a pcapng file.
type ng struct {
	o order
	b []byte
}

// block appends a block with padding, between two right lengths.
func (n *ng) block(kind uint32, body []byte) *ng {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	total := uint32(len(body) + 12)
	n.b = n.o.AppendUint32(n.b, kind)
	n.b = n.o.AppendUint32(n.b, total)
	n.b = append(n.b, body...)
	n.b = n.o.AppendUint32(n.b, total)
	return n
}

// opt is an option with its padding.
func opt(o order, code uint16, v []byte) []byte {
	b := o.AppendUint16(nil, code)
	b = o.AppendUint16(b, uint16(len(v)))
	b = append(b, v...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func (n *ng) section(o order) *ng {
	n.o = o
	b := o.AppendUint32(nil, byteOrderMagic)
	b = o.AppendUint16(b, 1)
	b = o.AppendUint16(b, 0)
	return n.block(blockSection, append(b, bytes.Repeat([]byte{0xff}, 8)...))
}

func (n *ng) iface(link uint16, snaplen uint32, opts ...[]byte) *ng {
	b := n.o.AppendUint16(nil, link)
	b = n.o.AppendUint16(b, 0)
	b = n.o.AppendUint32(b, snaplen)
	return n.block(blockInterface, append(b, bytes.Join(opts, nil)...))
}

func (n *ng) enhanced(iface uint32, units uint64, wire uint32, data string, opts ...[]byte) *ng {
	return n.enhancedLen(iface, units, uint32(len(data)), wire, data, opts...)
}

func (n *ng) enhancedLen(iface uint32, units uint64, caplen, wire uint32, data string, opts ...[]byte) *ng {
	var b []byte
	for _, v := range []uint32{iface, uint32(units >> 32), uint32(units), caplen, wire} {
		b = n.o.AppendUint32(b, v)
	}
	b = append(b, data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return n.block(blockEnhanced, append(b, bytes.Join(opts, nil)...))
}

func (n *ng) simple(wire uint32, data string) *ng {
	return n.block(blockSimple, append(n.o.AppendUint32(nil, wire), data...))
}

func (n *ng) packet(iface uint16, units uint64, wire uint32, data string) *ng {
	b := n.o.AppendUint16(nil, iface)
	b = n.o.AppendUint16(b, 0xffff)
	for _, v := range []uint32{uint32(units >> 32), uint32(units), uint32(len(data)), wire} {
		b = n.o.AppendUint32(b, v)
	}
	return n.block(blockPacket, append(b, data...))
}

func (n *ng) secrets(kind uint32, data string) *ng {
	b := n.o.AppendUint32(nil, kind)
	b = n.o.AppendUint32(b, uint32(len(data)))
	return n.block(blockSecrets, append(b, data...))
}

func (n *ng) statistics(iface uint32, ifdrop, osdrop uint64) *ng {
	b := n.o.AppendUint32(nil, iface)
	b = append(b, make([]byte, 8)...)
	b = append(b, opt(n.o, optIsbIfdrop, n.o.AppendUint64(nil, ifdrop))...)
	b = append(b, opt(n.o, optIsbOsdrop, n.o.AppendUint64(nil, osdrop))...)
	return n.block(blockStatistics, b)
}

// drain reads s to its end and checks what holds for every source: that frames
// lie inside their block, in order and apart, and that the statistics agree.
func drain(t testing.TB, s *Source) ([]frame, error) {
	t.Helper()
	frames, _, err := drainNotes(t, s)
	return frames, err
}

// drainNotes is drain, and returns the notes, too, with their place among all
// frames.
func drainNotes(t testing.TB, s *Source) (frames []frame, notes []capture.Note, err error) {
	t.Helper()
	var bytes, cut uint64
	for {
		b, err := s.Next(context.Background())
		if err != nil {
			want := capture.Stats{Frames: uint64(len(frames)), Bytes: bytes, Truncated: cut}
			got := s.Stats()
			got.DroppedInterface, got.DroppedKernel = 0, 0
			if got != want {
				t.Errorf("stats are %+v, want %+v", got, want)
			}
			if again, err2 := s.Next(context.Background()); again != nil || !errors.Is(err2, err) {
				t.Errorf("after %v Next returned %v, %v", err, again, err2)
			}
			return frames, notes, err
		}
		if len(b.Frames) == 0 && len(b.Notes) == 0 {
			t.Error("a block that says nothing")
		}
		for i, n := range b.Notes {
			if n.At < 0 || n.At > len(b.Frames) || i > 0 && n.At < b.Notes[i-1].At {
				t.Fatalf("note %d of a block of %d frames is %+v", i, len(b.Frames), n)
			}
			n.At += len(frames)
			notes = append(notes, n)
		}
		end := uint32(0)
		for _, f := range b.Frames {
			if f.Off < end || int64(f.Off)+int64(f.Len) > int64(len(b.Buf)) || f.WireLen < f.Len || f.Len > maxFrame {
				t.Fatalf("frame %+v after %d in a buffer of %d", f, end, len(b.Buf))
			}
			end = f.Off + f.Len
			bytes += uint64(f.Len)
			if f.Len < f.WireLen {
				cut++
			}
			frames = append(frames, frame{
				nanos: f.Nanos, wire: f.WireLen, link: f.Link, iface: f.Iface, data: string(b.Buf[f.Off:end]),
			})
		}
		for n := copy(b.Buf, "gone"); n < len(b.Buf); n *= 2 { // whoever reads on after the release sees it
			copy(b.Buf[n:], b.Buf[:n])
		}
		b.Release()
	}
}

// readAll reads a capture from a stream that gives what it has at once.
func readAll(t testing.TB, file []byte) ([]frame, error) {
	t.Helper()
	return readFrom(t, bytes.NewReader(file))
}

func readFrom(t testing.TB, r io.Reader) ([]frame, error) {
	t.Helper()
	s, err := NewReader(r, "x", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	return drain(t, s)
}

func closeSource(t testing.TB, s *Source) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// write makes a file in a directory of the test's.
func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readFile reads a capture from a regular file.
func readFile(t testing.TB, data []byte) ([]frame, error) {
	t.Helper()
	s, err := Open([]string{write(t, "x.pcap", data)}, Options{})
	if err != nil {
		return nil, err
	}
	defer closeSource(t, s)
	return drain(t, s)
}

// wantFrames fails unless got is want.
func wantFrames(t testing.TB, got, want []frame) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("frame %d is missing: %v", i, want[i])
		case i >= len(want):
			t.Errorf("frame %d is too many: %v", i, got[i])
		case got[i] != want[i]:
			t.Errorf("frame %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// wantDamage fails unless err is a Damaged with that offset and reason.
func wantDamage(t testing.TB, err error, offset int64, reason string) {
	t.Helper()
	var d *capture.Damaged
	if !errors.As(err, &d) {
		t.Fatalf("the error is %v, want a *capture.Damaged", err)
	}
	if d.Offset != offset || d.Reason != reason {
		t.Errorf("damaged at %d: %s; want at %d: %s", d.Offset, d.Reason, offset, reason)
	}
}
