package live

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// urgent is the nice value of the threads that fetch and save frames: what they
// do not do in time is lost, and what they do is little.
const urgent = -20

// prefer has the goroutine, from now on to its end, run on a thread of its own that
// goes before others.
func prefer() {
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), urgent) // as far as it may
}
