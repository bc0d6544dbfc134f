package main

import (
	"io"
	"sync"
	"time"
)

// messages is standard error for those who cannot wait for it: the goroutines that
// fetch frames and save them. It may be a pipe that nobody reads, or a terminal
// that was stopped (Ctrl-S). What is said then, beyond the last few messages, is
// dropped.
type messages struct {
	queue chan []byte
	done  chan struct{} // closed when all is written

	mu    sync.Mutex
	ended bool
}

const (
	maxMessages = 256
	lastWords   = time.Second // how long the end waits for what was said to be written
)

func newMessages(w io.Writer) *messages {
	m := &messages{queue: make(chan []byte, maxMessages), done: make(chan struct{})}
	go func() {
		defer close(m.done)
		for p := range m.queue {
			_, _ = w.Write(p) // there is nobody to tell
		}
	}()
	return m
}

// Write queues a message. It never fails and never waits.
func (m *messages) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ended {
		select {
		case m.queue <- append([]byte{}, p...):
		default:
		}
	}
	return len(p), nil
}

// end has what was said written, if that can be done soon.
func (m *messages) end() {
	m.mu.Lock()
	if !m.ended {
		m.ended = true
		close(m.queue)
	}
	m.mu.Unlock()
	select {
	case <-m.done:
	case <-time.After(lastWords):
	}
}
