package save

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/pcapfile"
)

var ifaces = []capture.Interface{
	{Name: "eth0", Description: "first", Filter: "tcp", Link: 1, Snaplen: 65535},
	{Name: "lo", Link: 1, Snaplen: 262144},
}

const second = int64(1e9)

// start is when the captures of the tests begin, in seconds.
const start = 1_800_000_000

// blocks are so many blocks of 10 frames of 100 bytes, one each second, which start
// with their number; each block says that a frame was lost, and has an owner.
func blocks(n int) (all []*capture.Block) {
	for i := range n {
		b := &capture.Block{Notes: []capture.Note{
			{At: 3, Nanos: 1, Loss: capture.Loss{Iface: 1, Kernel: 1}},
			{At: 10, Nanos: 2, Owner: &capture.Owner{PID: uint32(i), Name: "curl", Local: netip.MustParseAddrPort("10.0.0.1:80")}},
		}}
		for j := range 10 {
			data := fmt.Sprintf("%-100d", i*10+j)
			b.Frames = append(b.Frames, capture.Record{
				Nanos: (start + int64(i*10+j)) * second, Off: uint32(len(b.Buf)), Len: 100, WireLen: 120, Link: 1, Iface: uint16(j % 2),
			})
			b.Buf = append(b.Buf, data...)
		}
		all = append(all, b)
	}
	return all
}

// content is what was read.
type content struct {
	frames []string
	notes  []capture.Note
	stats  capture.Stats
	ifaces []capture.Interface
	extras int
}

// read reads captures to their end, which must be a good one.
func read(t *testing.T, names ...string) content {
	t.Helper()
	c, err := readAsFar(t, names...)
	if !errors.Is(err, io.EOF) {
		t.Fatalf("%v: %v", names, err)
	}
	return c
}

func readAsFar(t *testing.T, names ...string) (c content, err error) {
	t.Helper()
	src, err := pcapfile.Open(names, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for {
		b, err := src.Next(context.Background())
		if err != nil {
			c.stats = src.Stats()
			for _, i := range src.Interfaces() {
				c.ifaces = append(c.ifaces, i.Interface)
			}
			extras, _ := src.Extras()
			c.extras = len(extras)
			return c, err
		}
		for _, n := range b.Notes {
			n.At += len(c.frames)
			c.notes = append(c.notes, n)
		}
		for _, f := range b.Frames {
			c.frames = append(c.frames, fmt.Sprint(f.Nanos/second-start, f.WireLen, " ", strings.TrimSpace(string(b.Buf[f.Off:f.Off+f.Len]))))
		}
		b.Release()
	}
}

// wantCount fails unless c has the first n frames of blocks.
func wantCount(t *testing.T, c content, first, n int) {
	t.Helper()
	var want []string
	for i := first; i < first+n; i++ {
		want = append(want, fmt.Sprint(i, 120, " ", i))
	}
	if !slices.Equal(c.frames, want) {
		t.Errorf("%d frames, want %d from %d on; they start with %v", len(c.frames), n, first, c.frames[:min(3, len(c.frames))])
	}
}

func mustCreate(t *testing.T, opt Options) *Saver {
	t.Helper()
	s, err := Create(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// save writes blocks and closes.
func save(t *testing.T, opt Options, all []*capture.Block) *Saver {
	t.Helper()
	s := mustCreate(t, opt)
	for _, b := range all {
		if err := s.Write(b, ifaces); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSave(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.pcapng")
	if err := os.WriteFile(name, bytes.Repeat([]byte("old"), 99999), 0o644); err != nil {
		t.Fatal(err)
	}
	s := save(t, Options{
		Name: name, Application: "wirewatch 1", Comments: []string{"a comment"},
		Extras: []pcapfile.Extra{pcapfile.NewSecrets(pcapfile.SecretsTLS, []byte("CLIENT_RANDOM"))},
	}, blocks(5))
	c := read(t, name)
	wantCount(t, c, 0, 50)
	if len(c.notes) != 10 || c.notes[2].At != 13 || c.notes[3].Owner.Name != "curl" || c.notes[3].At != 20 {
		t.Errorf("the notes are %+v", c.notes)
	}
	if c.stats.DroppedKernel != 5 || !slices.Equal(c.ifaces, ifaces) || c.extras != 1 {
		t.Errorf("%+v, %+v, %d extras", c.stats, c.ifaces, c.extras)
	}
	wantPrivate(t, name)
	if s.Name() != name || s.Done() {
		t.Errorf("the name is %s, done: %v", s.Name(), s.Done())
	}
	if err := s.Write(&capture.Block{}, nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func wantPrivate(t *testing.T, name string) {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// Classic pcap has the frames, and nothing else.
func TestClassic(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.PCAP")
	save(t, Options{Name: name}, blocks(3))
	c := read(t, name)
	wantCount(t, c, 0, 30)
	if len(c.notes) != 0 || c.ifaces[0].Link != 1 {
		t.Errorf("%+v", c)
	}
	save(t, Options{Name: name}, nil)
	if c := read(t, name); len(c.frames) != 0 {
		t.Errorf("%d frames of none", len(c.frames))
	}
}

// Another link type than the first is an error, and what came before is kept.
func TestClassicLinks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.pcap")
	s := mustCreate(t, Options{Name: name})
	all := blocks(3)
	all[1].Frames[4].Link = 113
	if err := s.Write(all[0], ifaces); err != nil {
		t.Fatal(err)
	}
	err := s.Write(all[1], ifaces)
	want := "capture: write " + name + ": it cannot have frames of link type 113 beside those of 1; use a name that ends in .pcapng"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if again := s.Write(all[2], ifaces); !errors.Is(again, err) {
		t.Errorf("then %v", again)
	}
	if again := s.Close(); !errors.Is(again, err) {
		t.Errorf("Close returns %v", again)
	}
	wantCount(t, read(t, name), 0, 14)
}

// clock is a clock that goes on by a second whenever it is looked at.
func clock() func() time.Time {
	now := time.Date(2026, 11, 21, 17, 9, 33, 0, time.Local)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func TestRing(t *testing.T) {
	for _, tc := range []struct {
		name   string
		ring   Ring
		suffix string
		counts []int // of frames, in the files that are kept
		first  int   // number of the first file that is kept
	}{
		{"packets", Ring{Packets: 15}, ".pcapng", []int{15, 15, 15, 5}, 1},
		{"packets, exactly", Ring{Packets: 25}, ".pcapng", []int{25, 25}, 1},
		{"one each", Ring{Packets: 1, Files: 3}, ".pcapng", []int{1, 1, 1}, 48},
		{"duration", Ring{Duration: 20 * time.Second}, "", []int{20, 20, 10}, 1},
		{"duration between frames", Ring{Duration: 1500 * time.Millisecond}, ".x", slices.Repeat([]int{2}, 25), 1},
		{"both", Ring{Duration: 20 * time.Second, Packets: 30}, ".pcapng", []int{20, 20, 10}, 1},
		{"some are kept", Ring{Packets: 20, Files: 2}, ".pcapng", []int{20, 10}, 2},
		{"one is kept", Ring{Packets: 20, Files: 1}, ".pcapng", []int{10}, 3},
		{"size", Ring{Filesize: 24 + 3*116}, ".pcap", append(slices.Repeat([]int{3}, 16), 2), 1},
		{"size less a byte", Ring{Filesize: 24 + 3*116 - 1}, ".pcap", append(slices.Repeat([]int{3}, 16), 2), 1},
		{"size and a byte", Ring{Filesize: 24 + 3*116 + 1}, ".pcap", append(slices.Repeat([]int{4}, 12), 2), 1},
		{"smaller than a frame", Ring{Filesize: 1, Files: 5}, ".pcapng", []int{1, 1, 1, 1, 1}, 46},
		{"large", Ring{Filesize: 1e6}, ".pcapng", []int{50}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			s := save(t, Options{
				Name: filepath.Join(dir, "x.y"+tc.suffix), Ring: tc.ring, Now: clock(),
				Extras: []pcapfile.Extra{pcapfile.NewSecrets(pcapfile.SecretsTLS, []byte("CLIENT_RANDOM"))},
			}, blocks(5))
			names, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(names) != len(tc.counts) {
				t.Fatalf("%d files, want %d: %v", len(names), len(tc.counts), err)
			}
			first := 50
			for _, n := range tc.counts {
				first -= n
			}
			at := first
			for i, name := range names {
				wantPrivate(t, name)
				made := time.Date(2026, 11, 21, 17, 9, 33+tc.first+i, 0, time.Local).Format("20060102150405")
				stem, suffix := "x.y", tc.suffix
				if suffix == "" {
					stem, suffix = "x", ".y"
				}
				if want := fmt.Sprintf("%s_%05d_%s%s", stem, tc.first+i, made, suffix); filepath.Base(name) != want {
					t.Errorf("file %d is %s, want %s", i, filepath.Base(name), want)
				}
				c := read(t, name)
				wantCount(t, c, at, tc.counts[i])
				at += tc.counts[i]
				if suffix != ".pcap" && (c.extras != 1 || !slices.Equal(c.ifaces, ifaces)) {
					t.Errorf("%s has %d extras and the interfaces %+v", name, c.extras, c.ifaces)
				}
			}
			if s.Name() != names[len(names)-1] {
				t.Errorf("the last file is %s, not %s", s.Name(), names[len(names)-1])
			}
			c := read(t, names...)
			wantCount(t, c, first, 50-first)
			if tc.suffix != ".pcap" && first == 0 && (c.stats.DroppedKernel != 5 || len(c.notes) != 10) {
				t.Errorf("together they lost %d frames and have %d notes", c.stats.DroppedKernel, len(c.notes))
			}
		})
	}
}

// The file that would be too many is gone before the next one is begun, and that
// somebody else has removed it is no error.
func TestRingRemoved(t *testing.T) {
	dir := t.TempDir()
	s := mustCreate(t, Options{Name: filepath.Join(dir, "x"), Ring: Ring{Packets: 10, Files: 2}})
	for _, b := range blocks(5) {
		if err := s.Write(b, ifaces); err != nil {
			t.Fatal(err)
		}
		names, _ := filepath.Glob(filepath.Join(dir, "*"))
		if len(names) > 2 {
			t.Errorf("%d files", len(names))
		}
		_ = os.Remove(names[0])
	}
}

// -a files: ends with the file that is full, whose block is not torn apart.
func TestDone(t *testing.T) {
	for _, tc := range []struct {
		name string
		ring Ring
		stop Stop
		done int   // after so many blocks
		last []int // frames in the files then
	}{
		{"files", Ring{Packets: 15}, Stop{Files: 2}, 3, []int{15, 15}},
		{"files, in a block", Ring{Packets: 12}, Stop{Files: 2}, 3, []int{12, 18}},
		{"files by time", Ring{Duration: 19 * time.Second}, Stop{Files: 1}, 2, []int{20}},
		{"size", Ring{}, Stop{Filesize: 2000}, 2, []int{20}},
		{"size of a ring's files", Ring{Packets: 100}, Stop{Filesize: 2000, Files: 2}, 3, nil},
		{"never", Ring{}, Stop{Packets: 1, Duration: 1}, 0, []int{50}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustCreate(t, Options{Name: filepath.Join(dir, "x.pcapng"), Ring: tc.ring, Stop: tc.stop, Now: clock()})
			done := 0
			for i, b := range blocks(5) {
				if err := s.Write(b, ifaces); err != nil {
					t.Fatal(err)
				}
				if s.Done() {
					done = i + 1
					break
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if done != tc.done {
				t.Errorf("done after %d blocks, want %d", done, tc.done)
			}
			names, _ := filepath.Glob(filepath.Join(dir, "*"))
			var counts []int
			for _, name := range names {
				counts = append(counts, len(read(t, name).frames))
			}
			if tc.last != nil && !slices.Equal(counts, tc.last) {
				t.Errorf("the files have %d frames, want %d", counts, tc.last)
			}
		})
	}
}

// An idle capture gets on, too: its last file is full when its time has come.
func TestDoneIdle(t *testing.T) {
	s := mustCreate(t, Options{Name: filepath.Join(t.TempDir(), "x"), Ring: Ring{Duration: time.Minute}, Stop: Stop{Files: 1}})
	defer s.Close()
	if err := s.Write(blocks(1)[0], ifaces); err != nil || s.Done() {
		t.Errorf("%v, done: %v", err, s.Done())
	}
	if err := s.Write(&capture.Block{Until: (start + 60) * second}, ifaces); err != nil || !s.Done() {
		t.Errorf("%v, done: %v", err, s.Done())
	}
}

func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		opt  Options
		want string
	}{
		{Options{Name: "x.pcapng.gz"}, `capture: create x.pcapng.gz: it would not be compressed: compress it afterwards, or write to "-" and pipe that through gzip or zstd`},
		{Options{Name: "x.ZST"}, `capture: create x.ZST: it would not be compressed: compress it afterwards, or write to "-" and pipe that through gzip or zstd`},
		{Options{Name: "-", Ring: Ring{Packets: 1}}, "capture: create -: a ring of files (-b) cannot go to standard output"},
		{Options{Name: os.DevNull, Ring: Ring{Packets: 1}}, "capture: create /dev/null: a ring of files (-b) needs the name of a file, and this is none"},
		{Options{Name: "x", Stop: Stop{Files: 1}}, "capture: create x: -a files: is for a ring of files: say with -b when a file ends"},
		{Options{Name: dir}, "capture: create " + dir + ": is a directory"},
		{Options{Name: filepath.Join(dir, "no", "x")}, "capture: create " + dir + "/no/x: no such file or directory"},
		{Options{Name: filepath.Join(dir, "y"), Made: func(*os.File) error { return fs.ErrInvalid }}, "capture: create " + dir + "/y: invalid argument"},
		{Options{Name: "-", Out: &full{}}, "capture: write standard output: no space left on device"},
	} {
		if s, err := Create(tc.opt); s != nil || err == nil || err.Error() != tc.want {
			t.Errorf("\n got %v\nwant %s", err, tc.want)
		}
	}
}

// Made is told of files that were made, once and while they are empty.
func TestMade(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x")
	told := 0
	opt := Options{Name: name, Made: func(f *os.File) error {
		told++
		if info, err := f.Stat(); err != nil || info.Size() != 0 || f.Name() != name {
			t.Errorf("%v, %v", info, err)
		}
		return nil
	}}
	save(t, opt, nil)
	save(t, opt, nil)
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

var errFull = errors.New("no space left on device")

// full is an output with room for so many bytes.
type full struct {
	left int
	buf  bytes.Buffer
	late bool
}

func (f *full) Write(p []byte) (int, error) {
	f.late = f.late || f.left < 0
	n := min(len(p), max(f.left, 0))
	f.buf.Write(p[:n])
	if f.left -= len(p); f.left < 0 {
		return n, errFull
	}
	return n, nil
}

// Wherever standard output fails, nothing is written after it, and every method
// says so from then on.
func TestOutputFails(t *testing.T) {
	all := blocks(3)
	for limit := 28; ; limit++ {
		out := &full{left: limit}
		s := mustCreate(t, Options{Name: "-", Out: out})
		var first error
		for _, b := range all {
			err := s.Write(b, ifaces)
			if first == nil {
				first = err
			} else if !errors.Is(err, first) {
				t.Fatalf("after %v: %v", first, err)
			}
		}
		err := s.Close()
		if err == nil {
			return
		}
		if first != nil && !errors.Is(err, first) || !errors.Is(err, errFull) || out.late {
			t.Fatalf("with %d bytes: %v, then %v, and written after it: %v", limit, first, err, out.late)
		}
		if err.Error() != "capture: write standard output: no space left on device" {
			t.Fatal(err)
		}
	}
}

func TestParse(t *testing.T) {
	r, err := ParseRing([]string{"duration:0.5", "filesize:3", "packets:7", "files:2", "packets:8"})
	if want := (Ring{500 * time.Millisecond, 3000, 8, 2}); r != want || err != nil {
		t.Errorf("%+v, %v", r, err)
	}
	s, err := ParseStop([]string{"files:99999", "duration:3600"})
	if want := (Stop{Files: 99999, Duration: time.Hour}); s != want || err != nil {
		t.Errorf("%+v, %v", s, err)
	}
	if r, err := ParseRing(nil); r != (Ring{}) || err != nil {
		t.Errorf("%+v, %v", r, err)
	}
	for _, tc := range []struct{ spec, want string }{
		{"files:3", "-b files:3: say with duration:, filesize: or packets:, too, when a file ends"},
		{"files", "-b files: it has no value: it is written KEY:VALUE"},
		{"interval:5", `-b interval:5: there is no "interval": it is one of duration, filesize, packets and files`},
		{"packets:0", `-b packets:0: "0" is no number of packets: it is a whole number from 1 on`},
		{"packets:1.5", `-b packets:1.5: "1.5" is no number of packets: it is a whole number from 1 on`},
		{"packets:-1", `-b packets:-1: "-1" is no number of packets: it is a whole number from 1 on`},
		{"files:100000", "-b files:100000: there can be at most 99999 files"},
		{"filesize:9223372036854776", "-b filesize:9223372036854776: there can be at most 9223372036854775 kB"},
		{"filesize:99999999999999999999", "-b filesize:99999999999999999999: there can be at most 9223372036854775 kB"},
		{"filesize:", `-b filesize:: "" is no number of kB: it is a whole number from 1 on`},
		{"duration:0", `-b duration:0: "0" is no number of seconds above 0`},
		{"duration:NaN", `-b duration:NaN: "NaN" is no number of seconds above 0`},
		{"duration:1h", `-b duration:1h: "1h" is no number of seconds above 0`},
		{"duration:1e300", "-b duration:1e300: 1e300 seconds are too many"},
		{"duration:+Inf", "-b duration:+Inf: +Inf seconds are too many"},
	} {
		if r, err := ParseRing([]string{tc.spec}); err == nil || err.Error() != tc.want || r != (Ring{}) {
			t.Errorf("\n got %v\nwant %s", err, tc.want)
		}
	}
}

func TestFileName(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.Local)
	for name, want := range map[string]string{
		"out.pcapng": "out_00007_20260102030405.pcapng", "out": "out_00007_20260102030405",
		"a.b/out": "a.b/out_00007_20260102030405", "a/b.c.pcap": "a/b.c_00007_20260102030405.pcap",
		".hidden": ".hidden_00007_20260102030405",
	} {
		if got := fileName(name, 7, at); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
