package pcapfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// nm builds a Network Monitor file: its records, and the offsets of those that
// are to be in the frame table.
type nm struct {
	major, minor byte
	b            []byte
	table        []uint32
}

func newNM(major, minor byte) *nm { return &nm{major: major, minor: minor, b: make([]byte, 128)} }

// rec appends a record of that medium and, in version 2.3, that FILETIME.
func (n *nm) rec(delta uint64, wire, caplen uint32, data string, medium uint16, utc uint64) *nm {
	o := binary.LittleEndian
	n.table = append(n.table, uint32(len(n.b)))
	if n.major == 1 {
		n.b = o.AppendUint32(n.b, uint32(delta))
		n.b = o.AppendUint16(n.b, uint16(wire))
		n.b = o.AppendUint16(n.b, uint16(caplen))
		n.b = append(n.b, data...)
		return n
	}
	n.b = o.AppendUint64(n.b, delta)
	n.b = o.AppendUint32(n.b, wire)
	n.b = o.AppendUint32(n.b, caplen)
	n.b = append(n.b, data...)
	trailer := o.AppendUint16(nil, medium)
	trailer = append(trailer, "proc"...)
	trailer = append(o.AppendUint64(trailer, utc), 7)
	n.b = append(n.b, trailer[:[]int{0, 2, 6, 15}[min(n.minor, 3)]]...)
	return n
}

// frame appends a record of an Ethernet frame.
func (n *nm) frame(delta uint64, data string) *nm {
	return n.rec(delta, uint32(len(data)), uint32(len(data)), data, 1, 0)
}

// nmStart is the capture's start in every file built.
var nmStart = time.Date(2005, time.July, 16, 10, 29, 29, 800e6, time.UTC).UnixNano()

// file returns the file, with its header and its frame table.
func (n *nm) file() []byte {
	o := binary.LittleEndian
	b := slices.Clone(n.b)
	copy(b, map[byte]string{1: "RTSS", 2: "GMBU"}[n.major])
	b[4], b[5] = n.minor, n.major
	for i, v := range []uint16{1, 2005, 7, 6, 16, 10, 29, 29, 800} {
		o.PutUint16(b[6+2*i:], v)
	}
	o.PutUint32(b[24:], uint32(len(b)))
	o.PutUint32(b[28:], uint32(4*len(n.table)))
	for _, at := range n.table {
		b = o.AppendUint32(b, at)
	}
	return b
}

// wantNM reads a file in all the ways there are and wants those frames of it.
func wantNM(t *testing.T, file []byte, want []frame) {
	t.Helper()
	for name, read := range map[string]func() ([]frame, error){
		"file":    func() ([]frame, error) { return readFile(t, file) },
		"stream":  func() ([]frame, error) { return readAll(t, file) },
		"gzip":    func() ([]frame, error) { return readFile(t, gzipped(t, file)) },
		"by byte": func() ([]frame, error) { return readFrom(t, iotest.OneByteReader(bytes.NewReader(file))) },
	} {
		got, err := read()
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
		wantFrames(t, got, want)
	}
}

func TestNetMonVersions(t *testing.T) {
	const utc = (1_400_000_000 + epochFileTime) * 1e7
	for _, tc := range []struct {
		major, minor byte
		delta        uint64
		utc          uint64
		nanos        int64
	}{
		{1, 1, 1234, 0, nmStart + 1234e6},
		{1, 0, 1<<32 - 1, 0, nmStart + (1<<32-1)*1e6},
		{2, 0, 1234, 0, nmStart + 1234e3},
		{2, 0, 200_000, 0, nmStart + 200e6},
		{2, 0, (1<<64 - 10) / 10, 0, nmStart - 1600}, // 1.6 microseconds before the start
		{2, 1, 5e6, 0, nmStart + 5e9},
		{2, 2, 5e6, 0, nmStart + 5e9},
		{2, 3, 5e6, utc + 1234567, 1_400_000_000e9 + 123456700},
		{2, 3, 5e6, 0, nmStart + 5e9},
		{2, 3, 0, 17, math.MinInt64}, // 1601 is before what an int64 has
		{2, 0, 1 << 59, 0, math.MaxInt64},
	} {
		t.Run(fmt.Sprintf("%d.%d %d", tc.major, tc.minor, tc.delta), func(t *testing.T) {
			n := newNM(tc.major, tc.minor).rec(tc.delta, 60, 5, "hello", 1, tc.utc).rec(tc.delta, 0, 0, "", 1, tc.utc)
			wantNM(t, n.file(), []frame{
				{nanos: tc.nanos, wire: 60, link: 1, data: "hello"}, {nanos: tc.nanos, link: 1},
			})
		})
	}
}

// What medium a frame is of is in the header, and since version 2.1 at each
// frame.
func TestNetMonMedia(t *testing.T) {
	for medium, link := range map[uint16]uint16{
		0: 1, 1: 1, 2: 6, 3: 10, 4: noLink, 6: noLink, 9: 101, 0xe071: 113, 0xe080: 105, 0xe083: noLink, 0xffe0: noLink, 0xffff: noLink,
	} {
		file := newNM(2, 0).frame(0, "one").file()
		binary.LittleEndian.PutUint16(file[6:], medium)
		wantNM(t, file, []frame{{nanos: nmStart, wire: 3, link: link, data: "one"}})
		file = newNM(2, 2).rec(0, 3, 3, "one", medium, 0).file()
		wantNM(t, file, []frame{{nanos: nmStart, wire: 3, link: link, data: "one"}})
	}
	n := newNM(2, 3).rec(0, 3, 3, "not", 0xfffd, 0).frame(0, "one").rec(0, 3, 3, "nor", 0xfffe, 0).rec(0, 0, 0, "", 0xfffc, 0)
	wantNM(t, n.file(), []frame{{nanos: nmStart, wire: 3, link: 1, data: "one"}})
}

// The frame table says where frames are and in which order, not the file.
func TestNetMonTable(t *testing.T) {
	n := newNM(2, 0).frame(2, "second")
	n.b = append(n.b, "a hole between records"...)
	n.frame(3, "third").frame(1, "first")
	n.table = []uint32{n.table[2], n.table[0], n.table[1]}
	at := func(micros int64, data string) frame {
		return frame{nanos: nmStart + micros*1000, wire: uint32(len(data)), link: 1, data: data}
	}
	want := []frame{at(1, "first"), at(2, "second"), at(3, "third")}
	wantNM(t, n.file(), want)
	wantNM(t, append(n.file(), "comments, processes and the like"...), want)
}

// nmMany is a file of frames of all lengths up to far above what a block or a
// view holds, a few of them out of order.
func nmMany(minor byte) ([]byte, []frame) {
	n := newNM(2, minor)
	var want []frame
	for i := range 300 {
		size := i * 7
		if i%50 == 49 {
			size = i * 1000
		}
		data := strings.Repeat(fmt.Sprintf("%07d ", i), size/8+1)[:size]
		n.frame(uint64(i), data)
		want = append(want, frame{nanos: nmStart + int64(i)*1000, wire: uint32(size), link: 1, data: data[:min(size, maxFrame)]})
	}
	for i := 10; i < 300; i += 60 {
		j := (i * 7) % 300
		n.table[i], n.table[j] = n.table[j], n.table[i]
		want[i], want[j] = want[j], want[i]
	}
	return n.file(), want
}

func TestNetMonBlocks(t *testing.T) {
	for _, minor := range []byte{0, 1} {
		file, want := nmMany(minor)
		wantNM(t, file, want)
		for _, size := range []int{16, 4096, 100_000} {
			s, err := Open([]string{write(t, "x.cap", file)}, Options{Blocks: 1})
			if err != nil {
				t.Fatal(err)
			}
			s.readers[0].size = size
			got, err := drain(t, s)
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			wantFrames(t, got, want)
			if read, all := s.Progress(); all != int64(len(file)) || read > all || read < all-200 {
				t.Errorf("progress is %d of %d", read, all)
			}
			closeSource(t, s)
		}
	}
}

// A frame above 256 KiB is cut, one above 16 MiB is damage.
func TestNetMonLargeFrames(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", maxFrame/16)
	for _, minor := range []byte{0, 1, 3} {
		n := newNM(2, minor).frame(0, "a").frame(0, large+"more").frame(0, "b")
		wantNM(t, n.file(), []frame{
			{nanos: nmStart, wire: 1, link: 1, data: "a"},
			{nanos: nmStart, wire: maxFrame + 4, link: 1, data: large},
			{nanos: nmStart, wire: 1, link: 1, data: "b"},
		})
	}
	_, err := readAll(t, newNM(2, 0).rec(0, 1, maxClaim+1, "", 1, 0).file())
	wantDamage(t, err, 128, "a packet record claims 16777217 captured bytes at offset 128")
}

// Cut after every byte, a file gives the frames that the rest of its frame table
// names, and is called damaged.
func TestNetMonTruncated(t *testing.T) {
	for _, v := range []struct{ major, minor byte }{{1, 1}, {2, 0}, {2, 3}} {
		n := newNM(v.major, v.minor).frame(0, "first").frame(0, "").frame(0, "the third frame")
		file := n.file()
		all, err := readAll(t, file)
		if !errors.Is(err, io.EOF) || len(all) != 3 {
			t.Fatal(len(all), err)
		}
		for cut := maxMagic; cut < len(file); cut++ {
			want, offset := all[:max(0, cut-len(n.b))/4], int64(len(n.b))
			switch {
			case cut < netmonHeader:
				offset = 0
			case cut <= len(n.b):
				offset = 24
			}
			for _, read := range []func(testing.TB, []byte) ([]frame, error){readFile, readAll} {
				got, err := read(t, file[:cut])
				wantFrames(t, got, want)
				if d := damage(err); d == nil || d.Offset != offset {
					t.Errorf("version %d.%d cut at %d of %d: %v at %+v", v.major, v.minor, cut, len(file), err, d)
				}
			}
			zipped := gzipped(t, file)
			got, err := readFile(t, zipped[:cut*len(zipped)/len(file)])
			wantFrames(t, got, all[:len(got)])
			if d := damage(err); d == nil && !errors.Is(err, ErrFormat) {
				t.Errorf("version %d.%d cut at %d of %d, in gzip: %v", v.major, v.minor, cut, len(file), err)
			}
		}
	}
}

func TestNetMonDamage(t *testing.T) {
	o := binary.LittleEndian
	whole := newNM(2, 1).frame(0, "first").frame(0, "second").file()
	table := int(o.Uint32(whole[24:]))
	for _, tc := range []struct {
		name   string
		harm   func(b []byte) []byte
		frames int
		offset int64
		reason string
	}{
		{"short", func(b []byte) []byte { return b[:20] }, 0, 0,
			"the file ends 20 bytes into a 32-byte Network Monitor header at offset 0"},
		{"version", func(b []byte) []byte { b[5] = 3; return b }, 0, 4, "it is of Network Monitor version 3.1 at offset 4"},
		{"no table", func(b []byte) []byte { o.PutUint32(b[28:], 0); return b }, 0, 24,
			"the header names no frame table at offset 24"},
		{"table past the end", func(b []byte) []byte { o.PutUint32(b[24:], 1<<32-1); return b }, 0, 24,
			fmt.Sprintf("the header names a frame table past the end of the input (at 4294967295 of %d) at offset 24", table+8)},
		{"table of 4 GiB", func(b []byte) []byte { o.PutUint32(b[28:], 1<<32-4); return b }, 2, int64(table),
			fmt.Sprintf("the file ends 8 bytes into a 4294967292-byte frame table at offset %d", table)},
		{"table of 7 bytes", func(b []byte) []byte { o.PutUint32(b[28:], 7); return b }, 1, int64(table + 4),
			fmt.Sprintf("the frame table ends in the middle of an entry at offset %d", table+4)},
		{"entry past the end", func(b []byte) []byte { o.PutUint32(b[table+4:], 1<<31); return b }, 1, int64(table + 4),
			fmt.Sprintf("a frame table entry points past the end of the input (to 2147483648 of %d) at offset %d", table+8, table+4)},
		{"entry at the end", func(b []byte) []byte { o.PutUint32(b[table+4:], uint32(table+4)); return b }, 1, int64(table + 4),
			fmt.Sprintf("the file ends 4 bytes into a 16-byte record header at offset %d", table+4)},
		{"record past the end", func(b []byte) []byte { o.PutUint32(b[151+12:], 1000); return b }, 1, 151,
			fmt.Sprintf("the file ends %d bytes into a 1018-byte packet record at offset 151", table+8-151)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := readFile(t, tc.harm(slices.Clone(whole)))
			if len(got) != tc.frames {
				t.Errorf("%d frames", len(got))
			}
			wantDamage(t, err, tc.offset, tc.reason)
		})
	}
}

// A frame table that names the same large record a thousand times does not make
// a thousand frames.
func TestNetMonOverlap(t *testing.T) {
	n := newNM(2, 0).frame(0, strings.Repeat("x", 10_000))
	n.table = slices.Repeat(n.table, 1000)
	got, err := readFile(t, n.file())
	at := int64(len(n.b) + 4*len(got))
	wantDamage(t, err, at, fmt.Sprintf("a frame table entry makes the records longer than the input at offset %d", at))
	if len(got) != 1 {
		t.Errorf("%d frames", len(got))
	}
}

// A stream is held in memory up to a bound; a file has none.
func TestNetMonHeld(t *testing.T) {
	file, want := nmMany(0)
	for _, tc := range []struct {
		name string
		r    io.Reader
		hold int64
		held bool
	}{
		{"bytes", bytes.NewReader(file), 0, true},
		{"stream at the bound", bytes.NewReader(file), int64(len(file)), true},
		{"stream above the bound", iotest.HalfReader(bytes.NewReader(file)), 1 << 20, false},
	} {
		s, err := NewReader(tc.r, "x", Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.readers[0].hold = tc.hold
		if tc.name == "bytes" { // which can be read anywhere, as a file can
			s.readers[0].in = direct{&raw{r: tc.r, count: &s.read}}
		}
		got, err := drain(t, s)
		closeSource(t, s)
		if tc.held {
			wantFrames(t, got, want)
		} else if damage(err) != nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "more than the 1 MiB that can be held") {
			t.Error(err)
		}
	}
}

// An input that fails is not a damaged one, and one whose frames are all there
// gives them first.
func TestNetMonReadError(t *testing.T) {
	file := newNM(2, 0).frame(0, "one").file()
	broken := errors.New("the disk is gone")
	for cut, frames := range map[int]int{len(file): 1, len(file) - 1: 0, 64: 0, 20: 0, 5: 0} {
		got, err := readFrom(t, io.MultiReader(bytes.NewReader(file[:cut]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || damage(err) != nil || errors.Is(err, ErrFormat) || len(got) != frames {
			t.Errorf("cut at %d: %d frames, %v", cut, len(got), err)
		}
	}
}

// While the bytes come, ctx can end, and nothing is lost.
func TestNetMonCancel(t *testing.T) {
	file := newNM(2, 0).frame(0, "one").frame(0, "two").file()
	r, w := io.Pipe()
	s, err := NewReader(r, "-", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	for _, b := range file {
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			_, _ = w.Write([]byte{b}) // Next sees what is missing
			cancel()
		}()
		if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := drain(t, s); len(got) != 2 || !errors.Is(err, io.EOF) {
		t.Errorf("%d frames, %v", len(got), err)
	}
}

// Standard input need not stand at its start, and is read from where it stands.
func TestNetMonOffset(t *testing.T) {
	file, want := nmMany(0)
	f, err := os.Open(write(t, "x", append([]byte("what was read before"), file...)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(20, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	got, err := readFrom(t, f)
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	wantFrames(t, got, want)
}

// Captures of different formats are merged.
func TestNetMonMerge(t *testing.T) {
	o := binary.LittleEndian
	pcap := pcapHead(o, 0xa1b2c3d4, 65535, 113)
	var want []frame
	n := newNM(2, 0)
	for i := range 200 {
		nanos := nmStart + int64(i)*1000
		if i%3 == 0 {
			pcap = pcapRec(pcap, o, uint32(nanos/1e9), uint32(nanos%1e9/1e3), 4, 4, "pcap")
			want = append(want, frame{nanos: nanos, wire: 4, link: 113, data: "pcap", iface: 0})
			continue
		}
		n.frame(uint64(i), "netmon")
		want = append(want, frame{nanos: nanos, wire: 6, link: 1, data: "netmon", iface: 1})
	}
	s, err := Open([]string{write(t, "a", pcap), write(t, "b", n.file())}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	got, err := drain(t, s)
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	for i := range got { // the numbers of the interfaces are a matter of who is read first
		got[i].iface, want[i].iface = 0, 0
	}
	wantFrames(t, got, want)
	if f := s.Files(); f[0].Format != "pcap" || f[1].Format != "Network Monitor 2" {
		t.Errorf("%+v", f)
	}
}

func FuzzNetMon(f *testing.F) {
	for _, v := range []struct{ major, minor byte }{{1, 1}, {2, 0}, {2, 1}, {2, 2}, {2, 3}} {
		n := newNM(v.major, v.minor).frame(5, "first").frame(7, "").rec(1<<64-1, 1<<16, 3, "cut", 0xfffe, 1<<63)
		f.Add(n.file())
		n.table[0], n.table[1] = n.table[1], n.table[0]
		f.Add(append(n.file(), "more"...))
		f.Add(n.rec(1<<63, 0, 1<<32-1, "caplen 4G", 1, 17).file())
		n.table = append(n.table, 1<<32-1)
		f.Add(n.file())
	}
	f.Fuzz(checkNetMon)
}

// checkNetMon is what holds for any input with the magic: it makes no difference
// how it is read; its frames are stretches of it, no more in all than it has; it
// ends with io.EOF or with damage inside it; and memory is bounded.
func checkNetMon(t *testing.T, data []byte) {
	if len(data) < maxMagic || len(data) > maxFuzz {
		t.Skip()
	}
	if _, ok := netmonKinds[[4]byte(data)]; !ok {
		t.Skip()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	frames, err := readDirectly(t, bytes.NewReader(data), 4096)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(1<<20+64*len(data)) {
		t.Errorf("%d bytes allocated for %d", grown, len(data))
	}
	sum := 0
	for i, f := range frames {
		sum += netmonRecord1 + len(f.data)
		if !bytes.Contains(data, []byte(f.data)) {
			t.Fatalf("frame %d is not in the input", i)
		}
	}
	if sum > len(data) {
		t.Errorf("frames of %d bytes in an input of %d", sum, len(data))
	}
	checkError(t, data, err)

	held, heldErr := readDirectly(t, iotest.HalfReader(bytes.NewReader(data)), 16)
	wantFrames(t, held, frames)
	if err.Error() != heldErr.Error() {
		t.Errorf("held the error is %v, otherwise %v", heldErr, err)
	}
}
