package track

import (
	"cmp"
	"math"
	"slices"
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/tcp"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/packet"
	"example.com/wirewatch/reassembly"
)

// Limits bound what one shard may hold, and for how long by the capture's
// clock. Hitting one is said in a fact.
type Limits struct {
	Flows   int           // flows at once; the oldest are evicted, closed ones first
	Opening time.Duration // without a segment before the handshake is done
	Idle    time.Duration // without a segment on an open connection (RFC 5382 REQ-5)
	Settle  time.Duration // for bytes in flight, before a closed flow's streams are ended
	Linger  time.Duration // after that, for late segments, before a closed flow's record is written (TIME-WAIT)
	Closed  int           // closed flows that linger at once
	Buried  time.Duration // for which a written flow's 5-tuple is remembered
	Graves  int           // written flows remembered at once
	Patience
	Reassembly reassembly.Limits
	Dissect    dissect.Limits
}

// Patience is how long acknowledged bytes may still come, reordered, before
// they are declared a gap: whichever comes first.
type Patience struct {
	Segments int           // of the flow
	Time     time.Duration // by the capture's clock
}

// DefaultLimits are the limits that the program starts with.
func DefaultLimits() Limits {
	return Limits{
		Flows: 8192, Opening: 5 * time.Minute, Idle: 124 * time.Minute,
		Settle: 3 * time.Second, Linger: time.Minute, Closed: 1024, Buried: time.Minute, Graves: 1024,
		Patience:   Patience{Segments: 64, Time: 500 * time.Millisecond},
		Reassembly: reassembly.DefaultLimits(), Dissect: dissect.DefaultLimits(),
	}
}

// Output is one fact of a shard, and when it became certain: at frame Told, which
// may be later than the frame that completed it, and need not be of its flow.
// Ticked facts came with the clock and not with the segment of frame Told, behind
// which they stand: when the clock had reached Clock.
type Output struct {
	event.Event
	Told   uint64
	Clock  int64
	Ticked bool
}

// Table holds the flows of one shard. It has one owner.
type Table struct {
	// Out is what was found since the owner last took it, in order. Opened are
	// the flows that were opened.
	Out    []Output
	Opened []*flow.Ends
	// Late counts the segments that came after their flow's record was written.
	Late uint64

	limits    Limits
	env       dissect.Env
	mem       *reassembly.Memory
	index     index
	queues    [numStages]queue
	owners    map[*conn][2]*flow.Owner // of flows without a record, by side, as far as they are known
	waiting   []*conn                  // flows that wait for acknowledged bytes
	due       []*conn                  // scratch of Tick; in the end, the flows still to finish
	now       event.Mark               // the frame that the table has got to; at a tick, with the capture time of that
	at        event.Mark               // the frame that completes what is being told
	clock     int64                    // the capture second, in nanoseconds
	second    uint32                   // the same in seconds, modulo 2³²
	ticked    bool
	finishing bool
	apps      []*dissect.Conn // to use again
}

// New makes the table of a shard. seed is random per process, so that nobody
// can aim collisions at it; it cannot be seen in the output.
func New(specs []dissect.Spec, l Limits, seed uint64) *Table {
	return &Table{
		limits: l, env: dissect.Env{Specs: specs, Limits: l.Dissect},
		mem: reassembly.NewMemory(l.Reassembly), index: index{seed: seed},
	}
}

// Segment takes the next segment of the shard.
func (t *Table) Segment(s *packet.Segment) {
	t.now, t.ticked = event.Mark(s.Stamp()), false
	c := t.index.find(&s.Key)
	if c != nil && c.tcp.Reuses(c.dirOf(s), s) {
		t.finish(c, tcp.Reused)
		t.forget(c)
		c = nil
	}
	if c == nil {
		c = t.open(s)
	}
	if c.stage == buried {
		t.Late++
		return
	}
	c.segment(s)
	t.restage(c)
	if q := &t.queues[closing]; q.n > t.limits.Closed {
		t.bury(q.head)
	}
}

// Owner says whose process the end of a side of a flow is: 0 is the key's Lo end.
// Nothing comes of it where there is no such flow, or its record is written.
func (t *Table) Owner(key *flow.Key, side uint8, o *flow.Owner) {
	c := t.index.find(key)
	if c == nil || c.stage == buried {
		return
	}
	if t.owners == nil {
		t.owners = map[*conn][2]*flow.Owner{}
	}
	both := t.owners[c]
	both[side] = o
	t.owners[c] = both
}

// open makes the flow that a segment opens.
func (t *Table) open(s *packet.Segment) *conn {
	if t.index.n >= t.limits.Flows {
		t.evict()
	}
	c := newConn(t, s)
	t.index.add(c)
	t.Opened = append(t.Opened, c.ends)
	c.touched = t.second
	t.queues[c.stage].push(c)
	return c
}

// evict makes room for one flow.
func (t *Table) evict() {
	for _, st := range [...]stage{buried, closing, ending, opening, open} {
		if c := t.queues[st].head; c != nil {
			cause := tcp.Evicted
			if st == closing || st == ending {
				cause = tcp.Ended
			}
			t.finish(c, cause)
			t.forget(c)
			return
		}
	}
}

// restage moves a flow to the queue that it belongs to now, or to the end of
// its own: at most once in a capture second, which is as fine as expiry looks.
func (t *Table) restage(c *conn) {
	st := c.stageNow()
	if st == c.stage && c.touched == t.second {
		return
	}
	t.move(c, st)
}

func (t *Table) move(c *conn, st stage) {
	t.queues[c.stage].remove(c)
	c.stage, c.touched = st, t.second
	t.queues[st].push(c)
}

// Tick tells the table that the capture's clock has reached another second, in
// nanoseconds, after so many frames of the capture. The clock is offset
// nanoseconds behind capture time (it does not follow its leaps). Each second on
// the way is dealt with by itself, so that it does not matter at how many of them
// there is a tick.
func (t *Table) Tick(frame uint64, clock, offset int64) {
	t.ticked = true
	for t.clock < clock {
		t.clock = min(t.next(), clock)
		t.second = uint32(t.clock / int64(time.Second))
		t.now = event.Mark{Frame: frame, Nanos: t.clock + offset}
		t.expire()
	}
}

// next is the next second at which something can be due.
func (t *Table) next() int64 {
	least := time.Duration(math.MaxInt64 - t.clock)
	if len(t.waiting) > 0 {
		least = time.Second
	}
	for st, after := range t.expiry() {
		if c := t.queues[st].head; c != nil {
			least = min(least, (after - t.idle(c) + time.Second - 1).Truncate(time.Second))
		}
	}
	return t.clock + int64(max(least, time.Second))
}

// expiry is after which time without a segment something happens to the flows of
// each queue.
func (t *Table) expiry() [numStages]time.Duration {
	return [numStages]time.Duration{
		opening: t.limits.Opening, open: t.limits.Idle, ending: t.limits.Settle, closing: t.limits.Linger, buried: t.limits.Buried,
	}
}

// collect finds the flows that are due.
func (t *Table) collect() {
	t.due = t.due[:0]
	t.waiting = slices.DeleteFunc(t.waiting, func(c *conn) bool {
		p := c.patience
		if p[0].since == 0 && p[1].since == 0 || c.stage == gone {
			c.patience = nil
			return true
		}
		if p[0].over(t) || p[1].over(t) {
			t.due = append(t.due, c)
		}
		return false
	})
	for st, after := range t.expiry() {
		for c := t.queues[st].head; c != nil && t.idle(c) >= after; c = c.next {
			t.due = append(t.due, c)
		}
	}
}

// idle is for how long nothing of a flow was captured. A difference of numbers
// modulo 2³² is right for 136 years.
func (t *Table) idle(c *conn) time.Duration {
	return time.Duration(t.second-c.touched) * time.Second
}

// expire deals with the flows that are due, in the order of their first frames.
func (t *Table) expire() {
	if t.collect(); len(t.due) == 0 {
		return
	}
	slices.SortStableFunc(t.due, func(a, b *conn) int { return cmp.Compare(a.ends.ID, b.ends.ID) })
	for _, c := range slices.Compact(t.due) {
		switch {
		case c.stage == gone:
		case c.stage == buried:
			t.forget(c)
		case c.stage == closing && t.idle(c) >= t.limits.Linger:
			t.bury(c)
		case c.stage == ending && t.idle(c) >= t.limits.Settle:
			c.end(dissect.Expired)
			t.move(c, closing)
		case t.idle(c) >= t.limits.Idle, c.stage == opening && t.idle(c) >= t.limits.Opening:
			t.finish(c, tcp.Timeout)
			t.forget(c)
		default:
			c.giveUp()
		}
	}
	clear(t.due)
}

// bury writes a closed flow's record and remembers its 5-tuple, so that late
// segments do not look like a flow of their own.
func (t *Table) bury(c *conn) {
	t.finish(c, tcp.Ended)
	t.move(c, buried)
	if q := &t.queues[buried]; q.n > t.limits.Graves {
		t.forget(q.head)
	}
}

// finish ends a flow and writes its record, once.
func (t *Table) finish(c *conn, cause tcp.Cause) {
	if c.stage != buried {
		c.finish(cause)
	}
}

// forget removes a finished flow.
func (t *Table) forget(c *conn) {
	t.index.remove(c)
	t.queues[c.stage].remove(c)
	c.stage = gone
}

// Finish ends the flows whose ID is at most upTo, in the order of their first
// frames, because the capture has ended. Nothing but a further Finish may
// follow.
func (t *Table) Finish(at event.Mark, upTo flow.ID) {
	t.now, t.ticked = at, true
	if !t.finishing {
		t.finishing = true
		t.due = t.index.all(t.due[:0])
		slices.SortFunc(t.due, func(a, b *conn) int { return cmp.Compare(a.ends.ID, b.ends.ID) })
	}
	for len(t.due) > 0 && t.due[0].ends.ID <= upTo {
		c := t.due[0]
		t.due = t.due[1:]
		cause := tcp.CaptureEnd
		if c.stage == closing || c.stage == ending {
			cause = tcp.Ended
		}
		t.finish(c, cause)
		t.forget(c)
	}
}
