package engine

import (
	"sync"
	"testing"
)

// TestBacklog: workers that make far too many facts of each epoch wait for the
// collector, never for each other, and all of it is collected.
func TestBacklog(t *testing.T) {
	const workers, n = 3, 200
	b, done := newBacklog(), make(chan *epoch, 8)
	work := make([]chan *epoch, workers)
	var wg sync.WaitGroup
	for w := range work {
		work[w] = make(chan *epoch, 8)
		wg.Go(func() {
			for e := range work[w] {
				b.wait(e)
				b.made(e, maxBacklog/(1+w))
				e.working.Done()
			}
		})
	}
	go func() {
		for i := range n {
			e := &epoch{number: uint64(i)}
			e.working.Add(workers)
			for _, w := range work {
				w <- e
			}
			done <- e
		}
		for _, w := range work {
			close(w)
		}
		close(done)
	}()
	for e := range done {
		e.working.Wait()
		b.mu.Lock()
		// Each worker may have begun one epoch more while there was room.
		if most := int64(maxBacklog + 2*workers*maxBacklog); b.facts > most {
			t.Errorf("epoch %d: %d facts wait, want at most %d", e.number, b.facts, most)
		}
		b.mu.Unlock()
		b.collected(e)
	}
	wg.Wait()
	if b.facts != 0 {
		t.Errorf("%d facts are left", b.facts)
	}
}

// TestBacklogHasRoom: a full backlog has room for the epoch that empties it, and
// for no other.
func TestBacklogHasRoom(t *testing.T) {
	b := newBacklog()
	first, second := &epoch{}, &epoch{number: 1}
	b.made(first, maxBacklog)
	if !b.room(second) {
		t.Error("no room in a backlog that is not full")
	}
	b.made(first, 1)
	if !b.room(first) || b.room(second) {
		t.Error("a full backlog")
	}
	b.collected(first)
	if !b.room(second) || b.facts != 0 {
		t.Errorf("%d facts wait, of which all are collected", b.facts)
	}
}
