package dissect_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/dissecttest"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// oracle knows every byte of both streams of a flow, and where it came from. Its
// dissectors consume and answer at random, and check what they are offered.
type oracle struct {
	t     *testing.T
	r     *rand.Rand
	c     dissect.Conn
	h     dissecttest.Host
	env   dissect.Env
	total [2]int64 // bytes and gaps delivered, by direction on the wire
	ended [2]bool
	from  [2]map[int64]int // the frame of each byte
	gaps  int              // in 20 deliveries
	calls int
	live  int
}

// byteAt is the byte at an offset of a direction on the wire.
func byteAt(dir flow.Dir, off int64) byte { return byte(off*7+off>>8) ^ byte(dir)<<7 }

func (o *oracle) fail(format string, args ...any) {
	o.t.Helper()
	o.t.Fatalf("%s (frame %d)", fmt.Sprintf(format, args...), o.h.Mark.Frame)
}

// whim is a dissector of the oracle.
type whim struct {
	*oracle
	closed bool
}

func (w *whim) Data(c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
	if w.calls++; w.calls > 200_000 {
		w.fail("no end")
	}
	if w.closed || end != (c.EndOf(dir) != dissect.Open) {
		w.fail("closed %t, end %t", w.closed, end)
	}
	wire, off := w.h.Dir(dir), c.Offset(dir)
	for i, b := range p {
		if at := off + int64(i); b != byteAt(wire, at) {
			w.fail("byte %d of %s is %#x, want %#x", at, wire, b, byteAt(wire, at))
		} else if f := c.At(dir, i).Frame; f != uint64(w.from[wire][at]) {
			w.fail("byte %d of %s is of frame %d, want %d", at, wire, f, w.from[wire][at])
		}
	}
	n := w.r.IntN(len(p) + 1)
	if w.r.IntN(3) == 0 {
		n = len(p)
	}
	return n, w.verdict(c)
}

func (w *whim) verdict(c *dissect.Conn) dissect.Verdict {
	switch w.r.IntN(60) {
	case 0:
		return dissect.Skip
	case 1:
		return dissect.Fail
	case 2, 3, 4:
		return c.Handoff([]string{"", "whim", "nobody", "whim"}[w.r.IntN(4)], dissect.Offer{})
	case 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15:
		return dissect.Wait
	}
	return dissect.More
}

func (w *whim) Gap(c *dissect.Conn, dir flow.Dir, _ uint64) dissect.Verdict {
	if w.closed {
		w.fail("a gap after Close")
	}
	w.calls++
	return w.verdict(c)
}

func (w *whim) Close() {
	if w.closed {
		w.fail("closed twice")
	}
	w.closed = true
	w.live--
}

func (o *oracle) spec() dissect.Spec {
	probe := func(flow.Dir, []byte) dissect.Match { return dissect.Match(o.r.IntN(3)) }
	return dissect.Spec{Name: "whim", Probe: probe, Join: probe, New: func(dissect.Offer) dissect.Dissector {
		o.live++
		return &whim{oracle: o}
	}}
}

// check looks at what must hold between any two segments.
func (o *oracle) check() {
	o.t.Helper()
	for dir := range flow.Dir(2) {
		wire := o.h.Dir(dir)
		queued, missing, gaps := o.c.Queued(dir)
		rest := len(o.c.Rest(dir)) + queued
		if got := o.c.Offset(dir) + int64(rest) + int64(missing); got != o.total[wire] {
			o.fail("%s stands at %d, %d bytes were delivered", wire, got, o.total[wire])
		}
		// What is held while a dissector waits is looked at when more of it comes,
		// and once more after a handoff.
		if most := max(o.env.Limits.Carry, o.env.Limits.Probe) + 4*maxPiece; rest > most {
			o.fail("%d bytes are held, where %d may be", rest, most)
		}
		if gaps > mostGaps {
			o.fail("%d gaps are held", gaps)
		}
	}
	if o.live > 1 {
		o.fail("%d dissectors at once", o.live)
	}
}

const (
	maxPiece = 30
	mostGaps = 64
)

// step delivers something.
func (o *oracle) step() {
	wire := flow.Dir(o.r.IntN(2))
	dir := o.h.Dir(wire)
	o.h.Mark.Frame++
	o.h.Lacks = [2]bool{o.r.IntN(4) == 0, o.r.IntN(4) == 0}
	switch k := o.r.IntN(20); {
	case o.ended[wire]:
	case k < o.gaps:
		n := uint64(1 + o.r.IntN(50))
		o.total[wire] += int64(n)
		o.c.Gap(dir, n)
	default:
		p := make([]byte, 1+o.r.IntN(maxPiece))
		for i := range p {
			p[i] = byteAt(wire, o.total[wire])
			o.from[wire][o.total[wire]] = int(o.h.Mark.Frame)
			o.total[wire]++
		}
		o.c.Data(dir, p)
		clear(p)
	}
}

func driveAtRandom(t *testing.T, seed uint64) {
	o := &oracle{t: t, r: rand.New(rand.NewPCG(seed, 2)), from: [2]map[int64]int{{}, {}}}
	o.h.Firm, o.gaps = o.r.IntN(2) == 0, 1+o.r.IntN(10)
	o.env.Limits = dissect.DefaultLimits()
	o.env.Limits.Carry, o.env.Limits.Probe = 1+o.r.IntN(100), 1+o.r.IntN(40)
	o.env.Specs = []dissect.Spec{o.spec()}
	o.c.Init(&o.env, &o.h, o.r.IntN(4) == 0)
	for range 60 {
		o.step()
		o.check()
		if o.r.IntN(60) == 0 {
			o.h.Mark = event.Mark{Frame: o.h.Mark.Frame + 1}
			dir := flow.Dir(o.r.IntN(2))
			o.ended[o.h.Dir(dir)] = true
			o.c.End(dir, dissect.FIN)
			o.check()
		}
	}
	for dir := range flow.Dir(2) {
		o.c.End(dir, dissect.CaptureEnd)
	}
	o.check()
	for dir := range flow.Dir(2) {
		if held, _, gaps := o.c.Queued(dir); held+gaps > 0 || o.c.EndOf(dir) == dissect.Open {
			o.fail("%s has not ended, %d bytes and %d gaps wait", dir, held, gaps)
		}
	}
	o.c.Close()
	if o.live != 0 || len(o.c.Rest(0))+len(o.c.Rest(1)) != 0 {
		o.fail("%d dissectors and %d bytes are left", o.live, len(o.c.Rest(0))+len(o.c.Rest(1)))
	}
}

// TestOracle drives dissectors that do as they please: every byte is offered at
// its place, with its frame, or given up; nothing is held beyond the limits, and
// every call comes to an end.
func TestOracle(t *testing.T) {
	for seed := range uint64(3000) {
		if driveAtRandom(t, seed); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
