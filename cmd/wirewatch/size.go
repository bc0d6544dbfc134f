package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// bodyLimit is a size in bytes; negative is all.
type bodyLimit int64

// Type is what the help calls the value of such a flag.
func (b *bodyLimit) Type() string { return "size" }

// String is the size as Set takes it, in the largest unit that it is a multiple
// of.
func (b *bodyLimit) String() string {
	n := int64(*b)
	switch {
	case n < 0:
		return "all"
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + "MiB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + "KiB"
	}
	return strconv.FormatInt(n, 10)
}

// units are in the order in which they are looked for: "b" ends all of them.
var units = []struct {
	suffix string
	size   int64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9},
	{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"b", 1},
}

// Set parses "all", or a number with an optional unit: k, KiB (1024), kB (1000)
// and so on.
func (b *bodyLimit) Set(s string) error {
	low := strings.ToLower(strings.TrimSpace(s))
	if low == "all" {
		*b = -1
		return nil
	}
	unit := int64(1)
	for _, u := range units {
		if t, ok := strings.CutSuffix(low, u.suffix); ok {
			low, unit = strings.TrimSpace(t), u.size
			break
		}
	}
	n, err := strconv.ParseUint(low, 10, 63)
	if err != nil || n > math.MaxInt64/uint64(unit) {
		return errors.New("want a size such as 4096, 64KiB or 1MB, or all")
	}
	*b = bodyLimit(int64(n) * unit)
	return nil
}
