package main

import "testing"

func TestBodyLimit(t *testing.T) {
	for _, c := range []struct {
		in   string
		want bodyLimit
		text string
	}{
		{"0", 0, "0"}, {"1", 1, "1"}, {"4096", 4096, "4KiB"}, {"4097", 4097, "4097"}, {"10b", 10, "10"},
		{"64k", 64 << 10, "64KiB"}, {"64K", 64 << 10, "64KiB"}, {"64KiB", 64 << 10, "64KiB"}, {"64kb", 64000, "64000"},
		{"1m", 1 << 20, "1MiB"}, {"1MB", 1e6, "1000000"}, {"3 MiB", 3 << 20, "3MiB"}, {" 1g ", 1 << 30, "1024MiB"},
		{"2GB", 2e9, "1953125KiB"}, {"1GiB", 1 << 30, "1024MiB"}, {"1536KiB", 1536 << 10, "1536KiB"},
		{"all", -1, "all"}, {"ALL", -1, "all"},
		{"9223372036854775807", 1<<63 - 1, "9223372036854775807"}, {"8589934591g", 8589934591 << 30, "8796093021184MiB"},
	} {
		b := bodyLimit(-7)
		if err := b.Set(c.in); err != nil || b != c.want || b.String() != c.text {
			t.Errorf("Set(%q) = %v, %d, %s; want %d, %s", c.in, err, int64(b), b.String(), int64(c.want), c.text)
		}
		back := bodyLimit(-7)
		if err := back.Set(b.String()); err != nil || back != b {
			t.Errorf("%s, from %q, does not come back: %d, %v", b.String(), c.in, int64(back), err)
		}
	}
	for _, in := range []string{
		"", " ", "k", "KiB", "-1", "-1k", "+1", "1.5m", "1e3", "0x10", "1_000", "1kk", "1 k k", "1tb", "none", "al",
		"9223372036854775808", "8589934592g", "99999999999999999999", "٣", "1\x00",
	} {
		b := bodyLimit(7)
		if err := b.Set(in); err == nil || b != 7 {
			t.Errorf("Set(%q) = nil, %d, want an error and no change", in, int64(b))
		}
	}
}
