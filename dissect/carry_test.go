package dissect_test

import (
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/flow"
)

// moves counts the elements of a slice that is consumed from its front and found
// elsewhere than where they were.
type moves[T any] struct {
	was   []T // when it was last seen; only where it lay counts
	moved int
}

// see looks at the slice when n elements were consumed since it was last seen.
func (m *moves[T]) see(now []T, n int) {
	if len(m.was) > n && len(now) > 0 && &m.was[n] != &now[0] {
		m.moved += len(now)
	}
	m.was = now
}

// TestManySmallStepsAreLinear holds many segments in one direction and consumes
// them one by one, each when a byte of the other direction has come: what a sender
// can have by writing acknowledgments ahead of the capture.
func TestManySmallStepsAreLinear(t *testing.T) {
	const segments, size = 4000, 3
	d := newDriver(t, false)
	var data moves[byte]
	var marks moves[dissect.Mark]
	going := false
	d.a.data = func(c *dissect.Conn, dir flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
		switch d.log = nil; {
		case dir == s2c:
			going = true
			return len(p), dissect.More
		case !going:
			return 0, dissect.Wait
		}
		data.see(p, size)
		marks.see(c.Marks(dir), 1)
		return size, dissect.Wait
	}
	for range segments {
		d.send(c2s, "abc")
	}
	for range segments {
		d.send(s2c, "x")
	}
	if d.Offset(c2s) != segments*size || d.Rest(c2s) != nil {
		t.Errorf("offset %d, %d bytes are left", d.Offset(c2s), len(d.Rest(c2s)))
	}
	if most := segments * size; data.moved > most || marks.moved > segments {
		t.Errorf("%d bytes and %d marks have moved, want at most %d and %d", data.moved, marks.moved, most, segments)
	}
}
