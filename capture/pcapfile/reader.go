package pcapfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"example.com/wirewatch/capture"
)

// Bounds on what one record may make us hold.
const (
	// maxFrame is how much of a frame is handed on; the rest of it is skipped.
	// It is the largest snaplen that tcpdump and Wireshark know.
	maxFrame = 256 << 10
	// maxClaim is the captured length beyond which a record is taken to be
	// damaged rather than large.
	maxClaim = 16 << 20
	// maxBlock is the size up to which a pcapng block is looked at as a whole,
	// and its two lengths compared; a larger one is skipped as it comes.
	maxBlock = 2 * maxFrame
	// maxMeta is the same for a block that the rest of the file depends on.
	maxMeta = 16 << 20
)

// scanner finds the records of one file format in a buffer.
type scanner interface {
	// scan appends to b.Frames the frames that lie wholly in b.Buf[at:end], and
	// to b.Notes what is known between them, and returns the offset at which it
	// stopped and why. It looks at nothing before at and keeps no slice of the
	// buffer.
	scan(b *capture.Block, at, end int) (int, pause)
}

// pause is why a scanner stopped at a record: it is not all there (need), it is
// too large to be held (skip), or it cannot be right (damage).
type pause struct {
	need   int    // bytes wanted from the record's first on, more than are there
	skip   int64  // bytes to pass over, after the keep bytes that are in use
	keep   int    // bytes at the record's start that a frame lies in
	what   string // what the record is, as a noun
	size   int64  // how large it says it is
	damage string // what is wrong with it, as a clause
}

// short is the pause for a record of which only part is there.
func short(what string, size int) pause {
	return pause{need: size, what: what, size: int64(size)}
}

// passOver is the pause for a record of which all but keep bytes is skipped.
func passOver(what string, size int64, keep int) pause {
	return pause{keep: keep, skip: size - int64(keep), what: what, size: size}
}

// broken is the pause for a record that cannot be right.
func broken(format string, args ...any) pause {
	return pause{damage: fmt.Sprintf(format, args...)}
}

// reader turns the bytes of one input into blocks of frames.
type reader struct {
	in   input
	name string
	pool *capture.Pool
	meta *meta
	file int // index of the input in the source
	size int // of a block's buffer, unless one record needs more

	scan  scanner // nil until the format is known, and for table
	table *netmon // of an input that is read by its frame table
	hold  int64   // bytes of the input that may be held to read it by its table
	held  *pieces // what is held
	carry []byte  // bytes read that no block handed on holds
	pos   int64   // offset in the input of the next byte to be scanned
	skip  int64   // bytes still to pass over from pos on
	over  record  // what is being passed over
	ended error   // how the input ended, once it did
	err   error   // what next returns from now on
}

// record is a stretch of the input, for messages.
type record struct {
	what  string
	start int64
	size  int64
}

// next returns the next block that has frames or notes. It holds no block while it
// waits for one. When ctx ends it can be called again and loses nothing.
func (r *reader) next(ctx context.Context) (*capture.Block, error) {
	if err := r.look(ctx); err != nil {
		return nil, err
	}
	switch {
	case r.err != nil:
		return nil, r.err
	case r.table != nil:
		return r.table.next(ctx)
	}
	b, err := r.pool.Get(ctx, max(r.size, len(r.carry)))
	if err != nil {
		return nil, err
	}
	w := window{b: b, end: copy(b.Buf, r.carry)}
	r.carry = r.carry[:0]
	err = r.fill(ctx, &w)
	r.carry = append(r.carry, b.Buf[w.at:w.end]...)
	if empty(b) {
		b.Release()
		return nil, err
	}
	b.Buf = b.Buf[:w.at]
	return b, nil
}

// empty reports that a block says nothing. A block of many notes and no frame is
// handed on like any other when its buffer has been read: so what a flood of
// them takes is bounded by the buffer.
func empty(b *capture.Block) bool { return len(b.Frames) == 0 && len(b.Notes) == 0 }

// look reads enough to know the format, unless that has been done. What is wrong
// with the input is r.err then. Its error is that of ctx, and it can be called
// again and loses nothing.
func (r *reader) look(ctx context.Context) error {
	for r.scan == nil && r.table == nil && r.err == nil {
		n, need := len(r.carry), r.identify(r.carry)
		if need <= n {
			return nil
		}
		r.carry = slices.Grow(r.carry, need-n)
		got, err := r.read(ctx, r.carry[n:need])
		r.carry = r.carry[:n+got]
		if err != nil {
			return err
		}
	}
	return nil
}

// open looks at an input that does not make us wait, and returns the error for
// one that is no capture.
func (r *reader) open() error {
	if err := r.look(context.Background()); err != nil {
		return err
	}
	if _, damaged := errors.AsType[*capture.Damaged](r.err); damaged {
		return nil // which Next will say
	}
	return r.err
}

// read reads some of the input, unless that has ended. Its error is that of ctx;
// that of the input is in r.ended.
func (r *reader) read(ctx context.Context, p []byte) (int, error) {
	n, err := r.in.read(ctx, p)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return n, err
	}
	r.ended = err
	return n, nil
}

// window is the part of a block's buffer that was read and not yet scanned.
type window struct {
	b       *capture.Block
	at, end int
}

// fill reads and scans until the block should be handed on, and returns an
// error when it has to end before that.
func (r *reader) fill(ctx context.Context, w *window) error {
	for {
		p := r.parse(w)
		switch {
		case r.err != nil:
			return r.err
		case !empty(w.b) && (w.at+p.need > r.size || !r.in.ready()):
			return nil
		case r.ended != nil:
			r.err = r.finish(w.end-w.at, p)
			return r.err
		}
		r.makeRoom(w, p.need)
		n, err := r.read(ctx, w.b.Buf[w.end:min(len(w.b.Buf), max(r.size, w.at+p.need))])
		w.end += n
		if err != nil {
			return err
		}
	}
}

// makeRoom sees to it that at least one more byte of a record of need bytes can
// be read. The buffer doubles when it is full, and never on a claim alone.
func (r *reader) makeRoom(w *window, need int) {
	if w.at+need > r.size && len(w.b.Frames) == 0 {
		w.end = copy(w.b.Buf, w.b.Buf[w.at:w.end])
		w.at = 0
	}
	if w.end == len(w.b.Buf) {
		buf := make([]byte, 2*len(w.b.Buf))
		copy(buf, w.b.Buf)
		w.b.Buf = buf
	}
}

// parse scans what was read, skipping what the scanner says to skip.
func (r *reader) parse(w *window) pause {
	for {
		if p, more := r.passBy(w); more {
			return p
		}
		at, p := r.scan.scan(w.b, w.at, w.end)
		r.pos += int64(at - w.at)
		w.at = at
		if p.damage != "" {
			r.err = r.damaged("%s at offset %d", p.damage, r.pos)
			return p
		}
		if p.skip == 0 {
			return p
		}
		r.over, r.skip = record{p.what, r.pos, p.size}, p.skip
		r.pos += int64(p.keep)
		w.at += p.keep
	}
}

// passBy drops bytes that are to be skipped, and reports whether more of them
// are to come. What it drops makes room again.
func (r *reader) passBy(w *window) (pause, bool) {
	n := min(r.skip, int64(w.end-w.at))
	r.skip -= n
	r.pos += n
	if r.skip == 0 {
		w.at += int(n)
		return pause{}, false
	}
	w.end = w.at
	return pause{need: 1}, true
}

// identify chooses how to read an input that starts with head, once that is
// enough to do so; if it is not, need is how much it takes.
func (r *reader) identify(head []byte) (need int) {
	f := detect(head, r.ended != nil, r.meta, r.file)
	switch {
	case f.scan != nil || f.netmon:
		if r.scan = f.scan; f.netmon {
			r.table = &netmon{r: r}
		}
		r.meta.identified(r.file, f.format, r.in.compression())
	case f.need == 0 || r.ended != nil:
		r.err = r.unknown(head)
		return 0
	}
	return f.need
}

// finish is the error for an input that ended with rest bytes unscanned.
func (r *reader) finish(rest int, p pause) error {
	var bad *badCompression
	switch {
	case errors.As(r.ended, &bad):
		return r.damaged("the %s; what can be read ends at offset %d", bad.Error(), r.pos+int64(rest))
	case !errors.Is(r.ended, io.EOF):
		return fmt.Errorf("capture: read %s: %w", r.name, r.ended)
	case r.skip > 0:
		return r.cut(r.over, r.pos-r.over.start)
	case rest > 0:
		return r.cut(record{p.what, r.pos, p.size}, int64(rest))
	}
	return io.EOF
}

// cut is the error for an input that ends in the middle of a record.
func (r *reader) cut(rec record, got int64) error {
	r.pos = rec.start
	noun := "file"
	if r.name == stdin {
		noun = "input"
	}
	return r.damaged("the %s ends %d bytes into a %d-byte %s at offset %d", noun, got, rec.size, rec.what, rec.start)
}

// damaged is the error for a record at r.pos that cannot be read.
func (r *reader) damaged(format string, args ...any) error {
	reason := fmt.Sprintf(format, args...)
	if r.in.compression() != "" {
		reason += " after decompression"
	}
	return &capture.Damaged{Name: r.name, Offset: r.pos, Reason: reason}
}
