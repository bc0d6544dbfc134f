// Command child confines itself, tries what must not work any more, says what
// happened, and waits to be looked at until its standard input ends.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"example.com/wirewatch/internal/privilege"
)

// order is what the parent asks for.
type order struct {
	Policy privilege.Policy
	Read   []string // files to open
	Create []string // files to make
	Rename []string // folders in which to make a file and rename it
	Dial   string   // an address to connect to
	Exec   string   // a program to run
}

// answer is what happened; an empty text is success.
type answer struct {
	Error    string
	Report   string
	Zone     string // of local time, asked for afterwards
	Landlock int
	Tried    []map[string]string // for each thread
}

const threads = 6

func main() {
	var o order
	if err := json.Unmarshal([]byte(os.Args[1]), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	// Some threads are there before, some come after, some are in a system call.
	before := make(chan bool)
	var mu sync.Mutex
	var a answer
	var started, done sync.WaitGroup
	try := func(n int) {
		t := o.try(n)
		mu.Lock()
		a.Tried = append(a.Tried, t)
		mu.Unlock()
		done.Done()
		select {} // the thread stays
	}
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	for n := range threads {
		started.Add(1)
		done.Add(1)
		go func() {
			runtime.LockOSThread()
			started.Done()
			if n%2 == 0 {
				<-before
			} else {
				wait(int(r.Fd())) // Fd makes it blocking
			}
			try(n)
		}()
	}
	started.Wait()
	report, err := privilege.Confine(o.Policy)
	a.Report, a.Landlock = report.String(), report.Landlock
	if err != nil {
		a.Error = err.Error()
		done.Add(-threads)
	} else {
		close(before)
		_, _ = w.Write(make([]byte, threads))
		for n := range threads {
			done.Add(1)
			go func() {
				runtime.LockOSThread()
				try(threads + n)
			}()
		}
	}
	done.Wait()
	mu.Lock()
	a.Zone, _ = time.Unix(0, 0).Zone()
	_ = json.NewEncoder(os.Stdout).Encode(a)
	mu.Unlock()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// wait is in read(2) until there is a byte, whatever signals come.
func wait(fd int) {
	for {
		if _, err := syscall.Read(fd, make([]byte, 1)); err != syscall.EINTR { //nolint:errorlint // an errno as it is
			return
		}
	}
}

func (o *order) try(n int) map[string]string {
	t := map[string]string{}
	say := func(what string, err error) {
		t[what] = ""
		if err != nil {
			t[what] = err.Error()
		}
	}
	errno := func(e syscall.Errno) error {
		if e == 0 {
			return nil
		}
		return e
	}
	_, _, e := syscall.RawSyscall(syscall.SYS_SETUID, 0, 0, 0) // of this thread only
	say("setuid 0", errno(e))
	d, _, _ := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_DUMPABLE, 0, 0)
	if say("dump core", syscall.EPERM); d == 1 {
		say("dump core", nil)
	}
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, 0)
	say("packet socket", err)
	if err == nil {
		_ = syscall.Close(fd)
	}
	for _, name := range o.Read {
		f, err := os.Open(name)
		say("read "+name, err)
		_ = f.Close()
	}
	for _, name := range o.Create {
		f, err := os.OpenFile(fmt.Sprintf("%s.%d", name, n), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		say("create "+name, err)
		_ = f.Close()
	}
	for _, dir := range o.Rename {
		say("rename "+dir, o.rename(dir, n))
	}
	if o.Dial != "" {
		c, err := net.Dial("tcp", o.Dial)
		say("dial", err)
		if err == nil {
			_ = c.Close()
		}
	}
	_, _, e = syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(os.Getpid()), uintptr(os.Getpid()), 0)
	say("signal sibling", errno(e)) // the first thread, as the scheduler does
	say("signal parent", syscall.Kill(os.Getppid(), 0))
	if o.Exec != "" {
		say("exec", exec.Command(o.Exec).Run())
	}
	return t
}

func (o *order) rename(dir string, n int) error {
	old := filepath.Join(dir, fmt.Sprint("a", n))
	if err := os.WriteFile(old, []byte("x"), 0o600); err != nil {
		return err
	}
	next := filepath.Join(dir, fmt.Sprint("b", n))
	if err := os.Rename(old, next); err != nil {
		return err
	}
	return os.Remove(next)
}
