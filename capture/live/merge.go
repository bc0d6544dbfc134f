package live

import (
	"context"
	"math"
	"sync"

	"example.com/wirewatch/capture"
)

// A merger puts the frames of several lanes into one order, by time. A frame
// waits until every other lane has one, or is known to have none before it.
type merger struct {
	w     *writer
	lanes []*feed
	inbox chan *batch
	ended sync.WaitGroup
}

// batch is what a lane hands over at once.
type batch struct {
	feed   *feed
	block  *capture.Block
	until  int64
	frames int // of block that are merged
	notes  int
}

// feed is a lane as the merger sees it, and the output of that lane.
type feed struct {
	m     *merger
	pool  *capture.Pool
	cur   *capture.Block
	used  int
	queue []*batch
	until int64 // nothing before it comes any more
	near  int64 // the same, but for what is late beyond the usual
}

const (
	feedBlocks = 256 // that a lane can be ahead of the merger
	feedAhead  = 192 // so many, and the merger goes on without the other lanes
)

// merge has the lanes hand over to a merger, and returns what ends it.
func (s *Source) merge(w *writer) (end func()) {
	m := &merger{w: w, inbox: make(chan *batch, 4*len(s.lanes))}
	for _, l := range s.lanes {
		f := &feed{m: m, pool: capture.NewPool(feedBlocks)}
		if _, foreign := l.(*pump); foreign {
			f.near = math.MaxInt64 // who knows when it comes, and by which clock
		}
		m.lanes = append(m.lanes, f)
		l.to(f)
	}
	m.ended.Go(m.run)
	return func() { close(m.inbox); m.ended.Wait() }
}

// block is the one that is being filled, with room for so many more bytes.
func (f *feed) block(need int) *capture.Block {
	if f.cur != nil && f.used+need > len(f.cur.Buf) {
		f.publish(0)
	}
	if f.cur == nil {
		f.cur, _ = f.pool.Get(context.Background(), max(need, capture.BlockSize)) // which cannot be cancelled
		f.used = 0
	}
	return f.cur
}

func (f *feed) add(data []byte, rec capture.Record) {
	b := f.block(len(data))
	rec.Off, rec.Len = uint32(f.used), uint32(len(data)) //nolint:gosec // a block is far below 4 GiB
	f.used += copy(b.Buf[f.used:], data)
	b.Frames = append(b.Frames, rec)
}

func (f *feed) note(n capture.Note) {
	b := f.block(0)
	n.At = len(b.Frames)
	b.Notes = append(b.Notes, n)
}

func (f *feed) publish(until int64) {
	if f.cur == nil && until == 0 {
		return
	}
	f.m.inbox <- &batch{feed: f, block: f.cur, until: until}
	f.cur = nil
}

// run merges what comes until the lanes have ended, and then the rest.
func (m *merger) run() {
	for b := range m.inbox {
		f := b.feed
		f.take(b)
		m.flow(m.limit(f))
	}
	m.flow(math.MaxInt64)
}

// take queues a batch.
func (f *feed) take(b *batch) {
	if b.until > 0 {
		f.until = max(f.until, b.until)
		f.near = max(f.near, b.until+int64(settled-fetched))
	}
	if b.block != nil {
		f.queue = append(f.queue, b)
		f.near = max(f.near, b.last())
	}
}

// last is the time of a batch's last frame: a lane's frames are in order.
func (b *batch) last() int64 {
	if n := len(b.block.Frames); n > 0 {
		return b.block.Frames[n-1].Nanos
	}
	return 0
}

// limit is how far the merger may go: all lanes have got there, or the one that
// handed over last is far ahead.
func (m *merger) limit(from *feed) int64 {
	limit := int64(math.MaxInt64)
	for _, f := range m.lanes {
		limit = min(limit, f.near)
	}
	if len(from.queue) >= feedAhead {
		limit = max(limit, from.queue[feedAhead/2].last())
	}
	return limit
}

// flow passes on all frames up to a time, in order.
func (m *merger) flow(limit int64) {
	for {
		f := m.least()
		if f == nil || f.next() > limit {
			break
		}
		f.pass()
	}
	m.w.publish(min(limit, m.untils()))
}

// untils is up to when every lane has said that nothing more comes.
func (m *merger) untils() int64 {
	until := int64(math.MaxInt64)
	for _, f := range m.lanes {
		until = min(until, f.until)
	}
	return until
}

// least is the lane whose next frame or note is the earliest, nil if there is
// none.
func (m *merger) least() (least *feed) {
	for _, f := range m.lanes {
		if len(f.queue) > 0 && (least == nil || f.next() < least.next()) {
			least = f
		}
	}
	return least
}

// next is the time of a lane's next frame, or note.
func (f *feed) next() int64 {
	b := f.queue[0]
	if b.notes < len(b.block.Notes) && b.block.Notes[b.notes].At <= b.frames {
		if n := &b.block.Notes[b.notes]; n.Owner != nil {
			return n.Nanos // the frames it is about may be another lane's
		}
		return 0 // a loss goes with the frame before it
	}
	return b.block.Frames[b.frames].Nanos
}

// pass passes on a lane's next frame or note.
func (f *feed) pass() {
	b := f.queue[0]
	if notes := b.block.Notes; b.notes < len(notes) && notes[b.notes].At <= b.frames {
		f.m.w.note(notes[b.notes])
		b.notes++
	} else {
		rec := b.block.Frames[b.frames]
		f.m.w.add(b.block.Buf[rec.Off:rec.Off+rec.Len], rec)
		b.frames++
	}
	if b.frames == len(b.block.Frames) && b.notes == len(b.block.Notes) {
		b.block.Release()
		f.queue = f.queue[1:]
	}
}
