package engine

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/packet"
	"example.com/wirewatch/track"
)

// Config says how to run. Only Limits shows in the output. The zero value of
// every other field asks for its default.
type Config struct {
	Workers     int // goroutines that share the 64 shards; default: one for each CPU, at most 8
	EpochFrames int // frames in an epoch at most; default: as many as a block holds
	Epochs      int // epochs in flight; default 8
	Limits      track.Limits
}

func (c Config) withDefaults() Config {
	if c.Workers <= 0 {
		c.Workers = min(runtime.GOMAXPROCS(0), 8)
	}
	c.Workers = min(c.Workers, flow.NumShards)
	if c.EpochFrames <= 0 {
		c.EpochFrames = 1 << 20
	}
	if c.Epochs <= 0 {
		c.Epochs = 8
	}
	return c
}

// Run reads src to its end, or until ctx is done, and feeds every sink the same
// facts in the same order, the last of them a *Summary. The end of ctx is an
// end of the capture and no error; a *capture.Damaged is returned after
// everything before the damage was told. An error of a sink ends the run.
func Run(ctx context.Context, cfg Config, src capture.Source, dec capture.Decoder, specs []dissect.Spec, sinks ...event.Sink) error {
	cfg = cfg.withDefaults()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	r := newReader(cfg, src, dec)
	var wg sync.WaitGroup
	seed := rand.Uint64()
	for w := range r.work {
		wg.Add(1)
		go func() {
			defer wg.Done()
			work(w, cfg, specs, seed, r.work[w], r.backlog)
		}()
	}
	wg.Add(1)
	go func() {
		defer wg.Done()
		r.run(ctx)
	}()
	c := collector{sinks: sinks, kinds: map[string]uint64{}}
	for e := range r.done {
		e.working.Wait()
		if c.err == nil {
			if c.collect(e); c.err != nil {
				cancel()
			}
		}
		r.backlog.collected(e)
		r.recycle(e)
	}
	wg.Wait()
	if c.err != nil {
		return c.err
	}
	if err := c.finish(r); err != nil {
		return err
	}
	return r.err
}

// epoch is a run of consecutive frames: what one turn of the pipeline handles.
type epoch struct {
	segs   []packet.Segment
	shard  []uint8 // of each segment
	index  [flow.NumShards][]int32
	steps  []step
	final  *final         // set: no frames, flows to finish
	block  *capture.Block // to release when done; nil while more epochs need it
	late   [flow.NumShards]uint64
	out    [flow.NumShards][]track.Output
	opened [flow.NumShards][]*flow.Ends

	working sync.WaitGroup
	number  uint64       // of epochs, in order
	facts   atomic.Int64 // how many there are in out
}

// step is what happens between segments: before that at pos. The capture's clock
// reaches a second, or, where at is set, there is something to tell or to note.
type step struct {
	pos    int
	frames uint64 // so many were counted before
	clock  int64
	offset int64
	at     *aside
}

// aside is what a step is about that is not the clock.
type aside struct {
	fact  event.Event // with a Body: of the capture as a whole
	owner *flow.Owner
	key   flow.Key // the flow of owner
	side  uint8    // whose process it is: 0 is the key's Lo end
}

// final is a share of the end of the capture.
type final struct {
	at   event.Mark
	upTo flow.ID
}

// reader is the goroutine that fills epochs.
type reader struct {
	cfg  Config
	src  capture.Source
	dec  capture.Decoder
	free chan *epoch
	work []chan *epoch
	done chan *epoch
	sum  totals
	sent uint64 // epochs
	err  error  // why the capture ended early

	clock   clock
	backlog *backlog
}

// totals are what the reader counts.
type totals struct {
	number        uint64 // of the last frame
	frames, bytes uint64
	first, last   event.Mark
}

func newReader(cfg Config, src capture.Source, dec capture.Decoder) *reader {
	r := &reader{
		cfg: cfg, src: src, dec: dec,
		free: make(chan *epoch, cfg.Epochs), done: make(chan *epoch, cfg.Epochs),
		work: make([]chan *epoch, cfg.Workers), backlog: newBacklog(),
	}
	for range cfg.Epochs {
		r.free <- &epoch{}
	}
	for w := range r.work {
		r.work[w] = make(chan *epoch, cfg.Epochs)
	}
	return r
}

// run reads until the source or ctx ends. It never stops halfway through a
// block, so that what a run was told to stop at is whole.
func (r *reader) run(ctx context.Context) {
	defer func() {
		for _, w := range r.work {
			close(w)
		}
		close(r.done)
	}()
	for {
		b, err := r.src.Next(ctx)
		if err != nil {
			if !errors.Is(err, io.EOF) && ctx.Err() == nil {
				r.err = err
			}
			break
		}
		r.block(b)
	}
	r.finish()
}

// block makes epochs of a block's frames, and of what is known beside them.
func (r *reader) block(b *capture.Block) {
	e := <-r.free
	r.skip(e, b)
	recs, notes, done := b.Frames, b.Notes, 0
	for {
		n := min(len(recs), r.cfg.EpochFrames)
		for len(notes) > 0 && notes[0].At < done+n {
			r.fill(e, b.Buf, recs[:notes[0].At-done])
			recs, n, done = recs[notes[0].At-done:], n-(notes[0].At-done), notes[0].At
			r.note(e, &notes[0])
			notes = notes[1:]
		}
		r.fill(e, b.Buf, recs[:n])
		recs, done = recs[n:], done+n
		if len(recs) == 0 {
			break
		}
		r.send(e)
		e = <-r.free
	}
	for i := range notes {
		r.note(e, &notes[i])
	}
	if b.Until > 0 {
		if offset, ticked := r.clock.idle(b.Until); ticked {
			r.tick(e, offset)
		}
	}
	e.block = b
	r.send(e)
}

// fill decodes frames into an epoch.
func (r *reader) fill(e *epoch, buf []byte, recs []capture.Record) {
	if n := len(e.segs) + len(recs); cap(e.segs) < n {
		e.segs = append(make([]packet.Segment, 0, n), e.segs...)
	}
	var f packet.Frame
	for i := range recs {
		rec := &recs[i]
		if offset, ticked := r.clock.advance(rec.Nanos); ticked {
			r.tick(e, offset)
		}
		r.sum.number++
		r.sum.frames++
		r.sum.bytes += uint64(rec.Len)
		at := event.Mark{Frame: r.sum.number, Nanos: rec.Nanos}
		if r.sum.frames == 1 {
			r.sum.first = at
		}
		r.sum.last = at
		f = packet.Frame{
			Number: at.Frame, Nanos: rec.Nanos, Link: rec.Link, WireLen: int(rec.WireLen),
			Data: buf[rec.Off : rec.Off+rec.Len : rec.Off+rec.Len],
		}
		n := len(e.segs)
		e.segs = e.segs[:n+1]
		if r.dec.Decode(&f, &e.segs[n]) != nil {
			e.segs = e.segs[:n]
			continue
		}
		s := e.segs[n].Key.Shard()
		e.shard = append(e.shard, uint8(s))
		e.index[s] = append(e.index[s], int32(n))
	}
}

// tick tells an epoch that the clock has reached another second, and how far it
// was behind capture time until then.
func (r *reader) tick(e *epoch, offset int64) {
	e.steps = append(e.steps, step{pos: len(e.segs), frames: r.sum.number, clock: r.clock.now, offset: offset})
}

func (r *reader) send(e *epoch) {
	e.number = r.sent
	r.sent++
	e.working.Add(len(r.work))
	for _, w := range r.work {
		w <- e
	}
	r.done <- e
}

// flowsPerFinal bounds how many facts the end of a capture makes at once.
const flowsPerFinal = 1 << 14

// finish has the flows that are left ended, in shares of their first frames.
func (r *reader) finish() {
	for upTo := uint64(0); upTo < r.sum.number; {
		upTo = min(upTo+flowsPerFinal, r.sum.number)
		e := <-r.free
		e.final = &final{r.sum.last, flow.ID(upTo)}
		r.send(e)
	}
}

// empty is a list without what it has, and without its memory if that is much
// more than an epoch usually takes.
func empty[T any](list []T) []T {
	if len(list) > maxBatch {
		return nil
	}
	clear(list)
	return list[:0]
}

// recycle makes an epoch that everyone is done with free again.
func (r *reader) recycle(e *epoch) {
	if e.block != nil {
		e.block.Release()
	}
	clear(e.segs) // they borrow from the block
	e.segs, e.shard, e.steps = e.segs[:0], e.shard[:0], empty(e.steps)
	e.final, e.block = nil, nil
	for i := range e.index {
		e.index[i] = e.index[i][:0]
		e.out[i], e.opened[i], e.late[i] = empty(e.out[i]), empty(e.opened[i]), 0
	}
	r.free <- e
}
