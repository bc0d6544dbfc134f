package text

import (
	"strconv"
	"time"
)

// unit is a unit of measure and how many of the smallest one it is.
type unit struct {
	size float64
	name string
}

var byteUnits = []unit{{1, "B"}, {1e3, "kB"}, {1e6, "MB"}, {1e9, "GB"}, {1e12, "TB"}, {1e15, "PB"}, {1e18, "EB"}}

var timeUnits = []unit{{1, "ns"}, {1e3, "µs"}, {1e6, "ms"}, {1e9, "s"}}

// size is a number of bytes in three digits and a decimal unit: "1.20 kB".
func size(n uint64) string { return measure(float64(n), byteUnits) }

// took is a duration in three digits, in at most seven cells: "12.3 ms", "17m04s".
// The sign of microseconds is spelled in ASCII on demand.
func took(d time.Duration, ascii bool) string {
	switch {
	case d < 0:
		return "-" + took(-max(d, -1<<62), ascii)
	case d >= 48*time.Hour:
		return pairOf(d, 24*time.Hour, "d", time.Hour, "h")
	case d >= time.Hour:
		return pairOf(d, time.Hour, "h", time.Minute, "m")
	case d >= 10*time.Minute:
		return pairOf(d, time.Minute, "m", time.Second, "s")
	case ascii && d >= time.Microsecond && d < time.Millisecond:
		return measure(float64(d), []unit{{1e3, "us"}, {1e6, "ms"}})
	}
	return measure(float64(d), timeUnits)
}

// pairOf is a duration in two units: "3h07m".
func pairOf(d, high time.Duration, highName string, low time.Duration, lowName string) string {
	n := d % high / low
	zero := ""
	if n < 10 {
		zero = "0"
	}
	return strconv.FormatInt(int64(d/high), 10) + highName + zero + strconv.FormatInt(int64(n), 10) + lowName
}

// measure is x in three digits and the largest unit in which it is not below 1.
func measure(x float64, units []unit) string {
	i := 0
	for i < len(units)-1 && x >= 999.5*units[i].size { // 999.5 is rounded to 1000
		i++
	}
	y, decimals := x/units[i].size, 0
	if i > 0 || units[0].size > 1 { // the smallest unit has no fraction
		switch {
		case y < 9.995:
			decimals = 2
		case y < 99.95:
			decimals = 1
		}
	}
	return strconv.FormatFloat(y, 'f', decimals, 64) + " " + units[i].name
}
