package dissect

import (
	"math"
	"slices"
	"time"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// Env is what all flows of one shard share: it has one owner, like the shard.
type Env struct {
	Specs  []Spec
	Limits Limits

	spare  []*carry       // to be used again
	shared map[string]any // what the flows of the shard share, by the name of a Spec
}

// Codes are the anomalies that the driver reports.
var Codes = []*event.Code{carryLimit}

var carryLimit = &event.Code{
	Name: "dissect.carry_limit", Level: event.Warn,
	Text: "more bytes had to be held than the limit allows, and were given up",
}

// Conn drives one flow through its dissectors. The zero Conn is not ready: see
// Init. It has one owner.
type Conn struct {
	env   *Env
	host  Host
	d     Dissector // nil while probing
	proto string
	next  *handoff // in progress
	half  [2]half
	num   uint32           // the exchange that led here, 0 if none
	why   event.Incomplete // of the gap that is being delivered, if it had to wait
	mid   bool             // the flow was joined in its middle
	full  bool             // bytes are being given up because of a limit
	swap  bool             // the flow's server plays the client's role
}

// handoff is what a dissector has asked for. It is not kept: an offer's strings
// are parts of whole messages.
type handoff struct {
	to    string // a Spec; "" goes back to probing
	offer Offer
}

// half is one direction.
type half struct {
	carry   *carry // unconsumed bytes; from env, nil when there are none
	queue   *queue // what waits behind carry, from its first gap on; nil if nothing does
	off     int64  // stream offset of the first unconsumed byte, where placed
	before  int64  // what the byte before that acknowledged
	placed  bool   // bytes or a gap were delivered
	end     End
	waiting bool // the dissector said Wait
	hasty   bool // waiting is no longer worthwhile
	again   bool // to be offered once more
	opaque  bool // nobody wants the bytes
	started bool // bytes or a gap went by that no dissector saw
}

// nothing is what is acknowledged by a byte that was not seen: less than by any.
const nothing = math.MinInt64

// Closer is a Dissector that holds more than memory (a decoder's coroutine);
// Close is called once when the driver drops it.
type Closer interface{ Close() }

// Init makes c ready for a flow. mid says that the flow was joined in its
// middle.
func (c *Conn) Init(env *Env, host Host, mid bool) {
	*c = Conn{env: env, host: host, mid: mid}
	for d := range c.half {
		c.half[d].started, c.half[d].before = mid, nothing
	}
}

// Opaque reports that nothing further can come of the flow's bytes.
func (c *Conn) Opaque() bool { return c.half[0].opaque && c.half[1].opaque }

// Protocol is the name of what the flow carries, "" while unknown.
func (c *Conn) Protocol() string { return c.proto }

// SetProtocol says what the flow carries, in the words of tcp.flow's protocol.
func (c *Conn) SetProtocol(name string) { c.proto = name }

// Limits are the limits in force.
func (c *Conn) Limits() *Limits { return &c.env.Limits }

// Emit reports a fact.
func (c *Conn) Emit(f Fact) { c.host.Emit(f) }

// Anomaly reports a departure from a specification in one direction. detail
// says what exactly; it may hold bytes from the wire.
func (c *Conn) Anomaly(dir flow.Dir, code *event.Code, exchange uint32, detail string) {
	c.host.Emit(Fact{Body: &event.Anomaly{Code: code, Detail: detail}, Dir: dir, Exchange: exchange})
}

// Now is the segment that is being processed.
func (c *Conn) Now() event.Mark { return c.host.Now() }

// At is where byte i of those offered in dir came from.
func (c *Conn) At(dir flow.Dir, i int) event.Mark {
	h := &c.half[dir]
	if j := h.mark(i); j >= 0 {
		return h.carry.from()[j].Mark
	}
	return c.host.Now()
}

// Latest is where that one of the bytes i to n-1 of those offered in dir came
// from that came last: bytes that were lost on their way come after bytes that
// follow them.
func (c *Conn) Latest(dir flow.Dir, i, n int) event.Mark {
	h := &c.half[dir]
	j := h.mark(i)
	if j < 0 {
		return c.host.Now()
	}
	from := h.carry.from()[j:]
	last := from[0].Mark
	for _, m := range from[1:] {
		if m.off >= h.off+int64(n) {
			break
		}
		if m.Frame > last.Frame {
			last = m.Mark
		}
	}
	return last
}

// mark is the index of the mark of byte i of what h carries, -1 where it carries
// nothing.
func (h *half) mark(i int) int {
	j, found := slices.BinarySearchFunc(h.carry.from(), h.off+int64(i), func(m mark, at int64) int {
		switch {
		case m.off < at:
			return -1
		case m.off > at:
			return 1
		}
		return 0
	})
	if found {
		return j
	}
	return j - 1
}

// Acked is what the sender of byte i of those offered in dir had received of its
// peer when it sent it, as an offset of the other direction. It is evidence that
// does not depend on the order in which the capture has the segments. Byte -1 is
// the one before those offered.
func (c *Conn) Acked(dir flow.Dir, i int) int64 {
	h := &c.half[dir]
	if i < 0 {
		return h.before
	}
	if j := h.mark(i); j >= 0 {
		return h.carry.from()[j].acked
	}
	return c.host.Acked()
}

// Turn is the first of the bytes i to n-1 of those offered in dir which its sender
// sent after it had received more than when it sent the byte before, or of which
// the byte before was not seen; n if none is. Whoever waits for an answer before
// it goes on begins its messages there.
func (c *Conn) Turn(dir flow.Dir, i, n int) int {
	h := &c.half[dir]
	for i < n {
		if c.Acked(dir, i) > c.Acked(dir, i-1) {
			return i
		}
		j, from := h.mark(i), h.carry.from()
		if j < 0 || j+1 == len(from) {
			return n
		}
		i = int(from[j+1].off - h.off)
	}
	return n
}

// Offset is the stream offset of the first byte offered in dir; gaps count.
func (c *Conn) Offset(dir flow.Dir) int64 { return c.half[dir].off }

// Rest is what was offered in dir and not consumed. Borrowed until the
// dissector returns.
func (c *Conn) Rest(dir flow.Dir) []byte { return c.half[dir].carry.bytes() }

// EndOf is how dir ended, Open if it has not.
func (c *Conn) EndOf(dir flow.Dir) End { return c.half[dir].end }

// Owed reports that bytes of dir are known to be missing and may yet come, so
// that it is worthwhile for the other direction to Wait for them.
func (c *Conn) Owed(dir flow.Dir) bool {
	return !c.half[dir.Reverse()].hasty && c.half[dir].end == Open && c.host.Owed(dir)
}

// Hurried reports that it is no use to Wait with bytes of dir: if they are not
// taken now, they become a gap.
func (c *Conn) Hurried(dir flow.Dir) bool { return c.half[dir].hasty }

// Missing says, during Dissector.Gap, why the bytes are missing.
func (c *Conn) Missing() event.Incomplete {
	switch {
	case c.full:
		return event.Limit
	case c.why != event.Complete:
		return c.why
	}
	return c.host.Missing()
}

// Answers reports, for a direction that ended with a FIN, that its sender closed
// it because its peer had closed the other.
func (c *Conn) Answers(dir flow.Dir) bool { return c.host.Answers(dir) }

// AckedByFIN is, for such a direction, what its sender had received of its peer
// when it closed it, as an offset of the other direction; Unacknowledged if that
// is not known.
func (c *Conn) AckedByFIN(dir flow.Dir) int64 { return c.host.AckedByFIN(dir) }

// Resetter is the direction of what the end sends that reset the connection, if
// one did for certain.
func (c *Conn) Resetter() (dir flow.Dir, ok bool) { return c.host.Resetter() }

// Stalled is the time that dir has lost so far to retransmission and zero
// windows.
func (c *Conn) Stalled(dir flow.Dir) time.Duration { return c.host.Stalled(dir) }

// Connect is how long the handshake took, where it was captured whole.
func (c *Conn) Connect() (time.Duration, bool) { return c.host.Connect() }

// Handoff gives both directions, from the first unconsumed byte of each, to the
// protocol named to; "" goes back to probing. A name that nobody registered
// makes the flow opaque. The ends keep the roles that they have: o.Swapped is set
// here. The dissector returns the verdict.
func (c *Conn) Handoff(to string, o Offer) Verdict {
	o.Swapped = c.swap
	c.next = &handoff{to, o}
	return Handoff
}

// Begin says where in its stream the first bytes, or the gap, begin that will be
// delivered in dir: 0, if it is not called before.
func (c *Conn) Begin(dir flow.Dir, off int64) {
	if h := &c.half[dir]; !h.placed {
		h.off = off
	}
}

// Data delivers the next bytes of one direction. p is borrowed. Nothing comes of
// what is delivered after the direction's end.
func (c *Conn) Data(dir flow.Dir, p []byte) {
	h := &c.half[dir]
	h.placed = true
	switch {
	case h.opaque, h.end != Open:
		h.off += int64(len(p))
	case h.ending():
	case h.waiting:
		c.hold(h, p)
		c.wake(dir.Reverse()) // it may have waited for this
		c.press(dir)
		c.settle()
	case h.carry != nil:
		c.hold(h, p)
		c.offerTo(dir, h.carry.bytes())
		c.settle()
	default:
		c.offerTo(dir, p)
		c.settle()
	}
}

// Gap delivers a hole of n bytes, likewise.
func (c *Conn) Gap(dir flow.Dir, n uint64) {
	h := &c.half[dir]
	switch h.placed = true; {
	case h.ending():
		return
	case h.waiting:
		h.enqueue(n, c.host.Missing())
		c.wake(dir.Reverse())
		c.press(dir)
	default:
		c.gap(dir, n)
	}
	c.settle()
}

// Resume offers again what dir waits with: what the Host says that the other
// direction is Owed has changed.
func (c *Conn) Resume(dir flow.Dir) {
	c.wake(dir)
	c.settle()
}

// End delivers the end of one direction. It counts once for each.
func (c *Conn) End(dir flow.Dir, e End) {
	h := &c.half[dir]
	switch {
	case h.ending():
		return
	case h.queue != nil:
		h.queue.end = e
	default:
		c.end(dir, e)
	}
	c.settle()
	if c.half[0].ending() && c.half[1].ending() {
		c.rush()
	}
}

func (c *Conn) end(dir flow.Dir, e End) {
	h := &c.half[dir]
	h.end = e
	c.wake(dir.Reverse())
	if !h.opaque {
		c.offerTo(dir, h.carry.bytes())
	}
}

// Close frees what c holds. Nothing may be delivered after it.
func (c *Conn) Close() {
	for d := range c.half {
		h := &c.half[d]
		c.dropAll(h)
		for h.queue != nil && len(h.queue.parts) > 0 {
			c.env.put(h.queue.pop().carry)
		}
		h.queue, h.opaque = nil, true
	}
	c.leave()
}

// leave drops the dissector.
func (c *Conn) leave() {
	if cl, ok := c.d.(Closer); ok {
		cl.Close()
	}
	c.d = nil
}

// settle offers again, and delivers what had to wait, until nothing moves.
func (c *Conn) settle() {
	for c.half[0].movable() || c.half[1].movable() {
		for d := range flow.Dir(2) {
			switch h := &c.half[d]; {
			case !h.movable():
			case !h.again:
				c.dequeue(d)
			default:
				h.again = false
				if !h.opaque {
					c.offerTo(d, h.carry.bytes())
				}
			}
		}
	}
}

// wake offers dir again if it waits for the other direction.
func (c *Conn) wake(dir flow.Dir) {
	if h := &c.half[dir]; h.waiting {
		h.waiting, h.again = false, true
	}
}

// hurry offers what a waiting direction holds for the last time: if the
// dissector insists on waiting, the bytes become a gap. It returns the
// direction, which a probe may have exchanged.
func (c *Conn) hurry(dir flow.Dir) flow.Dir {
	h := &c.half[dir]
	h.hasty = true
	dir = c.offerTo(dir, h.carry.bytes())
	h = &c.half[dir]
	h.hasty = false
	if h.waiting {
		h.waiting = false
		c.giveUp(dir)
		h.waiting = false // a gap can say so too
	}
	return dir
}

// giveUp drops what a direction holds. The dissector sees it a last time, as the
// Rest before a gap of no bytes.
func (c *Conn) giveUp(dir flow.Dir) {
	if c.half[dir].carry == nil {
		return
	}
	c.Anomaly(dir, carryLimit, 0, "")
	c.full = true
	c.gap(dir, 0)
	c.full = false
}

func (c *Conn) gap(dir flow.Dir, n uint64) {
	h := &c.half[dir]
	v := More
	if c.d != nil && !h.opaque {
		v = c.d.Gap(c, dir, n)
	} else {
		h.started = true
	}
	c.dropAll(h)
	h.off += int64(n)
	h.before = nothing
	c.wake(dir.Reverse())
	c.obey(dir, v)
}

// offerTo offers p, every unconsumed byte of dir, to the dissector, or to the
// probes while there is none. It returns the direction, which a probe may have
// exchanged.
func (c *Conn) offerTo(dir flow.Dir, p []byte) flow.Dir {
	if c.d == nil {
		var found bool
		if dir, found = c.probe(dir, p); !found {
			return dir
		}
		p = c.half[dir].carry.bytes()
	}
	h := &c.half[dir]
	h.waiting = false
	end := h.end != Open
	n, v := c.d.Data(c, dir, p, end)
	c.keep(h, p, n)
	if n > 0 || end && v != Wait || v > Wait { // it has moved
		c.wake(dir.Reverse())
	}
	if v == More && end {
		c.dropAll(h)
	}
	c.obey(dir, v)
	if v == More && h.carry.exceeds(&c.env.Limits, 0, 0) {
		c.giveUp(dir)
	}
	return dir
}

// obey does what a verdict says.
func (c *Conn) obey(dir flow.Dir, v Verdict) {
	switch v {
	case More:
	case Wait:
		c.half[dir].waiting = true
	case Skip:
		c.dropAll(&c.half[dir])
		c.half[dir].opaque = true
	case Handoff:
		c.leave()
		c.enter()
	case Fail:
		c.leave()
		for d := range c.half {
			h := &c.half[d]
			c.dropAll(h)
			h.waiting, h.opaque, h.started = false, false, true
		}
		c.proto = ""
	}
}

// enter starts what Handoff named, with the bytes that both directions hold.
func (c *Conn) enter() {
	for d := range c.half {
		h := &c.half[d]
		h.waiting, h.started = false, false
		h.again = h.carry != nil || h.end != Open
	}
	to, o := c.next.to, c.next.offer
	c.next, c.num = nil, o.Exchange
	if to == "" {
		return
	}
	for i := range c.env.Specs {
		if s := &c.env.Specs[i]; s.Name == to {
			c.d = s.New(o)
			c.start()
			return
		}
	}
	for d := range c.half {
		c.dropAll(&c.half[d])
		c.half[d].opaque = true
	}
}

// probe looks for a protocol in p. On a match the dissector is there, and what is
// to be offered to it is held.
func (c *Conn) probe(dir flow.Dir, p []byte) (flow.Dir, bool) {
	h := &c.half[dir]
	if h.started {
		return c.join(dir, p)
	}
	s, role, m := c.ask(dir, p, false)
	switch {
	case m == Yes:
		c.keep(h, p, 0)
		return c.begin(s, dir, role), true
	case len(p) > 0 && c.Owed(dir.Reverse()): // what these bytes answer says what they are
		c.keep(h, p, 0)
		h.waiting = true
	case m == Maybe && h.end == Open && len(p) <= c.env.Limits.Probe:
		c.keep(h, p, 0)
	default:
		c.pass(dir, p)
	}
	return dir, false
}

// join looks for a protocol in p, which is from the middle of a stream, wherever
// a message may begin.
func (c *Conn) join(dir flow.Dir, p []byte) (flow.Dir, bool) {
	h, limit := &c.half[dir], c.env.Limits.Probe
	for n := c.Turn(dir, 0, len(p)); n < len(p); n = c.Turn(dir, n+1, len(p)) {
		switch s, role, m := c.ask(dir, p[n:min(len(p), n+limit)], true); {
		case m == Yes:
			c.keep(h, p, n)
			return c.begin(s, dir, role), true
		case m == Maybe && h.end == Open && len(p)-n < limit:
			c.keep(h, p, n)
			return dir, false
		}
	}
	c.pass(dir, p)
	return dir, false
}

// pass lets p go by.
func (c *Conn) pass(dir flow.Dir, p []byte) {
	h := &c.half[dir]
	c.keep(h, p, len(p))
	h.waiting = false
	if len(p) > 0 {
		h.started = true
		c.wake(dir.Reverse())
	}
}

// ask asks every protocol about p, first with the roles as they are, then
// exchanged, and returns the first that is sure, and which role it thinks that
// the sender plays. Of the others, m is Maybe if one is not sure yet.
func (c *Conn) ask(dir flow.Dir, p []byte, started bool) (s *Spec, role flow.Dir, m Match) {
	if len(p) == 0 {
		return nil, dir, No
	}
	for _, role := range [2]flow.Dir{dir, dir.Reverse()} {
		for i := range c.env.Specs {
			s := &c.env.Specs[i]
			probe := s.Probe
			if started {
				probe = s.Join
			}
			if probe == nil {
				continue
			}
			switch probe(role, p) {
			case Yes:
				return s, role, Yes
			case Maybe:
				m = Maybe
			case No:
			}
		}
	}
	return nil, dir, m
}

// begin makes the dissector for what dir holds, whose sender plays role.
func (c *Conn) begin(s *Spec, dir, role flow.Dir) flow.Dir {
	o := Offer{
		Swapped: role != dir, Exchange: c.num, // which went back to probing
		Mid: c.mid || c.half[0].started || c.half[1].started,
	}
	if o.Swapped && c.host.Flip() {
		o.Swapped, dir = false, dir.Reverse()
		c.half[0], c.half[1] = c.half[1], c.half[0]
	}
	c.d, c.swap = s.New(o), o.Swapped
	c.start()
	other := &c.half[dir.Reverse()]
	other.again = other.carry != nil || other.end != Open
	return dir
}

// hold appends p to what the direction holds, behind the last gap if it holds one.
func (c *Conn) hold(h *half, p []byte) {
	if len(p) == 0 {
		return
	}
	off, at := h.off, &h.carry
	if h.queue != nil {
		off, at = h.queue.last(len(p))
	}
	if *at == nil {
		*at = c.env.get()
	}
	b := *at
	m := mark{off + int64(len(b.bytes())), c.host.Now(), c.host.Acked()}
	b.marks.all, b.data.all = append(b.marks.all, m), append(b.data.all, p...)
}

// keep consumes n bytes of p and holds the rest. p is either what h carries or
// is borrowed while h carries nothing.
func (c *Conn) keep(h *half, p []byte, n int) {
	if h.carry != nil {
		c.drop(h, n)
		return
	}
	if n > 0 {
		h.off += int64(n)
		h.before = c.host.Acked()
	}
	if n < len(p) {
		c.hold(h, p[n:])
	}
}

// drop consumes n bytes of what the direction carries.
func (c *Conn) drop(h *half, n int) {
	if h.carry == nil || n == 0 {
		return
	}
	h.before = h.carry.from()[h.mark(n-1)].acked
	h.off += int64(n)
	if n < len(h.carry.bytes()) {
		h.carry.drop(n, h.off)
		return
	}
	c.env.put(h.carry)
	h.carry = nil
}

// dropAll consumes all that the direction carries.
func (c *Conn) dropAll(h *half) { c.drop(h, len(h.carry.bytes())) }
