package pcapfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"example.com/wirewatch/capture"
)

func TestPcapVariants(t *testing.T) {
	const sec = 1_500_000_000
	for _, tc := range []struct {
		name  string
		magic uint32
		nanos int64
		extra string // after each record's header
	}{
		{"pcap", 0xa1b2c3d4, sec*1e9 + 123456000, ""},
		{"nanosecond pcap", 0xa1b23c4d, sec*1e9 + 123456, ""},
		{"modified pcap", 0xa1b2cd34, sec*1e9 + 123456000, "ifidPRPT"},
	} {
		for _, o := range orders {
			t.Run(fmt.Sprint(tc.name, " ", o), func(t *testing.T) {
				file := pcapHead(o, tc.magic, 65535, 0xf4000000|113) // with FCS bits
				file = pcapRec(file, o, sec, 123456, 5, 5, tc.extra+"hello")
				file = pcapRec(file, o, sec, 123456, 0, 60, tc.extra)
				file = pcapRec(file, o, 1<<32-1, 0, 3, 9, tc.extra+"abc")
				file = pcapRec(file, o, sec, 1<<32-1, 0, 0, tc.extra) // -1
				s, err := Open([]string{write(t, "f", file)}, Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer closeSource(t, s)
				got, err := drain(t, s)
				if !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				wantFrames(t, got, []frame{
					{nanos: tc.nanos, wire: 5, link: 113, data: "hello"},
					{nanos: tc.nanos, wire: 60, link: 113},
					{nanos: (1<<32 - 1) * 1e9, wire: 9, link: 113, data: "abc"},
					{nanos: sec*1e9 - (tc.nanos-sec*1e9)/123456, wire: 0, link: 113},
				})
				if f := s.Files()[0].Format; f != tc.name {
					t.Errorf("the format is %q", f)
				}
				if i := s.Interfaces(); len(i) != 1 || i[0] != (Interface{0, capture.Interface{Link: 113, Snaplen: 65535}}) {
					t.Errorf("the interfaces are %+v", i)
				}
			})
		}
	}
}

// The two lengths of a record: which comes first, and what if they are odd.
func TestPcapLengths(t *testing.T) {
	o := binary.LittleEndian
	for _, tc := range []struct {
		name         string
		major, minor uint16
		snaplen      uint32
		first, then  uint32
		wire         uint32
	}{
		{"plain", 2, 4, 65535, 4, 10, 10},
		{"snaplen 0", 2, 4, 0, 4, 10, 10},
		{"snaplen lies", 2, 4, 2, 4, 4, 4},
		{"snaplen 4G", 2, 4, 1<<32 - 1, 4, 4, 4},
		{"captured more than the wire had", 2, 4, 65535, 4, 2, 4},
		{"wire first", 2, 2, 65535, 10, 4, 10},
		{"wire first, but equal", 2, 2, 65535, 4, 4, 4},
		{"wire first, captured more", 2, 2, 65535, 2, 4, 4},
		{"wire first in version 2.3", 2, 3, 65535, 10, 4, 10},
		{"captured first in version 2.3", 2, 3, 65535, 4, 10, 10},
		{"wire first in DG/UX", 543, 0, 65535, 10, 4, 10},
		{"version of no importance", 9, 9, 65535, 4, 10, 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := pcapHead(o, 0xa1b2c3d4, tc.snaplen, 1)
			o.PutUint16(file[4:], tc.major)
			o.PutUint16(file[6:], tc.minor)
			file = pcapRec(file, o, 1, 0, tc.first, tc.then, "data")
			got, err := readAll(t, file)
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			wantFrames(t, got, []frame{{nanos: 1e9, wire: tc.wire, link: 1, data: "data"}})
		})
	}
}

// A frame above 256 KiB is cut, one above 16 MiB is damage.
func TestPcapLargeFrames(t *testing.T) {
	o := binary.LittleEndian
	large := strings.Repeat("0123456789abcdef", maxFrame/16)
	for _, extra := range []int{0, 1, 1000, 3 * maxFrame, maxClaim - maxFrame} {
		n := uint32(maxFrame + extra)
		file := pcapHead(o, 0xa1b2c3d4, 65535, 1)
		file = pcapRec(file, o, 1, 0, 1, 1, "a")
		file = pcapRec(file, o, 2, 0, n, n, large+strings.Repeat("x", extra))
		file = pcapRec(file, o, 3, 0, 1, 1, "b")
		want := []frame{
			{nanos: 1e9, wire: 1, link: 1, data: "a"},
			{nanos: 2e9, wire: n, link: 1, data: large},
			{nanos: 3e9, wire: 1, link: 1, data: "b"},
		}
		for name, read := range map[string]func(testing.TB, []byte) ([]frame, error){"file": readFile, "stream": readAll} {
			got, err := read(t, file)
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s, %d: %v", name, n, err)
			}
			wantFrames(t, got, want)
		}
		got, err := readFile(t, file[:len(file)-18])
		if extra > 1 {
			wantDamage(t, err, 41, fmt.Sprintf("the file ends %d bytes into a %d-byte packet record at offset 41", n+15, n+16))
			wantFrames(t, got, want[:2])
		}
	}
	file := pcapHead(o, 0xa1b2c3d4, 65535, 1)
	file = pcapRec(file, o, 1, 0, 1, 1, "a")
	file = pcapRec(file, o, 1, 0, maxClaim+1, maxClaim+1, "")
	_, err := readAll(t, file)
	wantDamage(t, err, 41, "a packet record claims 16777217 captured bytes at offset 41")
}

// Cut after every byte, a file gives exactly the frames that are whole.
func TestPcapTruncated(t *testing.T) {
	o := binary.LittleEndian
	file := pcapHead(o, 0xa1b2c3d4, 65535, 1)
	var want []frame
	ends := []boundary{{len(file), 0}}
	for i, data := range []string{"first", "", "the third frame", "x"} {
		file = pcapRec(file, o, uint32(i), 0, uint32(len(data)), uint32(len(data)), data)
		want = append(want, frame{nanos: int64(i) * 1e9, wire: uint32(len(data)), link: 1, data: data})
		ends = append(ends, boundary{len(file), i + 1})
	}
	checkTruncated(t, file, ends, want)
	_, err := readFile(t, file[:30])
	wantDamage(t, err, 24, "the file ends 6 bytes into a 16-byte record header at offset 24")
	_, err = readFile(t, file[:42])
	wantDamage(t, err, 24, "the file ends 18 bytes into a 21-byte packet record at offset 24")
}

// boundary is an offset at which a file may end, with the frames before it.
type boundary struct{ at, frames int }

// checkTruncated cuts file after every byte, and reads it from a file and from
// a stream.
func checkTruncated(t *testing.T, file []byte, ends []boundary, want []frame) {
	t.Helper()
	for n := range len(file) + 1 {
		last := boundary{}
		for _, b := range ends {
			if b.at <= n {
				last = b
			}
		}
		for _, read := range []func(testing.TB, []byte) ([]frame, error){readFile, readAll} {
			got, err := read(t, file[:n])
			wantFrames(t, got, want[:last.frames])
			var d *capture.Damaged
			switch {
			case n < 4 && !errors.Is(err, ErrFormat),
				n >= 4 && n == last.at && !errors.Is(err, io.EOF),
				n >= 4 && n > last.at && (!errors.As(err, &d) || d.Offset != int64(last.at)):
				t.Errorf("cut at %d, %d bytes after a boundary: %v", n, n-last.at, err)
			}
		}
	}
}
