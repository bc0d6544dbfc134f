package inflate

// header is how far the header of a block with dynamic codes was read.
type header struct {
	lit, dist, pre uint16 // how many code lengths there are
	have           uint16 // how many were read
}

// blockHeader reads BFINAL and BTYPE (RFC 1951 §3.2.3).
func (d *Decoder) blockHeader(c *call) bool {
	if !d.need(c, 3) {
		return false
	}
	d.final = d.take(1) == 1
	switch d.take(2) {
	case 0:
		d.take(d.n % 8) // §3.2.4: bits up to the next byte are ignored
		d.state = storedLength
	case 1:
		d.lit, d.dist, d.state = fixedLit, fixedDist, symbols
	case 2:
		d.state = dynamicCounts
	default:
		return d.fail(ErrBlockType)
	}
	return true
}

// endBlock ends a block. After the last of a stream the sender aligns to a byte
// and begins another (RFC 7692 §7.2.1).
func (d *Decoder) endBlock() {
	if d.final {
		d.take(d.n % 8)
	}
	d.state = blockHeader
}

// storedLength reads LEN and NLEN, its complement (RFC 1951 §3.2.4).
func (d *Decoder) storedLength(c *call) bool {
	if !d.need(c, 32) {
		return false
	}
	n, complement := d.take(16), d.take(16)
	if n != complement^0xffff {
		return d.fail(ErrStoredLength)
	}
	d.length, d.state = n, storedBytes
	return true
}

// storedBytes copies the bytes of a stored block, first those already taken.
func (d *Decoder) storedBytes(c *call) bool {
	for d.length > 0 {
		switch {
		case c.m == len(c.out):
			c.full = true
			return false
		case d.n > 0:
			c.out[c.m] = byte(d.take(8))
			c.known(1)
			d.length--
		case c.n == len(c.in):
			return false
		default:
			n := copy(c.out[c.m:], c.in[c.n:min(len(c.in), c.n+d.length)])
			c.n += n
			c.known(n)
			d.length -= n
		}
	}
	d.endBlock()
	return true
}

// dynamicCounts reads HLIT, HDIST and HCLEN (RFC 1951 §3.2.7).
func (d *Decoder) dynamicCounts(c *call) bool {
	if !d.need(c, 14) {
		return false
	}
	d.header = header{lit: uint16(d.take(5)) + 257, dist: uint16(d.take(5)) + 1, pre: uint16(d.take(4)) + 4}
	if d.header.lit > maxLit || d.header.dist > maxDist {
		return d.fail(ErrCounts)
	}
	if d.tables == nil {
		d.tables = d.pool.getTables()
	}
	clear(d.tables.prelens[:])
	d.state = precodeLengths
	return true
}

// precodeOrder is the order in which the precode's lengths come (RFC 1951
// §3.2.7): those most likely to be 0 last, so that they can be left out.
var precodeOrder = [maxPre]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func (d *Decoder) precodeLengths(c *call) bool {
	t := d.tables
	for ; d.header.have < d.header.pre; d.header.have++ {
		if !d.need(c, 3) {
			return false
		}
		t.prelens[precodeOrder[d.header.have]] = uint8(d.take(3))
	}
	if err := t.buildPre(); err != nil {
		return d.fail(err)
	}
	d.header.have, d.state = 0, codeLengths
	return true
}

// codeLengths reads the code lengths of both alphabets, which are one sequence:
// a repetition may go on from one into the other (RFC 1951 §3.2.7).
func (d *Decoder) codeLengths(c *call) bool {
	h, t := &d.header, d.tables
	for all := h.lit + h.dist; h.have < all; {
		d.need(c, 14) // at most 7 of code and 7 extra; fewer may do
		e := t.pre.find(d.bits)
		if e.bits() > d.n {
			return false
		}
		length, times := byte(e.value()), uint16(1)
		if length >= 16 {
			if length, times = h.repetition(t, e, d.bits); times == 0 {
				return d.fail(ErrRepeat)
			}
		}
		d.take(e.bits())
		fill(t.lens[h.have:h.have+times], length)
		h.have += times
	}
	return d.buildTables()
}

// repetition is the code length that symbols 16 to 18 repeat, and how often;
// 0 times if there is nothing to repeat, or it would go past the last length.
func (h *header) repetition(t *tables, e entry, b uint64) (length byte, times uint16) {
	extra := uint16(b & (1<<e.bits() - 1) >> e.codeBits())
	switch e.value() {
	case 16:
		if h.have == 0 {
			return 0, 0
		}
		length, times = t.lens[h.have-1], 3+extra
	case 17:
		times = 3 + extra
	default:
		times = 11 + extra
	}
	if h.have+times > h.lit+h.dist {
		return 0, 0
	}
	return length, times
}

// buildTables makes the block's tables of its code lengths.
func (d *Decoder) buildTables() bool {
	t := d.tables
	if t.lens[256] == 0 {
		return d.fail(ErrEndOfBlock)
	}
	if err := t.build(d.header); err != nil {
		return d.fail(err)
	}
	d.lit, d.dist, d.state = &t.lit, &t.dist, symbols
	return true
}
