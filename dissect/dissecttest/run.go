package dissecttest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"example.com/wirewatch/dissect"
)

// Run plays the samples of a Spec in every way, as subtests. others are Specs
// that it hands over to. The first sample has at least one fact, so that the
// suite cannot pass because it sees none.
func Run(t *testing.T, spec dissect.Spec, samples []Sample, others ...dissect.Spec) {
	t.Helper()
	p := &player{spec: spec, others: others}
	for i := range samples {
		t.Run(samples[i].Name, func(t *testing.T) {
			s := newTest(p, &samples[i])
			if s.base.err != "" {
				t.Fatal(s.base.err)
			}
			if i == 0 && len(s.base.facts) == 0 {
				t.Fatal("the first sample has no facts")
			}
			for _, c := range checks {
				t.Run(c.name, func(t *testing.T) {
					s.errorf = t.Errorf
					c.run(s)
				})
			}
		})
	}
}

// checks are what every Spec must pass.
var checks = []struct {
	name string
	run  func(*sampleTest)
}{
	{"cuts", (*sampleTest).cuts},
	{"roles", (*sampleTest).roles},
	{"ends", (*sampleTest).ends},
	{"holes", (*sampleTest).holes},
	{"carry", (*sampleTest).carry},
	{"work", (*sampleTest).work},
}

// sampleTest tests with one sample.
type sampleTest struct {
	p      *player
	s      *Sample
	base   played // the sample in whole pieces
	errorf func(format string, args ...any)
}

func newTest(p *player, s *Sample) *sampleTest {
	return &sampleTest{p: p, s: s, base: p.play(s, way{cut: uncut})}
}

// same plays s in a way, and wants the facts want.
func (st *sampleTest) same(s *Sample, w way, want []string) bool {
	got := st.p.play(s, w)
	if got.err == "" {
		got.err = firstDiff(got.facts, want)
	}
	if got.err != "" {
		st.errorf("%s: %s", w.name, got.err)
	}
	return got.err == ""
}

const (
	mostPlaces = 400    // positions that are tried in one sample
	mostBytes  = 100000 // that all plays of one check deliver, or nearly
	random     = 50     // random ways to cut a sample
)

// step is the distance between the positions that are tried: 1 in a small
// sample, so that there every one is.
func (st *sampleTest) step() int {
	size := st.s.size()
	return 1 + size/min(mostPlaces, 20+mostBytes/(size+1))
}

// cuts cuts the sample everywhere.
func (st *sampleTest) cuts() {
	if !st.same(st.s, way{name: "byte by byte", cut: bytewise}, st.base.facts) {
		return
	}
	joined := st.s.joined()
	if !st.same(&joined, way{name: "joined", cut: uncut}, st.p.play(&joined, way{cut: bytewise}).facts) {
		return
	}
	step := st.step()
	for i, p := range st.s.Pieces {
		for at := 1; at < len(p.Data); at += step {
			if !st.same(st.s, way{name: fmt.Sprintf("piece %d cut after %d bytes", i, at), cut: cutAt(i, at)}, st.base.facts) {
				return
			}
		}
	}
	for seed := range uint64(random / min(step, 10)) {
		if !st.same(st.s, way{name: fmt.Sprintf("cut by seed %d", seed), cut: atRandom(seed)}, st.base.facts) {
			return
		}
	}
}

// atRandom cuts every piece at random, the same for the same seed.
func atRandom(seed uint64) cuts {
	r := rand.New(rand.NewPCG(seed, 0))
	return func(_, size int) (parts []int) {
		longest := 1 + r.IntN(min(size, 1+size>>r.IntN(8)))
		for size > 0 {
			n := min(size, 1+r.IntN(longest))
			parts = append(parts, n)
			size -= n
		}
		return parts
	}
}

// roles has the client's bytes come from the flow's server: facts are mirrored,
// whether the host exchanges the roles or cannot.
func (st *sampleTest) roles() {
	for _, firm := range []bool{false, true} {
		for name, cut := range map[string]cuts{"whole": uncut, "byte by byte": bytewise} {
			st.same(st.s, way{name: fmt.Sprintf("exchanged, %s, firm %t", name, firm), cut: cut, turn: true, firm: firm}, st.base.facts)
		}
	}
}

var everyEnd = []dissect.End{dissect.FIN, dissect.RST, dissect.Expired, dissect.CaptureEnd}

// ends cuts the sample off everywhere. The facts may be others, but not many
// more, and they do not depend on how the bytes before are cut.
func (st *sampleTest) ends() {
	step := st.step()
	for at := 0; at <= st.s.size(); at += step {
		for _, e := range everyEnd {
			s := st.s.cutOff(at, e)
			w := way{name: fmt.Sprintf("end %d after %d bytes", e, at), cut: uncut}
			whole, ok := st.few(&s, w)
			if !ok {
				return
			}
			if at%7 == int(e) && !st.same(&s, way{name: w.name + ", byte by byte", cut: bytewise}, whole.facts) {
				return
			}
		}
	}
}

// few plays s in a way, and wants that it goes well and tells not too much.
func (st *sampleTest) few(s *Sample, w way) (played, bool) {
	got := st.p.play(s, w)
	limit := 16 + 4*len(st.base.facts)
	if w.carry > 0 { // each time that the limit is hit may be said
		limit += 4 * s.size() / w.carry
	}
	if got.err == "" && len(got.facts) > limit {
		got.err = fmt.Sprintf("%d facts, where the whole sample has %d", len(got.facts), len(st.base.facts))
	}
	if got.err != "" {
		st.errorf("%s: %s", w.name, got.err)
	}
	return got, got.err == ""
}

// holes makes a gap everywhere. Once there is a dissector, the facts do not
// depend on how the bytes around the gap are cut.
func (st *sampleTest) holes() {
	step := st.step()
	for at := 0; at < st.s.size(); at += step {
		for _, n := range []int{1, 2, 40, 1 << 20} {
			w := way{name: fmt.Sprintf("gap of %d bytes after %d", n, at), cut: uncut, hole: hole{at, n}}
			whole, ok := st.few(st.s, w)
			if !ok {
				return
			}
			w.name, w.cut = w.name+", byte by byte", bytewise
			if at >= len(st.s.Pieces[0].Data) && (at+n)%5 == 0 && !st.same(st.s, w, whole.facts) {
				return
			}
		}
	}
}

// carry lets the driver hold next to nothing.
func (st *sampleTest) carry() {
	for _, n := range []int{1, 2, 7, 33, 100} {
		for name, cut := range map[string]cuts{"whole": uncut, "byte by byte": bytewise} {
			st.few(st.s, way{name: fmt.Sprintf("carry of %d bytes, %s", n, name), cut: cut, carry: n})
		}
	}
}

// work counts how often bytes are offered when they come in large pieces, and
// how often memory is asked for when they come one by one.
func (st *sampleTest) work() {
	size := st.s.size()
	if size == 0 {
		return
	}
	s := st.s.times(1 + (64<<10)/size)
	got := st.p.play(&s, way{cut: uncut})
	if got.err != "" {
		st.errorf("%d times over: %s", len(s.Pieces)/len(st.s.Pieces), got.err)
		return
	}
	if limit := 4*s.size() + 1000; got.guard.offered > limit {
		st.errorf("%d bytes were offered of %d", got.guard.offered, s.size())
	}
	if limit := 8*len(s.Pieces) + 16; got.guard.calls > limit {
		st.errorf("%d calls for %d pieces", got.guard.calls, len(s.Pieces))
	}
	whole, single := st.allocs(uncut), st.allocs(bytewise)
	if limit := 2*whole + float64(size)/4 + 64; single > limit {
		st.errorf("%.0f allocations byte by byte, %.0f in whole pieces", single, whole)
	}
}

// allocs counts the allocations of a play without a guard.
func (st *sampleTest) allocs(cut cuts) float64 {
	env := &dissect.Env{Specs: st.p.specs(st.s), Limits: st.s.limits()}
	parts := make([][]int, len(st.s.Pieces))
	for i, p := range st.s.Pieces {
		parts[i] = cut(i, len(p.Data))
	}
	var h Host
	return testing.AllocsPerRun(5, func() {
		h = Host{Facts: h.Facts[:0], Firm: true}
		var c dissect.Conn
		c.Init(env, &h, false)
		for i, p := range st.s.Pieces {
			data := p.Data
			for _, n := range parts[i] {
				c.Data(p.Dir, data[:n])
				data = data[n:]
			}
			if p.End != dissect.Open {
				c.End(p.Dir, p.End)
			}
		}
		for _, d := range bothDirs {
			c.End(d, st.s.end())
		}
		c.Close()
	})
}
