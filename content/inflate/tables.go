package inflate

// buildPre makes the table of the precode.
func (t *tables) buildPre() (err error) {
	t.pre.mask, err = t.work.build(t.pre.e[:], preRoot, t.prelens[:], preSymbols[:])
	if err == nil && !t.work.complete() {
		err = ErrIncomplete // a precode may not be, zlib says, though it has a single code
	}
	return err
}

// build makes the tables of the block with the header h.
func (t *tables) build(h header) (err error) {
	all := int(h.lit) + int(h.dist)
	if t.lit.mask, err = t.work.build(t.lit.e[:], litRoot, t.lens[:h.lit], litSymbols[:]); err != nil {
		return err
	}
	t.dist.mask, err = t.work.build(t.dist.e[:], distRoot, t.lens[h.lit:all], distSymbols[:])
	return err
}

// dynamic reports whether what comes next takes the tables.
func (d *Decoder) dynamic() bool {
	switch d.state {
	case precodeLengths, codeLengths:
		return true
	case symbols, match:
		return d.lit != fixedLit
	default:
		return false
	}
}

// pack gives back the tables. In the middle of a block it keeps their code
// lengths, 4 % of them: a message may never go on.
func (d *Decoder) pack() {
	if d.tables == nil {
		return
	}
	if d.err == nil && d.dynamic() {
		lengths := d.tables.codes
		d.packed = &lengths
	}
	if d.lit != fixedLit {
		d.lit, d.dist = nil, nil
	}
	d.pool.putTables(d.tables)
	d.tables = nil
}

// unpack takes tables again for the block that pack was called in. Their codes
// were built before, and so cannot be wrong.
func (d *Decoder) unpack() {
	t := d.pool.getTables()
	t.codes = *d.packed
	d.tables, d.packed = t, nil
	switch d.state {
	case precodeLengths: // their lengths are still coming
	case codeLengths:
		_ = t.buildPre()
	default:
		_ = t.build(d.header)
		d.lit, d.dist = &t.lit, &t.dist
	}
}
