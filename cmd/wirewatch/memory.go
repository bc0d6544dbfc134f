package main

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Garbage may gather up to gcPercent of what is live, which is a few megabytes most
// of the time, so that collecting at the default doubling of it would be most of
// the work. Where there is much that is live, a long list of connections, as much
// garbage would take the machine's memory: then it is maxGarbage, or leastPercent
// if that is more.
const (
	gcPercent    = 400
	leastPercent = 50
	maxGarbage   = 128 << 20
	tuneEvery    = 500 * time.Millisecond
)

// tuneMemory has the garbage collector follow that for as long as the program runs.
func tuneMemory() {
	debug.SetGCPercent(gcPercent)
	go func() {
		for now := gcPercent; ; time.Sleep(tuneEvery) {
			if p := percentFor(liveHeap()); p != now {
				now = p
				debug.SetGCPercent(p)
			}
		}
	}()
}

// percentFor is the percentage for so many live bytes.
func percentFor(live uint64) int {
	return int(min(max(maxGarbage*100/max(live, 1), leastPercent), gcPercent)) //nolint:gosec // bounded just now
}

// liveHeap is how many bytes were live at the end of the last collection.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
