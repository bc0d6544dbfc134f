package decode

import (
	"bytes"
	"iter"
	"slices"
)

// maxDatagram is how long a reassembled payload may be in bytes. IP's own
// length fields allow no more.
const maxDatagram = 65535

// maxPieces is how many fragments a datagram may have, that their order may
// cost little. A link that carries only 68 bytes, the least that IPv4 allows,
// makes 1366 of the longest datagram; no real one has come near 1000.
const maxPieces = 1024

// fragment describes what stands at the cursor when a fragment's header has
// been read.
type fragment struct {
	id     uint32
	offset int  // of its first byte in the payload of the datagram
	more   bool // it is not the last
}

// parts are earlier frames that counted as joined to datagrams that are whole now,
// by the versions of IP that were fragmented: 4, then 6.
type parts [2]uint64

func (p *parts) add(q parts) {
	p[0] += q[0]
	p[1] += q[1]
}

// datagramKey is what the fragments of a datagram have in common (RFC 791
// §3.2, RFC 8200 §4.5). IPv6 leaves the protocol out: there it is the first
// fragment's that counts.
type datagramKey struct {
	src, dst [16]byte
	id, vni  uint32
	next     uint8
}

// fate is what became of a frame that was a fragment.
type fate uint8

const (
	joined     fate = iota // in a datagram that a later frame still may complete, or that held no segment
	overlapped             // of a datagram that was rejected because fragments overlap
	expired                // the rest of the datagram did not come in time
	evicted                // given up to hold others
	malformed
	truncated // its frame was cut
	numFates
)

var fateNames = [numFates]string{"", ".overlap", ".expired", ".limit", ".malformed", ".truncated"}

// piece is a fragment that is held: where it begins and ends in the payload of
// the datagram, and where its bytes are in datagram.held.
type piece struct{ offset, end, at int }

// datagram is an incomplete one. It shares no memory with what is returned.
type datagram struct {
	key      datagramKey
	started  int64  // capture time of its first frame, in nanoseconds
	frames   uint64 // that are counted as joined
	outer    parts  // of the datagrams that its fragments were in
	rejected bool   // kept, without bytes, to swallow the fragments still to come
	next     uint8  // protocol number, known with the first fragment
	total    int    // length of the payload, -1 until the last fragment is there
	have     int    // bytes of it that are there
	held     []byte
	pieces   []piece // sorted by offset, without overlap

	older, newer *datagram
}

// cost is about what it takes of memory, in bytes.
func (g *datagram) cost() int { return 256 + cap(g.held) + 24*cap(g.pieces) }

// add takes a fragment in, and reports whether it agrees with the others. An
// exact duplicate changes nothing; any other overlap, however equal its bytes,
// means that two hosts could read two datagrams out of the same fragments
// (RFC 5722, RFC 8200 §4.5; here for IPv4 too).
func (g *datagram) add(f fragment, b []byte) bool {
	p := piece{f.offset, f.offset + len(b), len(g.held)}
	if !g.ends(p.end, f.more) {
		return false
	}
	i, same := slices.BinarySearchFunc(g.pieces, p.offset, func(q piece, offset int) int { return q.offset - offset })
	if same && g.pieces[i].end == p.end {
		return bytes.Equal(g.bytes(g.pieces[i]), b)
	}
	if i > 0 && g.pieces[i-1].end > p.offset || i < len(g.pieces) && g.pieces[i].offset < p.end {
		return false
	}
	g.pieces = slices.Insert(g.pieces, i, p)
	g.held = append(g.held, b...)
	g.have += len(b)
	return true
}

// ends reports whether a fragment that ends there agrees with what is known of
// the datagram's length, and learns the length from the last one.
func (g *datagram) ends(end int, more bool) bool {
	switch {
	case g.total >= 0 && more:
		return end < g.total
	case g.total >= 0:
		return end == g.total
	case !more && len(g.pieces) > 0 && g.pieces[len(g.pieces)-1].end >= end: // none so far was the last
		return false
	case !more:
		g.total = end
	}
	return true
}

func (g *datagram) bytes(p piece) []byte { return g.held[p.at:][:p.end-p.offset] }

// payload is the whole payload in memory of its own.
func (g *datagram) payload() []byte {
	b := make([]byte, 0, g.total)
	for _, p := range g.pieces {
		b = append(b, g.bytes(p)...)
	}
	return b
}

// defragmenter puts the datagrams of one IP version together. It holds a
// bounded number of bytes for a bounded time by the capture's clock, drops
// whole datagrams only, the oldest first, and knows what became of every frame.
type defragmenter struct {
	name   string // in Counts
	nth    int    // its place in parts
	wait   int64  // nanoseconds
	limits Options
	fates  [numFates]uint64

	byKey          map[datagramKey]*datagram
	oldest, newest *datagram // a list, in the order of their first frames
	cost           int       // of all of them
}

func newDefragmenter(name string, nth int, wait int64, limits Options) defragmenter {
	return defragmenter{name: name, nth: nth, wait: wait, limits: limits, byKey: make(map[datagramKey]*datagram)}
}

// counts yields how many frames met each fate. One moves from the first when
// its datagram is given up.
func (d *defragmenter) counts() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for f, n := range d.fates {
			if n > 0 && !yield(d.name+fateNames[f], n) {
				return
			}
		}
	}
}

// fragment takes the fragment at c. If it completes a datagram, c goes on in
// that, in memory of its own; else the walk ends.
func (d *defragmenter) fragment(c *cursor, now int64) proto {
	if f := c.checkFragment(); f != joined {
		d.fates[f]++
		return counted
	}
	d.expire(now)
	g := d.find(c, now)
	if g.rejected {
		d.fates[overlapped]++
		return counted
	}
	if c.frag.offset == 0 {
		g.next = c.next
	}
	d.cost -= g.cost()
	agrees := g.add(c.frag, c.b)
	d.cost += g.cost()
	switch {
	case !agrees:
		d.reject(g)
	case g.have == g.total:
		d.remove(g)
		c.b = g.payload()
		c.parts.add(g.outer)
		c.parts[d.nth] += g.frames
		return c.protocol(g.next)
	default:
		g.outer.add(c.parts)
		g.frames++
		d.fates[joined]++
		if len(g.pieces) >= maxPieces {
			d.drop(g, evicted)
		}
		d.shrink()
	}
	return counted
}

// checkFragment says whether a fragment can be part of a datagram: all but the
// last are a multiple of 8 bytes long, and none is empty or makes the datagram
// too long (RFC 791 §3.2, RFC 8200 §4.5).
func (c *cursor) checkFragment() fate {
	n := len(c.b)
	switch {
	case c.cut > 0 || c.lost > 0:
		return truncated
	case n == 0, c.frag.more && n%8 != 0, c.frag.offset+n > maxDatagram:
		return malformed
	}
	return joined
}

// find is the datagram that the fragment at c belongs to, a new one if need be.
func (d *defragmenter) find(c *cursor, now int64) *datagram {
	k := datagramKey{id: c.frag.id, vni: c.vni}
	copy(k.src[:], c.src)
	copy(k.dst[:], c.dst)
	if !c.v6 {
		k.next = c.next
	}
	g := d.byKey[k]
	if g != nil && now-g.started > d.wait { // the clock went back: expire stopped at a later one
		d.drop(g, expired)
		g = nil
	}
	if g == nil {
		g = &datagram{key: k, started: now, total: -1}
		d.append(g)
	}
	return g
}

// reject gives a datagram up because of a fragment that does not agree with
// it, and keeps its key: no part of it may be taken for a new one.
func (d *defragmenter) reject(g *datagram) {
	d.fates[joined] -= g.frames
	d.fates[overlapped] += g.frames + 1
	d.cost -= g.cost()
	g.rejected, g.frames, g.held, g.pieces = true, 0, nil, nil
	d.cost += g.cost()
}

// expire gives up what has waited too long.
func (d *defragmenter) expire(now int64) {
	for d.oldest != nil && now-d.oldest.started > d.wait {
		d.drop(d.oldest, expired)
	}
}

// shrink gives up the oldest until the limits are kept.
func (d *defragmenter) shrink() {
	for d.oldest != nil && (d.cost > d.limits.FragmentBytes || len(d.byKey) > d.limits.Datagrams) {
		d.drop(d.oldest, evicted)
	}
}

func (d *defragmenter) drop(g *datagram, f fate) {
	d.fates[joined] -= g.frames
	d.fates[f] += g.frames
	d.remove(g)
}

func (d *defragmenter) append(g *datagram) {
	g.older = d.newest
	if d.newest != nil {
		d.newest.newer = g
	} else {
		d.oldest = g
	}
	d.newest = g
	d.byKey[g.key] = g
	d.cost += g.cost()
}

func (d *defragmenter) remove(g *datagram) {
	if g.older != nil {
		g.older.newer = g.newer
	} else {
		d.oldest = g.newer
	}
	if g.newer != nil {
		g.newer.older = g.older
	} else {
		d.newest = g.older
	}
	delete(d.byKey, g.key)
	d.cost -= g.cost()
}
