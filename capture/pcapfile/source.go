package pcapfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"

	"example.com/wirewatch/capture"
)

// Options say how a capture is read. The zero value is ready for use.
type Options struct {
	Blocks int       // blocks in circulation, at least 2; 0 means 8
	Stdin  io.Reader // what the name "-" stands for; nil means os.Stdin
}

// DefaultBlocks is the number of blocks in circulation unless Options say
// otherwise: 2 MiB, as much as a core's L2 cache holds.
const DefaultBlocks = 8

// Source is a capture in files or streams: a capture.Source. One goroutine uses
// it, but for Stats, Progress, Files, Interfaces and Extras.
type Source struct {
	meta    meta
	readers []*reader
	merge   *merger // nil for a single input
	err     error   // what Next returns once the source has been closed

	tally      capture.Tally
	read, size atomic.Int64
	unsized    atomic.Bool // some input's size is not known
}

var _ capture.Source = (*Source)(nil)

// Open opens the named files as one capture, ordered by time; "-" is standard
// input. A file that cannot be opened or is no capture makes an error that says
// what it is instead (ErrFormat). A pipe or another input that can make us wait
// is not looked at before the first Next, which then returns that error.
func Open(names []string, opt Options) (*Source, error) {
	if len(names) == 0 {
		return nil, errors.New("capture: no file to open")
	}
	s := &Source{}
	for _, name := range names {
		if err := s.open(name, len(names), opt); err != nil {
			_ = s.Close() // nothing was read yet that could be lost
			return nil, err
		}
	}
	s.begin(opt)
	return s, nil
}

// NewReader reads a capture from r, which is called name in messages. Unless r
// is a regular file it is read ahead by a goroutine, which ends with the Close
// of the source if r has a SetReadDeadline that can interrupt it, and otherwise
// when its read returns. If r is an io.Closer, Close closes it, too.
func NewReader(r io.Reader, name string, opt Options) (*Source, error) {
	s := &Source{}
	in := &raw{r: r, count: &s.read}
	in.ours, _ = r.(io.Closer)
	if err := s.add(in, name, 1, opt); err != nil {
		_ = s.Close() // nothing was read yet that could be lost
		return nil, err
	}
	s.begin(opt)
	return s, nil
}

// begin makes a source of the inputs added.
func (s *Source) begin(opt Options) {
	if len(s.readers) > 1 {
		s.merge = newMerger(s.readers, capture.NewPool(opt.blocks()))
	}
}

func (o Options) blocks() int {
	if o.Blocks == 0 {
		return DefaultBlocks
	}
	return max(o.Blocks, 2)
}

// stdin is what errors call the input "-".
const stdin = "standard input"

// open adds the named input.
func (s *Source) open(name string, inputs int, opt Options) error {
	if name == "-" {
		in := opt.Stdin
		if in == nil {
			in = os.Stdin
		}
		return s.add(&raw{r: in, count: &s.read}, stdin, inputs, opt)
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return cannotOpen(name, err)
	case info.IsDir():
		return fmt.Errorf("capture: open %s: it is a directory", name)
	case !info.Mode().IsRegular():
		w := &waiting{name: name}
		return s.add(&raw{r: w, ours: w, count: &s.read}, name, inputs, opt)
	}
	f, err := os.Open(name) //nolint:gosec // the user names the files
	if err != nil {
		return cannotOpen(name, err)
	}
	return s.add(&raw{r: f, ours: f, count: &s.read}, name, inputs, opt)
}

// add adds an input, of so many in all. A regular file is looked at right away.
func (s *Source) add(in *raw, name string, inputs int, opt Options) error {
	r := &reader{
		name: name, pool: capture.NewPool(opt.blocks()),
		meta: &s.meta, file: len(s.readers), size: blockSize(inputs), hold: maxHeld,
	}
	s.readers = append(s.readers, r)
	s.meta.files = append(s.meta.files, File{Name: name})
	size, regular := regularSize(in.r)
	if !regular {
		s.unsized.Store(true)
		r.in = newPump(in, false)
		return nil
	}
	s.size.Add(size)
	head, err := in.peek(maxCompressionMagic)
	r.in = direct{in}
	if compressionOf(head) != "" {
		r.in = newPump(in, true)
	}
	if err != nil {
		return fmt.Errorf("capture: read %s: %w", name, err)
	}
	return r.open()
}

// regularSize is the size of a regular file, and whether r is one.
func regularSize(r io.Reader) (int64, bool) {
	f, ok := r.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return 0, false
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	return info.Size(), true
}

// blockSize is how large a block's buffer is when a source has that many inputs:
// each of many holds one while it waits for its turn.
func blockSize(inputs int) int {
	return max(min(DefaultBlocks*capture.BlockSize/inputs, capture.BlockSize), minBlockSize)
}

// minBlockSize holds a few frames of an Ethernet.
const minBlockSize = 16 << 10

// cannotOpen takes the cause out of err, which repeats the name.
func cannotOpen(name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("capture: open %s: %w", name, err)
}

// Next returns the next block, as capture.Source says. Where an input would
// make us wait, it returns what is there rather than a full block. The damage of
// one of several inputs is returned at the end of all; the first one counts.
func (s *Source) Next(ctx context.Context) (*capture.Block, error) {
	switch {
	case s.err != nil:
		return nil, s.err
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	next := s.readers[0].next
	if s.merge != nil {
		next = s.merge.next
	}
	b, err := next(ctx)
	if err != nil {
		return nil, err
	}
	s.tally.Add(b)
	return b, nil
}

// Stats returns the counts so far; those of drops are as the interface
// statistics blocks of pcapng read so far have them.
func (s *Source) Stats() capture.Stats {
	d := s.meta.dropCounts()
	st := capture.Stats{DroppedKernel: d.kernel, DroppedInterface: d.iface}
	s.tally.Into(&st)
	return st
}

// Progress returns how many bytes of the inputs have been read, before
// decompression, and how many they have, or 0 if one of them does not say. Any
// goroutine may call it.
func (s *Source) Progress() (read, size int64) {
	if s.unsized.Load() {
		return s.read.Load(), 0
	}
	return s.read.Load(), s.size.Load()
}

// Close closes the inputs. Blocks handed on stay valid.
func (s *Source) Close() error {
	if s.err != nil {
		return nil //nolint:nilerr // closed before: what went wrong was said then
	}
	s.err = fmt.Errorf("capture: read: %w", os.ErrClosed)
	var errs []error
	for _, r := range s.readers {
		if err := r.in.close(); err != nil {
			errs = append(errs, fmt.Errorf("capture: close %s: %w", r.name, err))
		}
	}
	return errors.Join(errs...)
}
