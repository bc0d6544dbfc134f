package track

import (
	"fmt"
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/tcp"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/packet"
	"example.com/wirewatch/reassembly"
)

// conn is one flow. It consumes its streams, and is the host of its
// dissectors.
type conn struct {
	t          *Table
	key        flow.Key
	chain      *conn // in its bucket
	prev, next *conn // in its queue
	ends       *flow.Ends
	app        *dissect.Conn  // nil until bytes come, and when nothing more can come of them
	guess      *unsettled     // nil: it is certain who the client is
	protocol   string         // of app, once that is gone
	at         event.Mark     // of the bytes that are being delivered, or were last
	acked      int64          // what the segment acknowledged that they came with
	finAcked   [2]int64       // by side: what its FIN acknowledged, where its stream has one
	touched    uint32         // the capture second of its latest segment, as Table.second
	missing    reassembly.Why // of the gap that is being delivered
	stage      stage
	side       uint8 // whose stream is being delivered
	clientSide uint8 // 0: the client is the key's Lo end
	mid        bool  // the flow was joined in its middle
	over       bool  // the dissectors were told the end
	told       said
	patience   *patience            // nil unless the table lists the flow as waiting
	tcp        tcp.Conn             // by direction
	streams    [2]reassembly.Stream // by side: the sender is the key's Lo or Hi end
}

// said are the facts that are said once.
type said struct{ open, snaplen, afterFIN, afterRST, jump bool }

// unsettled is what a flow has whose roles are a guess: the facts that wait until
// it is certain who the client is.
type unsettled struct{ held []event.Event }

// patience is how long a flow has waited for acknowledged bytes, by side: that one
// goes on must not keep the other waiting.
type patience [2]waiting

type waiting struct {
	since    int64 // capture time in nanoseconds; 0: it does not wait
	segments int   // of the flow, since then
	off      int64 // where the stream stands
}

const maxHeld = 64 // facts held until the roles are settled

func newConn(t *Table, s *packet.Segment) *conn {
	c := &conn{t: t, key: s.Key, stage: opening, ends: &flow.Ends{ID: flow.ID(s.Frame)}}
	sender := side(s)
	switch s.Flags & (packet.SYN | packet.ACK) {
	case packet.SYN:
		c.clientSide = sender
	case packet.SYN | packet.ACK: // see certain
		c.guess = &unsettled{}
		c.clientSide = sender ^ 1
	default:
		c.mid, c.guess = true, &unsettled{}
		c.clientSide = sender
		if lo, hi := s.Key.LoPort(), s.Key.HiPort(); lo > hi {
			c.clientSide = 0
		} else if hi > lo {
			c.clientSide = 1
		}
	}
	return c
}

func side(s *packet.Segment) uint8 {
	if s.Swapped {
		return 1
	}
	return 0
}

func (c *conn) dirOf(s *packet.Segment) flow.Dir { return c.dir(side(s)) }

// dir is the direction of the bytes that a side sends.
func (c *conn) dir(side uint8) flow.Dir { return flow.Dir(side ^ c.clientSide) }

func (c *conn) stageNow() stage {
	switch {
	case c.stage == buried:
		return buried
	case c.tcp.Over() && c.over:
		return closing
	case c.tcp.Over():
		return ending
	case c.mid || c.app != nil || c.tcp.Established():
		return open
	}
	return opening
}

// segment takes the flow's next segment.
func (c *conn) segment(s *packet.Segment) {
	from := side(s)
	dir := c.dir(from)
	mine, theirs := &c.streams[from], &c.streams[from^1]
	c.t.at = c.t.now
	resetter, reset := c.tcp.Reset()
	valid := mine.Expects(s) // a RST that its receiver does not expect is not believed
	c.tcp.Segment(dir, s, valid)
	if _, still := c.tcp.Reset(); reset && !still { // refused, and tried again
		reset, c.over = false, false
	}
	acked := int64(reassembly.Unacknowledged)
	if s.Flags.Any(packet.ACK) && s.Ack != 0 { // 0 is what programs write that make captures up
		if s.Flags.Any(packet.SYN) {
			theirs.Start(s.Ack)
		}
		acked = theirs.Ack(s.Ack, c.t.mem)
	}
	if c.guess != nil && c.certain(s) {
		c.settle()
	}
	if !c.told.open && c.guess == nil && c.tcp.Established() {
		c.open()
	}
	switch {
	case s.Flags.Any(packet.RST):
		if valid && !reset {
			c.reset(from)
		}
	case reset && s.Len() > 0 && dir == resetter && !c.told.afterRST:
		// What the other end had in flight is nobody's fault.
		c.told.afterRST = true
		c.anomaly(dir, tcp.DataAfterRST, fmt.Sprintf("%d bytes", s.Len()))
	}
	if !s.Flags.Any(packet.RST) {
		c.push(from, mine, s, acked)
	}
	c.wait()
}

// certain reports that s shows that the SYN,ACK which opened the flow answered a
// SYN: it is followed by something else than a SYN,ACK of the other end. Where
// both ends have sent one, both have called (RFC 9293 figure 7), and what they say
// must tell who is the client.
func (c *conn) certain(s *packet.Segment) bool {
	if c.mid || s.Flags.Has(packet.SYN|packet.ACK) {
		return false
	}
	return !c.streams[0].Synced() || !c.streams[1].Synced()
}

// farAway is how far ahead a segment is looked at more closely.
const farAway = 1 << 20

func (c *conn) push(from uint8, mine *reassembly.Stream, s *packet.Segment, acked int64) {
	c.side = from
	if s.Flags.Any(packet.FIN) {
		if _, again := mine.FIN(); again { // the first may come after one that was sent again
			acked = min(acked, c.finAcked[from])
		}
		c.finAcked[from] = acked
	}
	if n := mine.Ahead(s); !c.told.jump && mine.Started() && s.Len() > 0 && n > farAway {
		if dir := c.dir(from); uint32(n)/2 > c.tcp.Window(dir.Reverse()) {
			c.told.jump = true
			c.anomaly(dir, tcp.SequenceJump, fmt.Sprintf("%d bytes ahead", n))
		}
	}
	out := mine.Push(s, acked, c, c.t.mem)
	if out&reassembly.Late != 0 && !c.told.afterFIN {
		c.told.afterFIN = true
		c.anomaly(c.dir(from), tcp.DataAfterFIN, fmt.Sprintf("%d bytes", s.Len()))
	}
}

// wait watches over bytes that were acknowledged and have not come: they were
// reordered on their way to the capture, or never got there.
func (c *conn) wait() {
	if !c.blocked(0) && !c.blocked(1) {
		c.calm()
		return
	}
	if c.patience == nil {
		c.patience, c.t.waiting = &patience{}, append(c.t.waiting, c)
	}
	over := false
	for i := range uint8(2) {
		w := &c.patience[i]
		switch off := c.streams[i].Offset(); {
		case !c.blocked(i):
			w.since = 0
		case w.since == 0 || off != w.off:
			*w = waiting{since: max(1, c.t.now.Nanos), off: off}
		default:
			w.segments++
			over = over || w.over(c.t)
		}
	}
	if over {
		c.giveUp()
	}
}

// over reports that the wait was long enough.
func (w *waiting) over(t *Table) bool {
	return w.since != 0 && (w.segments >= t.limits.Segments || t.now.Nanos-w.since >= int64(t.limits.Time))
}

// calm ends the wait, if there is one.
func (c *conn) calm() {
	if c.patience != nil {
		*c.patience = patience{}
	}
}

// blocked reports that a side's stream waits for bytes that should have come.
func (c *conn) blocked(side uint8) bool {
	s := &c.streams[side]
	return c.owed(side) || s.Joining() || s.Holding() && c.silent(side^1)
}

// owed reports that a side's stream lacks acknowledged bytes. Where nothing was
// captured of the side, nothing is to be expected of it.
func (c *conn) owed(side uint8) bool { return c.streams[side].Owed() && !c.silent(side) }

// silent reports that nothing was captured that a side sent.
func (c *conn) silent(side uint8) bool { return c.tcp.Silent(c.dir(side)) }

// giveUp declares the bytes a gap for which the flow has waited long enough.
func (c *conn) giveUp() {
	c.t.at = c.tcp.Last()
	for i := range uint8(2) {
		if c.patience == nil || !c.patience[i].over(c.t) {
			continue
		}
		if c.patience[i].since = 0; c.blocked(i) {
			c.side = i
			c.streams[i].GiveUp(c, c.t.mem, c.silent(i^1))
			if c.app != nil {
				c.app.Resume(c.dir(i ^ 1)) // nothing need have moved
			}
		}
	}
}

// reset notes that side has sent a RST. The streams end when the flow does: what
// was in flight still comes, and a RST may be one that an attacker or a
// middlebox sent and its receiver did not believe.
func (c *conn) reset(side uint8) {
	if n := c.unacknowledged(); n > 0 {
		c.anomaly(c.dir(side), tcp.RSTAfterData, fmt.Sprintf("%d bytes", n))
	}
}

func (c *conn) unacknowledged() (n uint64) {
	for i := range c.streams {
		s := &c.streams[i]
		if !c.silent(uint8(i)^1) && s.Offset() > s.Acked() {
			n += uint64(s.Offset() - s.Acked())
		}
	}
	return n
}

func (c *conn) flush() {
	for i := range uint8(2) {
		c.side = c.clientSide ^ i // the client's stream first
		if !c.silent(c.side) {
			c.streams[c.side].Flush(c, c.t.mem)
		} else if off, n := c.tcp.TakeUnseen(c.dir(c.side)); n > 0 {
			c.Gap(int64(off), n, reassembly.Lost)
		}
	}
}

func (c *conn) endAll(e dissect.End) {
	for d := range flow.Dir(2) {
		if c.app != nil {
			c.at = c.t.at
			c.app.End(d, e)
		}
	}
	c.over = true
	c.retire()
}

// retire frees the dissectors.
func (c *conn) retire() {
	if c.app == nil {
		return
	}
	c.protocol = c.app.Protocol()
	c.app.Close()
	c.t.apps = append(c.t.apps, c.app)
	c.app = nil
}

// end ends both streams with what they hold. how is the reason where the wire
// gives none, which is after the flow's last segment. A RST ends them at its own
// frame, or at that of bytes that still came after it.
func (c *conn) end(how dissect.End) {
	c.t.at = c.tcp.Last()
	c.flush()
	if _, reset := c.tcp.Reset(); reset || c.tcp.Doubtful() {
		how = dissect.RST
		if c.t.at = c.tcp.ResetAt(); c.at.Frame > c.t.at.Frame {
			c.t.at = c.at
		}
	}
	c.endAll(how)
	c.t.at = c.tcp.Last()
}

// finish ends the flow and writes its record.
func (c *conn) finish(cause tcp.Cause) {
	how := dissect.Expired
	if cause == tcp.CaptureEnd {
		how = dissect.CaptureEnd
	}
	c.end(how)
	c.settle()
	c.calm()
	f := c.tcp.Flow(cause, c.protocol)
	if o, ok := c.t.owners[c]; ok {
		f.Owners = [2]*flow.Owner{o[c.clientSide], o[c.clientSide^1]}
		delete(c.t.owners, c)
	}
	c.emit(event.Event{First: uint64(c.ends.ID), Body: f})
}

// Data passes bytes on to the dissectors (reassembly.Consumer).
func (c *conn) Data(off int64, p []byte, from reassembly.Origin) {
	c.at, c.acked = event.Mark(from.Stamp), from.Acked
	c.tcp.Delivered(c.dir(c.side), len(p))
	if app := c.ready(); app != nil {
		dir := c.dir(c.side)
		app.Begin(dir, off)
		app.Data(dir, p)
	}
}

// Gap passes a hole on (reassembly.Consumer).
func (c *conn) Gap(off int64, n uint64, why reassembly.Why) {
	c.at, c.missing = c.t.at, why
	dir := c.dir(c.side)
	c.tcp.Lost(dir, n)
	switch {
	case why != reassembly.Snaplen:
		c.anomaly(dir, tcp.Gap, fmt.Sprintf("%d bytes at offset %d of what the %s sent", n, off, dir))
	case !c.told.snaplen:
		c.told.snaplen = true
		c.anomaly(dir, tcp.Snaplen, "")
	}
	if app := c.ready(); app != nil {
		app.Begin(dir, off)
		app.Gap(dir, n)
	}
}

// Conflict reports two copies that differ (reassembly.Consumer).
func (c *conn) Conflict(x reassembly.Conflict) {
	dir := c.dir(c.side)
	c.tcp.Conflict(dir)
	c.anomaly(dir, tcp.OverlapConflict,
		fmt.Sprintf("%d bytes at offset %d: XXH64 %016x, then %016x", x.Len, x.Off, x.Kept, x.Came))
}

// End passes the FIN on (reassembly.Consumer).
func (c *conn) End(int64) {
	if c.app != nil {
		c.at = c.t.at
		c.app.End(c.dir(c.side), dissect.FIN)
	}
}

// ready is the driver of the dissectors, nil where the bytes are of no use.
func (c *conn) ready() *dissect.Conn {
	if c.app != nil || c.over {
		return c.app
	}
	if n := len(c.t.apps); n > 0 {
		c.app, c.t.apps = c.t.apps[n-1], c.t.apps[:n-1]
	} else {
		c.app = &dissect.Conn{}
	}
	c.app.Init(&c.t.env, c, c.mid)
	for i := range uint8(2) {
		if c.streams[i].Ended() {
			c.app.End(c.dir(i), dissect.FIN)
		}
	}
	return c.app
}

// Emit takes a fact of a dissector (dissect.Host). A dissector knows the roles.
func (c *conn) Emit(f dissect.Fact) {
	c.settle()
	c.emit(event.Event{
		First: f.First.Frame, Dir: f.Dir, HasDir: !f.NoDir, Exchange: f.Exchange,
		Incomplete: f.Incomplete, Body: f.Body,
	})
}

func (c *conn) anomaly(dir flow.Dir, code *event.Code, detail string) {
	c.emit(event.Event{Dir: dir, HasDir: true, Body: &event.Anomaly{Code: code, Detail: detail}})
}

// open says that the flow is open: by its handshake, or by its first segment.
func (c *conn) open() {
	c.told.open = true
	at := c.t.at
	if c.mid {
		c.t.at = event.Mark{Frame: uint64(c.ends.ID), Nanos: c.tcp.First()}
	}
	c.emit(event.Event{First: uint64(c.ends.ID), Body: c.tcp.Open()})
	c.t.at = at
}

// emit completes a fact, and holds it while the roles are not settled.
func (c *conn) emit(e event.Event) {
	e.Frame, e.Nanos, e.Ends = c.t.at.Frame, c.t.at.Nanos, c.ends
	if e.First == 0 {
		e.First = e.Frame
	}
	if c.guess == nil {
		c.name()
		c.tell(e)
		return
	}
	if c.guess.held = append(c.guess.held, e); len(c.guess.held) >= maxHeld {
		c.settle()
	}
}

// tell lets a fact go.
func (c *conn) tell(e event.Event) {
	c.t.Out = append(c.t.Out, Output{e, c.t.now.Frame, c.t.clock, c.t.ticked})
}

// settle fixes the roles as they are, and lets go of what waited for that.
func (c *conn) settle() {
	g := c.guess
	if g == nil {
		return
	}
	c.guess = nil
	c.name()
	if !c.told.open && (c.mid || c.tcp.Established()) {
		c.open()
	}
	for _, e := range g.held {
		c.tell(e)
	}
}

// name sets the ends' addresses, before the first fact leaves.
func (c *conn) name() {
	if c.ends.Client.IsValid() {
		return
	}
	c.ends.Client, c.ends.Server = c.key.Lo(), c.key.Hi()
	if c.clientSide == 1 {
		c.ends.Client, c.ends.Server = c.ends.Server, c.ends.Client
	}
}

// Now is the frame of the bytes that are being delivered (dissect.Host).
func (c *conn) Now() event.Mark { return c.at }

// Owed reports acknowledged bytes that may yet come (dissect.Host).
func (c *conn) Owed(d flow.Dir) bool { return c.owed(uint8(d) ^ c.clientSide) }

// Missing says why the bytes of a gap are missing (dissect.Host).
func (c *conn) Missing() event.Incomplete {
	switch c.missing {
	case reassembly.Snaplen:
		return event.Snaplen
	case reassembly.Full:
		return event.Limit
	case reassembly.Lost:
	}
	return event.Gap
}

// Acked is what the segment acknowledged that they came with (dissect.Host).
func (c *conn) Acked() int64 { return c.acked }

// Answers reports that the FIN of a direction acknowledges the other's, or the
// one number behind all that was seen of it, which is then a FIN that was
// reordered or never captured (dissect.Host).
func (c *conn) Answers(d flow.Dir) bool {
	side := uint8(d) ^ c.clientSide
	other := &c.streams[side^1]
	end, seen := other.FIN()
	if !seen {
		end = other.Offset()
	}
	return c.finAcked[side] > end
}

// AckedByFIN is what the FIN of a direction acknowledges (dissect.Host).
func (c *conn) AckedByFIN(d flow.Dir) int64 { return c.finAcked[uint8(d)^c.clientSide] }

// Resetter is the sender of the RST (dissect.Host).
func (c *conn) Resetter() (flow.Dir, bool) { return c.tcp.Reset() }

// Stalled is the time that a direction has lost (dissect.Host).
func (c *conn) Stalled(d flow.Dir) time.Duration { return c.tcp.Stalled(d) }

// Connect is how long the client took to connect (dissect.Host).
func (c *conn) Connect() (time.Duration, bool) { return c.tcp.Connect() }

// Flip exchanges the roles, where they are a guess (dissect.Host).
func (c *conn) Flip() bool {
	if c.guess == nil {
		return false
	}
	c.clientSide ^= 1
	c.tcp.Flip()
	for i := range c.guess.held {
		c.guess.held[i].Dir = c.guess.held[i].Dir.Reverse()
	}
	return true
}
