package pcapfile

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
)

// maxHeld is how much of an input is held in memory whose format has to be read
// out of order, where it cannot be read twice.
const maxHeld = 256 << 20

// whole is an input that can be read anywhere.
type whole struct {
	io.ReaderAt
	size  int64
	count *atomic.Int64 // of what is used of a file; nil where reading it was counted
}

// entire returns the input from its first byte on, of which r.carry has been
// read: a regular file as it lies on the disk, of anything else what it held
// until it ended (see maxHeld). It returns an error when ctx ends, and then can
// be called again and loses nothing, and for an input that is too large.
func (r *reader) entire(ctx context.Context) (*whole, error) {
	if d, ok := r.in.(direct); ok && r.held == nil {
		w, err := d.whole(int64(len(r.carry)))
		switch {
		case err != nil:
			return nil, fmt.Errorf("capture: read %s: %w", r.name, err)
		case w != nil:
			return w, nil
		}
	}
	if r.held == nil {
		r.held = &pieces{}
		r.held.add(r.carry)
	}
	for r.ended == nil {
		if r.held.size > r.hold {
			return nil, fmt.Errorf("capture: read %s: it has more than the %d MiB that can be held of a capture in this format "+
				"that is compressed or no regular file", r.name, r.hold>>20)
		}
		n, err := r.read(ctx, r.held.room())
		r.held.size += int64(n)
		if err != nil {
			return nil, err
		}
	}
	return &whole{ReaderAt: r.held, size: r.held.size}, nil
}

// whole returns a file that can be read anywhere, of which so many bytes have
// been read, or nil for another reader.
func (d direct) whole(read int64) (*whole, error) {
	f, ok := d.r.(interface {
		io.ReaderAt
		io.Seeker
	})
	if !ok {
		return nil, nil
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	s := io.NewSectionReader(f, at-read, end-at+read) // standard input may stand past its start
	return &whole{ReaderAt: s, size: s.Size(), count: d.count}, nil
}

// pieces is an input in memory. It grows with what has come, and without being
// copied. All pieces but the last are full.
type pieces struct {
	list [][]byte // of chunkSize bytes each
	size int64
}

// add appends a copy of p.
func (h *pieces) add(p []byte) {
	for len(p) > 0 {
		n := copy(h.room(), p)
		h.size += int64(n)
		p = p[n:]
	}
}

// room is where the next bytes go, at least one: who puts them there adds them
// to the size.
func (h *pieces) room() []byte {
	used := h.size % chunkSize
	if used == 0 {
		h.list = append(h.list, make([]byte, chunkSize))
	}
	return h.list[len(h.list)-1][used:]
}

// ReadAt is that of an io.ReaderAt, for offsets that are not negative.
func (h *pieces) ReadAt(p []byte, at int64) (int, error) {
	n := 0
	for n < len(p) && at < h.size {
		end := min(h.size-at/chunkSize*chunkSize, chunkSize)
		got := copy(p[n:], h.list[at/chunkSize][at%chunkSize:end])
		n += got
		at += int64(got)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// How much a view reads at least: where it was, and elsewhere. Records lie one
// after the other as a rule, and a file in which they do not must not make us
// read it many times over.
const (
	viewNear = 64 << 10
	viewFar  = 4 << 10
)

// view is a stretch of an input that is being read in order, more or less.
type view struct {
	from *whole
	at   int64 // offset of buf in the input
	buf  []byte
}

// bytes returns n bytes at an offset, which the input has. They are good until
// the next call.
func (v *view) bytes(at int64, n int) ([]byte, error) {
	if end := v.at + int64(len(v.buf)); at < v.at || at+int64(n) > end {
		least := viewFar
		if at >= v.at && at <= end {
			least = viewNear
		}
		if err := v.fill(at, max(n, least)); err != nil {
			return nil, err
		}
		if len(v.buf) < n {
			return nil, io.ErrUnexpectedEOF // the file has become shorter
		}
	}
	from := at - v.at
	return v.buf[from : from+int64(n)], nil
}

// fill reads up to n bytes at an offset.
func (v *view) fill(at int64, n int) error {
	if cap(v.buf) < n {
		v.buf = make([]byte, n)
	}
	v.at, v.buf = at, v.buf[:n]
	got, err := v.from.ReadAt(v.buf, at)
	v.buf = v.buf[:got]
	if err == io.EOF { //nolint:errorlint // a wrapped one is not the end
		return nil
	}
	return err
}
