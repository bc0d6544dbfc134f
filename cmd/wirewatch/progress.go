package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	barFrom  = 64 << 20 // bytes of input from which on a bar is worth its while
	barEvery = 100 * time.Millisecond
	barCells = 30 // at most
	barWords = 24 // columns beside the cells: "[] 100%  123456 MB/s " and some air
)

// bar draws a progress bar on stderr while a large file is read, where stderr
// is a terminal that can do it and the records are not written to one. It
// returns what wipes the bar and stops it, which may be called more than once.
func (o *options) bar(stderr, out io.Writer, progress func() (read, size int64)) func() {
	columns, tty := terminal(stderr)
	_, records := terminal(out)
	if _, size := progress(); o.quiet || !tty || dumb() || records || size < barFrom {
		return func() {}
	}
	cells := barCells
	if columns > 0 {
		cells = min(cells, columns-barWords)
	}
	if cells < 1 {
		return func() {}
	}
	return every(barEvery, func(running time.Duration) {
		read, size := progress()
		say(stderr, "\r%s", drawBar(cells, read, size, running))
	}, func() {
		say(stderr, "\r%s\r", strings.Repeat(" ", cells+barWords-1))
	})
}

// every calls draw now and then, and wipe when it is stopped, all from a
// goroutine of its own, which has ended when stop returns.
func every(interval time.Duration, draw func(running time.Duration), wipe func()) (stop func()) {
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(interval)
		defer t.Stop()
		for start := time.Now(); ; {
			select {
			case <-t.C:
				draw(time.Since(start))
			case <-quit:
				wipe()
				return
			}
		}
	})
	return sync.OnceFunc(func() { close(quit); wg.Wait() })
}

// drawBar is a bar of so many cells, and how fast it moves.
func drawBar(cells int, read, size int64, running time.Duration) string {
	part := min(max(float64(read)/float64(max(size, 1)), 0), 1)
	n := int(part * float64(cells))
	return fmt.Sprintf("[%s%s] %3.0f%%  %.0f MB/s ", strings.Repeat("#", n), strings.Repeat(".", cells-n),
		100*part, float64(read)/1e6/max(running.Seconds(), 1e-3))
}
