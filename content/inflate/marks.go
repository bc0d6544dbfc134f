package inflate

import (
	"bytes"
	"math/bits"
)

// run is how many bytes at the start of marks are as the first. Each is 0 or 1.
func run(marks []byte) int {
	if n := bytes.IndexByte(marks, 1-marks[0]); n >= 0 {
		return n
	}
	return len(marks)
}

func count(marks []byte) int { return bytes.Count(marks, one) }

var one = []byte{1}

func fill(p []byte, v byte) {
	for i := range p {
		p[i] = v
	}
}

// bitmap has a bit for each byte of a window, the first lowest: an eighth of
// what marks would take, since windows are held while a connection is idle.
type bitmap []uint64

// words yields nothing for an empty range; else, for each word that the bits
// [from, to) are part of, its index and which of its bits are meant.
func words(from, to int, yield func(i int, mask uint64)) {
	for from < to {
		end := min(to, (from|63)+1)
		yield(from>>6, (1<<(end-from)-1)<<(from&63))
		from = end
	}
}

// set makes the bits [from, to) v, 0 or 1.
func (b bitmap) set(from, to int, v byte) {
	words(from, to, func(i int, mask uint64) {
		b[i] &^= mask
		if v == 1 {
			b[i] |= mask
		}
	})
}

// ones counts the bits [from, to) that are 1.
func (b bitmap) ones(from, to int) (n int) {
	words(from, to, func(i int, mask uint64) { n += bits.OnesCount64(b[i] & mask) })
	return n
}

// read writes the bits from at as marks.
func (b bitmap) read(marks []byte, at int) {
	for len(marks) > 0 {
		word, n := b[at>>6]>>(at&63), min(len(marks), 64-at&63)
		for i := range marks[:n] {
			marks[i] = byte(word) & 1
			word >>= 1
		}
		marks, at = marks[n:], at+n
	}
}
