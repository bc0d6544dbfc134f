package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/wirewatch/capture"
)

// script is a handle that yields what it is given: frames, errors, and time-outs
// while it has neither.
type script struct {
	mu     sync.Mutex
	frames []frame
	errs   []error // after the frames
	counts counts
	closed atomic.Bool
	calls  atomic.Int32 // at once
	kind   uint16
}

func (s *script) read() (frame, error) {
	if s.calls.Add(1) > 1 || s.closed.Load() {
		panic("a handle is used by two goroutines, or after its end")
	}
	defer s.calls.Add(-1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.frames) > 0 {
		f := s.frames[0]
		s.frames = s.frames[1:]
		s.counts.received++
		return frame{bytes.Clone(f.data), f.nanos, f.wire}, nil
	}
	if len(s.errs) > 0 {
		err := s.errs[0]
		s.errs = s.errs[1:]
		return frame{}, err
	}
	time.Sleep(time.Millisecond)
	return frame{}, errTimeout
}

func (s *script) stats() (counts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts, nil
}

func (s *script) link() uint16 { return s.kind }
func (s *script) close()       { s.closed.Store(true) }

// feed adds frames.
func (s *script) feed(frames ...frame) {
	s.mu.Lock()
	s.frames = append(s.frames, frames...)
	s.mu.Unlock()
}

// opener opens scripts by name, one after another of the same name.
type opener map[string][]*script

func (o opener) open(name string, _ settings) (handle, error) {
	list := o[name]
	if len(list) == 0 {
		return nil, fs.ErrNotExist
	}
	o[name] = list[1:]
	return list[0], nil
}

func framesAt(nanos ...int64) (list []frame) {
	for _, n := range nanos {
		list = append(list, frame{[]byte(fmt.Sprint("frame at ", n)), n, 100})
	}
	return list
}

// got is what a source gave.
type got struct {
	lines  []string
	notes  []capture.Note
	untils []int64
}

func (g *got) take(b *capture.Block) {
	for _, f := range b.Frames {
		g.lines = append(g.lines, fmt.Sprintf("%d %s %d/%d", f.Iface, b.Buf[f.Off:f.Off+f.Len], f.Len, f.WireLen))
	}
	g.notes = append(g.notes, b.Notes...)
	if b.Until > 0 {
		g.untils = append(g.untils, b.Until)
	}
}

// collect reads a source to its end, which stop brings about once enough is true.
func collect(t *testing.T, s *Source, enough func(*got) bool) *got {
	t.Helper()
	g := &got{}
	deadline := time.After(30 * time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() {
		select {
		case <-deadline:
			cancel()
		case <-done:
		}
	}()
	defer close(done)
	for {
		b, err := s.Next(ctx)
		if errors.Is(err, io.EOF) {
			return g
		}
		if err != nil {
			t.Fatal(err)
		}
		g.take(b)
		b.Release()
		if enough(g) {
			cancel()
		}
	}
}

func begin(t *testing.T, o opener, names []string, opt Options, others Readers) *Source {
	t.Helper()
	before := runtime.NumGoroutine()
	s, err := openWith(o.open, names, opt)
	if err != nil {
		t.Fatal(err)
	}
	s.Start(others)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("%d goroutines, %d before", n, before)
		}
	})
	return s
}

// saver keeps what is saved.
type saver struct {
	got
	ended bool
}

func (s *saver) readers() Readers {
	return Readers{Save: func(b *capture.Block, _ []capture.Interface) { s.take(b) }, Saved: func() { s.ended = true }}
}

func TestFramesOfOneInterface(t *testing.T) {
	h := &script{kind: 1}
	h.feed(framesAt(1, 2, 3)...)
	h.feed(frame{bytes.Repeat([]byte("x"), 200), 4, 300})
	var kept saver
	s := begin(t, opener{"a": {h}}, []string{"a"}, Options{Snaplen: 50}, kept.readers())
	g := collect(t, s, func(g *got) bool { return len(g.lines) == 4 && len(g.untils) > 0 })
	want := []string{"0 frame at 1 10/100", "0 frame at 2 10/100", "0 frame at 3 10/100", "0 " + strings.Repeat("x", 50) + " 50/300"}
	if !slices.Equal(g.lines, want) {
		t.Errorf("%q", g.lines)
	}
	if u := g.untils[len(g.untils)-1]; u > time.Now().UnixNano() || u < time.Now().Add(-time.Minute).UnixNano() {
		t.Errorf("nothing more comes before %v", time.Unix(0, u))
	}
	if err := s.Close(); err != nil || !slices.Equal(kept.lines, want) || !kept.ended || !h.closed.Load() {
		t.Errorf("%v: saved %q, ended %t, closed %t", err, kept.lines, kept.ended, h.closed.Load())
	}
	if st := s.Stats(); st.Frames != 4 || st.Bytes != 80 || st.Truncated != 4 || st.Shed != 0 {
		t.Errorf("%+v", st)
	}
	if i := s.Interfaces(); len(i) != 1 || i[0] != (capture.Interface{Name: "a", Link: 1, Snaplen: 50}) {
		t.Errorf("%+v", i)
	}
}

// TestMerge checks that the frames of several interfaces come by time, and each of
// them once.
func TestMerge(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 1))
		o, names := opener{}, []string{"a", "b", "c"}
		now, total := time.Now().UnixNano(), 0
		for _, name := range names {
			h, at := &script{kind: 1}, now
			for range r.IntN(3000) {
				at += r.Int64N(1000)
				h.feed(framesAt(at)...)
				total++
			}
			o[name] = []*script{h}
		}
		var kept saver
		s := begin(t, o, names, Options{}, kept.readers())
		var at []int64
		g := collect(t, s, func(g *got) bool { return len(g.lines) == total })
		for _, line := range g.lines {
			var iface, n int64
			if _, err := fmt.Sscanf(line, "%d frame at %d", &iface, &n); err != nil {
				t.Fatal(err)
			}
			at = append(at, n)
		}
		if len(at) != total || !slices.IsSorted(at) {
			t.Fatalf("seed %d: %d frames of %d, in order %t", seed, len(at), total, slices.IsSorted(at))
		}
		if err := s.Close(); err != nil || !slices.Equal(kept.lines, g.lines) {
			t.Fatalf("seed %d: %v: what was saved is not what was read", seed, err)
		}
	}
}

func TestOneInterfaceOfTwoIsSilent(t *testing.T) {
	busy, silent := &script{kind: 1}, &script{kind: 1}
	busy.feed(framesAt(time.Now().UnixNano())...)
	s := begin(t, opener{"a": {busy}, "b": {silent}}, []string{"a", "b"}, Options{}, Readers{})
	if g := collect(t, s, func(g *got) bool { return len(g.lines) == 1 }); len(g.lines) != 1 {
		t.Errorf("%q", g.lines)
	}
}

func TestCount(t *testing.T) {
	for _, names := range [][]string{{"a"}, {"a", "b"}} {
		o := opener{"a": {{kind: 1}}, "b": {{kind: 1}}}
		now := time.Now().UnixNano()
		o["a"][0].feed(framesAt(now, now+1, now+2, now+3, now+4)...)
		var kept saver
		s := begin(t, o, names, Options{Packets: 3}, kept.readers())
		if g := collect(t, s, func(*got) bool { return false }); len(g.lines) != 3 {
			t.Errorf("%s: %q", names, g.lines)
		}
		if err := s.Close(); err != nil || len(kept.lines) != 3 {
			t.Errorf("%s: %v: saved %q", names, err, kept.lines)
		}
	}
}

// TestStalledReader checks that whoever does not read holds up neither the capture
// nor what is saved, and is told what it missed.
func TestStalledReader(t *testing.T) {
	const frames = 3000
	h := &script{kind: 1}
	now := time.Now().UnixNano()
	for n := range int64(frames) {
		h.feed(frame{bytes.Repeat([]byte{1}, 1000), now + n, 1000})
	}
	var kept saver
	s := begin(t, opener{"a": {h}}, []string{"a"}, Options{Backlog: 1 << 20}, kept.readers())
	for end := time.Now().Add(20 * time.Second); s.Stats().Shed == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	var skipped uint64
	for {
		b, err := s.Next(t.Context())
		if err != nil {
			break
		}
		skipped += b.Skipped
		b.Release()
		if skipped+s.Stats().Frames == frames {
			s.Stop()
		}
	}
	st := s.Stats()
	if st.Shed == 0 || st.Shed != skipped || st.Frames+st.Shed != frames {
		t.Errorf("%+v, skipped %d", st, skipped)
	}
	if err := s.Close(); err != nil || uint64(len(kept.lines))+s.Unsaved() != frames {
		t.Errorf("%v: saved %d, not saved %d", err, len(kept.lines), s.Unsaved())
	}
}

// TestStalledSaver checks that frames that are saved too late are lost to the file,
// which says so, and to nobody else.
func TestStalledSaver(t *testing.T) {
	const frames, each = 3000, 100 // fed as they are read, so that the reader is not too slow itself
	h := &script{kind: 1}
	now := time.Now().UnixNano()
	more := func() {
		for range each {
			now++
			h.feed(frame{bytes.Repeat([]byte{1}, 1000), now, 1000})
		}
	}
	more()
	hold := make(chan struct{})
	var saved, lost uint64
	s := begin(t, opener{"a": {h}}, []string{"a"}, Options{Backlog: 1 << 20}, Readers{Save: func(b *capture.Block, _ []capture.Interface) {
		<-hold
		saved += uint64(len(b.Frames))
		for _, n := range b.Notes {
			lost += n.Loss.Kernel
		}
	}})
	fed := each
	g := collect(t, s, func(g *got) bool {
		if len(g.lines) == fed && fed < frames {
			fed += each
			more()
		}
		return len(g.lines) == frames
	})
	close(hold)
	if err := s.Close(); err != nil || len(g.lines) != frames || saved+lost != frames || lost == 0 || lost != s.Unsaved() {
		t.Errorf("%v: %d read, %d saved, %d lost", err, len(g.lines), saved, lost)
	}
}

// TestLosses checks that what a handle has lost is noted where it was noticed, and
// counted.
func TestLosses(t *testing.T) {
	h := &script{kind: 1}
	now := time.Now().UnixNano()
	h.feed(framesAt(now)...)
	s := begin(t, opener{"a": {h}}, []string{"a"}, Options{}, Readers{})
	lose := sync.OnceFunc(func() {
		h.mu.Lock()
		h.counts.kernel, h.counts.iface = 5, 2
		h.mu.Unlock()
	})
	g := collect(t, s, func(g *got) bool {
		if len(g.lines) > 0 {
			lose()
		}
		return len(g.notes) > 0
	})
	if len(g.notes) != 1 || g.notes[0].Loss != (capture.Loss{Kernel: 5, Interface: 2}) || g.notes[0].Nanos < now {
		t.Errorf("%+v", g.notes)
	}
	if st := s.Stats(); st.DroppedKernel != 5 || st.DroppedInterface != 2 {
		t.Errorf("%+v", st)
	}
	if r := s.Received(); !slices.Equal(r, []uint64{1}) {
		t.Errorf("received %v", r)
	}
}

func TestOwners(t *testing.T) {
	h, owners := &script{kind: 1}, make(chan capture.Owner, 2)
	o := capture.Owner{Local: netip.MustParseAddrPort("127.0.0.1:1"), PID: 7, Name: "curl"}
	owners <- o
	close(owners)
	s := begin(t, opener{"a": {h}}, []string{"a"}, Options{}, Readers{Owners: owners})
	g := collect(t, s, func(g *got) bool { return len(g.notes) > 0 })
	if len(g.notes) != 1 || *g.notes[0].Owner != o {
		t.Errorf("%+v", g.notes)
	}
}

// TestInterfaceComesBack checks that the loss of an interface is said, and
// survived.
func TestInterfaceComesBack(t *testing.T) {
	now := time.Now().UnixNano()
	first, second, other := &script{kind: 1}, &script{kind: 1}, &script{kind: 113}
	first.feed(framesAt(now)...)
	second.feed(framesAt(now + 1)...)
	other.feed(framesAt(now + 2)...)
	gone := errors.New("The interface disappeared")
	first.errs, second.errs = []error{gone}, []error{gone}
	var mu sync.Mutex
	var said []string
	s := begin(t, opener{"ww-none": {first, second, other}}, []string{"ww-none"}, Options{Say: func(text string) {
		mu.Lock()
		said = append(said, text)
		mu.Unlock()
	}}, Readers{})
	g := collect(t, s, func(g *got) bool { return len(g.lines) == 3 })
	want := []string{"0 frame at " + fmt.Sprint(now), "0 frame at " + fmt.Sprint(now+1), "1 frame at " + fmt.Sprint(now+2)}
	for i, line := range g.lines {
		if i >= len(want) || !strings.HasPrefix(line, want[i]) {
			t.Errorf("%q, want %q", g.lines, want)
		}
	}
	const went, back = "ww-none: The interface disappeared; waiting for it to come back", "ww-none is back"
	if !slices.Equal(said, []string{went, back}) { // the second loss comes too soon to be worth a word
		t.Errorf("%q", said)
	}
	if i := s.Interfaces(); len(i) != 2 || i[1].Link != 113 || !first.closed.Load() || !second.closed.Load() {
		t.Errorf("%+v", i)
	}
}

func TestOpenFails(t *testing.T) {
	h := &script{kind: 1}
	_, err := openWith(opener{"a": {h}}.open, []string{"a", "b"}, Options{})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "open b") || !h.closed.Load() {
		t.Errorf("%v; the first one is closed: %t", err, h.closed.Load())
	}
	if _, err := Open(nil, Options{}); err == nil {
		t.Error("no interface was opened, and no error")
	}
}

func TestCloseWithoutStart(t *testing.T) {
	h := &script{kind: 1}
	s, err := openWith(opener{"a": {h}}.open, []string{"a"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil || !h.closed.Load() {
		t.Errorf("%v; closed %t", err, h.closed.Load())
	}
}

func TestResolve(t *testing.T) {
	list := []Interface{{Name: "eth0"}, {Name: "3"}, {Name: "lo"}}
	for name, want := range map[string]string{"1": "eth0", "2": "3", "3": "3", "lo": "lo", "0": "0", "4": "4", "-1": "-1", "any": "any"} {
		if got := Resolve(name, list); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// feeder is a feed of blocks that were made before.
type feeder struct {
	blocks  []*capture.Block
	stopped chan struct{}
	stop    func()
	err     error
	closed  bool
}

func newFeeder(err error, blocks ...*capture.Block) *feeder {
	f := &feeder{blocks: blocks, stopped: make(chan struct{}), err: err}
	f.stop = sync.OnceFunc(func() { close(f.stopped) })
	return f
}

func (f *feeder) Next(context.Context) (*capture.Block, error) {
	if len(f.blocks) == 0 {
		if f.err == nil {
			<-f.stopped
			return nil, io.EOF
		}
		return nil, f.err
	}
	b := f.blocks[0]
	f.blocks = f.blocks[1:]
	return b, nil
}
func (f *feeder) Stats() capture.Stats { return capture.Stats{Frames: 2, DroppedKernel: 7} }
func (f *feeder) Stop()                { f.stop() }
func (f *feeder) Close() error         { f.closed = true; return nil }
func (f *feeder) Describe(i uint16) capture.Interface {
	return capture.Interface{Name: fmt.Sprint("far", i), Link: 1}
}

func blockOf(iface uint16, text string) *capture.Block {
	return capture.View([]byte(text), []capture.Record{{Nanos: 1, Len: uint32(len(text)), WireLen: uint32(len(text)), Iface: iface}}, func() {})
}

// TestFeed checks that what others capture comes beside what is captured here, and
// that its interfaces are not mistaken for those here.
func TestFeed(t *testing.T) {
	h := &script{kind: 1}
	h.feed(framesAt(time.Now().UnixNano())...)
	f := newFeeder(nil, blockOf(1, "one"), blockOf(0, "two"))
	s := begin(t, opener{"a": {h}}, []string{"a", "ssh://far"}, Options{Dial: func(string) (Feed, error) { return f, nil }}, Readers{})
	g := collect(t, s, func(g *got) bool { return len(g.lines) == 3 })
	slices.Sort(g.lines)
	if len(g.lines) != 3 || !strings.HasPrefix(g.lines[0], "0 frame at") || g.lines[1] != "1 two 3/3" || g.lines[2] != "2 one 3/3" {
		t.Errorf("%q", g.lines)
	}
	var names []string
	for _, i := range s.Interfaces() {
		names = append(names, i.Name)
	}
	if !slices.Equal(names, []string{"a", "far0", "far1"}) || !f.closed || s.Stats().DroppedKernel != 7 {
		t.Errorf("%q, closed %t, %+v", names, f.closed, s.Stats())
	}
}

// TestFeedFails checks that the end of a feed that nobody asked for is an error,
// once all is read that it had.
func TestFeedFails(t *testing.T) {
	broken := errors.New("connection lost")
	s := begin(t, nil, []string{"ssh://far"}, Options{Dial: func(string) (Feed, error) { return newFeeder(broken, blockOf(0, "one")), nil }}, Readers{})
	b, err := s.Next(t.Context())
	if err != nil || len(b.Frames) != 1 {
		t.Fatal(b, err)
	}
	b.Release()
	for err == nil {
		_, err = s.Next(t.Context())
	}
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := openWith(nil, []string{"ssh://far"}, Options{Dial: func(string) (Feed, error) { return nil, broken }}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// TestOwnersComeAfterTheirFrames checks that what is known of a process is noted
// when the frames are fetched that were captured before it was, and not earlier.
func TestOwnersComeAfterTheirFrames(t *testing.T) {
	owners := make(chan capture.Owner, maxHeld+1)
	s := newStore(1 << 20)
	l := &lane{src: &Source{others: Readers{Owners: owners}}, out: &writer{store: s}}
	now := time.Unix(1000, 0)
	notes := func() int { return len(s.tail.notes) }
	owners <- capture.Owner{PID: 1}
	if l.owners(now, now.UnixNano()-1); notes() != 0 {
		t.Error("noted before the frames are there")
	}
	owners <- capture.Owner{PID: 2}
	if l.owners(now.Add(1), now.UnixNano()); notes() != 1 || s.tail.notes[0].Owner.PID != 1 || s.tail.notes[0].Nanos != now.UnixNano() {
		t.Errorf("%d notes, want the first", notes())
	}
	if l.owners(now.Add(-time.Hour), 0); notes() != 2 {
		t.Error("the clock went back, and what is known waits for it")
	}
	for range maxHeld + 1 {
		owners <- capture.Owner{}
	}
	if l.owners(now, 0); len(l.held) != maxHeld || len(owners) != 1 {
		t.Errorf("%d notes are held, %d wait", len(l.held), len(owners))
	}
}

// TestMergeOwners checks that what one lane knows of a process comes behind the
// frames that another has captured before.
func TestMergeOwners(t *testing.T) {
	s := newStore(1 << 20)
	m := &merger{w: &writer{store: s, left: 100}, inbox: make(chan *batch, 2)}
	busy, idle := &feed{m: m, pool: capture.NewPool(2)}, &feed{m: m, pool: capture.NewPool(2)}
	m.lanes = []*feed{idle, busy}
	idle.note(capture.Note{Nanos: 20, Owner: &capture.Owner{PID: 7}})
	idle.note(capture.Note{Nanos: 99, Loss: capture.Loss{Kernel: 1}})
	idle.publish(0)
	for _, nanos := range []int64{10, 30} {
		busy.add([]byte("frame"), capture.Record{Nanos: nanos})
	}
	busy.publish(0)
	for range 2 {
		b := <-m.inbox
		b.feed.take(b)
	}
	if m.flow(15); len(s.tail.frames) != 1 || len(s.tail.notes) != 0 {
		t.Errorf("%d frames and %d notes at 15", len(s.tail.frames), len(s.tail.notes))
	}
	if m.flow(40); len(s.tail.frames) != 2 || len(s.tail.notes) != 2 || s.tail.notes[0].At != 1 || s.tail.notes[1].At != 1 {
		t.Errorf("%d frames, notes %+v", len(s.tail.frames), s.tail.notes)
	}
}
