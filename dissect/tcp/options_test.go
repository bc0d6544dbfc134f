package tcp

import (
	"slices"
	"testing"

	"example.com/wirewatch/packet"
)

func TestOptions(t *testing.T) {
	for name, tc := range map[string]struct {
		in   []byte
		want Options
	}{
		"none":              {nil, Options{}},
		"of a usual SYN":    {[]byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7}, Options{1460, 7, true, true}},
		"scale of 0":        {[]byte{3, 3, 0}, Options{0, 0, true, false}},
		"after the end":     {[]byte{0, 2, 4, 5, 0xb4}, Options{}},
		"only padding":      {[]byte{1, 1, 1, 0}, Options{}},
		"MSS too long":      {[]byte{2, 5, 5, 0xb4, 1, 4, 2}, Options{0, 0, false, true}},
		"MSS cut":           {[]byte{2, 4, 5}, Options{}},
		"kind cut":          {[]byte{4, 2, 2}, Options{0, 0, false, true}},
		"length 0":          {[]byte{4, 0, 3, 3, 7}, Options{}},
		"length 1":          {[]byte{4, 1, 3, 3, 7}, Options{}},
		"length past end":   {[]byte{3, 3, 7, 4, 200}, Options{0, 7, true, false}},
		"unknown is passed": {[]byte{254, 4, 0xf9, 0x89, 3, 3, 2}, Options{0, 2, true, false}},
		"the last counts":   {[]byte{3, 3, 2, 3, 3, 4}, Options{0, 4, true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := parseOptions(tc.in); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

// FuzzOptions checks that nothing is read beyond what is there, and that what
// is found stands in the bytes as an option of the right length.
func FuzzOptions(f *testing.F) {
	f.Add([]byte{2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2})
	f.Add([]byte{5, 0})
	f.Add([]byte{1, 3})
	f.Fuzz(func(t *testing.T, in []byte) {
		p := slices.Clip(slices.Clone(in))
		o := parseOptions(p)
		if !slices.Equal(p, in) {
			t.Fatal("the options were changed")
		}
		has := func(option ...byte) bool {
			for i := range len(in) - len(option) + 1 {
				if slices.Equal(in[i:i+len(option)], option) {
					return true
				}
			}
			return false
		}
		if o.MSS != 0 && !has(optMSS, 4, byte(o.MSS>>8), byte(o.MSS)) {
			t.Errorf("MSS %d", o.MSS)
		}
		if o.HasScale && !has(optScale, 3, o.WindowScale) || !o.HasScale && o.WindowScale != 0 {
			t.Errorf("scale %d", o.WindowScale)
		}
		if o.SACKPermitted && !has(optSACKOK, 2) {
			t.Error("SACK permitted")
		}
		w := newWire(t)
		for i := range 3 {
			w.c.Segment(0, &packet.Segment{Frame: uint64(i + 1), Flags: packet.SYN >> i, Options: p}, true)
		}
	})
}
