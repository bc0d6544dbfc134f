package dissecttest

import (
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// Host is a flow without TCP below it (dissect.Host): it says what its fields
// say. Directions in them are those of the wire, whoever turned out to be the
// client. The zero Host is ready.
type Host struct {
	Facts   []dissect.Fact // what was emitted
	Mark    event.Mark     // the present segment
	Firm    bool           // the roles are certain: Flip is refused
	Flipped bool           // Flip was granted: directions are exchanged
	Why     event.Incomplete
	Lacks   [2]bool   // acknowledged bytes that were not delivered
	Ack     int64     // what the present segment acknowledges
	Second  [2]bool   // the direction was closed because the other was
	Left    [2]int64  // what the direction's FIN acknowledges
	Resets  *flow.Dir // of the end that reset the connection, nil for none
	Lost    [2]time.Duration
	Shake   time.Duration // of the handshake, if positive
}

// Dir is the direction that a dissect.Conn is to be given for bytes that travel
// in dir on the wire.
func (h *Host) Dir(dir flow.Dir) flow.Dir {
	if h.Flipped {
		return dir.Reverse()
	}
	return dir
}

// Emit keeps the fact.
func (h *Host) Emit(f dissect.Fact) { h.Facts = append(h.Facts, f) }

// Now is Mark.
func (h *Host) Now() event.Mark { return h.Mark }

// Owed is Lacks.
func (h *Host) Owed(dir flow.Dir) bool { return h.Lacks[h.Dir(dir)] }

// Missing is Why, or a gap if that is not set.
func (h *Host) Missing() event.Incomplete {
	if h.Why == event.Complete {
		return event.Gap
	}
	return h.Why
}

// Acked is Ack.
func (h *Host) Acked() int64 { return h.Ack }

// Answers is Second.
func (h *Host) Answers(dir flow.Dir) bool { return h.Second[h.Dir(dir)] }

// AckedByFIN is Left.
func (h *Host) AckedByFIN(dir flow.Dir) int64 { return h.Left[h.Dir(dir)] }

// Resetter is Resets.
func (h *Host) Resetter() (flow.Dir, bool) {
	if h.Resets == nil {
		return 0, false
	}
	return h.Dir(*h.Resets), true
}

// Stalled is Lost.
func (h *Host) Stalled(dir flow.Dir) time.Duration { return h.Lost[h.Dir(dir)] }

// Connect is Shake.
func (h *Host) Connect() (time.Duration, bool) { return h.Shake, h.Shake > 0 }

// Flip is granted unless the host is firm. Like the tracker, it exchanges the
// directions of what was told before.
func (h *Host) Flip() bool {
	if h.Firm {
		return false
	}
	h.Flipped = !h.Flipped
	for i := range h.Facts {
		h.Facts[i].Dir = h.Facts[i].Dir.Reverse()
	}
	return true
}
