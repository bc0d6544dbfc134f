package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// Of the processor time that a watch may use.
const (
	defaultCPU = 0.04                  // of one processor, over time
	burst      = 40 * time.Millisecond // what may be used at once, after a rest
	quantum    = 5 * time.Millisecond  // what a rest must gain before it is over
)

// budget is a token bucket of processor time. It belongs to one thread, the one
// whose time it counts.
type budget struct {
	share float64       // of the time that passes
	level time.Duration // of processor time that may be used now; negative: owed
	then  time.Time     // when the level was right
	used  time.Duration // processor time of the thread then
}

func newBudget(share float64, now time.Time, used time.Duration) budget {
	if share <= 0 {
		share = defaultCPU
	}
	return budget{share: share, level: burst, then: now, used: used}
}

// charge brings the level up to date and returns how long to rest before any
// more work, 0 if there is no need to.
func (b *budget) charge(now time.Time, used time.Duration) time.Duration {
	gained := time.Duration(b.share * float64(now.Sub(b.then)))
	b.level = min(burst, b.level+gained) - (used - b.used)
	b.then, b.used = now, used
	if b.level > 0 {
		return 0
	}
	return time.Duration(float64(quantum-b.level) / b.share)
}

// threadTime is the processor time that this thread has used, in user and
// kernel mode.
func threadTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
