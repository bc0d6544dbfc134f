package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	barFrom  = 64 << 20 // bytes of input from which on a bar is worth its while
	barEvery = 100 * time.Millisecond
	barCells = 30
)

// bar draws a progress bar on stderr while a large file is read, where stderr
// is a terminal and the records are not written to one. It returns what stops
// it, and wipes it.
func (o *options) bar(stderr, out io.Writer, progress func() (read, size int64)) func() {
	_, tty := terminal(stderr)
	_, records := terminal(out)
	if _, size := progress(); o.quiet || !tty || records || size < barFrom {
		return func() {}
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		t := time.NewTicker(barEvery)
		defer t.Stop()
		start := time.Now()
		for {
			select {
			case <-t.C:
				read, size := progress()
				say(stderr, "\r%s", drawBar(read, size, time.Since(start)))
			case <-stop:
				say(stderr, "\r%s\r", strings.Repeat(" ", barCells+40))
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(stop); wg.Wait() })
}

func drawBar(read, size int64, took time.Duration) string {
	part := min(max(float64(read)/float64(max(size, 1)), 0), 1)
	n := int(part * barCells)
	return fmt.Sprintf("[%s%s] %3.0f%%  %.0f MB/s ", strings.Repeat("#", n), strings.Repeat(".", barCells-n),
		100*part, float64(read)/1e6/max(took.Seconds(), 1e-3))
}

// utf8Locale reports whether the locale's encoding is UTF-8, or unknown.
func utf8Locale() bool {
	for _, k := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(k); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}
