package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// Of the processor time that a watch may use.
const (
	defaultCPU = 0.035                  // of one processor, over time
	burst      = 120 * time.Millisecond // what may be used at once, after a rest
	quantum    = 5 * time.Millisecond   // what a rest must gain before it is over
)

// budget is a token bucket of processor time. It belongs to one thread.
type budget struct {
	clock clock
	share float64       // of the time that passes
	level time.Duration // of processor time that may be used now; negative: owed
	then  time.Time     // when the level was right
	used  time.Duration // what the clock showed then
}

func newBudget(share float64, c clock, now time.Time) budget {
	if share <= 0 {
		share = defaultCPU
	}
	return budget{clock: c, share: share, level: burst, then: now, used: c.now()}
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

// clock is one of processor time in user and kernel mode (clock_gettime(2)): of
// this thread, or of this process.
type clock int32

const (
	threadClock  clock = unix.CLOCK_THREAD_CPUTIME_ID
	processClock clock = unix.CLOCK_PROCESS_CPUTIME_ID
)
