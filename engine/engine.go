package engine

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

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
	ticks  []tick
	final  *final         // set: no frames, flows to finish
	block  *capture.Block // to release when done; nil while more epochs need it
	late   [flow.NumShards]uint64
	out    [flow.NumShards][]track.Output
	opened [flow.NumShards][]*flow.Ends

	working sync.WaitGroup
	number  uint64       // of epochs, in order
	facts   atomic.Int64 // how many there are in out
}

// tick is the capture's clock reaching a second, before segment pos.
type tick struct {
	pos   int
	at    event.Mark
	clock int64
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

// clock is the capture's clock: it goes by whole seconds, never back, and at
// most maxStep at once, since a leap says more about time stamps than about how
// long a connection was idle. Flows that outlive a pause cost little; one that
// is torn in two misleads.
type clock struct {
	now  int64 // nanoseconds
	last int64 // the capture second that it was set by
	set  bool
}

const (
	second  = int64(time.Second)
	maxStep = int64(time.Minute)
)

// advance moves the clock to a frame's capture time, and reports whether it
// reached another second.
func (c *clock) advance(nanos int64) bool {
	sec := nanos - nanos%second
	if c.set && sec <= c.last {
		return false
	}
	if c.set {
		c.now += min(sec-c.last, maxStep)
	}
	c.last, c.set = sec, true
	return true
}

// totals are what the reader counts.
type totals struct {
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

// block makes epochs of a block's frames.
func (r *reader) block(b *capture.Block) {
	if len(b.Frames) == 0 {
		b.Release()
		return
	}
	for recs := b.Frames; len(recs) > 0; {
		n := min(len(recs), r.cfg.EpochFrames)
		e := <-r.free
		r.fill(e, b.Buf, recs[:n])
		if recs = recs[n:]; len(recs) == 0 {
			e.block = b
		}
		r.send(e)
	}
}

// fill decodes frames into an epoch.
func (r *reader) fill(e *epoch, buf []byte, recs []capture.Record) {
	if cap(e.segs) < len(recs) {
		e.segs = make([]packet.Segment, 0, len(recs))
	}
	var f packet.Frame
	for i := range recs {
		rec := &recs[i]
		r.sum.frames++
		r.sum.bytes += uint64(rec.Len)
		at := event.Mark{Frame: r.sum.frames, Nanos: rec.Nanos}
		if at.Frame == 1 {
			r.sum.first = at
		}
		r.sum.last = at
		if r.clock.advance(rec.Nanos) {
			e.ticks = append(e.ticks, tick{len(e.segs), at, r.clock.now})
		}
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
	for upTo := uint64(0); upTo < r.sum.frames; {
		upTo = min(upTo+flowsPerFinal, r.sum.frames)
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
	e.segs, e.shard, e.ticks = e.segs[:0], e.shard[:0], e.ticks[:0]
	e.final, e.block = nil, nil
	for i := range e.index {
		e.index[i] = e.index[i][:0]
		e.out[i], e.opened[i], e.late[i] = empty(e.out[i]), empty(e.opened[i]), 0
	}
	r.free <- e
}
