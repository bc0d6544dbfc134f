package engine

import (
	"example.com/wirewatch/dissect"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/track"
)

// work is one worker: it owns every shard that is w modulo the number of
// workers.
func work(w int, cfg Config, specs []dissect.Spec, seed uint64, in <-chan *epoch, b *backlog) {
	var tables [flow.NumShards]*track.Table
	for i := w; i < flow.NumShards; i += cfg.Workers {
		tables[i] = track.New(specs, cfg.Limits, seed)
	}
	for e := range in {
		b.wait(e)
		facts := 0
		for i := w; i < flow.NumShards; i += cfg.Workers {
			e.run(i, tables[i])
			facts += len(e.out[i])
		}
		b.made(e, facts)
		e.working.Done()
	}
}

// run has a shard's table do the epoch's work.
func (e *epoch) run(shard int, t *track.Table) {
	mine := e.index[shard]
	if len(mine) == 0 && len(e.steps) == 0 && e.final == nil {
		return
	}
	t.Out, t.Opened, t.Late = e.out[shard][:0], e.opened[shard][:0], 0
	for i := range e.steps {
		k := &e.steps[i]
		for len(mine) > 0 && int(mine[0]) < k.pos {
			t.Segment(&e.segs[mine[0]])
			mine = mine[1:]
		}
		k.do(shard, t)
	}
	for _, i := range mine {
		t.Segment(&e.segs[i])
	}
	if e.final != nil {
		t.Finish(e.final.at, e.final.upTo)
	}
	e.out[shard], e.opened[shard], e.late[shard] = t.Out, t.Opened, t.Late
}

// do has a shard's table do a step.
func (k *step) do(shard int, t *track.Table) {
	switch {
	case k.at == nil:
		t.Tick(k.frames, k.clock, k.offset)
	case k.at.owner != nil && k.at.key.Shard() == shard:
		t.Owner(&k.at.key, k.at.side, k.at.owner)
	}
}
