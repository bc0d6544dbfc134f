package inflate

import "bytes"

// window is the history that matches may copy from: the last bytes that were
// decoded by earlier calls, in a ring that grows until it holds size bytes.
type window struct {
	buf    []byte // the ring; its length is a power of two, at most size
	next   int    // where the next byte goes
	filled int    // bytes of buf that are history
	size   int    // the negotiated window

	// lost says that history preceded the bytes of the ring, or is among them,
	// that was not captured. Then unknown has 1 for each byte of buf that
	// copies such history, and 0 for each that is known; ones counts the 1s.
	// While nothing is lost, unknown means nothing.
	lost    bool
	unknown []byte
	ones    int
}

const minWindow = 256

// reaches reports whether a distance of back bytes before the window's end is
// within the history.
func (w *window) reaches(back int) bool {
	return back <= w.filled || w.lost
}

// read copies into dst the history that begins back bytes before its end, and
// its marks into marks, which is as long as dst or nil if nothing is lost.
// len(dst) is at most back.
func (w *window) read(dst, marks []byte, back int) {
	if back > w.filled {
		n := min(len(dst), back-w.filled)
		clear(dst[:n])
		fill(marks[:n], 1)
		dst, marks, back = dst[n:], marks[n:], w.filled
	}
	at := w.next - back
	if at < 0 {
		at += len(w.buf)
	}
	n := copy(dst, w.buf[at:])
	copy(dst[n:], w.buf)
	if len(marks) > 0 {
		n := copy(marks, w.unknown[at:])
		copy(marks[n:], w.unknown)
	}
}

// append makes p, with its marks, the latest history.
func (w *window) append(pool *Pool, p, marks []byte) {
	if over := len(p) - w.size; over > 0 {
		p = p[over:]
		if marks != nil {
			marks = marks[over:]
		}
	}
	w.grow(pool, w.filled+len(p))
	if marks != nil {
		w.mark(marks)
	}
	n := copy(w.buf[w.next:], p)
	copy(w.buf, p[n:])
	if w.next += len(p); w.next >= len(w.buf) {
		w.next -= len(w.buf)
	}
	w.filled = min(w.filled+len(p), w.size)
	if w.lost && w.filled == w.size && w.ones == 0 {
		w.lost = false
	}
}

// mark writes the marks of the bytes that are about to be appended.
func (w *window) mark(marks []byte) {
	first := w.unknown[w.next:min(w.next+len(marks), len(w.unknown))]
	rest := w.unknown[:len(marks)-len(first)]
	w.ones += count(marks) - count(first) - count(rest)
	n := copy(first, marks)
	copy(rest, marks[n:])
}

// grow makes room for n bytes of history, as far as the window goes. A ring
// that is not yet of full size has never wrapped.
func (w *window) grow(pool *Pool, n int) {
	n = min(n, w.size)
	if n > len(w.buf) {
		size := max(len(w.buf), minWindow)
		for size < n {
			size *= 2
		}
		buf := pool.getWindow(size, w.size)
		copy(buf, w.buf[:w.filled])
		pool.putWindow(w.buf)
		w.buf, w.next = buf, w.filled
	}
	if w.lost && len(w.unknown) < len(w.buf) {
		unknown := make([]byte, len(w.buf))
		copy(unknown, w.unknown)
		w.unknown = unknown
	}
}

// reset empties the window. If lost, what precedes it is history not captured.
func (w *window) reset(lost bool) {
	w.next, w.filled, w.ones, w.lost = 0, 0, 0, lost
	clear(w.unknown)
}

// release gives back what is not needed to remember the history.
func (w *window) release(pool *Pool) {
	if !w.lost {
		w.unknown = nil
	}
	if w.filled == 0 {
		pool.putWindow(w.buf)
		w.buf, w.unknown = nil, nil
	}
}

func count(marks []byte) int { return bytes.Count(marks, one) }

var one = []byte{1}

func fill(p []byte, v byte) {
	for i := range p {
		p[i] = v
	}
}
