package inflate

import "testing"

// TestTableSizes works out the largest table that any code can need. A subtable
// is as large as its longest code asks, so the largest are of codes in which few
// symbols are short: all numbers of symbols by length are searched.
func TestTableSizes(t *testing.T) {
	for _, a := range []struct {
		name                string
		symbols, root, size int
		longest             int
	}{
		{"literals and lengths", len(litSymbols), litRoot, litSize, maxCode},
		{"distances", len(distSymbols), distRoot, distSize, maxCode},
		{"precode", maxPre, preRoot, preSize, 7},
	} {
		s := search{root: a.root, longest: a.longest, seen: map[uint64]int{}}
		if got := s.primary(1, a.symbols, 1); got > a.size {
			t.Errorf("%s: a code needs %d entries, there are %d", a.name, got, a.size)
		} else {
			t.Logf("%s: %d of %d entries", a.name, got, a.size)
		}
	}
}

// search looks for the complete code with the largest table.
type search struct {
	root, longest int
	seen          map[uint64]int
}

// primary chooses how many symbols have n bits, up to the root's bits: left
// codes of n-1 bits have no symbol yet.
func (s *search) primary(n, symbols, left int) int {
	if n > s.root || n > s.longest {
		return 1<<s.root + s.subtables(n, symbols, left, 0)
	}
	key := uint64(n)<<48 | uint64(symbols)<<32 | uint64(left)<<16 | 0xffff
	if most, ok := s.seen[key]; ok {
		return most
	}
	most := 0
	for k := 0; k <= min(symbols, 2*left); k++ {
		if feasible(symbols-k, 2*left-k) {
			most = max(most, s.primary(n+1, symbols-k, 2*left-k))
		}
	}
	s.seen[key] = most
	return most
}

// subtables is the most entries that the subtables of what is left may take.
// open is how many codes of n-1 bits are left in the subtable that is being
// filled; the other ones begin new subtables.
func (s *search) subtables(n, symbols, left, open int) int {
	if left == 0 {
		return 0
	}
	if n > s.longest {
		return -1 << 20
	}
	key := uint64(n)<<48 | uint64(symbols)<<32 | uint64(left)<<16 | uint64(open)
	if most, ok := s.seen[key]; ok {
		return most
	}
	most := -1 << 20
	for k := 0; k <= min(symbols, 2*left); k++ {
		if feasible(symbols-k, 2*left-k) {
			grown, rest := s.place(n, k, 2*open)
			most = max(most, grown+s.subtables(n+1, symbols-k, 2*left-k, rest))
		}
	}
	s.seen[key] = most
	return most
}

// place puts k codes of n bits into the subtable with room for open of them, and
// what is over into new ones, of which a new one has room for 1<<(n-root). The
// bits by which a subtable grows to hold longer codes are counted as it grows:
// with each bit more, a subtable that is still open doubles.
func (s *search) place(n, k, open int) (grown, rest int) {
	width := 1 << (n - s.root)
	if open > 0 { // it was 1<<(n-1-root) entries and is not full: one more bit
		grown += width / 2
	}
	if k <= open {
		return grown, open - k
	}
	k -= open
	begun := (k + width - 1) / width
	return grown + begun*width, begun*width - k
}

// feasible reports whether there are symbols enough for each of the codes that
// are left to begin one; some symbols may have no code.
func feasible(symbols, left int) bool { return left >= 0 && symbols >= left }
