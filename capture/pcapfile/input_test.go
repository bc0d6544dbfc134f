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
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"example.com/wirewatch/capture"
)

// samples are small files of every kind, with frames of several sizes.
func samples() map[string][]byte {
	files := map[string][]byte{}
	for _, o := range orders {
		for name, magic := range map[string]uint32{"pcap": 0xa1b2c3d4, "nanos": 0xa1b23c4d} {
			file := pcapHead(o, magic, 65535, 1)
			for i := range uint32(40) {
				file = pcapRec(file, o, i, i, i*7, i*8, strings.Repeat(string([]byte{'a' + byte(i)}), int(i*7)))
			}
			files[fmt.Sprint(name, " ", o)] = file
		}
		n := new(ng)
		for range 2 {
			n.section(o).iface(1, 0).iface(113, 0, opt(o, optIfTsresol, []byte{9}))
			for i := range uint32(40) {
				n.enhanced(i%2, uint64(i), i*8, strings.Repeat("e", int(i*7))).simple(i, strings.Repeat("s", int(i)))
				n.block(0x99, make([]byte, i)).packet(uint16(i%2), uint64(i), 9, "obsolete").secrets(i, "secret")
			}
		}
		files[fmt.Sprint("pcapng ", o)] = n.b
	}
	return files
}

// However the bytes come, the frames are the same.
func TestReadSizes(t *testing.T) {
	for name, file := range samples() {
		want, err := readFile(t, file)
		if !errors.Is(err, io.EOF) || len(want) < 40 {
			t.Fatalf("%s: %d frames, %v", name, len(want), err)
		}
		for how, r := range map[string]io.Reader{
			"at once":      bytes.NewReader(file),
			"by byte":      iotest.OneByteReader(bytes.NewReader(file)),
			"by halves":    iotest.HalfReader(bytes.NewReader(file)),
			"data and EOF": iotest.DataErrReader(bytes.NewReader(file)),
			"gzip":         iotest.HalfReader(bytes.NewReader(gzipped(t, file))),
			"zstd":         iotest.OneByteReader(bytes.NewReader(zstded(t, file))),
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				got, err := readFrom(t, r)
				if !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				wantFrames(t, got, want)
			})
		}
	}
}

// Blocks that are far smaller than frames, and only two of them.
func TestSmallBlocks(t *testing.T) {
	for name, file := range samples() {
		want, _ := readFile(t, file)
		s, err := Open([]string{write(t, "x", file)}, Options{Blocks: 1})
		if err != nil {
			t.Fatal(err)
		}
		s.readers[0].size = 16
		got, err := drain(t, s)
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
		wantFrames(t, got, want)
		closeSource(t, s)
	}
}

func TestCompressed(t *testing.T) {
	o := binary.LittleEndian
	one := pcapRec(pcapHead(o, 0xa1b2c3d4, 65535, 1), o, 1, 0, 3, 3, "one")
	two := pcapRec(nil, o, 2, 0, 3, 3, "two")
	want := []frame{{nanos: 1e9, wire: 3, link: 1, data: "one"}, {nanos: 2e9, wire: 3, link: 1, data: "two"}}
	skippable := append([]byte{0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0}, "abc"...)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, tc := range []struct {
		name, kind string
		file       []byte
	}{
		{"gzip", "gzip", gzipped(t, join(one, two))},
		{"gzip members", "gzip", join(gzipped(t, one), gzipped(t, nil), gzipped(t, two))},
		{"gzip members within a record", "gzip", join(gzipped(t, one[:30]), gzipped(t, join(one[30:], two)))},
		{"zstd", "zstd", zstded(t, join(one, two))},
		{"zstd frames", "zstd", join(skippable, zstded(t, one), skippable, zstded(t, two))},
		{"plain", "", join(one, two)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, s := readSource(t, tc.file)
			wantFrames(t, got, want)
			if f := s.Files()[0]; f.Compression != tc.kind || f.Format != "pcap" {
				t.Errorf("the file is %+v", f)
			}
			if read, size := s.Progress(); read != int64(len(tc.file)) || size != read {
				t.Errorf("%d of %d bytes read", read, size)
			}
			got, err := readAll(t, tc.file)
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			wantFrames(t, got, want)
		})
	}
}

func TestCompressedDamage(t *testing.T) {
	o := binary.LittleEndian
	file := pcapRec(pcapHead(o, 0xa1b2c3d4, 65535, 1), o, 1, 0, 3, 3, "one")
	want := []frame{{nanos: 1e9, wire: 3, link: 1, data: "one"}}
	cut := func(b []byte, n int) []byte { return b[:len(b)-n] }
	flip := func(b []byte, at int) []byte { b = bytes.Clone(b); b[len(b)-at] ^= 0x40; return b }
	sum := zstded(t, file, zstd.WithEncoderCRC(true))
	for _, tc := range []struct {
		name   string
		file   []byte
		offset int64
		reason string
	}{
		{"the record is cut", gzipped(t, file[:len(file)-1]), 24,
			"the file ends 18 bytes into a 19-byte packet record at offset 24 after decompression"},
		{"gzip is cut", cut(gzipped(t, file), 4), 43, "the gzip data is truncated; what can be read ends at offset 43 after decompression"},
		{"gzip checksum", flip(gzipped(t, file), 8), 43,
			"the gzip data is corrupt (gzip: invalid checksum); what can be read ends at offset 43 after decompression"},
		{"garbage after gzip", append(gzipped(t, file), "garbage garbage"...), 43,
			"the gzip data is corrupt (gzip: invalid header); what can be read ends at offset 43 after decompression"},
		// The decoder gives a frame's last block only once the checksum is right.
		{"zstd is cut", cut(sum, 2), 0, "the zstd data is truncated; what can be read ends at offset 0 after decompression"},
		{"zstd checksum", flip(sum, 1), 0,
			"the zstd data is corrupt (CRC check failed); what can be read ends at offset 0 after decompression"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := readFile(t, tc.file)
			wantDamage(t, err, tc.offset, tc.reason)
			if tc.offset > 24 {
				wantFrames(t, got, want)
			}
		})
	}
}

// What a decompressor gave before it failed is handed on.
func TestCompressedPrefix(t *testing.T) {
	file, _ := benchPcap(4<<20, 60, 290)
	want, _ := readFile(t, file)
	for kind, whole := range map[string][]byte{"gzip": gzipped(t, file), "zstd": zstded(t, file)} {
		got, err := readFile(t, whole[:len(whole)/2])
		if d := new(capture.Damaged); !errors.As(err, &d) || !strings.HasPrefix(d.Reason, "the "+kind+" data is truncated") {
			t.Errorf("%s: %v", kind, err)
		}
		if len(got) < len(want)/4 || len(got) == len(want) {
			t.Fatalf("%s: %d frames of %d", kind, len(got), len(want))
		}
		wantFrames(t, got, want[:len(got)])
	}
}

// Cut after every byte, a compressed file is damaged, and nothing else.
func TestCompressedTruncated(t *testing.T) {
	o := binary.LittleEndian
	file := pcapRec(pcapHead(o, 0xa1b2c3d4, 65535, 1), o, 1, 0, 3, 3, "one")
	for kind, whole := range map[string][]byte{"gzip": gzipped(t, file), "zstd": zstded(t, file)} {
		for n := 4; n < len(whole); n++ {
			var d *capture.Damaged
			if _, err := readFile(t, whole[:n]); !errors.As(err, &d) {
				t.Errorf("%s cut at %d of %d: %v", kind, n, len(whole), err)
			}
		}
	}
}

// A window that would take too much memory is refused.
func TestZstdWindow(t *testing.T) {
	o := binary.LittleEndian
	file := pcapRec(pcapHead(o, 0xa1b2c3d4, 65535, 1), o, 1, 0, 3, 3, "one")
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf, zstd.WithWindowSize(2*maxZstdWindow), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]byte{file, make([]byte, 1<<20)} { // in two, or the window is that of the content
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = readAll(t, buf.Bytes())
	wantDamage(t, err, 0, "the zstd data needs a window of more than 64 MiB; what can be read ends at offset 0 after decompression")
}

// An input that fails is not a damaged one.
func TestReadError(t *testing.T) {
	o := binary.LittleEndian
	file := pcapRec(pcapHead(o, 0xa1b2c3d4, 65535, 1), o, 1, 0, 3, 3, "one")
	broken := errors.New("the disk is gone")
	for name, data := range map[string][]byte{"plain": file, "gzip": gzipped(t, file)[:20], "nothing": nil} {
		got, err := readFrom(t, io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken)))
		if d := new(capture.Damaged); !errors.Is(err, broken) || errors.As(err, &d) || errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "plain" && len(got) != 1 {
			t.Errorf("%d frames before the error", len(got))
		}
	}
	if _, err := readFrom(t, stuck{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that returns nothing: %v", err)
	}
}

// stuck is a reader that returns nothing at all.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct{ name, content, want string }{
		{"empty", "", "it is empty"},
		{"short", "abc", "it has 3 bytes"},
		{"text", "GET / HTTP/1.1", "it starts with 47455420"},
		{"snoop", "snoop\x00\x00\x00\x00\x00\x00\x02", "it looks like a snoop capture, which Wireshark's editcap can convert"},
		{"xz", "\xfd7zXZ\x00\x00\x04", "it looks like xz-compressed"},
		{"keys", "CLIENT_RANDOM 00", "it looks like a TLS key log"},
		{"pcapng without its magic", "\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x00\x00\x00\x00",
			"it looks like a pcapng capture that a text-mode transfer has destroyed"},
		{"gzip of text", string(gzipped(t, []byte("GET / HTTP/1.1"))), "it starts with 47455420"},
		{"gzip of nothing", string(gzipped(t, nil)), "it is empty"},
	} {
		path := filepath.Join(dir, tc.name)
		if err := os.WriteFile(path, []byte(tc.content), 0o600); err != nil {
			t.Fatal(err)
		}
		want := "capture: open " + path + ": not a pcap, pcapng, Network Monitor or ERF capture, plain or in gzip or zstd: " + tc.want
		if _, err := Open([]string{path}, Options{}); !errors.Is(err, ErrFormat) || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", tc.name, err, want)
		}
		s, err := Open([]string{"-"}, Options{Stdin: strings.NewReader(tc.content)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := drain(t, s); !errors.Is(err, ErrFormat) {
			t.Errorf("%s from a stream: %v", tc.name, err)
		}
		closeSource(t, s)
	}
	for name, want := range map[string]error{filepath.Join(dir, "none"): os.ErrNotExist, dir: nil} {
		_, err := Open([]string{name}, Options{})
		if err == nil || want != nil && !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "capture: open "+name+": ") ||
			strings.Count(err.Error(), name) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(nil, Options{}); err == nil {
		t.Error("no names and no error")
	}
}

// What has come is handed on although more is to come, from a pipe, and from
// compressed data in a pipe.
func TestPartialDelivery(t *testing.T) {
	o := binary.LittleEndian
	r, w := io.Pipe()
	s, err := NewReader(r, stdin, Options{})
	if err != nil {
		t.Fatal(err)
	}
	head := pcapHead(o, 0xa1b2c3d4, 65535, 1)
	for i := range uint32(5) {
		rec := pcapRec(nil, o, i, 0, 4, 4, "data")
		next := pcapRec(nil, o, i+1, 0, 4, 4, "data")[:7] // and a part of the next
		part := bytes.Join([][]byte{head, rec, next}, nil)
		if i > 0 {
			part = bytes.Join([][]byte{rec[7:], next}, nil)
		}
		go func() { _, _ = w.Write(part) }() // Next sees what is missing
		b, err := s.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Frames) != 1 || b.Frames[0].Nanos != int64(i)*1e9 {
			t.Fatalf("frames %+v", b.Frames)
		}
		b.Release()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = s.Next(context.Background())
	wantDamage(t, err, 24+5*20, "the input ends 7 bytes into a 16-byte record header at offset 124")
	if _, size := s.Progress(); size != 0 {
		t.Errorf("a pipe has a size of %d", size)
	}
	closeSource(t, s)
}

// Next returns when its context ends, and can be called again.
func TestCancel(t *testing.T) {
	o := binary.LittleEndian
	r, w := io.Pipe()
	s, err := NewReader(r, "-", Options{})
	if err != nil {
		t.Fatal(err)
	}
	file := pcapRec(pcapHead(o, 0xa1b2c3d4, 65535, 1), o, 1, 0, 4, 4, "data")
	reason := errors.New("enough")
	for i := range file {
		ctx, cancel := context.WithCancelCause(context.Background())
		if i > 0 {
			if _, err := w.Write(file[i-1 : i]); err != nil {
				t.Fatal(err)
			}
		}
		go cancel(reason)
		if b, err := s.Next(ctx); !errors.Is(err, reason) || b != nil {
			t.Fatalf("after %d bytes: %v, %v", i, b, err)
		}
	}
	go func() {
		_, _ = w.Write(file[len(file)-1:])
		_ = w.Close()
	}()
	got, err := drain(t, s)
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	wantFrames(t, got, []frame{{nanos: 1e9, wire: 4, link: 1, data: "data"}})
	closeSource(t, s)
	if _, err := s.Next(context.Background()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// A file, too, is not read on once the context has ended, nor is a block waited
// for.
func TestCancelFile(t *testing.T) {
	o := binary.LittleEndian
	file := pcapHead(o, 0xa1b2c3d4, 65535, 1)
	for i := range uint32(3) {
		file = pcapRec(file, o, i, 0, 200000, 200000, strings.Repeat("x", 200000))
	}
	s, err := Open([]string{write(t, "f", file)}, Options{Blocks: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	for range 2 {
		if _, err := s.Next(ctx); err != nil {
			t.Fatal(err)
		}
	}
	go cancel()
	for range 2 {
		if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("without a block: %v", err)
		}
	}
}

// Nothing is allocated for a frame, or for a block once there are some.
func TestAllocations(t *testing.T) {
	for name, build := range map[string]func(n, least, most int) ([]byte, int){"pcap": benchPcap, "pcapng": benchPcapng} {
		file, _ := build(8<<20, 60, 290)
		for _, in := range []io.Reader{bytes.NewReader(file), open(t, write(t, "f", file))} {
			s, err := NewReader(in, name, Options{})
			if err != nil {
				t.Fatal(err)
			}
			next := func() {
				b, err := s.Next(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				b.Release()
			}
			for range 10 {
				next()
			}
			if n := testing.AllocsPerRun(15, next); n > 0 {
				t.Errorf("%s from a %T: %v allocations per block", name, in, n)
			}
			closeSource(t, s)
		}
	}
}

func open(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
