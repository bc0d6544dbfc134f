package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/wirewatch/capture"
)

// Options say how is captured. The zero value is ready for use.
type Options struct {
	Snaplen     int    // bytes of a frame that are kept; 0 means 262144, which is all of it
	Promiscuous bool   // also frames that are for others
	Buffer      int    // bytes of the kernel's ring, for each interface; 0 means 64 MiB
	Immediate   bool   // hand over each frame at once, at the price of many lost under load
	Filter      string // in libpcap's language; "" for all
	Packets     uint64 // stop after so many; 0 for never
	Backlog     int    // bytes of frames that wait in memory for a reader; 0 means 128 MiB

	// Say is told, from any goroutine, when an interface goes or comes back. nil:
	// nobody is.
	Say func(text string)
	// Dial opens what is named by a URL and not by the name of an interface. nil:
	// nothing is.
	Dial func(url string) (Feed, error)
}

// Readers are who has an interest in what a source captures, beside whoever calls
// Next. The zero value is nobody.
type Readers struct {
	// Owners says which processes the frames belong to, as it is found out; nil for
	// nobody does.
	Owners <-chan capture.Owner
	// Save is given all frames in order, from a goroutine of its own; it releases
	// none, and keeps nothing of a block. What it says of an error is its own
	// affair. ifaces are the interfaces so far, by Record.Iface. Saved is called
	// after the last, even where nobody calls Next. nil: nothing is saved.
	Save  func(b *capture.Block, ifaces []capture.Interface)
	Saved func()
}

// Defaults of Options.
const (
	DefaultSnaplen = 262144
	DefaultBuffer  = 64 << 20
	DefaultBacklog = 128 << 20
)

func (o Options) withDefaults() Options {
	if o.Snaplen == 0 {
		o.Snaplen = DefaultSnaplen
	}
	if o.Buffer == 0 {
		o.Buffer = DefaultBuffer
	}
	if o.Backlog == 0 {
		o.Backlog = DefaultBacklog
	}
	if o.Packets == 0 {
		o.Packets = math.MaxUint64
	}
	return o
}

// Source captures on interfaces. One goroutine calls Next; any may call the rest.
type Source struct {
	opt     Options
	open    func(name string, set settings) (handle, error)
	store   *store
	reader  *reader
	lanes   []runner
	drops   []*counters // of the lanes
	others  Readers
	threads []thread // of the lanes, and one that saves
	procs   int      // GOMAXPROCS before
	halt    func()
	halted  chan struct{} // closed by halt
	done    chan struct{} // closed when nothing more is captured
	saved   chan struct{} // closed when all is saved
	stopped atomic.Bool
	barred  atomic.Bool // that an interface cannot be opened again was said

	mu      sync.Mutex
	ifaces  []capture.Interface
	failure error // why a feed ended, the first
	started bool

	tally         capture.Tally
	shed, unsaved atomic.Uint64
}

var _ capture.Source = (*Source)(nil)

// Open opens the interfaces of these names, from when on the kernel keeps frames;
// Start has them fetched. Of errors, those for want of permission are
// fs.ErrPermission, and that there is no such interface is fs.ErrNotExist.
func Open(names []string, opt Options) (*Source, error) {
	return openWith(open, names, opt)
}

// openWith is Open with what opens an interface.
func openWith(open func(string, settings) (handle, error), names []string, opt Options) (*Source, error) {
	if len(names) == 0 {
		return nil, errors.New("capture: no interface to open")
	}
	opt = opt.withDefaults()
	s := &Source{
		opt: opt, open: open, store: newStore(opt.Backlog),
		halted: make(chan struct{}), done: make(chan struct{}), saved: make(chan struct{}),
	}
	s.halt = sync.OnceFunc(func() { s.stopped.Store(true); close(s.halted) })
	set := settings{opt.Snaplen, opt.Promiscuous, opt.Buffer, opt.Immediate, opt.Filter}
	for _, name := range names {
		if err := s.add(name, set); err != nil {
			s.abandon()
			return nil, err
		}
	}
	for range len(s.lanes) + 1 {
		s.threads = append(s.threads, newThread())
	}
	return s, nil
}

// missingError is an fs.ErrNotExist that does not speak of files.
type missingError struct{}

func (missingError) Error() string        { return "there is no such interface" }
func (missingError) Is(target error) bool { return target == fs.ErrNotExist }

// runner is where frames come from: a lane or a pump.
type runner interface {
	to(out output)
	run()     // until the source is stopped
	abandon() // instead of run
}

// abandon closes what a source that was not started has opened.
func (s *Source) abandon() {
	for _, l := range s.lanes {
		l.abandon()
	}
	for _, t := range s.threads {
		close(t)
	}
}

// add opens an interface.
func (s *Source) add(name string, set settings) error {
	if strings.Contains(name, "://") && s.opt.Dial != nil {
		f, err := s.opt.Dial(name)
		if err != nil {
			return err
		}
		p := &pump{src: s, name: name, feed: f, drops: &counters{}}
		s.lanes, s.drops = append(s.lanes, p), append(s.drops, p.drops)
		return nil
	}
	h, err := s.open(name, set)
	if errors.Is(err, fs.ErrNotExist) {
		err = missingError{}
	}
	if err != nil {
		return fmt.Errorf("capture: open %s: %w", name, err)
	}
	l := &lane{src: s, name: name, set: set, h: h, link: math.MaxUint16, drops: &counters{}}
	l.adopt()
	s.lanes, s.drops = append(s.lanes, l), append(s.drops, l.drops)
	return nil
}

// spare is how many more goroutines than there are CPUs may be busy without the
// threads of a source having to wait for the runtime to let them go on: whoever
// reads, merges and saves, and those that collect garbage.
const spare = 5

// Start begins to capture, with a goroutine for each interface, one that ends when
// they have, and one that saves. It is called once, before Next.
func (s *Source) Start(others Readers) {
	s.started, s.others = true, others
	// What fetches and saves must not wait for its turn behind what analyses: the
	// system's scheduler knows whom to prefer, the runtime's does not.
	s.procs = runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + len(s.lanes) + spare)
	w := &writer{store: s.store, left: s.opt.Packets, full: s.halt}
	s.reader = s.store.reader(func(n uint64) { s.shed.Add(n) })
	if others.Save != nil {
		r := s.store.reader(func(n uint64) { s.unsaved.Add(n) })
		s.threads[len(s.lanes)] <- func() { s.save(r) }
	} else {
		close(s.threads[len(s.lanes)])
		close(s.saved)
	}
	var lanes sync.WaitGroup
	var end func()
	if len(s.lanes) == 1 {
		s.lanes[0].to(w)
		end = func() {}
	} else {
		end = s.merge(w)
	}
	lanes.Add(len(s.lanes))
	for i, l := range s.lanes {
		s.threads[i] <- func() {
			defer lanes.Done()
			l.run()
		}
	}
	go func() {
		lanes.Wait()
		end()
		s.store.close()
		close(s.done)
	}()
}

// writer is the output of a lane that has the store to itself, and stops when
// there are packets enough.
type writer struct {
	*store
	left uint64
	full func()
}

func (w *writer) add(data []byte, rec capture.Record) {
	if w.left == 0 {
		return
	}
	w.store.add(data, rec)
	if w.left--; w.left == 0 {
		w.full()
	}
}

// save gives what is captured to Save.
func (s *Source) save(r *reader) {
	defer close(s.saved)
	if s.others.Saved != nil {
		defer s.others.Saved()
	}
	for {
		b, more := r.take()
		switch {
		case b != nil:
			if b.Skipped > 0 { // to the file they are lost
				b.Notes = append([]capture.Note{{Nanos: time.Now().UnixNano(), Loss: capture.Loss{Kernel: b.Skipped}}}, b.Notes...)
			}
			s.others.Save(b, s.Interfaces())
			b.Release()
		case !more:
			return
		default:
			<-r.wake
		}
	}
}

// Next returns the next block. When ctx ends, so does the capture: what was
// captured until then still comes, and then io.EOF.
func (s *Source) Next(ctx context.Context) (*capture.Block, error) {
	ended := ctx.Done()
	for {
		b, more := s.reader.take()
		switch {
		case b != nil:
			s.tally.Add(b)
			return b, nil
		case !more:
			return nil, s.end()
		}
		select {
		case <-s.reader.wake:
		case <-ended:
			s.Stop()
			ended = nil
		}
	}
}

// end is how the capture has ended.
func (s *Source) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.failure, io.EOF)
}

// fail notes why a feed has ended.
func (s *Source) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = cmp.Or(s.failure, err)
}

// Stop ends the capture, at once and whoever waits for what. What was captured
// can still be read.
func (s *Source) Stop() { s.halt() }

// Stats returns the counts so far.
func (s *Source) Stats() capture.Stats {
	st := capture.Stats{Shed: s.shed.Load()}
	s.tally.Into(&st)
	for _, d := range s.drops {
		st.DroppedKernel += d.kernel.Load()
		st.DroppedInterface += d.iface.Load()
	}
	return st
}

// Received returns how many frames the interfaces say they have seen, those that
// were dropped among them, by interface as they were named to Open.
func (s *Source) Received() []uint64 {
	n := make([]uint64, len(s.drops))
	for i, d := range s.drops {
		n[i] = d.received.Load()
	}
	return n
}

// Unsaved returns how many frames were captured and not given to Save, which was
// too slow.
func (s *Source) Unsaved() uint64 { return s.unsaved.Load() }

// Interfaces returns the interfaces captured on, by Record.Iface.
func (s *Source) Interfaces() []capture.Interface {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clip(s.ifaces)
}

// describe adds an interface and returns its index.
func (s *Source) describe(i capture.Interface) uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ifaces) <= math.MaxUint16 {
		s.ifaces = append(s.ifaces, i)
	}
	return uint16(len(s.ifaces) - 1) //nolint:gosec // bounded just now
}

func (s *Source) say(text string) {
	if s.opt.Say != nil {
		s.opt.Say(text)
	}
}

// Close stops the capture and waits until all of it is saved.
func (s *Source) Close() error {
	s.Stop()
	if !s.started {
		s.abandon()
		return nil
	}
	<-s.done
	<-s.saved
	runtime.GOMAXPROCS(s.procs)
	return nil
}
