package pcapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"example.com/wirewatch/capture"
)

// maxFuzz is the length of input beyond which fuzzing finds nothing new.
const maxFuzz = 64 << 10

func FuzzPcap(f *testing.F) {
	for name, file := range samples() {
		if !strings.HasPrefix(name, "pcapng") {
			f.Add(file, uint32(len(file)/2))
		}
	}
	o := binary.LittleEndian
	for _, magic := range []uint32{0xa1b2c3d4, 0xa1b2cd34} {
		head := pcapHead(o, magic, 1<<32-1, 1)
		f.Add(pcapRec(head, o, 1, 1<<32-1, 1<<32-1, 0, "caplen 4G"), uint32(30))
		f.Add(pcapRec(head, o, 1<<32-1, 0, maxFrame+1, 0, "more than is there"), uint32(50))
	}
	f.Fuzz(checkInput)
}

func FuzzPcapng(f *testing.F) {
	for name, file := range samples() {
		if strings.HasPrefix(name, "pcapng") {
			f.Add(file, uint32(len(file)/2))
		}
	}
	for _, o := range orders {
		for _, resolution := range []byte{0, 9, 64, 127, 0x80, 0x8a, 0xa0, 0xc0, 0xff} {
			n := new(ng).section(o).iface(1, 0, opt(o, optIfTsresol, []byte{resolution}), opt(o, optIfTsoffset, make([]byte, 8)))
			f.Add(n.enhanced(0, 1<<63+1, 9, "data").simple(3, "abc").statistics(0, 1, 2).b, uint32(100))
		}
		owner := appendOwner(nil, 1, &capture.Owner{Local: netip.MustParseAddrPort("127.0.0.1:80"), Remote: netip.MustParseAddrPort("[::1]:9"), Name: "name"})
		f.Add(new(ng).section(binary.LittleEndian).iface(1, 0).block(blockOwner, owner).statistics(0, 1, 2).
			enhanced(0, 1, 4, "data").block(blockOwner, owner[:40]).statistics(0, 3, 2).b, uint32(150))
		n := new(ng).section(o).iface(1, 1<<32-1, []byte{0, 2, 0xff, 0xff}, []byte{2, 0, 0xff, 0xff})
		f.Add(n.enhancedLen(0, 1, 0xfffffff0, 1, "caplen 4G").b, uint32(60))
	}
	f.Fuzz(checkInput)
}

// checkInput is what holds for any input: frames are stretches of it, in order
// and apart; it makes no difference how its bytes come, and a cut loses nothing
// before it; it ends with io.EOF, damage inside it, or as no capture; and memory
// is bounded.
func checkInput(t *testing.T, data []byte, cut uint32) {
	if len(data) > maxFuzz {
		t.Skip()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	frames, notes, err := readDirectlyNotes(t, bytes.NewReader(data), 4096)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(1<<20+64*len(data)) {
		t.Errorf("%d bytes allocated for %d", grown, len(data))
	}
	checkStretches(t, data, frames)
	checkError(t, data, err)

	slow, slowNotes, slowErr := readDirectlyNotes(t, iotest.OneByteReader(bytes.NewReader(data)), 16)
	wantFrames(t, slow, frames)
	wantNotes(t, slowNotes, notes)
	if err.Error() != slowErr.Error() {
		t.Errorf("byte by byte the error is %v, otherwise %v", slowErr, err)
	}
	if errors.Is(err, ErrFormat) {
		return // a part of it may well be ERF, which is known by what does not follow, too
	}
	head, _ := readDirectly(t, bytes.NewReader(data[:int(cut)%(len(data)+1)]), 4096)
	if len(head) > len(frames) {
		t.Fatalf("%d frames of a part, %d of the whole", len(head), len(frames))
	}
	wantFrames(t, head, frames[:len(head)])
}

// readDirectly reads without decompression or a goroutine, which would only cost
// time, into blocks of that size.
func readDirectly(t *testing.T, r io.Reader, size int) ([]frame, error) {
	t.Helper()
	frames, _, err := readDirectlyNotes(t, r, size)
	return frames, err
}

func readDirectlyNotes(t *testing.T, r io.Reader, size int) ([]frame, []capture.Note, error) {
	t.Helper()
	s, err := NewReader(r, "x", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	s.readers[0].size = size
	s.readers[0].in = direct{&raw{r: r, count: &s.read}}
	return drainNotes(t, s)
}

// checkStretches fails unless the frames lie in data, one after the other.
func checkStretches(t *testing.T, data []byte, frames []frame) {
	t.Helper()
	for i, f := range frames {
		at := bytes.Index(data, []byte(f.data))
		if at < 0 {
			t.Fatalf("frame %d is not in the input, or not in its place", i)
		}
		data = data[at+len(f.data):]
	}
}

func checkError(t *testing.T, data []byte, err error) {
	t.Helper()
	d := new(capture.Damaged)
	switch {
	case errors.As(err, &d):
		if d.Offset < 0 || d.Offset > int64(len(data)) || d.Reason == "" {
			t.Errorf("%+v in an input of %d bytes", d, len(data))
		}
	case !errors.Is(err, io.EOF) && !errors.Is(err, ErrFormat):
		t.Errorf("the error is %v", err)
	}
}
