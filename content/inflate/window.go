package inflate

// window is the history that matches may copy from: the last bytes that were
// decoded by earlier calls, in a ring that grows until it holds size bytes.
type window struct {
	buf    []byte // the ring; its length is a power of two, at most size
	next   int    // where the next byte goes
	filled int    // bytes of buf that are history
	size   int    // the negotiated window

	// lost says that history preceded the bytes of the ring, or is among them,
	// that was not captured or not kept. Then unknown has 1 for each byte of buf
	// that copies such history, and 0 for each that is known; ones counts the 1s.
	lost    bool
	unknown bitmap // nil while nothing is lost
	ones    int
}

// What a window may be negotiated to be (RFC 7692 §7.1.2.1).
const (
	minBits   = 8
	maxBits   = 15
	minWindow = 1 << minBits
)

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
		w.unknown.read(marks[:n], at)
		w.unknown.read(marks[n:], 0)
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
	n := copy(w.buf[w.next:], p)
	if marks != nil {
		w.mark(w.next, marks[:n])
		w.mark(0, marks[n:])
	}
	copy(w.buf, p[n:])
	if w.next += len(p); w.next >= len(w.buf) {
		w.next -= len(w.buf)
	}
	w.filled = min(w.filled+len(p), w.size)
	if w.lost && w.filled == w.size && w.ones == 0 {
		w.lost, w.unknown = false, nil
	}
}

// mark notes the marks of the bytes of the ring from at.
func (w *window) mark(at int, marks []byte) {
	w.ones += count(marks) - w.unknown.ones(at, at+len(marks))
	for len(marks) > 0 {
		n := run(marks)
		w.unknown.set(at, at+n, marks[0])
		at, marks = at+n, marks[n:]
	}
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
		buf := pool.getWindow(size)
		copy(buf, w.buf[:w.filled])
		pool.putWindow(w.buf)
		w.buf, w.next = buf, w.filled
	}
	if words := len(w.buf) / 64; w.lost && len(w.unknown) < words {
		unknown := make(bitmap, words)
		copy(unknown, w.unknown)
		w.unknown = unknown
	}
}

// reset empties the window and gives it back. If lost, what precedes what comes
// next is history that is not known.
func (w *window) reset(pool *Pool, lost bool) {
	pool.putWindow(w.buf)
	*w = window{size: w.size, lost: lost}
}

// holds is how many bytes of memory it takes.
func (w *window) holds() int { return cap(w.buf) + 8*cap(w.unknown) }
