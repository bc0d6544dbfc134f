package dissecttest

import (
	"fmt"
	"runtime/debug"
	"slices"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// way is how a sample is played.
type way struct {
	name  string
	cut   cuts
	hole  hole // if n > 0
	turn  bool // the client's bytes come from the flow's server
	firm  bool // and the host does not exchange the roles
	carry int  // Limits.Carry, if positive
}

// played is what came of a play.
type played struct {
	facts []string
	guard guard
	err   string // what went wrong, "" if nothing did
}

// player plays the samples of one Spec.
type player struct {
	spec   dissect.Spec
	others []dissect.Spec
}

// specs are those that a play of s has. Where nothing probes for the protocol,
// whoever sends first plays the part that it plays in the sample.
func (p *player) specs(s *Sample) []dissect.Spec {
	spec := p.spec
	if spec.Probe == nil && len(s.Pieces) > 0 {
		first := s.Pieces[0].Dir
		spec.Probe = func(role flow.Dir, _ []byte) dissect.Match {
			if role == first {
				return dissect.Yes
			}
			return dissect.No
		}
		spec.New = func(o dissect.Offer) dissect.Dissector {
			given := s.Offer
			given.Swapped, given.Mid = o.Swapped, o.Mid
			return p.spec.New(given)
		}
	}
	return append([]dissect.Spec{spec}, p.others...)
}

// play plays a sample. A panic is a result like any other.
func (p *player) play(s *Sample, w way) (out played) {
	g := &out.guard
	g.budget = 1000 + 50*s.size()
	defer func() {
		switch x := recover().(type) {
		case nil:
		case tired:
			out.err = fmt.Sprintf("%d calls, and no end", g.calls)
		default:
			out.err = fmt.Sprintf("panic: %v\n%s", x, debug.Stack())
		}
	}()
	env := &dissect.Env{Limits: s.limits()}
	if w.carry > 0 {
		env.Limits.Carry = w.carry
	}
	for _, spec := range p.specs(s) {
		env.Specs = append(env.Specs, g.spec(spec))
	}
	st := stage{h: &Host{Firm: w.firm || !w.turn}, way: w, most: max(env.Limits.Carry, env.Limits.Probe), g: g}
	st.c.Init(env, st.h, false)
	st.run(s)
	st.c.Close()
	if g.live != 0 {
		g.fault("%d dissectors were not closed", g.live)
	}
	out.facts = describe(onWire(st.h), w.turn)
	if len(g.faults) > 0 {
		out.err = g.faults[0]
	}
	return out
}

// stage is a play in progress.
type stage struct {
	way
	c     dissect.Conn
	h     *Host
	g     *guard
	total [2]int64 // bytes sent, by direction on the wire
	at    int      // in the conversation
	most  int      // bytes that a direction may hold
}

func (st *stage) run(s *Sample) {
	for i, p := range s.Pieces {
		st.piece(i, p)
	}
	for _, d := range bothDirs {
		st.h.Mark.Frame++
		st.end(d, s.end())
	}
}

const millisecond = 1_000_000

// wire is the direction on the wire of what is sent in dir in the sample.
func (st *stage) wire(dir flow.Dir) flow.Dir {
	if st.turn {
		return dir.Reverse()
	}
	return dir
}

func (st *stage) piece(i int, p Piece) {
	dir := st.wire(p.Dir)
	st.h.Mark = event.Mark{Frame: st.h.Mark.Frame + 1, Nanos: st.h.Mark.Nanos + millisecond}
	st.h.Ack = st.total[dir.Reverse()]
	st.total[dir] += int64(len(p.Data))
	before, gap, after := p.Data, 0, []byte(nil)
	if at := st.hole.at - st.at; st.hole.n > 0 && at >= 0 && at < len(p.Data) {
		gap = st.hole.n // and what it has beyond the piece was never in the sample
		before, after = p.Data[:at], p.Data[min(at+gap, len(p.Data)):]
	}
	st.at += len(p.Data)
	st.data(i, dir, before)
	if gap > 0 {
		st.c.Gap(st.h.Dir(dir), uint64(gap))
		st.check()
	}
	st.data(i, dir, after)
	if p.End != dissect.Open {
		st.end(p.Dir, p.End)
	}
}

// data delivers p in parts, each lent and spoiled when it comes back.
func (st *stage) data(piece int, dir flow.Dir, p []byte) {
	if len(p) == 0 {
		return
	}
	for _, n := range st.cut(piece, len(p)) {
		if n == 0 {
			continue
		}
		lent := slices.Clip(slices.Clone(p[:n]))
		st.c.Data(st.h.Dir(dir), lent)
		spoil(lent)
		p = p[n:]
		st.check()
	}
}

func (st *stage) end(dir flow.Dir, e dissect.End) {
	wire := st.wire(dir)
	d := st.h.Dir(wire)
	st.h.Second[wire] = st.c.EndOf(d.Reverse()) == dissect.FIN
	st.c.End(d, e)
	st.check()
}

// check looks at what the driver holds.
func (st *stage) check() {
	for _, d := range bothDirs {
		if n := len(st.c.Rest(d)); n > st.most {
			st.g.fault("%d bytes are held, where the limit is %d", n, st.most)
		}
	}
}
