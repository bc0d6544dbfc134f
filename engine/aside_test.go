package engine

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/event"
)

// livelike hands on the frames of a source, and notes between them, with idle
// time as a live capture sees it: with and between blocks.
type livelike struct {
	*source
	r     *rand.Rand
	notes []capture.Note // At counts the frames of the source
	done  int            // frames
	ended bool
}

func (l *livelike) Next(ctx context.Context) (*capture.Block, error) {
	if l.r.IntN(3) == 0 && len(l.nanos) > 0 {
		return &capture.Block{Until: l.until()}, nil
	}
	l.each = 1 + l.r.IntN(300)
	b, err := l.source.Next(ctx)
	if err != nil && len(l.notes) > 0 && l.notes[0].At == l.done && !l.ended {
		b, err, l.ended = &capture.Block{}, nil, true
	}
	if err != nil {
		return nil, err
	}
	for len(l.notes) > 0 && (l.notes[0].At < l.done+len(b.Frames) || len(l.nanos) == 0) {
		n := l.notes[0]
		n.At -= l.done
		b.Notes = append(b.Notes, n)
		l.notes = l.notes[1:]
	}
	l.done += len(b.Frames)
	if len(l.nanos) > 0 && l.r.IntN(2) == 0 {
		b.Until = l.until()
	}
	return b, nil
}

// until is a time before which nothing more comes.
func (l *livelike) until() int64 {
	least := slices.Min(l.nanos)
	for _, n := range l.notes {
		least = min(least, n.Nanos)
	}
	return least - l.r.Int64N(3*second)
}

// leaps is traffic with pauses longer than the clock follows.
func leaps(seed uint64, n int) ([][]byte, []int64) {
	frames, nanos := traffic(seed, n)
	r, more := rand.New(rand.NewPCG(seed, 2)), int64(0)
	for i := range nanos {
		if r.IntN(200) == 0 {
			more += r.Int64N(200 * second)
		}
		nanos[i] += more
	}
	return frames, nanos
}

// notesOf makes notes about the traffic, owners of its flows among them.
func notesOf(r *rand.Rand, frames [][]byte, nanos []int64) (notes []capture.Note) {
	for i := range frames {
		if r.IntN(10) > 0 {
			continue
		}
		n := capture.Note{At: i, Nanos: nanos[i]}
		if n.Loss.Kernel = uint64(r.IntN(3)); n.Loss.Kernel == 0 && frames[i][0] != 0xff {
			client := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, frames[i][0], frames[i][1]}), 40000)
			server := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 9, 9}), 80)
			n.Owner = &capture.Owner{Local: client, Remote: server, PID: uint32(i), Name: "client"}
			if r.IntN(2) == 0 {
				n.Owner = &capture.Owner{Local: server, Remote: client, PID: uint32(i), Name: "server"}
			}
		}
		notes = append(notes, n)
	}
	return notes
}

// TestIdleTimeDoesNotShow runs traffic as it is and as a live capture has it, with
// its clock going on while nothing comes: the facts are the same.
func TestIdleTimeDoesNotShow(t *testing.T) {
	var all []string
	for seed := range uint64(20) {
		frames, nanos := leaps(seed, 1500)
		notes := notesOf(rand.New(rand.NewPCG(seed, 4)), frames, nanos)
		src := &livelike{source: newSource(slices.Clone(frames), slices.Clone(nanos), 1), r: rand.New(rand.NewPCG(seed, 5)), notes: slices.Clone(notes)}
		got, err := run(t, t.Context(), Config{EpochFrames: 100}, src)
		if err != nil {
			t.Fatal(err)
		}
		want, err := run(t, t.Context(), Config{}, &whole{newSource(frames, nanos, len(frames)), notes})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: %s", seed, firstDiff(got, want))
		}
		all = append(all, want...)
	}
	for _, s := range []string{"process.client.name=client", "process.server.name=server", "capture.packets_lost"} {
		if !strings.Contains(strings.Join(all, "\n"), s) {
			t.Errorf("no %s", s)
		}
	}
}

// whole is a source of one block with notes.
type whole struct {
	*source
	notes []capture.Note
}

func (w *whole) Next(ctx context.Context) (*capture.Block, error) {
	b, err := w.source.Next(ctx)
	if err == nil {
		b.Notes = w.notes
	}
	return b, err
}

// TestSkippedFramesCount checks that frames that nobody looked at have numbers, as
// they have in the file that they were saved to, and are missed.
func TestSkippedFramesCount(t *testing.T) {
	frames, nanos := traffic(1, 10)
	src := newSource(frames, nanos, 5)
	got, err := run(t, t.Context(), Config{}, &skipping{src})
	if err != nil {
		t.Fatal(err)
	}
	n := slices.IndexFunc(got, func(s string) bool { return strings.Contains(s, "capture.packets_shed") })
	if n < 0 || !strings.Contains(got[n], " frame 105 first 6 ") || !strings.Contains(got[n], ": 100") {
		t.Errorf("%q", got)
	}
	last := got[len(got)-1]
	if !strings.Contains(last, " frame 110 ") || !strings.Contains(last, " capture.packets=10") {
		t.Errorf("%s", last)
	}
}

// skipping is a source that leaves out 100 frames before its second block.
type skipping struct{ *source }

func (s *skipping) Next(ctx context.Context) (*capture.Block, error) {
	b, err := s.source.Next(ctx)
	if err == nil && s.taken.Load() == 2 {
		b.Skipped = 100
	}
	return b, err
}

// TestOddOwners checks that an owner whose addresses make no flow harms nothing.
func TestOddOwners(t *testing.T) {
	frames, nanos := traffic(1, 10)
	four, six := netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("[2001:db8::1]:1")
	var notes []capture.Note
	for _, o := range []capture.Owner{{}, {Local: four}, {Remote: four}, {Local: four, Remote: six}, {Local: six, Remote: six}, {Local: four, Remote: four}} {
		notes = append(notes, capture.Note{At: 5, Owner: &o})
	}
	want, _ := run(t, t.Context(), Config{}, newSource(slices.Clone(frames), nanos, 10))
	got, err := run(t, t.Context(), Config{}, &whole{newSource(frames, nanos, 10), notes})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v: %s", err, firstDiff(got, want))
	}
}

func TestLost(t *testing.T) {
	for want, l := range map[string]capture.Loss{
		"3, because they were not fetched in time":                         {Kernel: 3},
		"4, by the interface":                                              {Interface: 4},
		"3, because they were not fetched in time, and 4 by the interface": {Kernel: 3, Interface: 4},
	} {
		if got := lost(l); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestCodes checks that what a capture says of itself has names of their own.
func TestCodes(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Codes() {
		if !strings.HasPrefix(c.Name, "capture.") || seen[c.Name] || c.Level == event.Normal || c.Text == "" {
			t.Errorf("%+v", c)
		}
		seen[c.Name] = true
	}
}
