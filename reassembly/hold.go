package reassembly

import (
	"bytes"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// hold is a run of bytes that came early: buf, then bytes that the snaplen cut.
type hold struct {
	off     int64
	missing uint64
	buf     []byte
	from    Origin
}

func (h *hold) end() int64 { return h.off + int64(len(h.buf)) + int64(h.missing) }

// insert holds the parts of [off, off+len(p)+missing) that no held run covers,
// and compares the parts that one does. It reports whether some were covered.
func (s *Stream) insert(off int64, p []byte, missing uint64, from Origin, c Consumer, m *Memory) bool {
	i, _ := slices.BinarySearchFunc(s.held, off, func(h hold, off int64) int {
		if h.end() <= off {
			return -1
		}
		return 1
	})
	covered := false
	for uint64(len(p))+missing > 0 {
		end := off + int64(len(p)) + int64(missing)
		if i < len(s.held) && s.held[i].off <= off { // covered from here on
			h := &s.held[i]
			n := uint64(min(end, h.end()) - off)
			s.compare(h, off, p[:min(n, uint64(len(p)))], c)
			off, p, missing = advance(off, p, missing, n)
			covered = true
			i++
			continue
		}
		if i < len(s.held) {
			end = min(end, s.held[i].off)
		}
		n := uint64(end - off)
		data := min(n, uint64(len(p)))
		h := m.hold(off, p[:data], n-data, from)
		s.held = slices.Insert(s.held, i, h)
		s.bytes += cost(&h)
		off, p, missing = advance(off, p, missing, n)
		i++
	}
	return covered
}

// advance moves the start of a run of bytes, some of them missing, by n.
func advance(off int64, p []byte, missing, n uint64) (int64, []byte, uint64) {
	data := min(n, uint64(len(p)))
	return off + int64(n), p[data:], missing - (n - data)
}

// compare reports a conflict where p, a later copy of bytes at off, differs
// from what h holds.
func (s *Stream) compare(h *hold, off int64, p []byte, c Consumer) {
	from := off - h.off
	if from >= int64(len(h.buf)) {
		return
	}
	kept := h.buf[from:]
	n := min(len(kept), len(p))
	if !bytes.Equal(kept[:n], p[:n]) {
		c.Conflict(Conflict{off, uint64(n), xxhash.Sum64(kept[:n]), xxhash.Sum64(p[:n])})
	}
}

// check reports conflicts between p, which starts at offset at, and what was
// delivered before and is not acknowledged yet. A keep-alive carries one byte
// that was never meant (RFC 9293 §3.8.4).
func (s *Stream) check(at int64, p []byte, c Consumer) {
	if s.seen == nil || len(p) == 1 && at+1 == s.off {
		return
	}
	s.seen.check(at, p, c)
}
