package engine

import (
	"cmp"
	"slices"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/track"
)

// maxBatch is about how many facts the sinks get at once.
const maxBatch = 1 << 13

// collector merges what the shards found into one order, that in which facts
// became certain: by the frame at which they did; in a frame, what came with its
// segment before what came with the clock; what came with the clock by its
// second, and in that by the flows' first frames.
type collector struct {
	sinks   []event.Sink
	batch   []event.Event
	ticked  []track.Output
	kinds   map[string]uint64
	seq     uint64
	streams uint64
	late    uint64
	err     error
}

// collect takes a finished epoch.
func (c *collector) collect(e *epoch) {
	var out [flow.NumShards][]track.Output
	var opened [flow.NumShards][]*flow.Ends
	for i := range out {
		out[i], opened[i] = e.out[i], e.opened[i]
		c.late += e.late[i]
	}
	steps := e.steps
	for i := range e.segs {
		for len(steps) > 0 && steps[0].pos <= i {
			c.step(&steps[0], &out)
			steps = steps[1:]
		}
		s, frame := e.shard[i], e.segs[i].Frame
		if o := opened[s]; len(o) > 0 && uint64(o[0].ID) == frame {
			o[0].Stream = c.streams
			c.streams++
			opened[s] = o[1:]
		}
		n := 0
		for o := out[s]; n < len(o) && o[n].Told == frame && !o[n].Ticked; n++ {
			c.batch = append(c.batch, o[n].Event)
		}
		out[s] = out[s][n:]
		if len(c.batch) >= maxBatch {
			c.emit()
		}
	}
	for i := range steps {
		c.step(&steps[i], &out)
	}
	if e.final != nil {
		c.clock(&out, e.final.at.Frame)
	}
	c.emit()
}

// step takes what a step has brought.
func (c *collector) step(k *step, out *[flow.NumShards][]track.Output) {
	switch {
	case k.at == nil:
		c.clock(out, k.frames)
	case k.at.fact.Body != nil:
		c.batch = append(c.batch, k.at.fact)
	}
}

// clock takes what came with the clock behind a frame, from every shard.
func (c *collector) clock(out *[flow.NumShards][]track.Output, frame uint64) {
	c.ticked = c.ticked[:0]
	for s := range out {
		n := 0
		for o := out[s]; n < len(o) && o[n].Told == frame && o[n].Ticked; n++ {
			c.ticked = append(c.ticked, o[n])
		}
		out[s] = out[s][n:]
	}
	slices.SortStableFunc(c.ticked, func(a, b track.Output) int {
		return cmp.Or(cmp.Compare(a.Clock, b.Clock), cmp.Compare(a.Ends.ID, b.Ends.ID))
	})
	for i := range c.ticked {
		c.batch = append(c.batch, c.ticked[i].Event)
	}
}

// emit numbers a batch and gives it to the sinks.
func (c *collector) emit() {
	defer c.clear()
	for i := range c.batch {
		c.seq++
		c.batch[i].Seq = c.seq
		if b := c.batch[i].Body; !b.Progress() {
			c.kinds[b.Kind()]++
		}
	}
	if len(c.batch) == 0 || c.err != nil {
		return
	}
	for _, s := range c.sinks {
		if err := s.Emit(c.batch); err != nil {
			c.err = err
			return
		}
	}
}

// clear empties the batch, which has no use for what was in it, nor for the memory
// of an epoch with very many facts.
func (c *collector) clear() { c.batch = empty(c.batch) }

// finish tells the summary.
func (c *collector) finish(r *reader) error {
	s := &Summary{
		Frames: r.sum.frames, Bytes: r.sum.bytes, Stats: r.src.Stats(),
		First: r.sum.first, Last: r.sum.last, Flows: c.streams, Late: c.late,
	}
	if r.err != nil {
		s.Error = r.err.Error()
	}
	for name, n := range r.dec.Counts() {
		s.Protocols = append(s.Protocols, Count{name, n})
		s.NotTCP += n
	}
	for name, n := range c.kinds {
		s.Records = append(s.Records, Count{name, n})
	}
	slices.SortFunc(s.Records, func(a, b Count) int { return cmp.Compare(a.Name, b.Name) })
	e := event.Event{Frame: s.Last.Frame, First: s.First.Frame, Nanos: s.Last.Nanos, Body: s}
	if r.err != nil {
		e.Incomplete = event.CaptureEnd
	}
	c.batch = append(c.batch, e)
	c.emit()
	return c.err
}
