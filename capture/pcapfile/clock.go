package pcapfile

import (
	"math"
	"math/bits"
)

// defaultTsresol is the if_tsresol of an interface that has none: microseconds.
const defaultTsresol = 6

// clock turns the times of a pcapng interface into nanoseconds since the Unix
// epoch: units of 10^-n or 2^-n seconds, n from 0 to 127, counted from an
// offset. A time that does not fit is the first or the last that does.
type clock struct {
	limit   uint64 // up to this many units, mul and base are all and nothing overflows
	mul     uint64 // nanoseconds per unit, or 10^9 where shift divides
	div     uint64 // by which to divide after mul
	shift   uint   // or by which power of two
	seconds int64  // offset
	base    int64  // the same in nanoseconds
}

// newClock makes the clock of an interface with these values of if_tsresol and
// if_tsoffset (draft-ietf-opsawg-pcapng §4.2).
func newClock(resolution byte, offset int64) clock {
	c := clock{mul: 1, div: 1, seconds: offset, base: join(offset, 0)}
	exponent := uint(resolution & 0x7f)
	switch {
	case resolution&0x80 != 0:
		c.mul, c.shift = 1e9, exponent
	case exponent <= 9:
		c.mul = pow10(9 - exponent)
	case exponent <= 28:
		c.div = pow10(exponent - 9)
	default:
		c.shift = 64 // 2^64 units are less than a nanosecond
	}
	if c.div == 1 && c.shift == 0 && c.base != math.MinInt64 {
		c.limit = uint64(math.MaxInt64-max(c.base, 0)) / c.mul //nolint:gosec // not negative
	}
	return c
}

// pow10 is 10^n, for n up to 19.
func pow10(n uint) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// nanos is the time of units.
func (c *clock) nanos(units uint64) int64 {
	if units <= c.limit {
		return int64(units*c.mul) + c.base //nolint:gosec // limit is chosen so
	}
	return c.slow(units)
}

// slow is nanos without its shortcut: in 96 bits, as whole seconds and the rest.
func (c *clock) slow(units uint64) int64 {
	hi, lo := bits.Mul64(units, c.mul)
	switch {
	case c.shift >= 64:
		hi, lo = 0, hi>>(c.shift-64)
	case c.shift > 0:
		hi, lo = hi>>c.shift, hi<<(64-c.shift)|lo>>c.shift
	case c.div > 1: // then mul is 1 and hi is 0
		lo /= c.div
	}
	seconds, rest := bits.Div64(hi, lo, 1e9) // mul is at most 10^9, so hi is less
	return join(addSeconds(seconds, c.seconds), rest)
}

// addSeconds is a+b, or the bound of an int64 that it passes.
func addSeconds(a uint64, b int64) int64 {
	switch sum, carry := bits.Add64(a, uint64(b), 0); { //nolint:gosec // two's complement
	case b < 0 && carry == 0: // less than zero
		return int64(sum) //nolint:gosec // as intended
	case b >= 0 && carry > 0, sum > math.MaxInt64:
		return math.MaxInt64
	default:
		return int64(sum) //nolint:gosec // just compared
	}
}

// join is the time of seconds and nanos, less than a second, since the epoch.
func join(seconds int64, nanos uint64) int64 {
	const most = math.MaxInt64 / int64(1e9)
	switch {
	case seconds >= most:
		return math.MaxInt64
	case seconds <= -most:
		return math.MinInt64
	}
	return seconds*1e9 + int64(nanos) //nolint:gosec // less than 10^9
}
