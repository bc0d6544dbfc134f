package inflate

import "encoding/binary"

// While there are fastIn bytes of input and room for fastOut bytes, symbols
// need not ask whether there is enough: eight bytes fill the bit buffer at
// once, and what is copied by eights may go seven bytes too far.
const (
	fastIn  = 8
	fastOut = 1 + 258 + 7
)

// fast decodes as symbols does, many symbols at a time. It stops before
// whatever is rare or wrong, which symbol then sees again. No history may be
// lost: it knows nothing of marks.
func (d *Decoder) fast(c *call) {
	in, out, lit, dist := c.in, c.out, d.lit, d.dist
	b, have, n, m := d.bits, d.n, c.n, c.m
	size, filled := d.win.size, d.win.filled
	for len(in)-n >= fastIn && len(out)-m >= fastOut {
		// Now there are 56 bits or more. Bits above those that count are the
		// input's next, and are or-ed with themselves when their turn comes.
		b |= binary.LittleEndian.Uint64(in[n:]) << (have & 63)
		n += int(63-have) >> 3
		have |= 56

		e := lit.find(b)
		if e.is(literal) {
			out[m] = byte(e >> 16)
			m++
			b >>= e.bits()
			have -= e.bits()
			if e = lit.find(b); e.is(literal) {
				out[m] = byte(e >> 16)
				m++
				b >>= e.bits()
				have -= e.bits()
				continue
			}
			if have < 48 { // the longest match
				continue
			}
		}
		rest := b >> e.bits()
		f := dist.find(rest)
		length, distance := e.of(b), f.of(rest)
		if (e | f).is(special) || distance > size || distance-m > filled {
			break
		}
		b = rest >> f.bits()
		have -= e.bits() + f.bits()
		if distance <= m {
			copyMatch(out, m, distance, length)
		} else {
			d.win.copyMatch(out, m, distance, length)
		}
		m += length
	}
	d.bits, d.n, c.n, c.m = b&(1<<have-1), have, n, m
}

// copyMatch copies length bytes to p[at:], from distance bytes before, and may
// overwrite the seven bytes after them.
func copyMatch(p []byte, at, distance, length int) {
	if distance >= 8 {
		copyEights(p[at:at+length+7], p[at-distance:at+length+7])
		return
	}
	for i := at; i < at+length; i++ {
		p[i] = p[i-distance]
	}
}

// copyEights copies from src to dst, which may follow in the same memory by
// eight bytes or more, all of dst but what does not make an eight at its end.
func copyEights(dst, src []byte) {
	for len(dst) >= 8 && len(src) >= 8 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src))
		dst, src = dst[8:], src[8:]
	}
}

// copyMatch is as the function, for a distance that goes back before p.
func (w *window) copyMatch(p []byte, at, distance, length int) {
	back := distance - at
	from := w.next - back
	if from < 0 {
		from += len(w.buf)
	}
	if length <= back && from+length+7 <= len(w.buf) {
		copyEights(p[at:at+length+7], w.buf[from:])
		return
	}
	n := min(length, back)
	w.read(p[at:at+n], nil, back)
	copyWithin(p[:at+length], at+n, distance)
}
