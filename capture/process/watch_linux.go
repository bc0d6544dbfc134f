package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"example.com/wirewatch/capture"
)

// Of when a thread gets its turn: a client may be gone before one of usual priority
// does.
const (
	niceness   = -10
	timerSlack = 1000 // ns: the waits for accept(2) are short
)

// watch is the work of a Watcher in this process. All but Ask, Stats and Close
// is done by one goroutine, whose processor time is counted: that of its thread, or
// of the whole process.
type watch struct {
	counters
	owners    chan capture.Owner
	questions chan ends
	bell      int         // an eventfd: there are questions
	rung      atomic.Bool // the bell, since the thread last heard it
	bells     sync.Mutex  // held to ring the bell, and to begin to close
	stop      int         // an eventfd: the watch ends
	closing   atomic.Bool
	done      chan struct{}
	close     sync.Once

	packets int // the packet socket
	waiter  *waiter
	spaces  *spaces
	hunter  hunter
	budget  budget
	queries map[ends]*query
	wanted  wanted // those of them whose inode is known
	told    []capture.Owner
	buf     [taps]byte
}

// counters are Stats that any goroutine may read.
type counters struct{ asked, found, gone, skipped atomic.Uint64 }

// Stats returns the counts so far.
func (c *counters) Stats() Stats {
	return Stats{c.asked.Load(), c.found.Load(), c.gone.Load(), c.skipped.Load()}
}

func (c *counters) set(s Stats) {
	c.asked.Store(s.Asked)
	c.found.Store(s.Found)
	c.gone.Store(s.Gone)
	c.skipped.Store(s.Skipped)
}

// Watch begins to look for the owners of connections as they are opened. It
// needs CAP_NET_RAW.
func Watch(opt Options) (*Watcher, error) {
	w := &watch{
		owners:    make(chan capture.Owner, maxOwners),
		questions: make(chan ends, maxQuestions),
		done:      make(chan struct{}),
		queries:   map[ends]*query{},
		wanted:    wanted{},
		hunter:    openHunter(opt.clock()),
		packets:   opt.socket,
	}
	if err := w.open(opt); err != nil {
		w.release()
		return nil, err
	}
	ready := make(chan struct{})
	go w.run(opt, ready)
	<-ready
	return &Watcher{w, w.owners}, nil
}

func (w *watch) open(opt Options) (err error) {
	if w.packets == 0 {
		if w.packets, err = openPackets(false); err != nil {
			return err
		}
	}
	for _, fd := range []*int{&w.bell, &w.stop} {
		if *fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
			return fmt.Errorf("process: open an eventfd: %w", err)
		}
	}
	if w.waiter, err = openWaiter(); err != nil {
		return err
	}
	if err = errors.Join(w.waiter.add(w.stop), w.listen(true)); err != nil {
		return fmt.Errorf("process: wait: %w", err)
	}
	w.spaces, err = openSpaces(opt.Namespaces)
	return err
}

// listen has segments and questions wake the watch, or not.
func (w *watch) listen(on bool) error {
	change := w.waiter.remove
	if on {
		change = w.waiter.add
	}
	return errors.Join(change(w.packets), change(w.bell))
}

// release closes what was opened; file 0 is never ours.
func (w *watch) release() {
	for _, fd := range []int{w.packets, w.bell, w.stop} {
		if fd > 0 {
			_ = unix.Close(fd)
		}
	}
	w.hunter.close()
	if w.waiter != nil {
		w.waiter.close()
	}
	if w.spaces != nil {
		w.spaces.close()
	}
}

// Ask queues a question, and skips it if the queue is full.
func (w *watch) Ask(local, remote netip.AddrPort) {
	select {
	case w.questions <- ends{plain(local), plain(remote)}:
		w.ring()
	default:
		w.asked.Add(1)
		w.skipped.Add(1)
	}
}

// plain is an address as this package compares them: without a zone, and IPv4
// as such.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// ring wakes the thread, unless the watch has ended: the bell's file number may be
// another file's then.
func (w *watch) ring() {
	w.bells.Lock()
	defer w.bells.Unlock()
	if !w.closing.Load() && !w.rung.Swap(true) {
		wake(w.bell)
	}
}

// wake makes an eventfd readable.
func wake(fd int) {
	one := binary.NativeEndian.AppendUint64(nil, 1)
	_, _ = write(fd, one)
}

// Close ends the thread and waits for it.
func (w *watch) Close() error {
	w.close.Do(func() {
		w.bells.Lock()
		w.closing.Store(true)
		w.bells.Unlock()
		wake(w.stop)
		<-w.done
		w.release()
	})
	return nil
}

// run is the goroutine. Where the budget counts the time of a thread, it has that
// thread to itself. In a child it has no need to: the runtime's hand-over between
// threads would cost more than what they do. It changes its thread's network
// namespace for moments; if it cannot come back, the watch is over.
func (w *watch) run(opt Options, ready chan<- struct{}) {
	if !opt.whole {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		hurry()
	}
	defer close(w.done)
	defer close(w.owners)
	w.budget = newBudget(opt.CPU, opt.clock(), time.Now())
	err := w.enterOthers(time.Now())
	close(ready) // connections are seen from now on, of all namespaces
	for err == nil && !w.closing.Load() {
		w.receive()
		w.answer()
		if err = w.work(time.Now()); err == nil {
			err = w.wait()
		}
	}
	w.tell()
}

// hurry has this thread, and those it will start, get their turn and wake in time.
func hurry() {
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, niceness) // if it may
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, timerSlack, 0, 0, 0)
}

// clock is the one that counts what a watch uses.
func (opt Options) clock() clock {
	if opt.whole {
		return processClock
	}
	return threadClock
}

// wait blocks until there is something to do and the budget allows it.
func (w *watch) wait() error {
	if rest := w.budget.charge(time.Now(), w.budget.clock.now()); rest > 0 {
		w.tell()
		if err := w.rest(rest); err != nil {
			return err
		}
	}
	d := w.idle(time.Now())
	if d < 0 || d >= shortly || len(w.told) >= maxTold {
		w.tell()
	}
	if d != 0 {
		if err := w.waiter.wait(d); err != nil {
			return err
		}
	}
	if w.waiter.fired(w.bell) {
		var b [8]byte
		_, _ = read(w.bell, b[:])
		w.rung.Store(false)
	}
	return nil
}

// maxTold is how much is found before it is told.
const maxTold = 64

// tell passes on what was found since it last did: both ends of a connection at
// once, as it wakes two processes.
func (w *watch) tell() {
	for _, o := range w.told {
		select {
		case w.owners <- o:
		default: // nobody takes them
		}
	}
	w.told = w.told[:0]
	runtime.Gosched() // no other processor may be there to go on with it
}

// rest waits for a time, or for the watch to end, and drops what came: most such
// connections are over, and looking them up would take the time of those that are
// not.
func (w *watch) rest(d time.Duration) error {
	err := errors.Join(w.listen(false), w.waiter.wait(d), w.listen(true))
	n := overflowed(w.packets)
	for {
		if _, err := read(w.packets, w.buf[:]); err != nil && !errors.Is(err, unix.EINTR) {
			break
		}
		n++
	}
	w.asked.Add(n)
	w.skipped.Add(n)
	return err
}

// idle is how long there is nothing to do but to wait for segments, negative if
// that is for ever.
func (w *watch) idle(now time.Time) time.Duration {
	if w.hunter.sweep.active || w.hunter.sweep.number == 0 {
		return 0
	}
	idle := time.Duration(-1)
	for _, q := range w.queries {
		due := q.due
		if due.IsZero() {
			due = w.hunter.sweep.next
		}
		if d := max(0, due.Sub(now)); idle < 0 || d < idle {
			idle = d
		}
	}
	return idle
}

// receive takes what the packet socket has, up to a bound, so that all of it can
// be looked for at once.
func (w *watch) receive() {
	for range 64 {
		s, ok, err := receive(w.packets, w.buf[:])
		if err != nil && !errors.Is(err, unix.EINTR) {
			break
		}
		if err == nil && ok {
			w.add(query{ends: s.ends, iface: s.iface, accepted: s.accepted, foreign: s.incoming})
		}
	}
}

// answer takes the questions that wait: of the two ends of each connection either
// may be here.
func (w *watch) answer() {
	for range len(w.questions) {
		e := <-w.questions
		w.add(query{ends: e, asked: true})
		w.add(query{ends: e.swapped(), asked: true})
	}
}

func (e ends) swapped() ends { return ends{e.remote, e.local} }
