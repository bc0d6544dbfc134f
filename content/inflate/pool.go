package inflate

import "math/bits"

// Pool lends decoders their windows and what they need only within a message,
// and bounds it. The zero Pool is ready. It has one owner, as have the decoders
// that it made.
type Pool struct {
	// Limit is how many bytes the decoders may hold together: windows, what is
	// known of them, and tables. 0 is no limit. Beyond it the decoder that was
	// used longest ago gives up all that it holds (Decoder.Evicted), and so on.
	// Nothing is taken from the one that was just used, so that it may exceed a
	// small Limit alone. It holds from the next use of any decoder.
	Limit int

	held           int      // bytes that the decoders hold
	oldest, newest *Decoder // those that hold any, in the order of their last use

	tables  []*tables                       // spare ones, at most spareTables
	windows [maxBits - minBits + 1][][]byte // spare rings by size, of each at most spareWindows bytes

	marks  []byte   // room for the marks of a call: as long as the longest out was
	marked int      // bytes that the latest call wrote
	latest *Decoder // whose call it was; nil if no history was lost to it
}

// What is kept for the next to borrow is a few connections' worth: it saves
// garbage while messages come, and does not grow with how many ever were open.
// Windows are bounded by size, lest many short ones leave no room for a long one.
const (
	spareTables  = 8
	spareWindows = 64 << 10
)

// tables are the codes of a block with dynamic Huffman codes, and what it takes
// to read them from its header.
type tables struct {
	lit  litTable
	dist distTable
	pre  preTable
	codes
	work workspace
}

const sizeOfTables = 8432 // bytes; TestSizes measures it

// codes are code lengths, of which the tables can be built again.
type codes struct {
	prelens [maxPre]uint8           // of the precode
	lens    [maxLit + maxDist]uint8 // of literals and distances
}

// New makes a decoder that borrows from p. A distance may reach 2^bits bytes
// back; bits below 8 count as 8, and above 15 as 15 (RFC 7692 §7.1.2).
func (p *Pool) New(bits int) *Decoder {
	bits = min(max(bits, minBits), maxBits)
	return &Decoder{pool: p, win: window{size: 1 << bits}}
}

// Held is how many bytes the decoders hold together, of which Limit is the limit.
func (p *Pool) Held() int { return p.held }

// used says that d was just used, and makes room for what it holds by now.
func (p *Pool) used(d *Decoder) {
	p.settle(d)
	if d.held > 0 && p.newest != d {
		p.unlink(d)
		p.link(d)
	}
	for p.Limit > 0 && p.held > p.Limit && p.oldest != d {
		p.oldest.evict()
	}
}

// link makes d the newest.
func (p *Pool) link(d *Decoder) {
	if d.older = p.newest; d.older == nil {
		p.oldest = d
	} else {
		d.older.newer = d
	}
	p.newest = d
}

// settle counts what d holds by now, and forgets d if that is nothing.
func (p *Pool) settle(d *Decoder) {
	before := d.held
	d.held = d.holds()
	p.held += d.held - before
	if before > 0 && d.held == 0 {
		p.unlink(d)
	}
}

// unlink takes d out of the order of use, if it is in it.
func (p *Pool) unlink(d *Decoder) {
	switch {
	case d.newer != nil:
		d.newer.older = d.older
	case p.newest == d:
		p.newest = d.older
	}
	switch {
	case d.older != nil:
		d.older.newer = d.newer
	case p.oldest == d:
		p.oldest = d.newer
	}
	d.older, d.newer = nil, nil
}

// marksFor are the marks of n bytes that d is about to write.
func (p *Pool) marksFor(d *Decoder, n int) []byte {
	if len(p.marks) < n {
		p.marks = make([]byte, n)
	}
	p.latest = d
	return p.marks[:n]
}

func (p *Pool) getTables() *tables {
	if len(p.tables) == 0 {
		return new(tables)
	}
	last := len(p.tables) - 1
	t := p.tables[last]
	p.tables = p.tables[:last]
	return t
}

func (p *Pool) putTables(t *tables) {
	if t != nil && len(p.tables) < spareTables {
		p.tables = append(p.tables, t)
	}
}

// rings are the spare windows of n bytes, a power of two.
func (p *Pool) rings(n int) *[][]byte { return &p.windows[bits.Len(uint(n/minWindow))-1] }

// getWindow returns n bytes, a power of two, with anything in them.
func (p *Pool) getWindow(n int) []byte {
	r := p.rings(n)
	if len(*r) == 0 {
		return make([]byte, n)
	}
	last := len(*r) - 1
	w := (*r)[last]
	*r = (*r)[:last]
	return w
}

func (p *Pool) putWindow(w []byte) {
	if len(w) == 0 {
		return
	}
	if r := p.rings(len(w)); len(*r) < spareWindows/len(w) {
		*r = append(*r, w)
	}
}
