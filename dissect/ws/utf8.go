package ws

import "unicode/utf8"

// checker checks that bytes which come in pieces are UTF-8 (RFC 3629). The zero
// checker is ready.
type checker struct {
	off  uint64            // of the first byte that is not yet checked
	tail [utf8.UTFMax]byte // a character that is not yet whole
	n    uint8             // bytes in tail
	bad  bool              // what is at off is not UTF-8; nothing further is checked
}

// write takes the next bytes.
func (c *checker) write(p []byte) {
	for c.n > 0 && len(p) > 0 && !c.bad {
		c.tail[c.n] = p[0]
		c.n, p = c.n+1, p[1:]
		if utf8.FullRune(c.tail[:c.n]) {
			c.rune()
		}
	}
	if c.bad || len(p) == 0 {
		return
	}
	body := p[:len(p)-partial(p)]
	if !utf8.Valid(body) {
		c.bad = true
		c.off += uint64(firstInvalid(body))
		return
	}
	c.off += uint64(len(body))
	c.n = uint8(copy(c.tail[:], p[len(body):]))
}

// rune checks the character that tail now holds.
func (c *checker) rune() {
	if r, size := utf8.DecodeRune(c.tail[:c.n]); r == utf8.RuneError && size == 1 {
		c.bad = true
		return
	}
	c.off += uint64(c.n)
	c.n = 0
}

// end reports whether all that was written is UTF-8, to the end of its last
// character.
func (c *checker) end() bool { return !c.bad && c.n == 0 }

// partial is how many bytes at the end of p are the beginning of a character,
// but not all of it.
func partial(p []byte) int {
	for i := len(p) - 1; i >= 0 && i > len(p)-utf8.UTFMax; i-- {
		if utf8.RuneStart(p[i]) {
			if utf8.FullRune(p[i:]) {
				return 0
			}
			return len(p) - i
		}
	}
	return 0
}

// firstInvalid is where in p, which is not UTF-8, that shows first.
func firstInvalid(p []byte) int {
	for i := 0; i < len(p); {
		r, size := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(p)
}
