package tcp

import (
	"fmt"
	"time"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// Opening is how a flow began, as far as it was captured.
type Opening uint8

// The openings.
const (
	Midstream Opening = iota // without a SYN: the connection was open already
	Attempt                  // with a SYN, and no more of a handshake than that: not answered, refused or given up
	Handshake                // with a handshake, whole or as far as it was captured
)

// String is the opening as tcp.opened spells it.
func (o Opening) String() string { return [...]string{"midstream", "attempt", "handshake"}[o] }

func (c *Conn) opening() Opening {
	switch {
	case !c.shaken:
		return Midstream
	case !c.up:
		return Attempt
	}
	return Handshake
}

// Open is the fact that a flow has begun: its handshake is done, or its first
// segments were those of a connection that was already open.
type Open struct {
	opening Opening
	rtt     time.Duration
	hasRTT  bool
	opts    [2]Options
	seen    [2]bool
}

// Open makes the fact, as far as it is known now.
func (c *Conn) Open() *Open {
	o := &Open{opening: c.opening()}
	o.rtt, o.hasRTT = c.InitialRTT()
	for d := range c.ends {
		o.opts[d] = c.ends[d].opts
		o.seen[d] = c.ends[d].synSeen && c.ends[d].packets > 0 && c.shaken
	}
	return o
}

// Kind is "tcp.open".
func (o *Open) Kind() string { return "tcp.open" }

// Progress is true: tcp.flow says it again.
func (o *Open) Progress() bool { return true }

// Digest says how the flow was opened and how long that took.
func (o *Open) Digest() event.Digest {
	return event.Digest{Proto: "tcp", Verb: "open", Result: o.opening.String(), Took: o.rtt}
}

// Fields are those of tcp.open.
func (o *Open) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) {
		rtt := event.Value{}
		if o.hasRTT {
			rtt = event.MillisOf(o.rtt)
		}
		_ = yield("tcp.opened", event.StringOf(o.opening.String())) &&
			yield("tcp.analysis.initial_rtt_ms", rtt) &&
			o.end(yield, flow.ClientToServer, &openNames[0]) && o.end(yield, flow.ServerToClient, &openNames[1])
	}
}

var openNames = [2][3]string{
	{"tcp.client.mss", "tcp.client.window_scale", "tcp.client.sack_permitted"},
	{"tcp.server.mss", "tcp.server.window_scale", "tcp.server.sack_permitted"},
}

func (o *Open) end(yield func(string, event.Value) bool, d flow.Dir, names *[3]string) bool {
	if !o.seen[d] {
		return true
	}
	var mss, scale event.Value
	if n := o.opts[d].MSS; n > 0 {
		mss = event.IntOf(n)
	}
	if o.opts[d].HasScale {
		scale = event.IntOf(o.opts[d].WindowScale)
	}
	return yield(names[0], mss) && yield(names[1], scale) && yield(names[2], event.BoolOf(o.opts[d].SACKPermitted))
}

// Cause is why a flow's record was written.
type Cause uint8

// The causes.
const (
	Ended      Cause = iota // the connection was over
	Reused                  // a new connection took over its 5-tuple
	Timeout                 // no segment for too long
	Evicted                 // a limit on flows was hit
	CaptureEnd              // the capture ended
)

// Flow is the fact that a flow is over, with all that was counted of it.
type Flow struct {
	Opened       Opening
	Closed       string   // "fin", "rst", "half-closed", "timeout", "evicted" or "capture-end"
	By           flow.Dir // who closed it, where HasBy
	HasBy        bool
	Reason       string
	Duration     time.Duration
	Completeness uint8
	Protocol     string
	States       [2]State
	Ends         [2]Counters
	Owners       [2]*flow.Owner // the processes at the ends; nil where not known
}

// Flow makes the fact.
func (c *Conn) Flow(cause Cause, protocol string) *Flow {
	f := &Flow{
		Opened: c.opening(), Duration: time.Duration(max(0, c.last.Nanos-c.first)), Completeness: c.saw, Protocol: protocol,
		States: [2]State{c.ends[0].state, c.ends[1].state},
		Ends:   [2]Counters{c.ends[0].counters(), c.ends[1].counters()},
	}
	if protocol == "" {
		f.Protocol = "unknown"
	}
	f.Closed, f.By, f.HasBy = c.closed(cause)
	if f.Closed == "rst" && c.reset.yes { // RFC 9293 §3.10.7.4
		f.States = [2]State{Closed, Closed}
	}
	for d := range c.ends { // what it received can be told by what it sent alone
		if c.ends[d].packets == 0 {
			f.States[d] = Unknown
		}
	}
	f.Reason = c.reason(f, cause)
	return f
}

func (c *Conn) closed(cause Cause) (string, flow.Dir, bool) {
	switch {
	case c.ends[0].finSeen && c.ends[1].finSeen:
		return "fin", c.closer.by, true
	case c.reset.yes:
		return "rst", c.reset.by, true
	case c.doubt.yes:
		return "rst", c.doubt.by, true
	case cause == Timeout:
		return "timeout", c.closer.by, c.closer.yes
	case cause == Evicted, cause == Reused && !c.closer.yes:
		return "evicted", c.closer.by, c.closer.yes
	case c.closer.yes:
		return "half-closed", c.closer.by, true
	}
	return "capture-end", 0, false
}

// State is tcp.state: of the end that closed first, else of the client, or of the
// server where nothing was captured of the client.
func (f *Flow) State() State {
	switch {
	case f.HasBy:
		return f.States[f.By]
	case f.Ends[flow.ClientToServer].Packets == 0:
		return f.States[flow.ServerToClient]
	}
	return f.States[flow.ClientToServer]
}

// reason is why the flow ended, as one sentence.
func (c *Conn) reason(f *Flow, cause Cause) string {
	by, other := f.By, f.By.Reverse()
	switch f.Closed {
	case "fin":
		if c.reset.yes {
			return fmt.Sprintf("The %s closed the connection first, the %s closed its side too, and the %s reset what was left.", by, other, c.reset.by)
		}
		return fmt.Sprintf("The %s closed the connection first and the %s closed its side too.", by, other)
	case "rst":
		return c.resetReason(by, other)
	case "half-closed":
		return fmt.Sprintf("The %s closed its side; %s.", by, c.halfOpen(other, cause))
	case "evicted":
		if cause == Reused {
			return "A new connection took over its addresses and ports."
		}
		return "More connections were open than are remembered at once."
	}
	switch {
	case f.Opened == Attempt && c.saw&sawSYNACK == 0 && c.ends[flow.ServerToClient].packets == 0:
		return "The SYN was not answered."
	case f.Opened == Attempt:
		return "The handshake was not completed."
	case f.Closed == "timeout":
		return "No segment was seen for longer than a connection is remembered."
	}
	return "The connection was still open when the capture ended."
}

// halfOpen is what became of the end that had not closed its side.
func (c *Conn) halfOpen(other flow.Dir, cause Cause) string {
	switch {
	case c.ends[other].packets == 0:
		return fmt.Sprintf("nothing that the %s sent was captured", other)
	case cause == Reused:
		return fmt.Sprintf("the %s had not when a new connection took over the addresses and ports", other)
	}
	return fmt.Sprintf("the %s had not when the record ends", other)
}

func (c *Conn) resetReason(by, other flow.Dir) string {
	switch {
	case c.saw&(sawSYN|sawSYNACK|sawData) == sawSYN && by == flow.ClientToServer:
		return "The client gave up its attempt to connect."
	case c.saw&(sawSYN|sawSYNACK|sawData) == sawSYN:
		return fmt.Sprintf("The %s refused the connection.", by)
	case c.ends[other].finSeen:
		return fmt.Sprintf("The %s closed its side and the %s reset the connection.", other, by)
	case c.ends[by].finSeen:
		return fmt.Sprintf("The %s closed its side and then reset the connection.", by)
	}
	return fmt.Sprintf("The %s reset the connection.", by)
}

// Kind is "tcp.flow".
func (f *Flow) Kind() string { return "tcp.flow" }

// Progress is false.
func (f *Flow) Progress() bool { return false }

// Digest says how the flow ended, by whom, and how much it carried.
func (f *Flow) Digest() event.Digest {
	d := event.Digest{
		Proto: "tcp", Verb: "close", Result: f.Closed, Note: f.Reason, Took: f.Duration,
		Bytes: f.Ends[0].Bytes + f.Ends[1].Bytes,
	}
	if f.Closed == "rst" {
		d.Level = event.Warn
	}
	return d
}

// Fields are those of tcp.flow.
func (f *Flow) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) {
		by := event.Value{}
		if f.HasBy {
			by = event.StringOf(f.By.String())
		}
		_ = yield("tcp.opened", event.StringOf(f.Opened.String())) &&
			yield("tcp.state", event.StringOf(f.State().String())) &&
			yield("tcp.closed", event.StringOf(f.Closed)) &&
			yield("tcp.closed_by", by) &&
			yield("tcp.close_reason", event.StringOf(f.Reason)) &&
			yield("tcp.duration_ms", event.MillisOf(f.Duration)) &&
			yield("tcp.completeness", event.IntOf(f.Completeness)) &&
			f.end(yield, flow.ClientToServer, &flowNames[0]) &&
			f.end(yield, flow.ServerToClient, &flowNames[1]) &&
			yield("protocol", event.StringOf(f.Protocol)) &&
			f.owner(yield, flow.ClientToServer, "process.client.pid", "process.client.name") &&
			f.owner(yield, flow.ServerToClient, "process.server.pid", "process.server.name")
	}
}

func (f *Flow) owner(yield func(string, event.Value) bool, d flow.Dir, pid, name string) bool {
	o := f.Owners[d]
	return o == nil || yield(pid, event.IntOf(o.PID)) && yield(name, event.TextOf(o.Name))
}

var flowNames = [2][12]string{
	{
		"tcp.client.state", "tcp.client.packets", "tcp.client.bytes", "tcp.client.retransmissions",
		"tcp.client.fast_retransmissions", "tcp.client.out_of_order", "tcp.client.duplicate_acks",
		"tcp.client.zero_windows", "tcp.client.window_updates", "tcp.client.keep_alives",
		"tcp.client.lost_bytes", "tcp.client.overlap_conflicts",
	},
	{
		"tcp.server.state", "tcp.server.packets", "tcp.server.bytes", "tcp.server.retransmissions",
		"tcp.server.fast_retransmissions", "tcp.server.out_of_order", "tcp.server.duplicate_acks",
		"tcp.server.zero_windows", "tcp.server.window_updates", "tcp.server.keep_alives",
		"tcp.server.lost_bytes", "tcp.server.overlap_conflicts",
	},
}

func (f *Flow) end(yield func(string, event.Value) bool, d flow.Dir, names *[12]string) bool {
	e := &f.Ends[d]
	if !yield(names[0], event.StringOf(f.States[d].String())) {
		return false
	}
	for i, n := range [...]uint64{
		e.Packets, e.Bytes, uint64(e.Retransmissions), uint64(e.FastRetransmissions), uint64(e.OutOfOrder),
		uint64(e.DuplicateACKs), uint64(e.ZeroWindows), uint64(e.WindowUpdates), uint64(e.KeepAlives), e.Lost,
		uint64(e.Conflicts),
	} {
		if !yield(names[i+1], event.IntOf(n)) {
			return false
		}
	}
	return true
}
