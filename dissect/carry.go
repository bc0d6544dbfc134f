package dissect

import "example.com/wirewatch/event"

// carry is bytes of a direction that were not consumed, and where they came from.
// It holds one byte at least: a direction that holds none has no carry.
type carry struct {
	data  fifo[byte]
	marks fifo[mark]
}

// mark says that the bytes from stream offset off on came with a segment, and
// what that acknowledged.
type mark struct {
	off int64
	event.Mark
	acked int64
}

// bytes are those that b holds; there may be no b. They stay where they are until
// some are consumed or more come.
func (b *carry) bytes() []byte {
	if b == nil {
		return nil
	}
	return b.data.rest()
}

// from is where the bytes of b came from: each mark speaks for those up to the
// next.
func (b *carry) from() []mark {
	if b == nil {
		return nil
	}
	return b.marks.rest()
}

// exceeds reports that b, with more bytes in more pieces, is more than may be held.
func (b *carry) exceeds(l *Limits, bytes, pieces int) bool {
	return len(b.bytes())+bytes > l.Carry || len(b.from())+pieces > l.Pieces
}

// drop consumes the bytes before stream offset off, which are n, and fewer than b
// holds.
func (b *carry) drop(n int, off int64) {
	b.data.drop(n)
	i, from := 0, b.from()
	for i+1 < len(from) && from[i+1].off <= off {
		i++
	}
	b.marks.drop(i)
}

// fifo is a slice that grows at its end and is consumed from its front. The zero
// fifo is empty.
type fifo[T any] struct {
	all  []T
	read int // consumed
}

func (q *fifo[T]) rest() []T { return q.all[q.read:] }

// drop consumes n elements. The rest move to the front when they are fewer than
// those consumed since they last did. So each element that is consumed pays for
// one that moves: whoever sends what is consumed in small pieces, of much that is
// held, cannot make it slow.
func (q *fifo[T]) drop(n int) {
	if q.read += n; q.read > len(q.all)/2 {
		q.all, q.read = q.all[:copy(q.all, q.rest())], 0
	}
}

// The carries of an Env that are not in use, and what the largest of them may
// hold.
const (
	maxSpare      = 64
	maxSpareBytes = 64 << 10
	maxSpareMarks = 1 << 10
)

// get is a carry that holds nothing yet.
func (e *Env) get() *carry {
	if n := len(e.spare); n > 0 {
		b := e.spare[n-1]
		e.spare = e.spare[:n-1]
		return b
	}
	return &carry{data: fifo[byte]{all: make([]byte, 0, 2048)}}
}

// put takes a carry back, which there may not be. A large one is left to the
// collector: its memory is not to be that of the busiest moment for ever.
func (e *Env) put(b *carry) {
	if b == nil || len(e.spare) == maxSpare || cap(b.data.all) > maxSpareBytes || cap(b.marks.all) > maxSpareMarks {
		return
	}
	b.data, b.marks = fifo[byte]{all: b.data.all[:0]}, fifo[mark]{all: b.marks.all[:0]}
	e.spare = append(e.spare, b)
}
