package live

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"example.com/wirewatch/capture"
)

const (
	publishEvery = 10 * time.Millisecond  // capture time between two hand-overs, while frames come
	statsEvery   = 200 * time.Millisecond // how often a handle is asked for its counts, and its interface looked at
	retryEvery   = 250 * time.Millisecond // how often an interface that is gone is tried again
	settled      = 150 * time.Millisecond // after so long without one, no frame comes any more that is older
	quietAfter   = 100                    // time-outs in a row, which is two seconds
	quietFor     = 80 * time.Millisecond  // what the next frame may have to wait then, beside the usual
	steady       = 2 * time.Second        // an interface that is lost sooner than that was never back
	drainFor     = 100 * time.Millisecond // how long what the kernel holds is fetched when the capture ends
	fetched      = 50 * time.Millisecond  // after so long without one, the frames captured by then are usually here
)

// output is where a lane's frames go: the store, or the merger before it.
type output interface {
	add(data []byte, rec capture.Record)
	note(n capture.Note)
	publish(until int64)
}

// lane is the goroutine that owns a handle, and survives the loss of it.
type lane struct {
	src   *Source
	name  string
	set   settings
	out   output
	h     handle
	iface uint16
	link  uint16
	down  bool

	silent int       // time-outs since the last frame
	opened time.Time // when the handle was opened again; zero for the first one
	muted  bool      // its loss was not worth a word
	known  bool      // the system lists it as a network interface

	published int64 // capture time of the latest hand-over
	looked    time.Time
	told      counts // what notes have said of the handle's counts
	drops     *counters

	// What is known of processes, until the frames are here that were captured before
	// it was: the first of a connection may be in the kernel still.
	held []capture.Note
}

// maxHeld bounds the notes that a lane holds; what comes then waits where it is.
const maxHeld = 1024

// counters are a lane's counts over all its handles, for any goroutine.
type counters struct{ received, kernel, iface atomic.Uint64 }

func (l *lane) to(out output) { l.out = out }
func (l *lane) abandon()      { l.h.close() }

// run captures until the source is stopped.
func (l *lane) run() {
	l.looked = time.Now()
	for !l.src.stopped.Load() {
		if l.h == nil {
			l.reopen()
			continue
		}
		l.step()
	}
	if l.h != nil {
		l.drain()
		l.account()
		l.h.close()
	}
	l.owners(time.Now(), math.MaxInt64)
	l.out.publish(0)
}

// step reads one frame, or that there is none.
func (l *lane) step() {
	f, err := l.h.read()
	switch {
	case err == nil:
		l.frame(&f)
	case errors.Is(err, errTimeout):
		now := time.Now()
		l.look(now, now.Add(-fetched).UnixNano())
		l.out.publish(now.Add(-settled).UnixNano())
		l.rest() // behind that: what comes meanwhile is not fetched
	default:
		l.lost(err)
	}
}

// rest waits for a while, where nothing has come for long. To wait inside of a
// handle, which is a call of C, keeps the Go runtime's monitor awake: a tenth of a
// CPU for an interface on which nothing happens.
func (l *lane) rest() {
	if l.silent++; l.silent < quietAfter {
		return
	}
	select {
	case <-l.src.halted:
	case <-time.After(quietFor):
	}
}

// frame takes a frame.
func (l *lane) frame(f *frame) {
	l.silent = 0
	n := min(len(f.data), l.set.snaplen)
	l.out.add(f.data[:n], capture.Record{
		Nanos: f.nanos, WireLen: uint32(max(f.wire, len(f.data))), Link: l.link, Iface: l.iface, //nolint:gosec // a frame is far below 4 GiB
	})
	if since := f.nanos - l.published; since >= int64(publishEvery) || since < 0 {
		l.published = f.nanos
		l.out.publish(0)
		l.look(time.Now(), f.nanos)
	}
}

// look does what is not done for every frame. The frames up to a capture time are
// fetched.
func (l *lane) look(now time.Time, upTo int64) {
	l.owners(now, upTo)
	if now.Sub(l.looked) < statsEvery {
		return
	}
	l.looked = now
	l.account()
	l.state()
}

// owners notes the processes that were found by a capture time, up to which the
// frames are fetched: of a connection that has not begun it would say nothing.
func (l *lane) owners(now time.Time, upTo int64) {
	l.hold(now.UnixNano())
	n := 0
	for n < len(l.held) && (l.held[n].Nanos <= upTo || l.held[n].Nanos > now.UnixNano()) { // or the clock went back
		l.out.note(l.held[n])
		n++
	}
	l.held = slices.Delete(l.held, 0, n)
}

// hold takes the processes found since it was last called.
func (l *lane) hold(nanos int64) {
	for len(l.held) < maxHeld {
		select {
		case o, ok := <-l.src.others.Owners:
			if !ok {
				return
			}
			l.held = append(l.held, capture.Note{Nanos: nanos, Owner: &o})
		default:
			return
		}
	}
}

// account notes what was lost since it was last called.
func (l *lane) account() {
	now, err := l.h.stats()
	if err != nil {
		return // the handle's interface is gone; what it knew last, stands
	}
	loss := capture.Loss{Iface: l.iface, Kernel: now.kernel - l.told.kernel, Interface: now.iface - l.told.iface}
	l.drops.received.Add(now.received - l.told.received)
	l.drops.kernel.Add(loss.Kernel)
	l.drops.iface.Add(loss.Interface)
	l.told = now
	if loss.Kernel > 0 || loss.Interface > 0 {
		l.out.note(capture.Note{Nanos: time.Now().UnixNano(), Loss: loss})
	}
}

// state says when the interface goes down, and when it comes up again.
func (l *lane) state() {
	if !l.known {
		return
	}
	i, err := net.InterfaceByName(l.name)
	if err != nil {
		return // the handle will say so
	}
	l.up(i.Flags&net.FlagUp != 0)
}

func (l *lane) up(up bool) {
	switch {
	case !up && !l.down:
		l.src.say(fmt.Sprintf("%s is down; waiting for it to come up", l.name))
	case up && l.down:
		l.src.say(l.name + " is up again")
	}
	l.down = !up
}

// lost deals with the end of a handle. An interface that is down needs nothing
// but time.
func (l *lane) lost(err error) {
	if errors.Is(err, ErrDown) {
		if i, e := net.InterfaceByName(l.name); e == nil {
			l.up(i.Flags&net.FlagUp != 0)
			l.pause()
			return
		}
	}
	l.account()
	l.h.close()
	l.h, l.told = nil, counts{}
	l.out.publish(0)
	if _, e := net.InterfaceByName(l.name); e != nil && l.known {
		err = errors.New("the interface is gone")
	}
	// One that fails again and again is said to be lost once.
	if l.muted = time.Since(l.opened) < steady; !l.muted {
		l.src.say(fmt.Sprintf("%s: %v; waiting for it to come back", l.name, err))
	}
}

// pause lets a little time go by, in which the capture's clock goes on.
func (l *lane) pause() {
	time.Sleep(retire)
	now := time.Now()
	l.owners(now, now.Add(-fetched).UnixNano())
	l.out.publish(now.Add(-settled).UnixNano())
}

// reopen tries to capture on an interface that was lost.
func (l *lane) reopen() {
	l.pause()
	if time.Since(l.looked) < retryEvery {
		return
	}
	l.looked = time.Now()
	h, err := l.src.open(l.name, l.set)
	switch {
	case err == nil:
		l.h, l.down = h, false
		l.adopt()
		if l.opened = time.Now(); !l.muted {
			l.src.say(l.name + " is back")
		}
	case errors.Is(err, fs.ErrPermission) && !l.src.barred.Swap(true):
		l.src.say(l.name + " is back, but opening it again takes privileges that were given up (see -Z)")
	}
}

// adopt learns what the handle's frames are. An interface whose link type has
// changed counts as another one.
func (l *lane) adopt() {
	_, err := net.InterfaceByName(l.name)
	l.known = err == nil
	if link := l.h.link(); link != l.link {
		l.link = link
		l.iface = l.src.describe(capture.Interface{
			Name: l.name, Filter: l.set.filter, Link: link, Snaplen: uint32(l.set.snaplen), //nolint:gosec // checked when the source was opened
		})
	}
}

// drain fetches what the kernel has at the end, which ends when there is nothing
// more, or the traffic goes on and on.
func (l *lane) drain() {
	end := time.Now()
	for {
		f, err := l.h.read()
		if err != nil || f.nanos > end.UnixNano() || time.Since(end) > drainFor {
			return
		}
		l.frame(&f)
	}
}
