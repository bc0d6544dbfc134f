package dissecttest

import (
	"fmt"
	"slices"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/flow"
)

// guard stands between the driver and the dissectors of a play: it checks what
// they answer, counts what they are offered, and spoils what they were lent.
type guard struct {
	calls, offered int
	budget         int // of calls
	live           int // dissectors that were made and not closed
	faults         []string
}

// tired is what a play panics with that does not come to an end.
type tired struct{}

func (g *guard) fault(format string, args ...any) {
	if len(g.faults) < 5 {
		g.faults = append(g.faults, fmt.Sprintf(format, args...))
	}
}

func (g *guard) spend(n int) {
	g.offered += n
	if g.calls++; g.calls > g.budget {
		panic(tired{})
	}
}

// spec is s under guard.
func (g *guard) spec(s dissect.Spec) dissect.Spec {
	out := s
	out.Probe, out.Join = g.probe(s.Probe), g.probe(s.Join)
	out.New = func(o dissect.Offer) dissect.Dissector {
		g.live++
		return &guarded{g: g, d: s.New(o), name: s.Name}
	}
	return out
}

func (g *guard) probe(f func(flow.Dir, []byte) dissect.Match) func(flow.Dir, []byte) dissect.Match {
	if f == nil {
		return nil
	}
	return func(role flow.Dir, p []byte) dissect.Match {
		lent := slices.Clone(p)
		m := f(role, lent)
		if !slices.Equal(lent, p) {
			g.fault("a probe changed what it was lent")
		}
		if m > dissect.Yes {
			g.fault("a probe says %d", m)
		}
		return m
	}
}

// guarded is a dissector under guard.
type guarded struct {
	g      *guard
	d      dissect.Dissector
	name   string
	closed bool
}

// Start passes on the start.
func (d *guarded) Start(c *dissect.Conn) {
	d.called(0)
	if s, ok := d.d.(dissect.Starter); ok {
		s.Start(c)
	}
}

// Data passes on a copy of p.
func (d *guarded) Data(c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
	d.called(len(p))
	lent := slices.Clip(slices.Clone(p))
	n, v := d.d.Data(c, dir, lent, end)
	if !slices.Equal(lent, p) {
		d.g.fault("%s changed what it was lent", d.name)
	}
	spoil(lent)
	if n < 0 || n > len(p) {
		d.g.fault("%s consumed %d of %d bytes", d.name, n, len(p))
		n = len(p)
	}
	d.answered(v)
	return n, v
}

// Gap passes on the gap.
func (d *guarded) Gap(c *dissect.Conn, dir flow.Dir, n uint64) dissect.Verdict {
	d.called(0)
	v := d.d.Gap(c, dir, n)
	d.answered(v)
	return v
}

func (d *guarded) called(n int) {
	if d.closed {
		d.g.fault("%s was called after it was closed", d.name)
	}
	d.g.spend(n)
}

func (d *guarded) answered(v dissect.Verdict) {
	if v > dissect.Fail {
		d.g.fault("%s answered %d", d.name, v)
	}
}

// Close passes on the end.
func (d *guarded) Close() {
	if d.closed {
		d.g.fault("%s was closed twice", d.name)
	}
	d.closed = true
	d.g.live--
	if c, ok := d.d.(dissect.Closer); ok {
		c.Close()
	}
}

// spoil overwrites what was lent and came back.
func spoil(p []byte) {
	for i := range p {
		p[i] = 0xa5
	}
}
