package process

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestYoung starts a process: it is among the young, and none of our threads is.
func TestYoung(t *testing.T) {
	h := openHunter(threadClock)
	defer h.close()
	if !h.young.own {
		t.Skip("SKIPPED: /proc is of another pid namespace")
	}
	h.young.update(h.load.newest())
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	h.young.update(h.load.newest())
	if !slices.Contains(h.young.pids, uint32(cmd.Process.Pid)) && len(h.young.pids) < maxYoung {
		t.Errorf("%v, want %d among them", h.young.pids, cmd.Process.Pid)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range threads {
		if id, _ := decimal([]byte(e.Name())); int(id) != os.Getpid() && slices.Contains(h.young.pids, id) {
			t.Errorf("%d is a thread", id)
		}
	}
}

// TestYoungAreBounded has ids begin anew, and many of them at once.
func TestYoungAreBounded(t *testing.T) {
	y := young{own: true}
	for _, newest := range []uint32{uint32(os.Getpid()), 3, 1<<32 - 1, 1, 0} {
		y.update(newest)
		if y.last != newest || len(y.pids) > maxYoung {
			t.Fatalf("%d: %+v", newest, y)
		}
	}
	if !slices.Contains(y.pids, initial) || slices.Contains(y.pids, 0) {
		t.Errorf("%v", y.pids)
	}
}

func TestLeads(t *testing.T) {
	if !leads(uint32(os.Getpid())) {
		t.Error("a process does not lead itself")
	}
	tid := make(chan int)
	over := make(chan struct{})
	defer close(over)
	for range 2 { // one of them may be on the first thread
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			tid <- unix.Gettid()
			<-over
		}()
	}
	for range 2 {
		if id := <-tid; id != os.Getpid() && leads(uint32(id)) {
			t.Errorf("thread %d leads", id)
		}
	}
}

// TestWaitAfter sums the waits: a server that accepts soon is looked at often, and
// one that does not, rarely.
func TestWaitAfter(t *testing.T) {
	looks := map[bool]int{}
	for age := time.Duration(0); age < maxWait; age += waitAfter(age) {
		if d := waitAfter(age); d < leastWait || age < soon && d > soonWait {
			t.Fatalf("%v after %v", d, age)
		}
		looks[age < soon]++
	}
	if looks[true] > 40 || looks[false] > 30 {
		t.Errorf("%d looks soon, %d later", looks[true], looks[false])
	}
}
