package main

import (
	"net/netip"
	"testing"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/bpf"
)

// TestOwnersPassTheFilter checks that of connections that a capture filter leaves out
// no process is named.
func TestOwnersPassTheFilter(t *testing.T) {
	if !bpf.Available {
		t.Skip("SKIPPED: this build has no capture filters")
	}
	four := capture.Owner{Local: netip.MustParseAddrPort("10.0.0.1:40000"), Remote: netip.MustParseAddrPort("10.0.0.2:80"), PID: 1}
	mapped := capture.Owner{Local: netip.MustParseAddrPort("[::ffff:10.0.0.1]:40000"), Remote: netip.MustParseAddrPort("[::ffff:10.0.0.2]:80"), PID: 1}
	six := capture.Owner{Local: netip.MustParseAddrPort("[2001:db8::1]:443"), Remote: netip.MustParseAddrPort("[2001:db8::2]:40000"), PID: 2}
	for _, c := range []struct {
		filter    string
		four, six bool
	}{
		{"tcp", true, true}, {"udp", false, false}, {"port 80", true, false}, {"dst port 80", true, false}, {"src port 80", true, false},
		{"host 10.0.0.1", true, false}, {"src host 10.0.0.1", true, false}, {"src host 10.0.0.2", true, false}, {"host 10.0.0.3", false, false},
		{"ip6", false, true}, {"net 2001:db8::/32 and port 443", false, true}, {"not port 80", false, true},
		{"tcp[tcpflags] & tcp-syn != 0", true, false}, {"tcp[tcpflags] & tcp-push != 0", true, false}, {"greater 1000", true, true}, {"less 100", true, true},
	} {
		p, err := bpf.Compile(c.filter, linkRaw, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]bool{passes(p, four), passes(p, mapped), passes(p, six)}; got != [3]bool{c.four, c.four, c.six} {
			t.Errorf("%s: %v, want %t and %t", c.filter, got, c.four, c.six)
		}
		in := make(chan capture.Owner, 2)
		in <- four
		in <- six
		close(in)
		n := 0
		for range passing(in, p) {
			n++
		}
		if want := map[bool]int{true: 1}; n != want[c.four]+want[c.six] {
			t.Errorf("%s: %d owners", c.filter, n)
		}
	}
	in := make(chan capture.Owner, 1)
	in <- four
	close(in)
	for o := range passing(in, nil) {
		t.Errorf("%+v, though nobody can say whether it passes", o)
	}
}
