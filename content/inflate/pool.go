package inflate

// Pool lends decoders what they need only within a message. The zero Pool is
// empty and ready. It has one owner, as have the decoders that it made, and it
// holds as much as they ever used at once.
type Pool struct {
	tables  []*tables
	windows [][]byte
}

// tables are the codes of a block with dynamic Huffman codes, and what it takes
// to read them from its header.
type tables struct {
	lit  litTable
	dist distTable
	pre  preTable
	lens [maxLit + maxDist]uint8 // code lengths: first of the precode, then of literals and distances
	work workspace
}

// New makes a decoder that borrows from p. A distance may reach 2^bits bytes
// back; bits below 8 count as 8, and above 15 as 15 (RFC 7692 §7.1.2).
func (p *Pool) New(bits int) *Decoder {
	bits = min(max(bits, 8), 15)
	return &Decoder{pool: p, win: window{size: 1 << bits}}
}

func (p *Pool) getTables() *tables {
	if p == nil || len(p.tables) == 0 {
		return new(tables)
	}
	last := len(p.tables) - 1
	t := p.tables[last]
	p.tables = p.tables[:last]
	return t
}

func (p *Pool) putTables(t *tables) {
	if p != nil && t != nil {
		p.tables = append(p.tables, t)
	}
}

// getWindow returns at least n bytes, of which a window of at most size bytes is made.
func (p *Pool) getWindow(n, size int) []byte {
	if p != nil && len(p.windows) > 0 {
		last := len(p.windows) - 1
		w := p.windows[last]
		p.windows = p.windows[:last]
		if cap(w) >= n {
			return w[:min(cap(w), size)]
		}
	}
	return make([]byte, n)
}

func (p *Pool) putWindow(w []byte) {
	if p != nil && cap(w) > 0 {
		p.windows = append(p.windows, w)
	}
}
