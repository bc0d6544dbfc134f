package pcapfile

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"example.com/wirewatch/capture"
)

// timed is a pcap file with a frame of size bytes at each of those seconds,
// which start with the file's name and the frame's number in it.
func timed(name string, size int, seconds ...uint32) []byte {
	o := binary.LittleEndian
	file := pcapHead(o, 0xa1b2c3d4, 65535, 1)
	for i, sec := range seconds {
		data := fmt.Sprint(name, i)
		data += strings.Repeat(".", max(size-len(data), 0))
		file = pcapRec(file, o, sec, 0, uint32(len(data)), uint32(len(data)), data)
	}
	return file
}

// writeAll makes files and returns their names.
func writeAll(t testing.TB, files ...[]byte) []string {
	t.Helper()
	dir := t.TempDir()
	names := make([]string, len(files))
	for i, data := range files {
		names[i] = filepath.Join(dir, fmt.Sprint("file", i))
		if err := os.WriteFile(names[i], data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// merged reads files as one capture.
func merged(t *testing.T, names []string) ([]frame, error) {
	t.Helper()
	s, err := Open(names, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	return drain(t, s)
}

// heads are the frames' first bytes, up to the padding.
func heads(frames []frame) string {
	var heads []string
	for _, f := range frames {
		head, _, _ := strings.Cut(f.data, ".")
		heads = append(heads, head)
	}
	return strings.Join(heads, " ")
}

func TestMerge(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files [][]byte
		want  string
	}{
		{"interleaved", [][]byte{timed("a", 0, 1, 3, 5), timed("b", 0, 2, 4, 6)}, "a0 b0 a1 b1 a2 b2"},
		{"ties go by file", [][]byte{timed("a", 0, 2, 2), timed("b", 0, 1, 2), timed("c", 0, 2, 2)}, "b0 a0 a1 b1 c0 c1"},
		{"order in a file stays", [][]byte{timed("a", 0, 5, 1, 7), timed("b", 0, 4, 6)}, "b0 a0 a1 b1 a2"},
		{"one after the other", [][]byte{timed("a", 0, 5, 6), timed("b", 0, 1, 2)}, "b0 b1 a0 a1"},
		{"an empty one", [][]byte{timed("a", 0), timed("b", 0, 1), timed("c", 0)}, "b0"},
		{"large frames", [][]byte{timed("a", 200000, 1, 3, 5), timed("b", maxFrame, 2, 4, 6)}, "a0 b0 a1 b1 a2 b2"},
		{"the same twice", [][]byte{timed("a", 0, 1, 2), timed("a", 0, 1, 2)}, "a0 a0 a1 a1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := merged(t, writeAll(t, tc.files...))
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			if h := heads(got); h != tc.want {
				t.Errorf("\n got %s\nwant %s", h, tc.want)
			}
		})
	}
}

// A merge is what taking the least head again and again gives, for any files.
func TestMergeModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		files := make([][]byte, 2+rng.IntN(12))
		lists := make([][]frame, len(files))
		for i := range files {
			sec, seconds := rng.Uint32N(5), make([]uint32, rng.IntN(1000))
			for j := range seconds {
				sec += rng.Uint32N(uint32(1+rng.IntN(40)*i%7)) - rng.Uint32N(2)*(sec&1)
				seconds[j] = sec
			}
			files[i] = timed(fmt.Sprint("file", i, "frame"), rng.IntN(2000), seconds...)
			lists[i], _ = readFile(t, files[i])
			for j := range lists[i] {
				lists[i][j].iface = uint16(i)
			}
		}
		got, err := merged(t, writeAll(t, files...))
		if !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		wantFrames(t, got, leastHeads(lists))
	}
}

// leastHeads is the model: a merge that takes one frame at a time.
func leastHeads(lists [][]frame) (all []frame) {
	for {
		least := -1
		for i, l := range lists {
			if len(l) > 0 && (least < 0 || l[0].nanos < lists[least][0].nanos) {
				least = i
			}
		}
		if least < 0 {
			return all
		}
		all = append(all, lists[least][0])
		lists[least] = lists[least][1:]
	}
}

// Interfaces count on from file to file, and drops add up.
func TestMergeInterfaces(t *testing.T) {
	a := new(ng).section(binary.LittleEndian).iface(1, 0).iface(113, 0).enhanced(1, 2e6, 1, "a").statistics(0, 1, 2)
	b := new(ng).section(binary.BigEndian).iface(276, 0).enhanced(0, 1e6, 1, "b").statistics(0, 10, 20)
	s, err := Open(writeAll(t, a.b, timed("c", 0, 3), b.b), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	got, err := drain(t, s)
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	ifaces := s.Interfaces()
	for _, f := range got {
		i := ifaces[f.iface]
		if want := map[string]Interface{
			"a": {0, capture.Interface{Link: 113}}, "b": {2, capture.Interface{Link: 276}},
			"c0": {1, capture.Interface{Link: 1, Snaplen: 65535}},
		}[f.data]; i != want || f.link != want.Link {
			t.Errorf("frame %v is of %+v, want %+v", f, i, want)
		}
	}
	if st := s.Stats(); len(got) != 3 || st.DroppedInterface != 11 || st.DroppedKernel != 22 {
		t.Errorf("%d frames, %+v", len(got), st)
	}
}

// Damage in one file does not stop the others; the first is reported.
func TestMergeDamage(t *testing.T) {
	a, b, c := timed("a", 0, 1, 4, 7), timed("b", 0, 2, 5, 8), timed("c", 0, 3, 6, 9)
	names := writeAll(t, a[:len(a)-1], b[:len(b)-1], c)
	got, err := merged(t, names)
	if h := heads(got); h != "a0 b0 c0 a1 b1 c1 c2" {
		t.Errorf("got %s", h)
	}
	wantDamage(t, err, int64(len(a)-18), "the file ends 17 bytes into a 18-byte packet record at offset 60")
	if d := new(capture.Damaged); !errors.As(err, &d) || d.Name != names[0] {
		t.Errorf("the damage is of %s", d.Name)
	}
}

// One file that is no capture is an error, and the others are closed.
func TestMergeOpenError(t *testing.T) {
	names := writeAll(t, timed("a", 0, 1), []byte("something else"))
	if _, err := Open(names, Options{}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), names[1]) {
		t.Errorf("the error is %v", err)
	}
}

// A pipe that is merged with a file is not waited for with frames in hand.
func TestMergePipe(t *testing.T) {
	r, w := io.Pipe()
	file := writeAll(t, timed("f", 0, 1, 2, 3, 6, 7))
	s, err := Open([]string{file[0], "-"}, Options{Stdin: r})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	piped := timed("p", 0, 4, 8)
	go func() { _, _ = w.Write(piped[:42]) }() // Next sees what is missing
	b, err := s.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var seconds []int64
	for _, f := range b.Frames {
		seconds = append(seconds, f.Nanos/1e9)
	}
	if !slices.Equal(seconds, []int64{1, 2, 3, 4}) {
		t.Errorf("the first block has %v", seconds)
	}
	b.Release()
	ctx, cancel := context.WithCancel(context.Background())
	go cancel()
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("while the pipe is silent: %v", err)
	}
	go func() { _, _ = w.Write(piped[42:]); _ = w.Close() }()
	for _, want := range []string{"67", "8"} {
		b, err := s.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range b.Frames {
			got += fmt.Sprint(f.Nanos / 1e9)
		}
		if got != want && got != "678" {
			t.Errorf("a block has %s, want %s", got, want)
		}
		b.Release()
		if got == "678" {
			break
		}
	}
	if _, err := s.Next(context.Background()); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// Many files at once take little memory each.
func TestMergeMany(t *testing.T) {
	files := make([][]byte, 300)
	for i := range files {
		files[i] = timed("f", 1500, slices.Repeat([]uint32{uint32(i)}, 20)...)
	}
	names := writeAll(t, files...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := merged(t, names)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, io.EOF) || len(got) != 6000 {
		t.Errorf("%d frames, %v", len(got), err)
	}
	if grown := int64(after.TotalAlloc-before.TotalAlloc) - 6000*1500; grown > 32<<20 {
		t.Errorf("%d MiB allocated", grown>>20)
	}
}
