package process

import (
	"errors"
	"time"

	"example.com/wirewatch/capture"
)

// fresh is how old a snapshot may be, and still say who held a listening socket
// when a connection was accepted.
const fresh = time.Second

// add begins a query, unless there is the same already.
func (w *watch) add(q query) {
	if _, ok := w.queries[q.ends]; ok {
		return
	}
	w.asked.Add(1)
	if len(w.queries) >= maxQueries {
		w.skipped.Add(1)
		return
	}
	q.began = time.Now()
	q.due = q.began
	w.queries[q.ends] = &q
}

// work takes every query as far as it goes now, and then a step of a sweep. It
// fails if the thread is lost in another namespace.
func (w *watch) work(now time.Time) error {
	if len(w.queries) > 0 {
		if err := w.enterOthers(now); err != nil {
			return err
		}
	}
	for _, q := range w.queries {
		if !q.due.IsZero() && !q.due.After(now) {
			w.identify(q, now)
		}
	}
	w.hunt(now)
	w.sweep(now)
	return nil
}

// enterOthers keeps the list of network namespaces, and has segments come in
// that are from others while there are any.
func (w *watch) enterOthers(now time.Time) error {
	had := len(w.spaces.others) > 0
	err := w.spaces.refresh(now)
	if has := len(w.spaces.others) > 0; has != had {
		err = errors.Join(err, setFilter(w.packets, has))
	}
	return err
}

// identify looks up a query's socket.
func (w *watch) identify(q *query, now time.Time) {
	delete(w.wanted, q.inode)
	w.settle(q, q.identify(w.spaces, now))
	if q.inode != 0 {
		w.wanted[q.inode] = q
	}
}

// hunt looks for the sockets that have just been identified.
func (w *watch) hunt(now time.Time) {
	just := wanted{}
	for inode, q := range w.wanted {
		if !q.hunted {
			q.hunted, q.sweep = true, w.hunter.sweep.number+1
			just[inode] = q
		}
	}
	if len(just) > 0 {
		w.hunter.hunt(just, w.wanted, func(left wanted) { w.review(left, now) })
		w.collect()
	}
}

// review drops the sockets that are gone by now, and looks up who accepts the others.
func (w *watch) review(left wanted, now time.Time) {
	for inode, q := range left {
		if w.identify(q, now); q.inode != inode {
			delete(left, inode)
		}
		q.askListener(w.spaces, now)
	}
}

// sweep goes on with a sweep over all processes, or begins one if a query needs
// it: the first is needed to know who listens.
func (w *watch) sweep(now time.Time) {
	s := &w.hunter.sweep
	if !s.active && now.After(s.next) && (s.number == 0 || w.revise(now)) {
		s.begin(now)
	}
	if !s.active {
		return
	}
	over := w.hunter.advance(w.wanted)
	w.collect()
	if over {
		w.conclude(now)
	}
}

// revise looks the sockets up again that a sweep is needed for. It reports
// whether one still is.
func (w *watch) revise(now time.Time) bool {
	needed := false
	for _, q := range w.queries {
		if q.inode != 0 {
			w.identify(q, now)
		}
		needed = needed || q.due.IsZero() && w.queries[q.ends] == q
	}
	return needed
}

// conclude gives up the queries that a sweep has seen everything of.
func (w *watch) conclude(now time.Time) {
	for _, q := range w.queries {
		switch {
		case q.due.IsZero() && q.inode == 0:
			w.settle(q, pending)
		case q.due.IsZero() && q.sweep <= w.hunter.sweep.number:
			delete(w.wanted, q.inode)
			w.settle(q, q.vanish(w.spaces, now))
		}
	}
}

// collect reports what the hunter has found.
func (w *watch) collect() {
	for _, h := range w.hunter.hits {
		w.report(h)
	}
	w.hunter.hits = w.hunter.hits[:0]
}

func (w *watch) report(h hit) {
	w.settle(h.query, found)
	w.told = append(w.told, capture.Owner{Local: h.local, Remote: h.remote, PID: h.pid, Name: h.name})
}

// settle ends a query that has a verdict, and one whose socket is gone if who
// held the listening socket says enough.
func (w *watch) settle(q *query, v verdict) {
	if v == pending && q.due.IsZero() && q.inode == 0 && (!w.hunter.last.began.Before(q.began.Add(-fresh)) || w.hunter.last.several(q.listener)) {
		if h, ok := w.hunter.last.sole(q.listener, time.Now()); ok {
			w.report(hit{q, h.pid, h.name})
			return
		}
		v = gone
	}
	switch v {
	case pending:
		return
	case found:
		w.found.Add(1)
	case gone:
		w.gone.Add(1)
	case never:
		w.asked.Add(^uint64(0))
	}
	delete(w.queries, q.ends)
}
