package reassembly

import (
	"bytes"

	"github.com/cespare/xxhash/v2"
)

// history is a short memory of what was delivered and not acknowledged: the
// last bytes of the stream, so that a later copy of them can be compared. Once
// its peer has acknowledged bytes, no copy can change them.
type history struct {
	lo, hi int64  // the range of offsets that buf holds
	buf    []byte // a ring: the byte at offset x is buf[x&(len(buf)-1)]; a power of two
}

const (
	historyMin = 2 << 10
	historyMax = 16 << 10
)

// add remembers the next bytes of the stream.
func (h *history) add(off int64, p []byte) {
	if h.hi != off {
		h.lo, h.hi = off, off
	}
	if n := len(p) - historyMax; n > 0 {
		off, p = off+int64(n), p[n:]
		h.lo = off
	}
	end := off + int64(len(p))
	for end-h.lo > int64(len(h.buf)) && len(h.buf) < historyMax {
		h.grow()
	}
	if size := int64(len(h.buf)); end-h.lo > size {
		h.lo = end - size
	}
	h.hi = end
	h.put(off, p)
}

func (h *history) grow() {
	old := *h
	h.buf = make([]byte, max(historyMin, 2*len(old.buf)))
	for at := old.lo; at < old.hi; {
		p := old.piece(at)
		h.put(at, p)
		at += int64(len(p))
	}
}

// put writes p at offset off; it fits.
func (h *history) put(off int64, p []byte) {
	for len(p) > 0 {
		n := copy(h.buf[off&int64(len(h.buf)-1):], p)
		off, p = off+int64(n), p[n:]
	}
}

// piece is what stands in one piece in the ring from offset at on.
func (h *history) piece(at int64) []byte {
	i := at & int64(len(h.buf)-1)
	return h.buf[i:min(int64(len(h.buf)), i+h.hi-at)]
}

// check compares p, a later copy of the bytes from offset at on, with what is
// remembered.
func (h *history) check(at int64, p []byte, c Consumer) {
	from, to := max(at, h.lo), min(at+int64(len(p)), h.hi)
	if from >= to {
		return
	}
	came := p[from-at : to-at]
	kept := h.piece(from)
	if len(kept) < len(came) {
		kept = append(append(make([]byte, 0, len(came)), kept...), h.piece(from+int64(len(kept)))...)
	}
	kept = kept[:len(came)]
	if !bytes.Equal(kept, came) {
		c.Conflict(Conflict{from, uint64(len(came)), xxhash.Sum64(kept), xxhash.Sum64(came)})
	}
}
