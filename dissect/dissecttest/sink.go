package dissecttest

import (
	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// Sink is a Host whose facts are counted and not kept, for benchmarks and for
// counting allocations. Its roles are certain.
type Sink struct {
	Host
	Count int // of facts
}

// NewSink makes a Sink at the first segment.
func NewSink() *Sink {
	return &Sink{Host: Host{Firm: true, Mark: event.Mark{Frame: 1, Nanos: 1}}}
}

// Emit counts the fact.
func (s *Sink) Emit(dissect.Fact) { s.Count++ }
