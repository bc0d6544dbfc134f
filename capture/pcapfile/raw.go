package pcapfile

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// raw is an input as it is, before decompression. It can be looked at before it
// is read, counts what is read, and remembers what went wrong with the input
// itself, which is not the decompressor's fault.
type raw struct {
	r     io.Reader
	ours  io.Closer // nil if it is not ours to close
	count *atomic.Int64
	head  []byte // looked at and not yet read
	err   error  // of the input, but for its end
}

func (r *raw) Read(p []byte) (int, error) {
	if len(r.head) > 0 {
		n := copy(p, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	n, err := readSome(r.r, p) // or io.ReadFull would spin on a reader that returns nothing
	r.count.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// peek returns the next n bytes, or fewer if the input ends before, without
// reading them. It is called before the first Read.
func (r *raw) peek(n int) ([]byte, error) {
	head := make([]byte, n)
	got, err := io.ReadFull(r, head)
	r.head = head[:got]
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.head, r.err
	}
	return r.head, err
}

// Close closes the input if it is ours.
func (r *raw) Close() error {
	if r.ours == nil {
		return nil
	}
	return r.ours.Close()
}

// interrupt makes a Read that blocks return, where that can be done.
func (r *raw) interrupt() {
	if d, ok := r.r.(interface{ SetReadDeadline(time.Time) error }); ok {
		_ = d.SetReadDeadline(time.Unix(1, 0)) // not every file has deadlines
	}
}

// waiting is a file whose opening may block, such as a FIFO that nobody writes
// to: it is opened by the first Read.
type waiting struct {
	name string

	mu      sync.Mutex
	file    *os.File
	opening bool
	closed  bool
	nudge   *os.File // what ends the opening
}

func (w *waiting) Read(p []byte) (int, error) {
	f, err := w.open()
	if err != nil {
		return 0, err
	}
	return f.Read(p)
}

// open opens the file once, and holds no lock while that blocks.
func (w *waiting) open() (*os.File, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return nil, os.ErrClosed
	case w.file != nil:
		return w.file, nil
	}
	w.opening = true
	w.mu.Unlock()
	f, err := os.Open(w.name)
	w.mu.Lock()
	w.opening = false
	if w.nudge != nil {
		_ = w.nudge.Close() // nothing was written
	}
	switch {
	case err != nil:
		return nil, cannotOpen(w.name, err)
	case w.closed:
		_ = f.Close() // nothing was read
		return nil, os.ErrClosed
	}
	w.file = f
	return f, nil
}

// SetReadDeadline interrupts a Read, or makes it fail if it is still to come.
// The opening has no deadline: a FIFO that is being opened gets the writer that
// it waits for, who stays until it is open. Systems that have FIFOs let them be
// opened for reading and writing without waiting.
func (w *waiting) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file != nil {
		return w.file.SetReadDeadline(t)
	}
	w.closed = true
	if !w.opening {
		return nil
	}
	var err error
	w.nudge, err = os.OpenFile(w.name, os.O_RDWR, 0)
	return err
}

// Close closes the file if it was opened.
func (w *waiting) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.file == nil {
		return nil
	}
	return w.file.Close()
}
