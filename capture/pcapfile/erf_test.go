package pcapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"example.com/wirewatch/capture"
)

// damage is the damage that err says, nil if it says something else.
func damage(err error) *capture.Damaged {
	d, _ := errors.AsType[*capture.Damaged](err)
	return d
}

// erfRec appends a record, padded as cards pad it. The data has all that follows
// the header.
func erfRec(b []byte, ts uint64, kind, flags byte, wire uint16, data string) []byte {
	data += strings.Repeat("\x00", -len(data)&7)
	b = binary.LittleEndian.AppendUint64(b, ts)
	b = append(b, kind, flags)
	b = binary.BigEndian.AppendUint16(b, uint16(erfHeader+len(data)))
	b = append(b, 0, 0) // lost records, or the color
	b = binary.BigEndian.AppendUint16(b, wire)
	return append(b, data...)
}

const erfSec = 1_500_000_000

// erfSample is a file with a record of each kind, and their frames.
func erfSample() ([]byte, []frame) {
	const ext, more = "\x04hashing", "\x84another"
	var file []byte
	var want []frame
	add := func(kind, flags byte, wire uint16, head, data string, link uint16) {
		ts := uint64(erfSec+len(want))<<32 | 1<<31 // half a second
		file = erfRec(file, ts, kind, flags, wire, head+data)
		if link != 0 {
			want = append(want, frame{nanos: (erfSec+int64(len(want)))*1e9 + 5e8, wire: uint32(wire), link: link, data: data})
		}
	}
	for _, kind := range []byte{2, 11, 16, 20} {
		add(kind, 4, 8, "\x00\x00", "ethernet", 1)
		add(kind|0x80, 4, 900, more+ext+"\x00\x00", "ethernet, cut.", 1) // with extension headers
	}
	add(48, 4, 0, "", "padding", 0)
	for _, kind := range []byte{1, 10, 15, 19} {
		add(kind, 4, 8, "", "\xff\x03\x00\x21ppp!", 50)
		add(kind, 4, 8, "", "\x0f\x00\x08\x00hdlc", 104)
	}
	add(5, 4, 8, "chan", "\x0f\x00\x08\x00hdlc", 104)
	add(17, 4, 8, "chan", "\x0f\x00\x08\x00hdlc", 104)
	add(22, 4, 8, "", "\x45IP four", 101)
	add(23, 4, 8, "", "\x60IPv six", 101)
	return file, want
}

func TestERF(t *testing.T) {
	file, want := erfSample()
	for name, r := range map[string]io.Reader{
		"at once": bytes.NewReader(file),
		"by byte": iotest.OneByteReader(bytes.NewReader(file)),
		"gzip":    bytes.NewReader(gzipped(t, file)),
	} {
		got, err := readFrom(t, r)
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
		wantFrames(t, got, want)
	}
	got, err := readFile(t, file)
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	wantFrames(t, got, want)
}

// The fraction of a timestamp is rounded to nanoseconds.
func TestERFTime(t *testing.T) {
	for ts, nanos := range map[uint64]int64{
		0: 0, 1: 0, 2: 0, 3: 1, 1 << 31: 5e8, 1<<32 - 1: 1e9, 1 << 32: 1e9,
		0x4b4d0d01_0002e400: 0x4b4d0d01*1e9 + 44107, // as tshark has it
		1<<64 - 1:           1 << 32 * 1e9,
	} {
		if got := erfNanos(ts); got != nanos {
			t.Errorf("%#x is %d, want %d", ts, got, nanos)
		}
	}
}

// Each port of a card is an interface.
func TestERFPorts(t *testing.T) {
	var file []byte
	for i, port := range []byte{2, 0, 2, 3} {
		file = erfRec(file, uint64(i), 2, port, 4, "\x00\x00data")
	}
	s, err := Open([]string{write(t, "x", file)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	got, err := drain(t, s)
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	var ports []uint16
	for _, f := range got {
		ports = append(ports, f.iface)
	}
	if !slices.Equal(ports, []uint16{0, 1, 0, 2}) || len(s.Interfaces()) != 3 {
		t.Errorf("the interfaces are %d of %+v", ports, s.Interfaces())
	}
	if f := s.Files()[0].Format; f != "ERF" {
		t.Errorf("the format is %q", f)
	}
}

// A record of another type is handed on with its header, as LINKTYPE_ERF has it.
func TestERFOthers(t *testing.T) {
	file := erfRec(nil, erfSec<<32, 27, 0, 8, "metadata")
	file = erfRec(file, erfSec<<32, 2, 0, 4, "\x00\x00data")
	got, err := readFile(t, file)
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	wantFrames(t, got, []frame{
		{nanos: erfSec * 1e9, wire: 24, link: 197, data: string(file[:24])}, {nanos: erfSec * 1e9, wire: 4, link: 1, data: "data"},
	})
}

// What is ERF, and what only looks like it.
func TestERFProbe(t *testing.T) {
	eth := func(b []byte, sec uint64) []byte { return erfRec(b, sec<<32, 2, 0, 4, "\x00\x00data") }
	three := eth(eth(eth(nil, 10), 10), 11)
	long := slices.Repeat(eth(nil, 10), erfProbe)
	year := uint64(erfYear)
	for _, tc := range []struct {
		name string
		file []byte
		want bool
	}{
		{"a record", eth(nil, 10), true},
		{"a record and a half", three[:36], false},
		{"three records", three, true},
		{"three records and a bit", eth(three, 11)[:len(three)+1], true},
		{"padding", erfRec(nil, 0, 48, 0, 0, ""), false},
		{"padding first", eth(erfRec(nil, 0, 48, 0, 0, ""), 10), true},
		{"type 0", erfRec(nil, 0, 0, 0, 4, "data"), false},
		{"type 49", erfRec(nil, 0, 49, 0, 4, "data"), false},
		{"shorter than its header", slices.Concat(make([]byte, 8), []byte{2, 0, 0, 15, 0, 0, 0, 0}), false},
		{"without room for a frame", erfRec(nil, 0, 2, 0, 4, ""), false},
		{"without room for an extension", erfRec(nil, 0, 0x82, 0, 4, ""), false},
		{"without room for the next", erfRec(nil, 0, 0x82, 0, 4, "\x84xxxxxxx"), false},
		{"back by a second", eth(eth(nil, 11), 10), true},
		{"back by two", eth(eth(nil, 12), 10), false},
		{"a year on", eth(eth(nil, 10), 10+year), true},
		{"and more", eth(eth(nil, 10), 11+year), false},
		{"damaged later", append(slices.Clone(long), make([]byte, 100)...), true},
		{"damaged earlier", append(slices.Clone(long[:len(long)-24]), make([]byte, 100)...), false},
		{"text", []byte(strings.Repeat("2026-01-01 00:00:00 all is well\n", 9999)), false},
		{"zeros", make([]byte, 1<<20), false},
	} {
		if _, err := readAll(t, tc.file); errors.Is(err, ErrFormat) == tc.want {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// Cut after every byte, a file gives exactly the frames that are whole, if it
// can be known at all.
func TestERFTruncated(t *testing.T) {
	file, want := erfSample()
	var ends []int
	for at := 0; at < len(file); at += erfSize(file[at:]) {
		ends = append(ends, at)
	}
	for n := range len(file) {
		i, whole := slices.BinarySearch(ends, n)
		frames := i
		if !whole {
			frames = i - 1
		}
		known := n > 0 && (whole || frames >= erfLeast)
		last := ends[frames]
		if frames > 8 {
			frames-- // the ninth record is padding
		}
		for _, read := range []func(testing.TB, []byte) ([]frame, error){readFile, readAll} {
			got, err := read(t, file[:n])
			if !known {
				if !errors.Is(err, ErrFormat) {
					t.Errorf("cut at %d: %v", n, err)
				}
				continue
			}
			wantFrames(t, got, want[:frames])
			if d := damage(err); whole != errors.Is(err, io.EOF) || !whole && (d == nil || d.Offset != int64(last)) {
				t.Errorf("cut at %d, after a record at %d: %v", n, last, err)
			}
		}
	}
}

func TestERFDamage(t *testing.T) {
	good := slices.Repeat(erfRec(nil, 0, 2, 0, 4, "\x00\x00data"), erfProbe)
	for _, tc := range []struct{ bad, reason string }{
		{string(erfRec(nil, 0, 2, 0, 4, "")), "a record of type 2 has no room for a frame in 16 bytes at offset 480"},
		{string(erfRec(nil, 0, 0x82, 0, 4, "\x84xxxxxxx")), "a record of type 2 has no room for a frame in 24 bytes at offset 480"},
		{string(erfRec(nil, 0, 0, 0, 4, "data")), "a record of type 0 has no room for a frame in 24 bytes at offset 480"},
		{strings.Repeat("\x00", 16), "a record claims 0 bytes at offset 480"},
		{"short", "the file ends 5 bytes into a 16-byte record header at offset 480"},
		{string(erfRec(nil, 0, 2, 0, 4, "data")[:20]), "the file ends 20 bytes into a 24-byte packet record at offset 480"},
	} {
		got, err := readFile(t, append(slices.Clone(good), tc.bad...))
		wantDamage(t, err, 480, tc.reason)
		if len(got) != erfProbe {
			t.Errorf("%d frames", len(got))
		}
	}
}

func FuzzERF(f *testing.F) {
	file, _ := erfSample()
	f.Add(file, uint32(100))
	f.Add(erfRec(nil, 1<<64-1, 0xff, 0xff, 1<<16-1, "\xffxxxxxxx"), uint32(10))
	f.Add(append(erfRec(nil, 1, 2, 0, 6, "\x00\x00data"), "is not ERF"...), uint32(24)) // but a part of it is
	for _, kind := range []byte{1, 2, 5, 22, 27, 48, 0x82} {
		f.Add(slices.Repeat(erfRec(nil, 1<<40, kind, kind, 6, "\x00\x00data"), 3), uint32(50))
	}
	f.Fuzz(checkInput)
}
