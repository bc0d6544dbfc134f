//go:build cgo && !nolive

package live

import "testing"

// TestMore checks that counts of 32 bits may wrap, and that one that goes back adds
// nothing.
func TestMore(t *testing.T) {
	for _, c := range []struct {
		now, last int
		want      uint64
	}{
		{7, 5, 2}, {5, 5, 0}, {1, 1<<32 - 2, 3}, {-2147483647, 2147483647, 2}, {0, 12, 0}, {1<<32 - 12, 0, 0},
	} {
		if got := more(c.now, c.last); got != c.want {
			t.Errorf("from %d to %d it is %d more, want %d", c.last, c.now, got, c.want)
		}
	}
}
