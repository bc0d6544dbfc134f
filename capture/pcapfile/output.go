package pcapfile

import (
	"fmt"
	"io"
)

// output gathers whole records and hands them on in few and large writes, none
// of which ends inside a record. After the first error it hands on nothing more.
type output struct {
	w    io.Writer
	size func(at int64, rec []byte) int // of the record at that offset, which rec starts with
	buf  []byte                         // records to be written
	done int64                          // bytes of whole records that w has taken
	err  error
}

// writeBuffer makes a write(2) rare: it holds most blocks of frames.
const writeBuffer = 256 << 10

// extend makes a record of n bytes and returns them to be filled, whatever is in
// them.
func (o *output) extend(n int) []byte {
	at := len(o.buf)
	if n > cap(o.buf)-at {
		o.room(n)
		at = 0
	}
	o.buf = o.buf[:at+n]
	return o.buf[at : at+n : at+n]
}

// room empties the buffer and sees to it that n bytes fit in there.
func (o *output) room(n int) {
	_ = o.flush() // which keeps its error
	o.buf = o.buf[:0]
	if cap(o.buf) < n {
		o.buf = make([]byte, 0, max(n, writeBuffer))
	}
}

// flush writes what there is.
func (o *output) flush() error {
	if o.err != nil || len(o.buf) == 0 {
		return o.err
	}
	n, err := o.w.Write(o.buf)
	n = max(min(n, len(o.buf)), 0) // a writer that miscounts must not make us panic
	switch {
	case err != nil:
		o.err = fmt.Errorf("capture: write: %w", err)
	case n < len(o.buf):
		o.err = fmt.Errorf("capture: write: %w", io.ErrShortWrite)
	}
	o.done += int64(o.boundary(n))
	o.buf = o.buf[:0]
	return o.err
}

// boundary is where the last record ends that lies wholly in the first n bytes.
func (o *output) boundary(n int) int {
	if n == len(o.buf) {
		return n
	}
	at := 0
	for {
		size := o.size(o.done+int64(at), o.buf[at:])
		if size > n-at {
			return at
		}
		at += size
	}
}

// total is how many bytes there are so far, written or not.
func (o *output) total() int64 { return o.done + int64(len(o.buf)) }

// pad appends zeros up to a multiple of 32 bits.
func pad(p []byte) []byte {
	for len(p)%4 != 0 {
		p = append(p, 0)
	}
	return p
}
