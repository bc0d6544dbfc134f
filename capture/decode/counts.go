package decode

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// space is a numbering of protocols, in which a number may be unknown here.
type space uint8

const (
	linkSpace space = iota
	familySpace
	arcnetSpace
	etherSpace
	ipSpace
	pppSpace
)

var spaces = [...]struct{ prefix, verb string }{
	linkSpace:   {"link", "%d"},
	familySpace: {"family", "%d"},
	arcnetSpace: {"arcnet", "0x%02x"},
	etherSpace:  {"ethertype", "0x%04x"},
	ipSpace:     {"ip.proto", "%d"},
	pppSpace:    {"ppp", "0x%04x"},
}

// oddity is a protocol that has a number and no name here.
type oddity struct {
	space space
	n     uint32
}

// others is the number that stands for those beyond maxOddities.
const others = 1<<32 - 1

// maxOddities is how many unknown numbers are counted one by one.
const maxOddities = 256

func (o oddity) String() string {
	if o.n == others {
		return spaces[o.space].prefix + ".other"
	}
	return spaces[o.space].prefix + fmt.Sprintf("."+spaces[o.space].verb, o.n)
}

func compareOddities(a, b oddity) int {
	return cmp.Or(cmp.Compare(a.space, b.space), cmp.Compare(a.n, b.n))
}

// counters say what the frames were that carry no segment.
type counters struct {
	known [numProtos]uint64
	odd   map[oddity]uint64
}

func (c *counters) count(p proto, o oddity) {
	if p != odd {
		c.known[p]++
		return
	}
	if _, ok := c.odd[o]; !ok && len(c.odd) >= maxOddities {
		o.n = others
	}
	if c.odd == nil {
		c.odd = make(map[oddity]uint64)
	}
	c.odd[o]++
}

// all yields the counts that are not zero: the named in the order of their
// constants, then the numbered by space and number.
func (c *counters) all() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for p, n := range c.known {
			if n > 0 && names[p] != "" && !yield(names[p], n) {
				return
			}
		}
		for _, o := range slices.SortedFunc(maps.Keys(c.odd), compareOddities) {
			if !yield(o.String(), c.odd[o]) {
				return
			}
		}
	}
}
