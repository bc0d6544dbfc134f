// Package event says what was found: facts, written once and never changed.
// Everything that shows or writes knows facts, not protocols.
//
// An Event belongs to everyone once emitted, so no one may change it.
package event

import (
	"iter"
	"time"

	"example.com/wirewatch/flow"
)

// Mark is a place in the capture: a frame and its capture time in nanoseconds
// since the Unix epoch. The zero Mark is nowhere.
type Mark struct {
	Frame uint64
	Nanos int64
}

// Sub is the time from b to m, or 0 where either is nowhere.
func (m Mark) Sub(b Mark) time.Duration {
	if m.Frame == 0 || b.Frame == 0 {
		return 0
	}
	return time.Duration(m.Nanos - b.Nanos)
}

// Incomplete says why something of a fact is missing.
type Incomplete uint8

// The reasons, in the words of the schema.
const (
	Complete    Incomplete = iota
	Gap                    // bytes were never captured
	NoResponse             // the flow ended before a response began
	NoRequest              // the response answers nothing that was seen
	Closed                 // the sender closed the connection first, while the capture went on
	Reset                  // the connection was reset first
	CaptureEnd             // the capture, or what it saw of the flow, ended first
	Malformed              // the framing is broken, so that nobody can tell where it ends
	Snaplen                // the capture cut its frames
	Limit                  // one of our limits was hit
	Undecrypted            // the bytes could not be decrypted
)

var incompleteNames = [...]string{
	Complete: "", Gap: "gap", NoResponse: "no-response", NoRequest: "no-request", Closed: "closed", Reset: "reset",
	CaptureEnd: "capture-end", Malformed: "malformed", Snaplen: "snaplen", Limit: "limit", Undecrypted: "undecrypted",
}

// String is the reason as the schema spells it; "" for Complete.
func (i Incomplete) String() string { return incompleteNames[i] }

// Event is one fact. Events come in the order in which they became certain, which
// need not be that of their frames: that nothing follows a RST is certain only
// some time after it. Immutable once emitted; it may be kept.
type Event struct {
	Seq        uint64     // position in the run, from 1; set by the engine
	Frame      uint64     // the frame that completed the fact; not always the one at which it became certain
	First      uint64     // the first frame that carried part of it
	Nanos      int64      // capture time of Frame, in nanoseconds since the Unix epoch
	Ends       *flow.Ends // the flow; nil for a fact about the capture
	Dir        flow.Dir   // the sender, where HasDir
	HasDir     bool
	Exchange   uint32 // ordinal of its exchange in the flow, from 1; 0 if it belongs to none
	Incomplete Incomplete
	Body       Body
}

// Time is the capture time of Frame, in UTC.
func (e *Event) Time() time.Time { return time.Unix(0, e.Nanos).UTC() }

// Fields are the fields of a fact by their dotted names, in a fixed order, in
// which those with a common prefix stand together. A consumer leaves out a
// field whose value is None.
type Fields = iter.Seq2[string, Value]

// Body is what was found. Every consumer can list, filter and export a Body
// that it has never heard of.
type Body interface {
	// Kind is the record's kind: "http.exchange", "tcp.flow", "anomaly".
	Kind() string
	// Progress reports that the fact is only said when progress is asked for:
	// a later fact repeats all of it.
	Progress() bool
	// Digest is the fact in a line.
	Digest() Digest
	// Fields is everything, by field name.
	Fields() Fields
}

// Digest is a fact in words that every protocol has. Its strings may hold any
// bytes from the wire: whoever prints them makes them safe.
type Digest struct {
	Proto  string        // "http", "tcp", "sse"
	Verb   string        // "GET", "open", "close"
	Target string        // "example.com/a"
	Result string        // "200", "fin", an anomaly's code
	Note   string        // what else a reader wants to know: a content type, a reason
	Bytes  uint64        // how much it carried
	Took   time.Duration // how long it took; 0 if it took no time
	Level  Level
}

// Level is how much a fact should alarm a reader.
type Level uint8

// The levels, from normal to worst.
const (
	Normal Level = iota
	Note
	Warn
	Error
)

// String is the level as anomaly.severity spells it; "" for Normal.
func (l Level) String() string { return [...]string{"", "note", "warn", "error"}[l] }

// Sink consumes the run. Emit is called from one goroutine, in Seq order. The
// batch is borrowed; the events may be kept.
type Sink interface {
	Emit(batch []Event) error
}
