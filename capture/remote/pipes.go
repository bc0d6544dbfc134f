package remote

import (
	"errors"
	"os"
	"os/exec"
)

// pipes are our ends of ssh's three files, and its own ends until it has them.
type pipes struct {
	stdin, stdout, stderr *os.File
	other                 []*os.File
}

// open makes the pipes of a command. They are ours rather than those of os/exec,
// which are closed when the process ends, though they may not have been read.
func (p *pipes) open(cmd *exec.Cmd) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	p.stdin, cmd.Stdin, p.other = w, r, append(p.other, r)
	if r, w, err = os.Pipe(); err != nil {
		return err
	}
	p.stdout, cmd.Stdout, p.other = r, w, append(p.other, w)
	if r, w, err = os.Pipe(); err != nil {
		return err
	}
	p.stderr, cmd.Stderr, p.other = r, w, append(p.other, w)
	return nil
}

// theirs closes the ends of the command, which has its own copies.
func (p *pipes) theirs() {
	for _, f := range p.other {
		_ = f.Close() // nothing was written by us
	}
	p.other = nil
}

// close closes all ends.
func (p *pipes) close() error {
	p.theirs()
	var errs []error
	for _, f := range []*os.File{p.stdin, p.stdout, p.stderr} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// output is ssh's standard output, of which the first bytes are read ahead, so
// that it is known when the capture has begun.
type output struct {
	*os.File
	first chan struct{} // closed when head and err are there
	head  []byte
	err   error
}

func newOutput(f *os.File) *output {
	o := &output{File: f, first: make(chan struct{})}
	go func() {
		defer close(o.first)
		buf := make([]byte, 64)
		n, err := f.Read(buf)
		o.head, o.err = buf[:n], err
	}()
	return o
}

// Read reads, as io.Reader says. A deadline or Close interrupts it.
func (o *output) Read(p []byte) (int, error) {
	<-o.first
	if o.err != nil {
		return 0, o.err
	}
	if len(o.head) > 0 {
		n := copy(p, o.head)
		o.head = o.head[n:]
		return n, nil
	}
	return o.File.Read(p)
}
