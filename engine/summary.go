package engine

import (
	"fmt"
	"strings"
	"time"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/event"
)

// Summary is the last fact of a run: what was captured, and what was found.
type Summary struct {
	Frames, Bytes uint64
	NotTCP        uint64 // frames that neither were a TCP segment nor a fragment of one
	Stats         capture.Stats
	First, Last   event.Mark
	Flows         uint64
	Late          uint64  // segments that came after their flow's record was written
	Protocols     []Count // of the frames without a TCP segment
	Records       []Count // by kind; the kinds that only progress tells are left out
	Error         string  // why the capture ended early, "" if it did not
}

// Count is how often something occurred.
type Count struct {
	Name string
	N    uint64
}

// Kind is "capture.summary".
func (s *Summary) Kind() string { return "capture.summary" }

// Progress is false.
func (s *Summary) Progress() bool { return false }

// Digest counts the frames and the flows.
func (s *Summary) Digest() event.Digest {
	d := event.Digest{
		Verb: "summary", Result: fmt.Sprintf("%d frames, %d flows", s.Frames, s.Flows),
		Bytes: s.Bytes, Took: s.Last.Sub(s.First), Note: s.Error,
	}
	if s.Error != "" {
		d.Level = event.Error
	}
	return d
}

// Fields are those of capture.summary.
func (s *Summary) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) {
		_ = yield("capture.packets", event.IntOf(s.Frames)) &&
			yield("capture.bytes", event.IntOf(s.Bytes)) &&
			yield("capture.dropped_kernel", event.IntOf(s.Stats.DroppedKernel)) &&
			yield("capture.dropped_interface", event.IntOf(s.Stats.DroppedInterface)) &&
			shed(yield, s.Stats.Shed) &&
			yield("capture.truncated_packets", event.IntOf(s.Stats.Truncated)) &&
			yield("capture.not_tcp", event.IntOf(s.NotTCP)) &&
			counts(yield, "capture.protocols.", s.Protocols) &&
			yield("capture.first", timeOf(s.First)) &&
			yield("capture.last", timeOf(s.Last)) &&
			yield("capture.flows", event.IntOf(s.Flows)) &&
			yield("capture.late_segments", event.IntOf(s.Late)) &&
			counts(yield, "capture.records.", s.Records) &&
			yield("capture.error", event.StringOf(s.Error))
	}
}

// shed yields a field that only a live capture can have.
func shed(yield func(string, event.Value) bool, n uint64) bool {
	return n == 0 || yield("capture.shed_packets", event.IntOf(n))
}

// counts yields a field for each count. A dot in a name would be a level of its
// own in the field's path, so it becomes an underscore.
func counts(yield func(string, event.Value) bool, prefix string, list []Count) bool {
	for _, c := range list {
		if !yield(prefix+strings.ReplaceAll(c.Name, ".", "_"), event.IntOf(c.N)) {
			return false
		}
	}
	return true
}

func timeOf(m event.Mark) event.Value {
	if m.Frame == 0 {
		return event.Value{}
	}
	return event.StringOf(time.Unix(0, m.Nanos).UTC().Format("2006-01-02T15:04:05.000000000Z"))
}
