package safe

import "math/bits"

// Eight bytes at a time, as the lanes of one word. In each test below bit 7 of a
// lane is set if the lane is what is looked for; a lane can also be set by the
// carry or borrow of one before it, so the lowest set bit is always right, and
// no bit is set where there is nothing to find.
const (
	lanes    = 8
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// load is the word of the first eight bytes of s, the first in the lowest lane.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// notPrintable marks lanes that are not in 0x20 to 0x7E.
func notPrintable(w uint64) uint64 {
	return (w | (w + lowBits) | (w - 0x20*lowBits)) & highBits
}

// equals marks lanes that are c, in a word whose lanes are all below 0x80.
func equals(w uint64, c byte) uint64 {
	return (w ^ uint64(c)*lowBits) - lowBits
}

// notVerbatim marks lanes that notPrintable marks, the quote and the backslash.
func notVerbatim(w uint64) uint64 {
	return (notPrintable(w) | equals(w, '"') | equals(w, '\\')) & highBits
}

// plainPrefix is how many bytes at the start of s are printable ASCII.
func plainPrefix(s string) int {
	i := 0
	for ; i+lanes <= len(s); i += lanes {
		if stop := notPrintable(load(s[i:])); stop != 0 {
			return i + bits.TrailingZeros64(stop)/lanes
		}
	}
	for i < len(s) && s[i] >= 0x20 && s[i] < 0x7f {
		i++
	}
	return i
}

// verbatimPrefix is how many bytes at the start of s stand for themselves in a
// JSON string: printable ASCII but for the quote and the backslash.
func verbatimPrefix(s string) int {
	i := 0
	for ; i+lanes <= len(s); i += lanes {
		if stop := notVerbatim(load(s[i:])); stop != 0 {
			return i + bits.TrailingZeros64(stop)/lanes
		}
	}
	if i == len(s) || i == 0 {
		return i + verbatimBytes(s[i:])
	}
	// The last word again, up to the end: what it shares with the one before
	// is known to be clean, so what it finds is in the rest.
	if stop := notVerbatim(load(s[len(s)-lanes:])); stop != 0 {
		return len(s) - lanes + bits.TrailingZeros64(stop)/lanes
	}
	return len(s)
}

// verbatimBytes is verbatimPrefix, a byte at a time.
func verbatimBytes(s string) int {
	for i := range len(s) {
		if !verbatim[s[i]] {
			return i
		}
	}
	return len(s)
}

var verbatim = func() (t [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()
