package live

import (
	"slices"
	"sync"
	"time"

	"example.com/wirewatch/capture"
)

// store is a bounded log of frames with one writer and any number of readers.
// What is written shows to the readers when it is published.
type store struct {
	max int // bytes that the chunks hold at most, in about

	mu      sync.Mutex
	chunks  []*chunk // oldest first; the last one is being filled
	readers []*reader
	spare   []*chunk
	until   int64 // as capture.Block.Until, of what is published
	closed  bool

	tail *chunk // the last of chunks: the writer's, beyond what is published
}

// chunk is a stretch of the log. The writer appends to it beyond what is
// published, and touches no more of it, so that views stay good.
type chunk struct {
	buf    []byte
	used   int
	frames []capture.Record
	notes  []capture.Note

	// Under the store's lock: what of them is published, the views handed out and
	// not released, and whether the chunk is off the log.
	shown      []capture.Record
	shownNotes []capture.Note
	views      int
	gone       bool
}

// reader is one reader's place in the log.
type reader struct {
	s       *store
	at      *chunk
	frame   int
	note    int
	until   int64          // what it was last told
	skipped uint64         // frames shed since its last block
	lost    []capture.Note // of the chunks that were shed
	wake    chan struct{}  // has a token when there may be something to read
	shed    func(frames uint64)
}

func newStore(limit int) *store {
	s := &store{max: max(limit, 2*capture.BlockSize)}
	s.tail = &chunk{buf: make([]byte, capture.BlockSize)}
	s.chunks = []*chunk{s.tail}
	return s
}

// reader adds a reader, before anything is written. shed is told how many frames
// it has lost.
func (s *store) reader(shed func(uint64)) *reader {
	r := &reader{s: s, at: s.tail, wake: make(chan struct{}, 1), shed: shed}
	s.readers = append(s.readers, r)
	return r
}

// add appends a frame, whose bytes it copies. The record's Off and Len are set
// here.
func (s *store) add(data []byte, rec capture.Record) {
	if s.tail.used+len(data) > len(s.tail.buf) || len(s.tail.frames) >= maxRecords {
		s.grow(len(data))
	}
	c := s.tail
	rec.Off, rec.Len = uint32(c.used), uint32(len(data)) //nolint:gosec // a chunk is far below 4 GiB
	c.used += copy(c.buf[c.used:], data)
	c.frames = append(c.frames, rec)
}

// note appends a note behind the frames so far.
func (s *store) note(n capture.Note) {
	if len(s.tail.notes) >= maxRecords {
		s.grow(0)
	}
	n.At = len(s.tail.frames)
	s.tail.notes = append(s.tail.notes, n)
}

// pending reports whether there is anything to publish.
func (s *store) pending() bool {
	return len(s.tail.frames) > len(s.tail.shown) || len(s.tail.notes) > len(s.tail.shownNotes)
}

// publish shows the readers all that was written. Before until nothing more
// comes; 0 says nothing. Of that they are told the whole seconds, and are not woken
// for less: who captures where nothing happens is to sleep.
func (s *store) publish(until int64) {
	until -= until % int64(time.Second)
	if until <= s.until && !s.pending() {
		return
	}
	s.mu.Lock()
	s.show()
	s.until = max(s.until, until)
	s.mu.Unlock()
	s.wake()
}

// show publishes the last chunk.
func (s *store) show() { s.tail.shown, s.tail.shownNotes = s.tail.frames, s.tail.notes }

// wake tells every reader that there may be something to read.
func (s *store) wake() {
	for _, r := range s.readers {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// close publishes all, and says that nothing more comes.
func (s *store) close() {
	s.mu.Lock()
	s.show()
	s.closed = true
	s.mu.Unlock()
	s.wake()
}

// grow begins another chunk, which has room for so many bytes. Where the log is
// full the oldest one goes.
func (s *store) grow(need int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.show()
	s.tail = s.fresh(need)
	s.chunks = append(s.chunks, s.tail)
	for _, r := range s.readers { // one that has read all goes on in the new chunk
		r.advance()
	}
	s.trim()
	for s.size() > s.max && len(s.chunks) > 1 {
		s.shed()
	}
}

// size is how much memory the chunks take.
func (s *store) size() (n int) {
	for _, c := range s.chunks {
		n += len(c.buf) + cap(c.frames)*recordSize + cap(c.notes)*noteSize
	}
	return n
}

const (
	recordSize = 32
	noteSize   = 192 // with its owner
)

// maxRecords bounds the frames of a chunk, and its notes: frames of another machine
// may have no bytes, and notes have none here, so that they alone would never fill
// one.
const maxRecords = 1 << 13

// fresh is an empty chunk.
func (s *store) fresh(need int) *chunk {
	if n := len(s.spare) - 1; n >= 0 && need <= len(s.spare[n].buf) {
		c := s.spare[n]
		s.spare = s.spare[:n]
		clear(c.notes) // they point at owners
		*c = chunk{buf: c.buf, frames: c.frames[:0], notes: c.notes[:0]}
		return c
	}
	return &chunk{buf: make([]byte, max(need, capture.BlockSize))}
}

// maxSpare is how many chunks without use are kept.
const maxSpare = 64

// retire keeps a chunk that nobody reads for later use.
func (s *store) retire(c *chunk) {
	if len(s.spare) < maxSpare && len(c.buf) == capture.BlockSize {
		s.spare = append(s.spare, c)
	}
}

// trim takes the chunks off the log that every reader has read.
func (s *store) trim() {
	n := len(s.chunks) - 1
	for _, r := range s.readers {
		n = min(n, slices.Index(s.chunks, r.at))
	}
	for _, c := range s.chunks[:n] {
		s.drop(c)
	}
	s.chunks = slices.Delete(s.chunks, 0, n)
}

func (s *store) drop(c *chunk) {
	if c.gone = true; c.views == 0 {
		s.retire(c)
	}
}

// shed takes the oldest chunk off the log, whoever has not read it.
func (s *store) shed() {
	c := s.chunks[0]
	for _, r := range s.readers {
		if r.at == c {
			r.skip()
		}
	}
	s.drop(c)
	s.chunks = slices.Delete(s.chunks, 0, 1)
}

// next is the chunk behind c.
func (s *store) next(c *chunk) *chunk { return s.chunks[slices.Index(s.chunks, c)+1] }

// skip has a reader go on behind its chunk, with what it will be told of that.
func (r *reader) skip() {
	n := uint64(len(r.at.shown) - r.frame) //nolint:gosec // never negative
	r.skipped += n
	for _, note := range r.at.shownNotes[r.note:] {
		if note.Owner == nil {
			r.lose(note)
		}
	}
	if n > 0 {
		r.shed(n)
	}
	r.at, r.frame, r.note = r.s.next(r.at), 0, 0
}

// lose keeps a note of a loss, one for each interface.
func (r *reader) lose(n capture.Note) {
	n.At = 0
	for i := range r.lost {
		if l := &r.lost[i].Loss; l.Iface == n.Loss.Iface {
			l.Kernel += n.Loss.Kernel
			l.Interface += n.Loss.Interface
			r.lost[i].Nanos = n.Nanos
			return
		}
	}
	r.lost = append(r.lost, n)
}

// advance has a reader go on to the chunk behind its own, if it has read that
// and it is complete.
func (r *reader) advance() {
	for r.at != r.s.tail && r.frame == len(r.at.shown) && r.note == len(r.at.shownNotes) {
		r.at, r.frame, r.note = r.s.next(r.at), 0, 0
	}
}

// take returns what was published since it was last called, in one chunk, as a
// block; or nil, and whether more can come. wake has a token when it is worth
// while to call it again.
func (r *reader) take() (b *capture.Block, more bool) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.advance()
	c := r.at
	frames, notes := slices.Clip(c.shown[r.frame:]), c.shownNotes[r.note:]
	last := c == r.s.tail
	if len(frames) == 0 && len(notes) == 0 && r.skipped == 0 && r.until == r.s.until {
		return nil, !last || !r.s.closed
	}
	b = capture.View(c.buf, frames, func() { r.s.release(c) })
	c.views++
	b.Skipped, b.Notes = r.skipped, r.lost
	for _, n := range notes {
		n.At -= r.frame
		b.Notes = append(b.Notes, n)
	}
	if last {
		b.Until, r.until = r.s.until, r.s.until
	}
	r.frame, r.note, r.skipped, r.lost = len(c.shown), len(c.shownNotes), 0, nil
	return b, true
}

// release takes back a view of a chunk.
func (s *store) release(c *chunk) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.views--; c.views == 0 && c.gone {
		s.retire(c)
	}
}
