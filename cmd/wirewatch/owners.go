package main

import (
	"io"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/process"
	"example.com/wirewatch/event"
)

// ownersChild is what this program is called with as the process that looks for the
// owners of connections: it needs rights that the one that reads packets gives up.
const ownersChild = "--child-that-finds-the-owners-of-connections"

// findOwners is that process.
func findOwners() int {
	if err := process.Main(process.Options{Namespaces: true}); err != nil {
		return exitFailure
	}
	return exitOK
}

// owners finds whose the connections are that are captured; nil where that is not
// wanted, or not to be had, which is no reason not to capture.
func (o *options) owners(stderr io.Writer) *process.Watcher {
	if o.capture.noProcess || o.far() {
		return nil
	}
	w, err := process.Start("/proc/self/exe", ownersChild)
	if err != nil {
		if o.verbose {
			say(stderr, "wirewatch: no names of processes: %v\n", err)
		}
		return nil
	}
	return w
}

// closeOwners ends the search for owners.
func closeOwners(w *process.Watcher) {
	if w != nil {
		_ = w.Close() // it has nothing that could be lost
	}
}

// asker is a sink that has the owners looked for of connections that were open
// before the capture began.
type asker struct{ w *process.Watcher }

// Emit looks for such connections.
func (a asker) Emit(batch []event.Event) error {
	for i := range batch {
		e := &batch[i]
		if e.Ends == nil || e.Body.Kind() != "tcp.open" {
			continue
		}
		for name, v := range e.Body.Fields() {
			if name == "tcp.opened" && v.Str() == "midstream" {
				a.w.Ask(e.Ends.Client, e.Ends.Server)
			}
		}
	}
	return nil
}

// ownersOf are what a watcher finds, nil without one.
func ownersOf(w *process.Watcher) <-chan capture.Owner {
	if w == nil {
		return nil
	}
	return w.Owners()
}
