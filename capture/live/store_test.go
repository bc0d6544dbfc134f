package live

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"example.com/wirewatch/capture"
)

// stamp is a frame that says which one it is.
func stamp(n uint64, size int) []byte {
	p := bytes.Repeat([]byte{byte(n)}, max(size, 8))
	binary.LittleEndian.PutUint64(p, n)
	return p
}

// follower checks what one reader of a store is given: every frame is whole, in
// order, given once or counted as skipped, and so are the losses noted.
type follower struct {
	t      *testing.T
	r      *reader
	next   uint64 // number of the frame that comes next
	given  uint64
	shed   uint64
	lost   uint64
	owners int
	until  int64
	held   []*capture.Block
}

func (f *follower) take() (more bool) {
	b, more := f.r.take()
	if b == nil {
		return more
	}
	f.shed += b.Skipped
	f.next += b.Skipped
	for i, rec := range b.Frames {
		p := b.Buf[rec.Off : rec.Off+rec.Len]
		if n := binary.LittleEndian.Uint64(p); n != f.next || rec.Nanos != int64(n) || p[len(p)-1] != byte(n) && len(p) > 8 {
			f.t.Fatalf("frame %d of a block: %d at %d, want %d", i, n, rec.Nanos, f.next)
		}
		f.next++
		f.given++
	}
	for _, n := range b.Notes {
		if n.At < 0 || n.At > len(b.Frames) {
			f.t.Fatalf("a note at %d of %d frames", n.At, len(b.Frames))
		}
		f.lost += n.Loss.Kernel
		if n.Owner != nil {
			f.owners++
			if want := f.next - uint64(len(b.Frames)-n.At); uint64(n.Owner.PID) != want {
				f.t.Fatalf("the note before frame %d came before %d", n.Owner.PID, want)
			}
		}
	}
	if b.Until < f.until && b.Until != 0 {
		f.t.Fatalf("until %d after %d", b.Until, f.until)
	}
	f.until = max(f.until, b.Until)
	f.held = append(f.held, b)
	return true
}

// catchUp takes all that there is.
func (f *follower) catchUp() {
	for n := -1; n != len(f.held); {
		n = len(f.held)
		f.take()
	}
}

func (f *follower) release(keep int) {
	for len(f.held) > keep {
		f.held[0].Release()
		f.held = f.held[1:]
	}
}

// TestStore has two readers, one that keeps up and one that does not, follow what
// is written.
func TestStore(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := newStore(4 << 20)
		var counted [2]uint64
		fast := &follower{t: t, r: s.reader(func(n uint64) { counted[0] += n })}
		slow := &follower{t: t, r: s.reader(func(n uint64) { counted[1] += n })}
		var n, lost uint64
		for range 9000 {
			switch r.IntN(8) {
			case 0:
				s.publish(int64(n) * int64(time.Second))
				fast.catchUp()
				fast.release(r.IntN(3))
			case 1:
				k := uint64(r.IntN(3))
				lost += k
				s.note(capture.Note{Loss: capture.Loss{Iface: uint16(r.IntN(2)), Kernel: k}})
			case 2:
				s.note(capture.Note{Owner: &capture.Owner{PID: uint32(n)}})
			case 3:
				if r.IntN(40) == 0 {
					slow.take()
					slow.release(r.IntN(3))
				}
			default:
				size := r.IntN(3000)
				if r.IntN(300) == 0 {
					size = capture.BlockSize + r.IntN(capture.BlockSize)
				}
				s.add(stamp(n, size), capture.Record{Nanos: int64(n)})
				n++
			}
			if s.size() > s.max+3*capture.BlockSize {
				t.Fatalf("seed %d: %d bytes, where %d may be", seed, s.size(), s.max)
			}
		}
		s.close()
		for _, f := range []*follower{fast, slow} {
			for f.take() {
			}
			f.release(0)
			if f.next != n || f.given+f.shed != n || f.lost != lost {
				t.Fatalf("seed %d: %d frames, %d given, %d shed; %d lost, %d told", seed, n, f.given, f.shed, lost, f.lost)
			}
		}
		if fast.shed != 0 || counted != [2]uint64{fast.shed, slow.shed} || slow.shed == 0 {
			t.Fatalf("seed %d: shed %d and %d, counted %v", seed, fast.shed, slow.shed, counted)
		}
	}
}

// TestStoreOfGoroutines is TestStore for the race detector: a writer and readers
// that wait to be woken.
func TestStoreOfGoroutines(t *testing.T) {
	const frames = 20_000
	s := newStore(64 << 20)
	var wg sync.WaitGroup
	for range 2 {
		f := &follower{t: t, r: s.reader(func(uint64) {})}
		wg.Go(func() {
			for {
				n := len(f.held)
				switch more := f.take(); {
				case len(f.held) > n:
					f.release(1)
					continue
				case more:
					<-f.r.wake
					continue
				}
				break
			}
			if f.given+f.shed != frames {
				t.Errorf("%d frames given, %d shed", f.given, f.shed)
			}
		})
	}
	for n := range uint64(frames) {
		s.add(stamp(n, 100), capture.Record{Nanos: int64(n)})
		if n%17 == 0 {
			s.publish(0)
		}
	}
	s.close()
	wg.Wait()
}

// TestStoreReusesMemory checks that a log whose readers keep up takes no more
// memory than it began with.
func TestStoreReusesMemory(t *testing.T) {
	s := newStore(64 << 20)
	f := &follower{t: t, r: s.reader(func(uint64) {})}
	n, p := uint64(0), make([]byte, 1000)
	turn := func() {
		for range 1000 {
			binary.LittleEndian.PutUint64(p, n)
			p[len(p)-1] = byte(n)
			s.add(p, capture.Record{Nanos: int64(n)})
			n++
		}
		s.publish(0)
		f.catchUp()
		f.release(0)
	}
	for range 20 {
		turn()
	}
	if allocs := testing.AllocsPerRun(50, turn); allocs > 40 { // a megabyte: four chunks; a few objects for each block
		t.Errorf("%v allocations for 1000 frames", allocs)
	}
	if len(s.chunks) > 6 { // those of a turn, until the next one begins
		t.Errorf("%d chunks are on the log", len(s.chunks))
	}
}

func BenchmarkStore(b *testing.B) {
	for name, size := range map[string]int{"small": 100, "large": 1514} {
		b.Run(name, func(b *testing.B) {
			s := newStore(64 << 20)
			r := s.reader(func(uint64) {})
			p := make([]byte, size)
			b.SetBytes(int64(size))
			for i := range b.N {
				s.add(p, capture.Record{})
				if i%256 == 255 {
					s.publish(0)
					for b, _ := r.take(); b != nil; b, _ = r.take() {
						b.Release()
					}
				}
			}
		})
	}
}

// TestStoreOfNothing checks that notes and frames without bytes take no more memory
// the longer they come.
func TestStoreOfNothing(t *testing.T) {
	for name, add := range map[string]func(*store){
		"notes":  func(s *store) { s.note(capture.Note{Owner: &capture.Owner{}}) },
		"frames": func(s *store) { s.add(nil, capture.Record{}) },
	} {
		s := newStore(1 << 23)
		r := s.reader(func(uint64) {})
		seen := 0
		for n := range 20 * maxRecords {
			add(s)
			if n%100 != 0 {
				continue
			}
			s.publish(0)
			for b, _ := r.take(); b != nil; b, _ = r.take() {
				seen += len(b.Frames) + len(b.Notes)
				b.Release()
			}
			if c := s.tail; len(s.chunks) > 2 || len(c.frames) > maxRecords || len(c.notes) > maxRecords {
				t.Fatalf("%s: %d chunks, of %d frames and %d notes the last", name, len(s.chunks), len(c.frames), len(c.notes))
			}
		}
		if seen < 20*maxRecords-100 {
			t.Errorf("%s: %d of %d came", name, seen, 20*maxRecords)
		}
	}
}

// TestStoreSleeps checks that readers are woken when a second is over, or when there
// is something to read, and not otherwise.
func TestStoreSleeps(t *testing.T) {
	s := newStore(1 << 20)
	r := s.reader(func(uint64) {})
	const at = int64(1000 * time.Second)
	for _, c := range []struct {
		until int64
		frame bool
		want  int64 // what is told; -1: nobody is woken
	}{
		{at + 1, false, at}, {at + 2, false, -1}, {0, false, -1}, {at - int64(time.Second), false, -1}, {at + int64(time.Second) - 1, false, -1},
		{0, true, at}, {at + 3, true, at}, {at + int64(time.Second), false, at + int64(time.Second)},
	} {
		if c.frame {
			s.add([]byte("frame"), capture.Record{})
		}
		s.publish(c.until)
		select {
		case <-r.wake:
			if b, _ := r.take(); b == nil || b.Until != c.want || (len(b.Frames) == 1) != c.frame {
				t.Errorf("%+v: %+v", c, b)
			}
		default:
			if c.want >= 0 {
				t.Errorf("%+v: nobody was woken", c)
			}
		}
	}
}
