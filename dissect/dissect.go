// Package dissect is the contract of a dissector, a parser of one application
// protocol, and Conn, which drives dissectors over the two byte streams of a
// flow: it probes, feeds, holds, hands off and gives up.
//
// Everything here is synchronous, has one owner, does no I/O and knows no
// clock but the capture's. Traffic never makes a Go error: it makes facts and
// named anomalies.
package dissect

import (
	"math"
	"time"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// Dissector turns the two byte streams of one flow into facts. It is called
// from one goroutine and keeps nothing of p: what it does not consume, the
// driver holds and offers again.
type Dissector interface {
	// Data offers every unconsumed byte of one direction. It consumes a prefix,
	// emits what that completes, and says how to go on. It consumes all that it
	// can: p is offered again only when it has grown, when the other direction
	// has moved (after Wait), or when it ends. So a dissector that scans p for a
	// delimiter remembers how far it has looked, or its time is quadratic.
	// end reports that no byte will follow p; p may then be empty. Every
	// direction ends, Conn.EndOf says how, and end stays true if p is offered
	// again after a Wait.
	Data(c *Conn, dir flow.Dir, p []byte, end bool) (n int, v Verdict)

	// Gap reports that n bytes were never captured, next in the stream after
	// Conn.Rest, the bytes offered before and not consumed, which are dropped
	// when Gap returns. n is 0 where nothing but Rest is lost, because more of
	// it would have to be held than Limits allows.
	Gap(c *Conn, dir flow.Dir, n uint64) Verdict
}

// Verdict is how a dissector wants to go on with a direction.
type Verdict uint8

// The verdicts.
const (
	More    Verdict = iota // offer the rest when more bytes arrive
	Wait                   // offer the rest when the other direction moves
	Skip                   // this direction holds nothing further for me
	Handoff                // Conn.Handoff was called: both directions move on
	Fail                   // not my protocol after all: what is held is dropped, and only Spec.Join takes the flow up again
)

// Match is how well bytes fit a protocol.
type Match uint8

// The matches. Maybe asks to see more bytes first.
const (
	No Match = iota
	Maybe
	Yes
)

// Spec is all there is to register a protocol.
type Spec struct {
	// Name is the target of a handoff and the -d name: "http".
	Name string
	// Probe says whether p, the first bytes of a direction, are this protocol
	// when their sender plays the given role. Nil: reached by handoff only.
	Probe func(role flow.Dir, p []byte) Match
	// Join is Probe for bytes from the middle of a stream, at a Turn (see Conn);
	// it asks for proof. Nil: never joined.
	Join func(role flow.Dir, p []byte) Match
	// New makes the dissector of one flow.
	New func(Offer) Dissector
}

// Offer is what a new dissector is told about how it was reached.
type Offer struct {
	// Swapped: the end that plays the client's role is the flow's server (a
	// server that sends requests over a connection that it accepted).
	Swapped bool
	// Mid: bytes before the first ones offered were not dissected (a flow
	// joined in its middle), in one direction or in both.
	Mid bool
	// Exchange is the ordinal of the exchange that led here, 0 if none.
	Exchange uint32
	// Token is what was negotiated ("websocket", "h2c"), Params its terms, by
	// field name as sent. Both belong to the dissector that receives them.
	Token  string
	Params []event.Pair
}

// End says how one direction of a flow ended.
type End uint8

// The ends.
const (
	Open       End = iota // it has not ended
	FIN                   // its sender closed it
	RST                   // either end reset the connection
	Expired               // nothing was seen of the flow for too long, or it was evicted
	CaptureEnd            // the capture ended
)

// Incomplete is the reason that a message cut by this end is incomplete.
func (e End) Incomplete() event.Incomplete {
	switch e {
	case FIN:
		return event.Closed
	case RST:
		return event.Reset
	case Open, Expired, CaptureEnd:
	}
	return event.CaptureEnd
}

// Fact is what a dissector emits; the host adds the flow and the frame.
type Fact struct {
	Body       event.Body
	First      event.Mark // where it began; nowhere: at the current segment
	Exchange   uint32
	Dir        flow.Dir // the sender, unless NoDir
	NoDir      bool     // the fact has no one sender
	Incomplete event.Incomplete
}

// Host is the flow that a Conn is part of: what a dissector may know about the
// segments below it.
type Host interface {
	// Emit takes a fact.
	Emit(f Fact)
	// Now is the segment that is being processed, which brought the bytes that
	// are being delivered.
	Now() event.Mark
	// Acked is what the sender of the bytes that are being delivered had received
	// of its peer when it sent them: the acknowledgment number of their segment, as
	// an offset of the other direction, whatever of that was delivered by now;
	// Unacknowledged where there is none.
	Acked() int64
	// Owed reports that the peer has acknowledged bytes of this direction that
	// have not been delivered: they were reordered, or will become a gap, or a lone
	// one is a FIN that was not captured.
	Owed(dir flow.Dir) bool
	// Missing says why the bytes of the gap that is being delivered are missing.
	Missing() event.Incomplete
	// Answers reports, for a direction that its sender has closed, that it did so
	// when its peer had closed the other: its FIN acknowledges the peer's.
	Answers(dir flow.Dir) bool
	// AckedByFIN is, for such a direction, what its sender had received of its peer
	// when it closed it: the acknowledgment number of its FIN, as an offset of the
	// other direction, or Unacknowledged.
	AckedByFIN(dir flow.Dir) int64
	// Resetter is the direction of what the end sends that reset the connection; no
	// if none did for certain.
	Resetter() (dir flow.Dir, ok bool)
	// Stalled is the time so far that this direction lost to retransmission
	// and zero windows. It only grows.
	Stalled(dir flow.Dir) time.Duration
	// Connect is how long the handshake took, from the client's first SYN to the
	// ACK that ends it, where it was captured whole.
	Connect() (time.Duration, bool)
	// Flip exchanges the ends' roles and reports true, or reports false where
	// they are certain. After it, the host calls with directions exchanged.
	Flip() bool
}

// Unacknowledged is no acknowledgment, and less than any.
const Unacknowledged = math.MinInt64 + 1

// Limits bound what a dissector may hold for one flow, or where that is said, for
// all of a shard. Hitting one emits an anomaly, never silence.
type Limits struct {
	Probe     int   // bytes of a direction to look at before a protocol is given up
	Carry     int   // unconsumed bytes of a direction
	Pieces    int   // segments that these came in, each of which is remembered in 32 bytes
	Head      int   // bytes of a message's head, or of a trailer section
	Lines     int   // field lines of a head
	Exchanges int   // requests waiting for their responses
	Body      int64 // bytes to keep of each decoded content; negative: all
	Decoded   int64 // bytes of decoded content at which a suspicious ratio stops decoding
	Ratio     int64 // decoded bytes per encoded byte that are suspicious
	Ranges    int   // gaps to list for one body
	Windows   int   // bytes that the decoders of compressed messages remember, in all flows of a shard; 0: any number
}

// DefaultLimits are the limits that the program starts with.
func DefaultLimits() Limits {
	return Limits{
		Probe: 4 << 10, Carry: 1 << 20, Pieces: 32 << 10, Head: 256 << 10, Lines: 4096,
		Exchanges: 1024, Body: 64 << 10, Decoded: 64 << 20, Ratio: 100, Ranges: 1024, Windows: 16 << 20,
	}
}

// KeepsBody reports whether any byte of content is kept; where none is, nothing
// is decoded either.
func (l *Limits) KeepsBody() bool { return l.Body != 0 }
