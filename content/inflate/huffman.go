package inflate

import "math/bits"

// entry is what a table says about the bits that index it:
//
//	bits 0-5    how many bits the symbol takes, with its extra bits
//	bits 8-11   how many of them are its code; in a link, the bits that index the subtable
//	bits 16-30  a literal, the base of a length or distance, or where a subtable begins
//
// and one flag, or none for a length or distance.
type entry uint32

const (
	literal  entry = 1 << 31
	special  entry = 1 << 15 // one of the next three
	link     entry = 1<<14 | special
	endBlock entry = 1<<13 | special
	invalid  entry = 1<<12 | special // no symbol has this code, or the symbol is reserved
)

func (e entry) bits() uint           { return uint(e) & 63 }
func (e entry) codeBits() uint       { return uint(e>>8) & 15 }
func (e entry) is(f entry) bool      { return e&f == f }
func (e entry) value() int           { return int(e>>16) & 0x7fff }
func (e entry) of(b uint64) int      { return e.value() + int(b&(1<<e.bits()-1)>>e.codeBits()) }
func (e entry) ofLength(n int) entry { return e + entry(n)*(1<<8|1) }

const (
	maxCode = 15  // RFC 1951 §3.2.7: code lengths are 0 to 15
	maxLit  = 286 // §3.2.7: HLIT + 257 at most, as zlib has it: 286 and 287 are never used
	maxDist = 30  // §3.2.7: HDIST + 1 at most, likewise
	maxPre  = 19  // §3.2.7: the precode's alphabet
)

// A table is looked up with the next rootBits bits, and if a longer code begins
// with them, with the bits after them in a subtable. TestTableSizes works out
// how many entries any code can need.
const (
	litRoot, litSize   = 10, 1334
	distRoot, distSize = 8, 402
	preRoot, preSize   = 7, 128
)

// Tables of the three codes. A code whose longest is shorter than the root's
// bits has a smaller root, which is quicker to fill: mask cuts the index.
type (
	litTable struct {
		mask uint64
		e    [litSize]entry
	}
	distTable struct {
		mask uint64
		e    [distSize]entry
	}
	preTable struct {
		mask uint64
		e    [preSize]entry
	}
)

func (t *litTable) find(b uint64) entry {
	e := t.e[b&t.mask&(1<<litRoot-1)]
	if e.is(link) {
		e = t.e[e.value()+int(b>>litRoot)&(1<<e.codeBits()-1)]
	}
	return e
}

func (t *distTable) find(b uint64) entry {
	e := t.e[b&t.mask&(1<<distRoot-1)]
	if e.is(link) {
		e = t.e[e.value()+int(b>>distRoot)&(1<<e.codeBits()-1)]
	}
	return e
}

func (t *preTable) find(b uint64) entry { return t.e[b&t.mask&(1<<preRoot-1)] }

// workspace is what it takes to build a table.
type workspace struct {
	count  [maxCode + 2]uint16 // symbols by code length
	sorted [maxLit + 2]uint16  // symbols in the order of their codes
}

// build fills e with the canonical code (RFC 1951 §3.2.2) in which symbol i has
// lens[i] bits and the entry symbols[i], and returns the mask of its root, which
// has at most root bits.
func (w *workspace) build(e []entry, root int, lens []uint8, symbols []entry) (mask uint64, err error) {
	longest := w.sort(lens)
	switch left := w.unused(); {
	case left < 0:
		return 0, ErrOversubscribed
	case left > 0 && longest > 1:
		return 0, ErrIncomplete
	case left > 0:
		// No code, or one of one bit: an error only once the other bits come.
		e[0], e[1] = invalid.ofLength(1), invalid.ofLength(1)
	}
	w.fill(e, min(root, max(longest, 1)), longest, symbols)
	return 1<<min(root, max(longest, 1)) - 1, nil
}

// sort counts the symbols by code length and puts them in order; it returns the
// longest code length.
func (w *workspace) sort(lens []uint8) (longest int) {
	clear(w.count[:])
	for _, n := range lens {
		w.count[n]++
	}
	var at [maxCode + 2]uint16 // where the next symbol of a length goes
	for n := 1; n <= maxCode; n++ {
		at[n+1] = at[n] + w.count[n]
		if w.count[n] > 0 {
			longest = n
		}
	}
	for i, n := range lens {
		if n > 0 {
			w.sorted[at[n]] = uint16(i)
			at[n]++
		}
	}
	return longest
}

// unused is how many codes of maxCode bits begin with no symbol's code; below 0
// there are more symbols than codes.
func (w *workspace) unused() int {
	left := 1
	for n := 1; n <= maxCode; n++ {
		if left = left<<1 - int(w.count[n]); left < 0 {
			return left
		}
	}
	return left
}

// complete reports whether every sequence of bits begins with a code.
func (w *workspace) complete() bool { return w.unused() == 0 }

// fill writes the entries of a code. Codes are read from the stream with their
// first bit lowest, so they are counted in reverse here.
func (w *workspace) fill(e []entry, root, longest int, symbols []entry) {
	code, next := 0, 0
	for n := 1; n <= min(root, longest); n++ {
		for range w.count[n] {
			s := w.sorted[next]
			e[code] = symbols[s].ofLength(n)
			code = increment(code, n)
			next++
		}
		if n < root {
			copy(e[1<<n:2<<n], e[:1<<n]) // one more bit, of which the codes so far know nothing
		}
	}
	w.fillLong(e, root, longest, code, next, symbols)
}

// fillLong writes the subtables of codes longer than root, from code on, whose
// symbol is the next of sorted.
func (w *workspace) fillLong(e []entry, root, longest, code, next int, symbols []entry) {
	prefix, start, size := -1, 0, 0
	free := 1 << root
	for n := root + 1; n <= longest; n++ {
		for left := int(w.count[n]); left > 0; left-- {
			if p := code & (1<<root - 1); p != prefix {
				k := w.subtableBits(root, n, left)
				prefix, start, size = p, free, 1<<k
				free += size
				e[prefix] = link | entry(start)<<16 | entry(k)<<8
			}
			s := symbols[w.sorted[next]].ofLength(n)
			for i := code >> root; i < size; i += 1 << (n - root) {
				e[start+i] = s
			}
			code = increment(code, n)
			next++
		}
	}
}

// subtableBits is how many bits index a subtable whose first code has n bits,
// left of which remain: as many as it takes for its codes to fill it.
func (w *workspace) subtableBits(root, n, left int) int {
	k := n - root
	for room := 1<<k - left; room > 0; {
		k++
		room = room<<1 - int(w.count[root+k])
	}
	return k
}

// increment returns the code of n bits, first bit lowest, that follows code;
// after the last it returns 0.
func increment(code, n int) int {
	zeros := ^code & (1<<n - 1)
	if zeros == 0 {
		return 0
	}
	bit := 1 << (bits.Len(uint(zeros)) - 1)
	return code&(bit-1) | bit
}
