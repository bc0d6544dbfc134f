package pcapfile

import (
	"context"
	"io"
	"sync/atomic"
)

// input is one input's bytes, decompressed. One goroutine uses it.
type input interface {
	// read reads up to len(p) bytes. It waits for at least one, or for the end
	// of the input, or for ctx to end, whose cause it then returns.
	read(ctx context.Context, p []byte) (int, error)
	// ready reports that read is not going to keep its caller waiting, or that
	// nobody is served by getting less sooner.
	ready() bool
	// compression is "gzip", "zstd" or, before the first read too, "".
	compression() string
	// close lets go of the input. It does not wait.
	close() error
}

// maxEmptyReads is how often in a row a reader may return nothing at all.
const maxEmptyReads = 100

// readSome reads at least one byte, or fails.
func readSome(r io.Reader, p []byte) (int, error) {
	for range maxEmptyReads {
		if n, err := r.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// direct is a regular file, which never makes us wait for anything but the
// disk: it is read by its caller, straight into the block.
type direct struct{ *raw }

func (d direct) read(_ context.Context, p []byte) (int, error) { return readSome(d.raw, p) }
func (d direct) ready() bool                                   { return true }
func (d direct) compression() string                           { return "" }
func (d direct) close() error                                  { return d.Close() }

// Sizes of the chunks in which a pump reads ahead: a Linux pipe holds 64 KiB.
const (
	chunkSize  = 64 << 10
	chunkCount = 4
)

// chunk is what one read of a pump returned.
type chunk struct {
	data []byte
	err  error
}

// pump reads in a goroutine of its own: so a read that blocks can be left when
// the context ends, and decompression has a core of its own.
type pump struct {
	raw     *raw
	patient bool // a regular file: rather full blocks than early ones
	full    chan chunk
	free    chan []byte // of chunkCount buffers, nil for one to be made
	quit    chan struct{}
	done    chan struct{} // closed when the goroutine has ended
	kind    atomic.Pointer[string]

	started bool
	cur     chunk
	rest    []byte // of cur.data, not yet read
}

// newPump makes a pump of what r has, decompressed. Its goroutine starts with
// the first read and closes r when it ends.
func newPump(r *raw, patient bool) *pump {
	p := &pump{
		raw: r, patient: patient,
		full: make(chan chunk, chunkCount), free: make(chan []byte, chunkCount),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	for range chunkCount {
		p.free <- nil
	}
	return p
}

func (p *pump) read(ctx context.Context, dst []byte) (int, error) {
	if !p.started {
		p.started = true
		go p.run()
	}
	for len(p.rest) == 0 {
		if p.cur.err != nil {
			return 0, p.cur.err
		}
		if err := p.take(ctx); err != nil {
			return 0, err
		}
	}
	n := copy(dst, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// take waits for the next chunk and gives the last one back.
func (p *pump) take(ctx context.Context) error {
	if p.cur.data != nil {
		p.free <- p.cur.data[:cap(p.cur.data)]
		p.cur.data = nil
	}
	select {
	case p.cur = <-p.full:
		p.rest = p.cur.data
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *pump) ready() bool {
	return p.patient || len(p.rest) > 0 || len(p.full) > 0 || p.cur.err != nil
}

func (p *pump) compression() string {
	if kind := p.kind.Load(); kind != nil {
		return *kind
	}
	return ""
}

// run is the goroutine.
func (p *pump) run() {
	defer close(p.done)
	r, kind, err := unpack(p.raw)
	defer func() { _ = r.Close() }() // it was only read: there is nothing to lose
	p.kind.Store(&kind)
	for ok := true; ok; {
		select {
		case buf := <-p.free:
			ok = p.send(r, buf, err)
		case <-p.quit:
			ok = false
		}
	}
}

// send reads one chunk, unless there is an error already, and sends it. It
// reports whether to go on.
func (p *pump) send(r io.Reader, buf []byte, err error) bool {
	if buf == nil {
		buf = make([]byte, chunkSize)
	}
	n := 0
	if err == nil {
		n, err = readSome(r, buf)
	}
	select {
	case p.full <- chunk{buf[:n], err}:
		return err == nil
	case <-p.quit:
		return false
	}
}

// close ends the goroutine as far as that can be done: a read that cannot be
// interrupted, such as that of a terminal, ends when something comes.
func (p *pump) close() error {
	if !p.started {
		return p.raw.Close()
	}
	select {
	case <-p.quit:
	default:
		close(p.quit)
		p.raw.interrupt()
	}
	return nil
}
