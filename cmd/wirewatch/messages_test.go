package main

import (
	"bytes"
	"fmt"
	"testing"
)

// stuck is a stream that nobody reads.
type stuck chan struct{}

func (s stuck) Write(p []byte) (int, error) {
	<-s
	return len(p), nil
}

func TestMessages(t *testing.T) {
	var got bytes.Buffer
	m, want := newMessages(&got), ""
	for n := range maxMessages {
		say(m, "message %d\n", n)
		want += fmt.Sprintf("message %d\n", n)
	}
	m.end()
	say(m, "too late\n")
	if m.end(); got.String() != want {
		t.Errorf("%d bytes, want %d", got.Len(), len(want))
	}
}

// TestMessagesDoNotWait checks that a stream that stands still holds up nobody.
func TestMessagesDoNotWait(t *testing.T) {
	s := make(stuck)
	defer close(s)
	m := newMessages(s)
	within(t, "what is said to be dropped", func() {
		for range 10 * maxMessages {
			say(m, "hello\n")
		}
		m.end()
	})
}
