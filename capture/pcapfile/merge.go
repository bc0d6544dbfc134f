package pcapfile

import (
	"context"
	"errors"
	"io"

	"example.com/wirewatch/capture"
)

// lane is one input of a merger, with the block that its next frame is in.
type lane struct {
	r     *reader
	order int // among the inputs: the earlier one goes first at equal times
	b     *capture.Block
	at    int // index of the next frame in b
	noted int // index of the next note in b
}

// nanos is the time of the lane's next frame.
func (l *lane) nanos() int64 { return l.b.Frames[l.at].Nanos }

// before reports that l's next frame goes before that of m.
func (l *lane) before(m *lane) bool {
	a, b := l.nanos(), m.nanos()
	return a < b || a == b && l.order < m.order
}

// merger merges inputs by time. Of the frames that are next in their inputs the
// one with the least time goes first; within an input the order stays as it is,
// whatever the times say. Notes keep their place among the frames of their own
// input: each goes with the frame behind it.
type merger struct {
	pool  *capture.Pool
	empty []*lane // that have to be filled before any frame can be chosen
	heap  []*lane // the others, least first: a binary heap
	out   *capture.Block
	used  int            // of out.Buf
	notes *capture.Block // of an input, with no frames: it goes out next
	err   error          // the first that an input ended with, but for io.EOF
}

func newMerger(readers []*reader, pool *capture.Pool) *merger {
	m := &merger{pool: pool}
	for i, r := range readers {
		m.empty = append(m.empty, &lane{r: r, order: i})
	}
	return m
}

// next returns the next block. When ctx ends it can be called again and loses
// nothing.
func (m *merger) next(ctx context.Context) (*capture.Block, error) {
	for {
		if m.out != nil && (m.notes != nil || m.mustWait()) {
			return m.take(), nil
		}
		if b := m.notes; b != nil {
			m.notes = nil
			return b, nil
		}
		if err := m.refill(ctx); err != nil {
			return nil, err
		}
		if m.notes != nil {
			continue
		}
		if len(m.heap) == 0 {
			return m.finish()
		}
		if b, err := m.step(ctx); b != nil || err != nil {
			return b, err
		}
	}
}

// mustWait reports that a lane has to be filled from an input that may keep us
// waiting: then what has been merged goes out first.
func (m *merger) mustWait() bool {
	for _, l := range m.empty {
		if !l.r.in.ready() {
			return true
		}
	}
	return false
}

// refill gets the next block of each empty lane and puts it into the heap. An
// input that ends, well or badly, does not stop the others. A block that has only
// notes stops it: all frames of its input have been moved on, so that it has its
// place when it goes out next.
func (m *merger) refill(ctx context.Context) error {
	for len(m.empty) > 0 {
		l := m.empty[0]
		b, err := l.r.next(ctx)
		switch {
		case err == nil && len(b.Frames) == 0:
			m.notes = b
			return nil
		case err == nil:
			l.b, l.at, l.noted = b, 0, 0
			m.push(l)
		case l.r.err == nil:
			return err // it was only ctx that ended
		case m.err == nil && !errors.Is(err, io.EOF):
			m.err = err
		}
		m.empty = m.empty[1:]
	}
	m.empty = nil
	return nil
}

// finish returns the last block, and then how it all ended.
func (m *merger) finish() (*capture.Block, error) {
	switch {
	case m.out != nil:
		return m.take(), nil
	case m.err != nil:
		return nil, m.err
	}
	return nil, io.EOF
}

// take hands over the block that is being filled.
func (m *merger) take() *capture.Block {
	b := m.out
	b.Buf = b.Buf[:m.used]
	m.out, m.used = nil, 0
	return b
}

// step moves on the run of frames that the least lane has before any other. It
// returns a block that is complete with it, or none.
func (m *merger) step(ctx context.Context) (*capture.Block, error) {
	l := m.heap[0]
	n := m.run(l)
	if l.at == 0 && n == len(l.b.Frames) && len(l.b.Buf) >= l.r.size/2 {
		if m.out != nil {
			return m.take(), nil
		}
		b := l.b
		m.drained()
		return b, nil
	}
	return m.copyRun(ctx, l, n)
}

// run is how many frames of l, the least lane, go before those of every other.
func (m *merger) run(l *lane) int {
	rest := l.b.Frames[l.at:]
	second := m.second()
	if second == nil {
		return len(rest)
	}
	limit := second.nanos()
	if l.order > second.order {
		limit-- // at equal times the other one goes first
	}
	n := 1
	for n < len(rest) && rest[n].Nanos <= limit {
		n++
	}
	return n
}

// second is the least lane but one, nil if there is only one.
func (m *merger) second() *lane {
	switch {
	case len(m.heap) < 2:
		return nil
	case len(m.heap) == 2 || m.heap[1].before(m.heap[2]):
		return m.heap[1]
	}
	return m.heap[2]
}

// copyRun copies n frames of l, or as many of them as there is room for, to the
// block that is being filled, which it returns once it is full.
func (m *merger) copyRun(ctx context.Context, l *lane, n int) (*capture.Block, error) {
	if m.out == nil {
		b, err := m.pool.Get(ctx, capture.BlockSize)
		if err != nil {
			return nil, err
		}
		m.out = b
	}
	run := l.b.Frames[l.at : l.at+n]
	if first := int(run[0].Len); m.full(first) {
		if len(m.out.Frames) > 0 {
			return m.take(), nil
		}
		m.out.Buf = make([]byte, first)
	}
	for n := range run {
		if m.full(int(run[n].Len)) {
			break
		}
		m.copyNotes(l)
		m.copyFrame(l.b.Buf, run[n])
		l.at++
	}
	if l.at < len(l.b.Frames) {
		m.sink(0)
		return nil, nil
	}
	m.copyNotes(l)
	l.b.Release()
	m.drained()
	return nil, nil
}

// maxMerged bounds the frames of a block that is being filled: those without
// bytes would never fill it.
const maxMerged = capture.BlockSize / 16

// full reports that the block that is being filled has no room for a frame of
// size bytes.
func (m *merger) full(size int) bool {
	return m.used+size > len(m.out.Buf) || len(m.out.Frames) >= maxMerged
}

func (m *merger) copyFrame(from []byte, f capture.Record) {
	copy(m.out.Buf[m.used:], from[f.Off:f.Off+f.Len])
	f.Off = uint32(m.used) //nolint:gosec // a buffer is far below 4 GiB
	m.out.Frames = append(m.out.Frames, f)
	m.used += int(f.Len)
}

// copyNotes copies the notes before l's next frame.
func (m *merger) copyNotes(l *lane) {
	for ; l.noted < len(l.b.Notes) && l.b.Notes[l.noted].At <= l.at; l.noted++ {
		n := l.b.Notes[l.noted]
		n.At = len(m.out.Frames)
		m.out.Notes = append(m.out.Notes, n)
	}
}

// drained takes the least lane, whose block has been used up, off the heap.
func (m *merger) drained() {
	l, last := m.heap[0], len(m.heap)-1
	l.b, l.at = nil, 0
	m.heap[0] = m.heap[last]
	m.heap = m.heap[:last]
	m.sink(0)
	m.empty = append(m.empty, l)
}

// push adds a lane to the heap.
func (m *merger) push(l *lane) {
	m.heap = append(m.heap, l)
	for i := len(m.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !m.heap[i].before(m.heap[parent]) {
			return
		}
		m.heap[i], m.heap[parent] = m.heap[parent], m.heap[i]
		i = parent
	}
}

// sink puts the lane at i of the heap in its place.
func (m *merger) sink(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(m.heap); child++ {
			if m.heap[child].before(m.heap[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		m.heap[i], m.heap[least] = m.heap[least], m.heap[i]
		i = least
	}
}
