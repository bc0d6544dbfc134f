package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"example.com/wirewatch/capture"
)

// statsEvery is how often a child tells its counts, if they have changed.
const statsEvery = time.Second

// Serve watches for a Watcher at the other end of in and out, until in ends. It
// is the whole of what a child does.
func Serve(in io.Reader, out io.Writer, opt Options) error {
	w, err := Watch(opt)
	if err != nil {
		return errors.Join(err, refuse(out, err))
	}
	defer func() { _ = w.Close() }()
	asked := make(chan error, 1)
	go func() {
		asked <- serveQuestions(in, w)
		_ = w.Close()
	}()
	if err := serveAnswers(out, w); err != nil {
		return err // whoever would read is gone, and in ends, too
	}
	return <-asked
}

// refuse tells the other end why there is no watch.
func refuse(out io.Writer, why error) error {
	_, err := out.Write(appendMessage([]byte(magic), message{kind: kindFailed, text: why.Error()}))
	return err
}

// serveQuestions asks what is asked, until in ends.
func serveQuestions(in io.Reader, w *Watcher) error {
	r := bufio.NewReader(in)
	if err := readMagic(r); err != nil {
		return err
	}
	for {
		var b [endsLen]byte
		_, err := io.ReadFull(r, b[:])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("process: read a question: %w", err)
		}
		e := parseEnds(b)
		w.Ask(e.local, e.remote)
	}
}

// serveAnswers writes what is found, until the watch ends.
func serveAnswers(out io.Writer, w *Watcher) error {
	b := appendMessage([]byte(magic), message{kind: kindReady})
	told := Stats{}
	tick := time.NewTicker(statsEvery)
	defer tick.Stop()
	for more := true; more; {
		if _, err := out.Write(b); err != nil {
			return fmt.Errorf("process: write an answer: %w", err)
		}
		b = b[:0]
		select {
		case o, open := <-w.Owners():
			if more = open; open {
				b = appendOwners(b, o, w.Owners())
			}
		case <-tick.C:
			if now := w.Stats(); now != told {
				told = now
				b = appendMessage(b, message{kind: kindStats, stats: now})
			}
		}
	}
	return nil
}

// appendOwners appends an owner and those that wait.
func appendOwners(b []byte, o capture.Owner, more <-chan capture.Owner) []byte {
	b = appendMessage(b, message{kind: kindOwner, owner: o})
	for range len(more) {
		b = appendMessage(b, message{kind: kindOwner, owner: <-more})
	}
	return b
}
