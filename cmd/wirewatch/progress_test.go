package main

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestDrawBar(t *testing.T) {
	for _, c := range []struct {
		cells      int
		read, size int64
		running    time.Duration
		want       string
	}{
		{10, 0, 1e9, time.Second, "[..........]   0%  0 MB/s "},
		{10, 5e8, 1e9, 2 * time.Second, "[#####.....]  50%  250 MB/s "},
		{10, 1e9, 1e9, time.Second, "[##########] 100%  1000 MB/s "},
		{10, 2e9, 1e9, time.Second, "[##########] 100%  2000 MB/s "}, // it grew
		{1, 999, 1000, time.Second, "[.] 100%  0 MB/s "},
		{3, 1, 0, 0, "[###] 100%  0 MB/s "},
	} {
		if got := drawBar(c.cells, c.read, c.size, c.running); got != c.want {
			t.Errorf("drawBar(%d, %d, %d, %v) = %q, want %q", c.cells, c.read, c.size, c.running, got, c.want)
		}
	}
	// A bar never takes more than what wipes it, at a terabyte a second either.
	if fast := drawBar(barCells, 1e9, 1e9, time.Millisecond); len(fast) >= barCells+barWords {
		t.Errorf("%q takes %d columns", fast, len(fast))
	}
}

// drawn is what a bar shows, from its first picture to its end.
func drawn(t *testing.T, columns int, o options, size int64) string {
	t.Helper()
	return onScreen(t, columns, func(terminal *os.File) {
		asked, twice := 0, make(chan struct{})
		close2 := sync.OnceFunc(func() { close(twice) })
		stop := o.bar(terminal, io.Discard, func() (int64, int64) {
			if asked++; asked > 2 { // once for the size, and then for each picture
				close2()
			}
			return size / 2, size
		})
		within(t, "a picture", func() { <-twice })
		stop()
		stop()
	})
}

func TestBar(t *testing.T) {
	environ(t, "TERM=xterm")
	for columns, cells := range map[int]int{0: barCells, 200: barCells, 80: barCells, 54: barCells, 53: 29, 30: 6, 25: 1} {
		got := drawn(t, columns, options{}, barFrom)
		if !strings.HasPrefix(got, "\r["+strings.Repeat("#", cells/2)+strings.Repeat(".", cells-cells/2)+"]  50%") {
			t.Errorf("at %d columns it shows %q", columns, got)
		}
		wide := 0
		for _, s := range strings.Split(got, "\r") {
			wide = max(wide, len(s))
		}
		if columns > 0 && wide >= columns {
			t.Errorf("at %d columns it takes %d", columns, wide)
		}
		parts := strings.Split(got, "\r")
		n := len(parts)
		if n < 4 || parts[n-1] != "" || strings.TrimSpace(parts[n-2]) != "" || len(parts[n-2]) < len(parts[n-3]) {
			t.Errorf("at %d columns it is not wiped: %q", columns, got)
		}
	}
}

func TestNoBar(t *testing.T) {
	for _, c := range []struct {
		name    string
		env     string
		columns int
		o       options
		size    int64
	}{
		{"small", "TERM=xterm", 80, options{}, barFrom - 1},
		{"size unknown", "TERM=xterm", 80, options{}, 0},
		{"quiet", "TERM=xterm", 80, options{quiet: true}, barFrom},
		{"dumb", "TERM=dumb", 80, options{}, barFrom},
		{"narrow", "TERM=xterm", barWords, options{}, barFrom},
	} {
		environ(t, c.env)
		got := onScreen(t, c.columns, func(terminal *os.File) {
			c.o.bar(terminal, io.Discard, func() (int64, int64) { return 0, c.size })()
		})
		if got != "" {
			t.Errorf("%s: it shows %q", c.name, got)
		}
	}
	environ(t, "TERM=xterm")
	got := onScreen(t, 80, func(terminal *os.File) {
		large := func() (int64, int64) { return 0, barFrom }
		new(options).bar(terminal, terminal, large)() // records go to a terminal, too
		new(options).bar(io.Discard, io.Discard, large)()
	})
	if got != "" {
		t.Errorf("between records it shows %q", got)
	}
}

// large is a capture of barFrom bytes that takes no room: its few packets are
// holes in the file.
func large(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "large.pcap")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const packet = 1 << 18
	header := make([]byte, 16)
	binary.LittleEndian.PutUint32(header[8:], packet)
	binary.LittleEndian.PutUint32(header[12:], packet)
	at := int64(len(readDemo(t).header))
	if _, err := f.Write(readDemo(t).header); err != nil {
		t.Fatal(err)
	}
	for ; at < barFrom; at += 16 + packet {
		if _, err := f.WriteAt(header, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(at); err != nil {
		t.Fatal(err)
	}
	return path
}

// A run that takes a large file has a bar, and leaves none behind.
func TestBarOfRun(t *testing.T) {
	environ(t, "TERM=xterm")
	path := large(t)
	for _, c := range []struct {
		args []string
		bar  bool
	}{{[]string{path}, true}, {[]string{"-q", path}, false}, {[]string{demo}, false}} {
		screen := onScreen(t, 80, func(terminal *os.File) {
			if code := execute(t.Context(), c.args, streams{nil, io.Discard, terminal}); code != exitOK {
				t.Errorf("exit code %d", code)
			}
		})
		blank := strings.Repeat(" ", barCells+barWords-1)
		if got := strings.HasSuffix(screen, "\r"+blank+"\r"); got != c.bar || !c.bar && screen != "" {
			t.Errorf("%q: stderr shows %q", c.args, screen)
		}
	}
}
