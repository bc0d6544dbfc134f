package engine

import (
	"testing"

	"example.com/wirewatch/track"
)

func TestClock(t *testing.T) {
	var c clock
	for i, step := range []struct {
		idle   bool
		nanos  int64
		tick   bool
		now    int64
		offset int64 // where it ticks
	}{
		{true, 4 * second, false, 0, 0}, // nothing has set it yet
		{false, 5*second + 7, false, 0, 0},
		{false, 5*second + 8, false, 0, 0},
		{false, 6 * second, true, second, 5 * second},
		{false, 3 * second, false, second, 0},
		{false, 6*second + 9, false, second, 0},
		{true, 6*second + 9, false, second, 0},
		{true, 8 * second, true, 3 * second, 5 * second},
		{false, 9 * second, true, 4 * second, 5 * second},
		{true, 10 * second, true, 5 * second, 5 * second},
		{false, 10 * second, false, 5 * second, 0}, // it is there already
		{true, 100_000 * second, true, 5*second + maxStep, 5 * second},
		{true, 100_900 * second, false, 5*second + maxStep, 0},
		{false, 100_001 * second, false, 5*second + maxStep, 0},
		{false, 100_002 * second, true, 6*second + maxStep, 100_001*second - 5*second - maxStep},
	} {
		move := c.advance
		if step.idle {
			move = c.idle
		}
		offset, tick := move(step.nanos)
		if tick != step.tick || c.now != step.now || tick && offset != step.offset {
			t.Errorf("%d: at %d: tick %t, clock %d, offset %d", i, step.nanos, tick, c.now, offset)
		}
	}
}

// TestClockFollowsAClosedFlow checks that in silence the clock gets as far as the
// record of a flow that has closed, a second more for what is left of one on either
// side.
func TestClockFollowsAClosedFlow(t *testing.T) {
	l := track.DefaultLimits()
	if least := int64(l.Settle+l.Linger) + 2*second; maxStep < least {
		t.Errorf("it goes on for %d s, and the record comes after up to %d", maxStep/second, least/second)
	}
}
