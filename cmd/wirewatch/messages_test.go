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

// TestMessagesAndStatus checks that a message stands on a line of its own.
func TestMessagesAndStatus(t *testing.T) {
	var got bytes.Buffer
	m := newMessages(&got)
	m.status("1 packet")
	m.status("2 packets")
	say(m, "eth0 is down\n")
	say(m, "eth0 is up again\n")
	m.status("3 packets")
	m.status("")
	say(m, "3 packets\n")
	m.end()
	const want = emptyLine + "1 packet" + emptyLine + "2 packets" + emptyLine + "eth0 is down\neth0 is up again\n" + emptyLine + "3 packets" + emptyLine + "3 packets\n"
	if got.String() != want {
		t.Errorf("%q, want %q", got.String(), want)
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
