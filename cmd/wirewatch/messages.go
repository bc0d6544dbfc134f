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
	drawn bool // the last thing written is a status line
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

// emptyLine is how a terminal is told to empty the line.
const emptyLine = "\r\x1b[K"

// Write queues a message, in the place of the status line if there is one. It never
// fails and never waits.
func (m *messages) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.drawn {
		m.put(append([]byte(emptyLine), p...))
	} else {
		m.put(append([]byte{}, p...))
	}
	m.drawn = false
	return len(p), nil
}

// status queues a status line, which a terminal shows until the next message; ""
// takes it away.
func (m *messages) status(line string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put([]byte(emptyLine + line))
	m.drawn = line != ""
}

func (m *messages) put(p []byte) {
	if m.ended {
		return
	}
	select {
	case m.queue <- p:
	default:
	}
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
