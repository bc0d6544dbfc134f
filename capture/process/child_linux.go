package process

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"example.com/wirewatch/capture"
)

// childTime is how long a child may take to begin, and to end.
const childTime = 5 * time.Second

// child is a watch in a child process. It ends when its standard input does, and
// so with its parent, whatever becomes of that: a signal on the parent's death
// (prctl(2), PR_SET_PDEATHSIG) would not be delivered to a child of another user,
// and would come when the thread ends that started it.
type child struct {
	counters
	cmd       *exec.Cmd
	in, out   *os.File // its standard input and output, our ends
	questions chan ends
	own       atomic.Uint64 // questions skipped on this side
	closing   chan struct{}
	close     sync.Once
	done      sync.WaitGroup
}

// Start watches in a child process: the program exe, which calls Main when it
// gets these arguments. It needs the privileges that the child is to have, and
// whoever starts it may give up its own afterwards.
func Start(exe string, args ...string) (*Watcher, error) {
	c := &child{questions: make(chan ends, maxQuestions), closing: make(chan struct{})}
	if err := c.start(exe, args); err != nil {
		return nil, fmt.Errorf("process: start %s: %w", exe, err)
	}
	r := bufio.NewReader(c.out)
	if err := c.greet(r); err != nil {
		_ = c.Close()
		return nil, err
	}
	w := &Watcher{c, make(chan capture.Owner, maxOwners)}
	c.done.Add(2)
	go c.ask()
	go c.hear(r, w.owners)
	return w, nil
}

func (c *child) start(exe string, args []string) error {
	in, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	theirs, out, err := os.Pipe()
	if err != nil {
		return errors.Join(err, in.Close(), ours.Close())
	}
	c.in, c.out = ours, theirs
	c.cmd = exec.Command(exe, args...) //nolint:gosec // the program's own name
	c.cmd.Stdin, c.cmd.Stdout = in, out
	c.cmd.Env = []string{} // it needs nothing of ours
	err = c.cmd.Start()
	_, _ = in.Close(), out.Close()
	if err != nil {
		_, _ = ours.Close(), theirs.Close()
	}
	return err
}

// greet begins the protocol and waits for the child to be ready.
func (c *child) greet(r *bufio.Reader) error {
	_ = c.out.SetReadDeadline(time.Now().Add(childTime))
	defer func() { _ = c.out.SetReadDeadline(time.Time{}) }()
	if err := readMagic(r); err != nil {
		return err
	}
	m, err := readMessage(r)
	switch {
	case err != nil:
		return fmt.Errorf("process: wait for the child: %w", noEOF(err))
	case m.kind == kindFailed:
		return errors.New(m.text)
	case m.kind != kindReady:
		return errProtocol
	}
	return nil
}

// ask sends the questions.
func (c *child) ask() {
	defer c.done.Done()
	for b := []byte(magic); ; {
		if _, err := c.in.Write(b); err != nil {
			return // it has ended, which hear finds out, too
		}
		select {
		case e := <-c.questions:
			b = appendEnds(b[:0], e)
		case <-c.closing:
			return
		}
	}
}

// hear takes the answers.
func (c *child) hear(r *bufio.Reader, owners chan<- capture.Owner) {
	defer c.done.Done()
	defer close(owners)
	defer func() { _ = c.out.Close() }() // or the child may wait for ever to be heard
	for {
		m, err := readMessage(r)
		if err != nil {
			return // it has ended, or does not keep to the protocol
		}
		switch m.kind {
		case kindOwner:
			select {
			case owners <- m.owner:
			default: // nobody takes them
			}
		case kindStats:
			c.set(m.stats)
		}
	}
}

// Ask queues a question, and skips it if the queue is full.
func (c *child) Ask(local, remote netip.AddrPort) {
	select {
	case c.questions <- ends{plain(local), plain(remote)}:
	default:
		c.own.Add(1)
	}
}

// Stats are the child's, and the questions that did not get as far.
func (c *child) Stats() Stats {
	s, own := c.counters.Stats(), c.own.Load()
	s.Asked += own
	s.Skipped += own
	return s
}

// Close ends the child by ending its standard input.
func (c *child) Close() (err error) {
	c.close.Do(func() {
		close(c.closing)
		_ = c.in.Close()
		err = c.reap()
		c.done.Wait()
		_ = c.out.Close()
	})
	return err
}

// reap waits for the child to end, and takes its last answers meanwhile.
func (c *child) reap() error {
	ended := make(chan struct{})
	go func() {
		_ = c.cmd.Wait() // how it ended does not matter
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-time.After(childTime):
		_ = c.cmd.Process.Kill()
		return errors.New("process: the child does not end")
	}
}
