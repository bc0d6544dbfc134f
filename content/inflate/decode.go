package inflate

// symbols decodes literals, lengths and distances (RFC 1951 §3.2.5). A symbol
// is used whole or not at all: the longest match takes 48 bits of the 64 that
// can wait for the rest.
func (d *Decoder) symbols(c *call) bool {
	for d.state == symbols {
		if !d.win.lost && len(c.in)-c.n >= fastIn && len(c.out)-c.m >= fastOut {
			d.fast(c)
		}
		if !d.symbol(c) {
			return false
		}
	}
	return true
}

func (d *Decoder) symbol(c *call) bool {
	d.need(c, 56) // fewer may do
	e := d.lit.find(d.bits)
	switch {
	case e.bits() > d.n:
		return false
	case e.is(literal):
		if c.m == len(c.out) {
			c.full = true
			return false
		}
		d.take(e.bits())
		c.out[c.m] = byte(e.value())
		c.known(1)
		return true
	case e.is(endBlock):
		d.take(e.bits())
		d.endBlock()
		return true
	case e.is(invalid):
		return d.fail(ErrLength)
	}
	return d.beginMatch(c, e)
}

// beginMatch reads the distance that follows the length l.
func (d *Decoder) beginMatch(c *call, l entry) bool {
	rest := d.bits >> l.bits()
	e := d.dist.find(rest)
	switch {
	case l.bits()+e.bits() > d.n:
		return false
	case e.is(invalid):
		return d.fail(ErrDistance)
	}
	length, distance := l.of(d.bits), e.of(rest)
	switch {
	case distance > d.win.size:
		return d.fail(ErrWindow)
	case !d.win.reaches(distance - c.m):
		return d.fail(ErrHistory)
	}
	d.take(l.bits() + e.bits())
	d.length, d.distance, d.state = length, distance, match
	return d.match(c)
}

// match copies what the distance points at, of which the end may be what is
// being written.
func (d *Decoder) match(c *call) bool {
	for d.length > 0 {
		to := c.m + min(d.length, len(c.out)-c.m)
		if c.m == to {
			c.full = true
			return false
		}
		if back := d.distance - c.m; back > 0 {
			to = min(to, c.m+back)
			d.win.read(c.out[c.m:to], c.marksTo(to), back)
		} else {
			copyWithin(c.out[:to], c.m, d.distance)
			if c.marks != nil {
				copyWithin(c.marks[:to], c.m, d.distance)
			}
		}
		d.length -= to - c.m
		c.m = to
	}
	d.state = symbols
	return true
}

// known counts n bytes that were written to out and come from the input.
func (c *call) known(n int) {
	clear(c.marksTo(c.m + n))
	c.m += n
}

// marksTo are the marks from here to the byte to of out.
func (c *call) marksTo(to int) []byte {
	if c.marks == nil {
		return nil
	}
	return c.marks[c.m:to]
}

// copyWithin copies to p[at:] what is distance bytes before it; the copy repeats
// itself if it is longer than that (RFC 1951 §3.2.3).
func copyWithin(p []byte, at, distance int) {
	for from := at - distance; at < len(p); {
		at += copy(p[at:], p[from:at])
	}
}
