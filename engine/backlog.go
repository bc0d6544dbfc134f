package engine

import "sync"

// backlog bounds the facts that wait to be collected. An epoch is a few hundred
// frames, and whoever fills them with nothing but tiny messages makes a hundred
// thousand facts of one.
type backlog struct {
	mu    sync.Mutex
	moved sync.Cond
	facts int64
	next  uint64 // number of the epoch that is collected next
}

// maxBacklog is above what eight epochs usually have.
const maxBacklog = 1 << 16

func newBacklog() *backlog {
	b := &backlog{}
	b.moved.L = &b.mu
	return b
}

// wait returns when there is room for the facts of an epoch. The one that is
// collected next never waits, so that there will be.
func (b *backlog) wait(e *epoch) {
	b.mu.Lock()
	for !b.room(e) {
		b.moved.Wait()
	}
	b.mu.Unlock()
}

func (b *backlog) room(e *epoch) bool { return b.facts <= maxBacklog || e.number == b.next }

// made adds facts that a worker has made of an epoch.
func (b *backlog) made(e *epoch, facts int) {
	e.facts.Add(int64(facts))
	b.mu.Lock()
	b.facts += int64(facts)
	b.mu.Unlock()
}

// collected takes off those of an epoch, which was next.
func (b *backlog) collected(e *epoch) {
	b.mu.Lock()
	b.facts -= e.facts.Swap(0)
	b.next = e.number + 1
	b.mu.Unlock()
	b.moved.Broadcast()
}
