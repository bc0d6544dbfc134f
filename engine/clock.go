package engine

import "time"

// clock is the capture's clock: it goes by whole seconds, never back, and at
// most maxStep at once, since a leap says more about time stamps than about how
// long a connection was idle. Flows that outlive a pause cost little; one that
// is torn in two misleads. A live capture has it go on while nothing comes, which
// gets it no further than the next frame would.
type clock struct {
	now   int64 // nanoseconds
	frame int64 // what it was when it last went by a frame or a note
	last  int64 // the capture second of that
	set   bool
}

const (
	second  = int64(time.Second)
	maxStep = int64(70 * time.Second) // more than a closed flow's Settle and Linger, so that its record comes though nothing else does
)

// advance moves the clock to a capture time, and reports how far it was behind
// capture time until then, and whether it reached another second.
func (c *clock) advance(nanos int64) (offset int64, ticked bool) {
	sec := nanos - nanos%second
	switch {
	case !c.set:
		c.set, c.last = true, sec
		return 0, false
	case sec <= c.last:
		return 0, false
	}
	offset = c.last - c.frame
	c.frame += min(sec-c.last, maxStep)
	c.last = sec
	return offset, c.to(c.frame)
}

// idle is advance where there is nothing but time.
func (c *clock) idle(nanos int64) (offset int64, ticked bool) {
	sec := nanos - nanos%second
	if !c.set || sec <= c.last {
		return 0, false
	}
	return c.last - c.frame, c.to(c.frame + min(sec-c.last, maxStep))
}

func (c *clock) to(now int64) (ticked bool) {
	ticked = now > c.now
	c.now = max(c.now, now)
	return ticked
}
