package process

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// shortly is what a wait is at most during which the runtime may be kept waiting, too.
const shortly = time.Millisecond

// waiter waits for files or for a time. It is an epoll(7) of our own among the
// files that the runtime waits for: a goroutine that waits so, and makes no other
// calls that the runtime knows of (sys_linux.go), stays on its thread, and the
// runtime's monitor stays asleep.
type waiter struct {
	file  *os.File
	raw   syscall.RawConn
	epoll int                // owned by file
	look  func(uintptr) bool // w.now, bound once
	seen  []unix.EpollEvent  // what the last wait ended with
	room  [4]unix.EpollEvent
}

func openWaiter() (*waiter, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("process: open an epoll: %w", err)
	}
	_ = unix.SetNonblock(fd, true) // has NewFile give it to the runtime to wait for
	w := &waiter{file: os.NewFile(uintptr(fd), "epoll"), epoll: fd}
	w.look = w.now
	if w.raw, err = w.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, w.file.Close())
	}
	return w, nil
}

func (w *waiter) close() { _ = w.file.Close() }

// add has wait return when a file is readable.
func (w *waiter) add(fd int) error {
	return unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// remove is the opposite of add.
func (w *waiter) remove(fd int) error { return unix.EpollCtl(w.epoll, unix.EPOLL_CTL_DEL, fd, nil) }

// wait returns when a file is readable, or after a time if that is positive. The
// runtime's timers count in milliseconds, too coarse for accept(2).
func (w *waiter) wait(d time.Duration) error {
	if 0 < d && d < shortly {
		pollFor(w.epoll, d)
		w.now(0)
		return nil
	}
	var late time.Time
	if d > 0 {
		late = time.Now().Add(d)
	}
	if err := w.file.SetReadDeadline(late); err != nil {
		return err
	}
	if err := w.raw.Read(w.look); !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

// now reports that something has happened.
func (w *waiter) now(uintptr) bool {
	n, err := epollNow(w.epoll, w.room[:])
	w.seen = w.room[:max(n, 0)]
	return n > 0 || err != nil
}

// fired reports that the last wait ended because a file was readable.
func (w *waiter) fired(fd int) bool {
	return slices.ContainsFunc(w.seen, func(e unix.EpollEvent) bool { return e.Fd == int32(fd) })
}

// pipe is a file to write to, in the same way.
type pipe struct {
	file *os.File
	raw  syscall.RawConn
}

func openPipe(fd int) (*pipe, error) {
	_ = unix.SetNonblock(fd, true)
	p := &pipe{file: os.NewFile(uintptr(fd), "pipe")}
	var err error
	p.raw, err = p.file.SyscallConn()
	return p, err
}

func (p *pipe) close() { _ = p.file.Close() }

// Write writes all of b.
func (p *pipe) Write(b []byte) (done int, err error) {
	wait := p.raw.Write(func(fd uintptr) bool {
		for done < len(b) && err == nil {
			var n int
			n, err = write(int(fd), b[done:])
			done += max(n, 0)
		}
		if errors.Is(err, unix.EAGAIN) {
			err = nil
			return false
		}
		return true
	})
	return done, errors.Join(err, wait)
}
