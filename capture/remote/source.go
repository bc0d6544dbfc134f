package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/pcapfile"
)

// Options say how to capture. The zero value is ready for use.
type Options struct {
	Filter      string // in libpcap's language; "" for none
	Snaplen     int    // bytes of a frame to keep; 0 for all
	Promiscuous bool   // capture what is not for that machine, too
	Buffer      int    // bytes of the kernel's buffer there; 0 leaves it to tcpdump
	Immediate   bool   // hand each frame on at once
	Blocks      int    // as in pcapfile.Options
	Batch       bool   // ssh must not ask for anything, though there is a terminal

	// Message is called with what ssh and the other side say, a line at a time,
	// safe for terminals; from another goroutine, and until Close returns. nil: it
	// is only used for errors.
	Message func(line string)
	// Patience is how long the other side may take to end the capture: it may be
	// gone, or not want to; 0 for 5 s.
	Patience time.Duration
	// SSH is the program that connects, by its name or path; "" means ssh.
	SSH string
}

// Source is a capture on another machine: a capture.Source. One goroutine uses
// it, but for Stats, Stop and what pcapfile.Source allows.
type Source struct {
	*pcapfile.Source
	target   Target
	messages *messages
	cmd      *exec.Cmd
	stdin    io.Closer
	patience time.Duration
	exited   chan struct{} // closed when ssh has ended, and all of its messages were read

	stop     sync.Once
	stopping chan struct{} // closed by Stop
}

var _ capture.Source = (*Source)(nil)

// Open connects, starts the capture, and waits until it has begun, or for ctx to
// end. ssh may ask for passwords and about host keys meanwhile, on the terminal
// and not on standard input.
func Open(ctx context.Context, t Target, opt Options) (*Source, error) {
	s, out, err := start(t, opt)
	if err != nil {
		return nil, fmt.Errorf("capture: open %s: %w", t, err)
	}
	if s.Source, err = pcapfile.NewReader(out, t.String(), pcapfile.Options{Blocks: opt.Blocks}); err != nil {
		return nil, errors.Join(err, s.end(), out.Close())
	}
	select {
	case <-s.messages.listening:
		return s, nil
	case <-out.first:
		if len(out.head) > 0 { // another program than tcpdump, perhaps
			return s, nil
		}
		err = s.broken(ctx)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return nil, errors.Join(err, s.Close())
}

// Program names under which ssh is looked for, and the shell around it.
const (
	program = "ssh"
	// A Ctrl-C at the terminal is for all programs there, and ssh would end before
	// the last frames have come. It asks for passwords all the same, as it would not
	// in a process group of its own.
	deaf = `trap "" INT; exec "$@"`
)

// start runs ssh.
func start(t Target, opt Options) (*Source, *output, error) {
	name := opt.SSH
	if name == "" {
		name = program
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", deaf, "sh", path}, sshArgs(t, opt)...)...) //nolint:gosec // each word is an argument of its own
	p := pipes{}
	if err := p.open(cmd); err != nil {
		return nil, nil, errors.Join(err, p.close())
	}
	err = cmd.Start()
	p.theirs()
	if err != nil {
		return nil, nil, errors.Join(err, p.close())
	}
	s := &Source{
		target: t, cmd: cmd, patience: cmp.Or(opt.Patience, defaultPatience), stdin: p.stdin, exited: make(chan struct{}), stopping: make(chan struct{}),
		messages: &messages{listening: make(chan struct{}), ended: make(chan struct{}), pass: opt.Message},
	}
	go s.messages.read(p.stderr)
	go s.reap(p.stderr)
	return s, newOutput(p.stdout), nil
}

// defaultPatience is more than the two seconds that tcpdump there may need.
const defaultPatience = 5 * time.Second

// grace is how long a message may take to come when ssh has ended. Usually it is
// there, and the pipe at its end; a master of several connections that ssh has
// left behind keeps it open.
const grace = time.Second

// reap waits for ssh to end.
func (s *Source) reap(stderr *os.File) {
	_ = s.cmd.Wait() // how it ended is said in its messages, or in its state
	_ = stderr.SetReadDeadline(time.Now().Add(grace))
	<-s.messages.ended
	_ = stderr.Close() // it was only read
	close(s.exited)
}

// Stop asks the other side to end the capture. What was captured there before is
// still to be had: Next returns it, and then io.EOF. A side that does not end it
// within Options.Patience is not waited for.
func (s *Source) Stop() {
	s.stop.Do(func() {
		close(s.stopping)
		_ = s.stdin.Close() // nothing was ever written to it
		go func() {
			select {
			case <-s.exited:
			case <-time.After(s.patience):
				_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
			}
		}()
	})
}

// Next returns the next block, as capture.Source says: io.EOF after Stop, and
// otherwise why the capture has ended, which names host and interface.
func (s *Source) Next(ctx context.Context) (*capture.Block, error) {
	b, err := s.Source.Next(ctx)
	if err == nil || ctx.Err() != nil || errors.Is(err, os.ErrClosed) {
		return b, err
	}
	return nil, s.broken(ctx)
}

// broken returns why the capture has ended, io.EOF if we wanted it to, having
// waited for ssh to end: so all is said, and Stats are complete.
func (s *Source) broken(ctx context.Context) error {
	select {
	case <-s.exited:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-s.stopping:
		return io.EOF
	default:
	}
	reason := s.messages.reason()
	if reason == "" {
		reason = "the capture has ended there (" + s.cmd.ProcessState.String() + ")"
	}
	return fmt.Errorf("capture: %s: %s%s", s.target, reason, advise(reason))
}

// Stats returns the counts so far. The other side tells only when it ends what it
// has lost.
func (s *Source) Stats() capture.Stats {
	st := s.Source.Stats()
	st.DroppedKernel += s.messages.kernel.Load()
	st.DroppedInterface += s.messages.iface.Load()
	return st
}

// Close ends the capture on both sides, at once; Stop does it without loss.
func (s *Source) Close() error { return errors.Join(s.end(), s.Source.Close()) }

// end ends ssh. The other side notices, as its standard input has ended.
func (s *Source) end() error {
	s.Stop()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-s.exited:
		return nil
	case <-time.After(2 * grace):
		return s.cmd.Process.Kill()
	}
}
