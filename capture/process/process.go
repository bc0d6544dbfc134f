package process

import (
	"net/netip"

	"example.com/wirewatch/capture"
)

// MaxName is the greatest length of an owner's name, in bytes.
const MaxName = 64

// Bounds of what a Watcher holds.
const (
	maxOwners    = 1024 // answers that wait to be taken
	maxQuestions = 1024 // connections asked about that wait to be looked up
	maxQueries   = 1024 // connections that are being looked up
)

// Options say how to watch. The zero value watches this network namespace at
// the default cost.
type Options struct {
	// CPU is the share of one processor that may be used over time, 0.035 if 0.
	CPU float64
	// Namespaces looks for connections in the other network namespaces of this
	// host too, those of containers, where that is permitted (CAP_SYS_ADMIN).
	Namespaces bool

	socket int  // the packet socket, opened already; 0: open one
	whole  bool // the processor time of the whole process counts
}

// ends are the two ends of a connection; which is local depends on who asks.
type ends struct{ local, remote netip.AddrPort }

// Stats are counts since the watch began. When nothing is being looked up,
// Asked is the sum of the others.
type Stats struct {
	Asked   uint64 // ends of connections that were to be looked up
	Found   uint64 // whose owner was found
	Gone    uint64 // that no process had (any more) when it was looked for
	Skipped uint64 // not looked for, because that would have cost too much
}

// Watcher reports the owners of connections. Its methods may be called by any
// goroutine at any time.
type Watcher struct {
	backend
	owners chan capture.Owner
}

// backend does the work of a Watcher, in this process or in a child.
type backend interface {
	Ask(local, remote netip.AddrPort)
	Stats() Stats
	Close() error
}

// Owners yields what was found. What is not taken in time is dropped. It is
// closed when the watch has ended.
func (w *Watcher) Owners() <-chan capture.Owner { return w.owners }

// Ask has the owners of a connection looked up that was open before the watch
// began. Either end may be local, or both. It never blocks: what cannot be taken
// is skipped.
func (w *Watcher) Ask(local, remote netip.AddrPort) { w.backend.Ask(local, remote) }

// Stats returns the counts so far; those of a child are up to a second old.
func (w *Watcher) Stats() Stats { return w.backend.Stats() }

// Close ends the watch and closes Owners. It returns when nothing of it is left.
func (w *Watcher) Close() error { return w.backend.Close() }
