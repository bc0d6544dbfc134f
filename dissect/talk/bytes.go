package talk

import (
	"encoding/binary"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/flow"
)

// ops are the steps that a fuzzer may put together.
var ops = [...]string{"data", "data", "data", "gap", "fin", "owed", "unacked", "wait"}

// Bytes is what happens in the talk, in a form that a fuzzer can change: an
// op and a direction in a byte, and for data its length and itself.
func (t *Talk) Bytes() []byte {
	var b []byte
	for _, s := range t.steps {
		op := byte(0)
		for i, name := range ops {
			if name == s.op {
				op = byte(i)
				break
			}
		}
		if s.unack {
			op = 6
		}
		b = append(b, op<<1|byte(s.dir))
		switch s.op {
		case "data":
			b = binary.AppendUvarint(b, uint64(len(s.data)))
			b = append(b, s.data...)
		case "gap", "wait":
			b = binary.AppendUvarint(b, uint64(s.n))
		}
	}
	return b
}

const fromBytes = "from bytes" // where such a talk is

// FromBytes is the talk that Bytes made, or something like it: every b is one.
func FromBytes(b []byte) *Talk {
	t := &Talk{Limits: dissect.DefaultLimits(), Firm: true, where: fromBytes}
	for len(b) > 0 {
		op := ops[b[0]>>1&7]
		s := step{op: op, dir: flow.Dir(b[0] & 1)}
		b = b[1:]
		switch op {
		case "data", "unacked":
			s.op, s.unack = "data", op == "unacked"
			n, used := binary.Uvarint(b)
			b = b[max(0, used):]
			n = min(n, uint64(len(b)))
			s.data, b = b[:n], b[n:]
		case "gap", "wait":
			n, used := binary.Uvarint(b)
			b = b[max(0, used):]
			s.n = int64(n%(1<<20)) + 1
		}
		t.steps = append(t.steps, s)
	}
	return t
}

// Prepend puts the steps of another talk first; they are never cut.
func (t *Talk) Prepend(first *Talk) {
	steps := append([]step(nil), first.steps...)
	for i := range steps {
		steps[i].whole = true
	}
	t.steps = append(steps, t.steps...)
}

// Check plays the talk in whole segments, byte by byte, and cut at points that
// seed makes, wants the same facts each time, and returns them.
func (t *Talk) Check(tb testing.TB, specs func() []dissect.Spec, seed uint64) []Heard {
	tb.Helper()
	heard := t.play(specs(), uncut)
	want := describe(heard)
	t.same(tb, "byte by byte", specs(), bytewise, want)
	t.same(tb, "in pieces", specs(), func(_, size int) []int { return pieces(size, &seed) }, want)
	return heard
}

// pieces cuts size bytes into lengths of up to 64 at random.
func pieces(size int, seed *uint64) (list []int) {
	for size > 0 {
		*seed = *seed*6364136223846793005 + 1442695040888963407
		n := min(size, int(*seed>>58)+1)
		list = append(list, n)
		size -= n
	}
	return list
}
