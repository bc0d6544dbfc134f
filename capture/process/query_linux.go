package process

import (
	"time"
)

// Of the waits for accept(2), each being a quarter of the time waited until then: the
// least; the greatest as long as that is soon, for a server may close again at once;
// and when to give up.
const (
	leastWait = 50 * time.Microsecond
	soonWait  = 400 * time.Microsecond
	soon      = 10 * time.Millisecond
	maxWait   = time.Second
)

// query is one end of a connection, whose owner is looked for. It is in one of
// three states: its socket is to be looked up when it is due; the socket's inode
// is looked for among open files; or the socket is gone, and who holds the one
// that listened is to be found out.
type query struct {
	ends
	iface    uint32
	accepted bool // the end of a server whose SYN,ACK was just sent
	foreign  bool // in another network namespace
	asked    bool // perhaps an end of another host

	began time.Time
	due   time.Time // when to look up the socket; zero: no more

	space    *namespace // where the socket is; nil: not known
	inode    uint32     // of the socket; 0: not known, or gone
	listener uint32     // of the socket that accepts it; 0: not known
	hunted   bool       // where it is most likely to be
	sweep    uint64     // number of the first sweep that sees all it has to; 0: none is needed
}

// verdict is what has become of a query.
type verdict uint8

const (
	pending verdict = iota
	found
	gone
	never // it was no connection of this host
)

// identify looks up the socket of a query.
func (q *query) identify(s *spaces, now time.Time) verdict {
	sock, err := s.lookup(q)
	switch {
	case err != nil && (q.asked || q.foreign):
		return never
	case err != nil || !sock.unaccepted() && sock.inode == 0:
		return q.vanish(s, now)
	case sock.inode != 0:
		q.inode, q.due = sock.inode, time.Time{}
		return pending
	case now.Sub(q.began) > maxWait:
		return gone
	}
	q.due = now.Add(waitAfter(now.Sub(q.began)))
	return pending
}

// waitAfter is how long to wait for accept(2) after so long a time.
func waitAfter(age time.Duration) time.Duration {
	if age < soon {
		return min(max(leastWait, age/4), soonWait)
	}
	return age / 4
}

// vanish is for a socket that no process has any more. That of a server may
// still be known by the one that listens.
func (q *query) vanish(s *spaces, now time.Time) verdict {
	q.inode, q.due = 0, time.Time{}
	if !q.accepted || q.foreign {
		return gone
	}
	q.askListener(s, now)
	if q.listener == 0 {
		return gone
	}
	return pending
}

// askListener looks up the socket that accepts a query's connection.
func (q *query) askListener(s *spaces, now time.Time) {
	if q.accepted && !q.foreign && q.listener == 0 {
		q.listener = s.listener(q.local, now)
	}
}
