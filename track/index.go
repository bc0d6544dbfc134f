package track

import "example.com/wirewatch/flow"

// index finds a flow by its key: buckets of chains, hashed with a seed.
type index struct {
	seed    uint64
	buckets []*conn
	n       int
}

// bucket is where the flow of a key is, if there are buckets. To hash a key again
// costs less than to remember the hash of every flow.
func (x *index) bucket(k *flow.Key) **conn {
	return &x.buckets[k.Hash(x.seed)>>7&uint64(len(x.buckets)-1)]
}

func (x *index) find(k *flow.Key) *conn {
	if len(x.buckets) == 0 {
		return nil
	}
	c := *x.bucket(k)
	for c != nil && c.key != *k {
		c = c.chain
	}
	return c
}

const minBuckets = 64

func (x *index) add(c *conn) {
	if x.n >= len(x.buckets) {
		x.resize(max(minBuckets, 2*len(x.buckets)))
	}
	b := x.bucket(&c.key)
	c.chain, *b = *b, c
	x.n++
}

func (x *index) remove(c *conn) {
	for p := x.bucket(&c.key); *p != nil; p = &(*p).chain {
		if *p == c {
			*p, c.chain = c.chain, nil
			x.n--
			break
		}
	}
	if len(x.buckets) > minBuckets && x.n < len(x.buckets)/8 {
		x.resize(len(x.buckets) / 2)
	}
}

func (x *index) resize(n int) {
	old := x.buckets
	x.buckets = make([]*conn, n)
	for _, c := range old {
		for c != nil {
			next := c.chain
			b := x.bucket(&c.key)
			c.chain, *b = *b, c
			c = next
		}
	}
}

// all appends every flow to dst, in no order.
func (x *index) all(dst []*conn) []*conn {
	for _, c := range x.buckets {
		for ; c != nil; c = c.chain {
			dst = append(dst, c)
		}
	}
	return dst
}

// stage is how far a flow's life has got: the queue that it stands in.
type stage uint8

const (
	opening stage = iota
	open
	ending  // closed or reset, but what was in flight may still come
	closing // the dissectors were told; late segments still count
	buried  // its record is written
	numStages
	gone stage = numStages
)

// queue holds the flows of one stage, the least recently touched first.
type queue struct {
	head, tail *conn
	n          int
}

func (q *queue) push(c *conn) {
	c.prev, c.next = q.tail, nil
	if q.tail != nil {
		q.tail.next = c
	} else {
		q.head = c
	}
	q.tail = c
	q.n++
}

func (q *queue) remove(c *conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		q.head = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		q.tail = c.prev
	}
	c.prev, c.next = nil, nil
	q.n--
}
