package decode

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/packet"
)

// frame is b as the first frame of a capture, wholly captured.
func frame(link uint16, b []byte) *packet.Frame {
	return &packet.Frame{Number: 7, Nanos: 1e18, Link: link, WireLen: len(b), Data: b}
}

// garbage is a segment in which every field is wrong.
func garbage() packet.Segment {
	junk := []byte("junk")
	s := packet.Segment{Frame: 99, Nanos: 99, Swapped: true, Flags: 0xff, Window: 99, Seq: 99, Ack: 99, Missing: 99, Options: junk, Payload: junk}
	return s
}

func countsOf(d *Decoder) map[string]uint64 { return maps.Collect(d.Counts()) }

func check(t *testing.T, e example, s *packet.Segment) {
	t.Helper()
	lo, hi := netip.AddrFrom4([4]byte(src4)), netip.AddrFrom4([4]byte(dst4))
	if e.v6 {
		lo, hi = netip.AddrFrom16([16]byte(src6)), netip.AddrFrom16([16]byte(dst6))
	}
	got := fmt.Sprint(s.Frame, s.Nanos, s.Key.Lo(), s.Key.Hi(), s.Key.VNI(), s.Swapped, s.Flags, s.Window, s.Seq, s.Ack)
	want := fmt.Sprint(7, int64(1e18), netip.AddrPortFrom(lo, srcPort), netip.AddrPortFrom(hi, dstPort), e.vni, false,
		packet.ACK|packet.PSH, window, seq, ack)
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestExamples(t *testing.T) {
	for _, e := range examples() {
		t.Run(e.name, func(t *testing.T) {
			d, s := New(Options{}), garbage()
			if err := d.Decode(frame(e.link, e.data), &s); err != nil {
				t.Fatal(err, countsOf(d))
			}
			check(t, e, &s)
			if !bytes.Equal(s.Options, options) || string(s.Payload) != body || s.Missing != 0 {
				t.Errorf("options % x, payload %q, missing %d", s.Options, s.Payload, s.Missing)
			}
			if n := countsOf(d); len(n) != 0 {
				t.Errorf("a segment was counted: %v", n)
			}
		})
	}
}

// TestTruncated cuts every example at every length, with a frame length that
// says so (the snaplen cut it) and with one that does not (it was sent so).
// There is a segment if and only if TCP's header is there up to its window; it is as long
// as the IP header says, within the frame's length; and the snaplen is blamed
// where it is to blame.
func TestTruncated(t *testing.T) {
	for _, e := range examples() {
		t.Run(e.name, func(t *testing.T) {
			for n := range e.data {
				checkTruncated(t, e, n, len(e.data))
				checkTruncated(t, e, n, n)
			}
		})
	}
}

func checkTruncated(t *testing.T, e example, n, wire int) {
	t.Helper()
	header := len(tcpBytes()) - len(body)
	at := len(e.data) - e.tail - header - len(body)
	d, s := New(Options{}), garbage()
	f := &packet.Frame{Number: 7, Nanos: 1e18, Link: e.link, WireLen: wire, Data: e.data[:n:n]}
	err := d.Decode(f, &s)
	noLength := strings.HasSuffix(e.name, "no length") && wire == n // the frame's length is all there is
	if n < at+16 || n < at+20 && noLength || n < at+header && noLength {
		counts := slices.Collect(maps.Keys(countsOf(d)))
		if !errors.Is(err, capture.ErrNotTCP) || len(counts) != 1 {
			t.Fatalf("%d bytes of %d: %v, counted %v", n, wire, err, counts)
		}
		if blame := strings.HasSuffix(counts[0], ".malformed"); blame && wire > n {
			t.Fatalf("%d bytes of %d: counted %v", n, wire, counts)
		}
		return
	}
	if err != nil {
		t.Fatalf("%d bytes of %d: %v, counted %v", n, wire, err, countsOf(d))
	}
	check(t, e, &s)
	captured := min(max(0, n-at-header), len(body))
	length := len(body)
	if wire == n {
		length = captured
	}
	if string(s.Payload) != body[:captured] || s.Len() != length {
		t.Fatalf("%d bytes of %d: payload %q, missing %d", n, wire, s.Payload, s.Missing)
	}
	if want := len(options); n < at+header && len(s.Options) != 0 || n >= at+header && len(s.Options) != want {
		t.Fatalf("%d bytes of %d: options % x", n, wire, s.Options)
	}
}

// TestCounts has a frame for every name under which frames are counted.
func TestCounts(t *testing.T) {
	t4 := tcpBytes()
	with := func(b []byte, at int, v ...byte) []byte {
		b = slices.Clone(b)
		copy(b[at:], v)
		return b
	}
	wifi := func(fc ...byte) []byte { return cat(fc, zeros(40)) }
	gtp := func(b ...byte) []byte { return ip4(17, udpTo(2152, cat(b, zeros(40)))) }
	for _, c := range []struct {
		want string
		link uint16
		data []byte
	}{
		{"udp", 101, ip4(17, udpTo(53, t4))},
		{"udp", 101, ip4(17, []byte{0, 1, 2})},
		{"icmp", 101, ip4(1, cat([]byte{3, 1, 0, 0, 0, 0, 0, 0}, in4))},
		{"icmpv6", 101, ip6(58, cat([]byte{1, 0, 0, 0, 0, 0, 0, 0}, in6))},
		{"igmp", 101, ip4(2, zeros(8))},
		{"sctp", 101, ip4(132, zeros(12))},
		{"esp", 101, ip4(50, zeros(12))},
		{"ip.proto.89", 101, ip4(89, zeros(12))},
		{"ip.proto.0", 101, ip4(0, t4)}, // hop-by-hop options are IPv6's
		{"ip.proto.253", 101, ip6(253, zeros(12))},
		{"ipv6.no_next", 101, ip6(59, t4)},
		{"ip.malformed", 101, with(in4, 0, 0x55)},
		{"ip.malformed", 101, with(in4, 0, 0x44)},
		{"ip.malformed", 101, with(in4, 2, 0, 19)},
		{"ip.malformed", 101, in4[:19]},
		{"ip.malformed", 101, nil},
		{"arp", 1, eth(0x0806, zeros(28))},
		{"lldp", 1, eth(0x88cc, zeros(28))},
		{"ethertype.0x9000", 1, eth(0x9000, zeros(28))},
		{"ethertype.0x05dd", 1, eth(1501, in4)}, // neither a length nor a type
		{"llc", 1, eth(20, cat([]byte{0x42, 0x42, 3}, zeros(17)))},
		{"llc", 1, eth(8+len(in4), cat([]byte{0xaa, 0xaa, 3, 0, 0, 0x0c, 8, 0}, in4))},
		{"pppoe.discovery", 1, eth(0x8863, zeros(20))},
		{"pppoe.discovery", 51, []byte{0x11, 9, 0, 0, 0, 0}},
		{"ppp.0xc021", 9, []byte{0xff, 3, 0xc0, 0x21, 1, 1, 0, 4}},
		{"link.147", 147, in4},
		{"link.malformed", 1, ether[:13]},
		{"link.malformed", 127, cat(zeros(8), in4)},
		{"family.99", 0, cat(le32(99), in4)},
		{"arcnet.0x80", 7, cat([]byte{1, 2, 0x80}, in4)},
		{"arp", 7, cat([]byte{1, 2, 0xd5}, in4)},
		{"802.11.management", 105, wifi(0x80, 0)},
		{"802.11.control", 105, wifi(0xd4, 0)},
		{"802.11.null", 105, wifi(0x48, 1)},
		{"802.11.protected", 105, wifi(0x08, 0x41)},
		{"802.11.fragment", 105, wifi(0x08, 0x05)},
		{"802.11.fragment", 105, with(wifi(0x08, 0x01), 22, 1)},
		{"netlink", 253, with(netlinkMessage(0x0100, 9), 20, 0, 1)},
		{"netlink", 253, with(netlinkMessage(0x0400, 9), 14, 0, 0)},
		{"link.malformed", 253, netlinkMessage(0x0400, 8)},
		{"link.malformed", 239, []byte{2, 0, 0, 0, 3, 0, 9, 0}},
		{"link.malformed", 239, []byte{2, 1, 0, 0, 8, 0, 9, 0}},
		{"link.malformed", 192, cat([]byte{0, 0}, le16(8), le32(1<<16), in4)},
		{"gtp.control", 101, gtp(0x32, 1, 0, 4)},
		{"tunnel.malformed", 101, gtp(0x50, 0xff, 0, 4)},
		{"tunnel.malformed", 101, gtp(0x34, 0xff, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0x85, 0)},
		{"l2tp.control", 101, ip4(17, udpTo(1701, cat(u16(0xc802), zeros(10))))},
		{"tunnel.malformed", 101, ip4(17, udpTo(4789, zeros(7)))},
		{"tunnel.malformed", 101, ip4(17, cat(u16(1), u16(4789), u16(7), zeros(2), vxlanHeader(1, ether)))},
		{"tunnel.malformed", 101, ip4(17, udpTo(4790, cat([]byte{0x0c, 0, 0, 4}, zeros(4), in4)))},
		{"tunnel.malformed", 101, ip4(17, udpTo(6081, cat([]byte{0x40, 0}, u16(0x0800), zeros(4), in4)))},
		{"tunnel.malformed", 101, ip4(47, greHeader(2, 0x0800, 0, in4))},
		{"tunnel.malformed", 101, ip4(47, greHeader(0x4000, 0x0800, 4, []byte{8, 0, 0, 200, 1}))},
		{"tunnel.malformed", 101, ip4(47, greHeader(0x1000, 0x88be, 4, cat([]byte{0x30}, zeros(20))))},
		{"tunnel.malformed", 101, ip4(97, cat([]byte{0x20, 0}, ether))},
		{"tcp.malformed", 101, ip4(6, with(t4, 12, 0x40))},
		{"tcp.malformed", 101, ip4(6, with(t4, 12, 0xf0))},
		{"tcp.malformed", 101, ip4(6, t4[:19])},
		{"ipv4.fragment", 101, ip4Fragment(6, 1, 0x2000, zeros(8))},
		{"ipv6.fragment", 101, ip6Fragment(6, 1, 1, zeros(8))},
	} {
		t.Run(c.want, func(t *testing.T) {
			d, s := New(Options{}), garbage()
			if err := d.Decode(frame(c.link, c.data), &s); !errors.Is(err, capture.ErrNotTCP) {
				t.Fatalf("% x\nis a segment: %v", c.data, err)
			}
			if got := countsOf(d); len(got) != 1 || got[c.want] != 1 {
				t.Errorf("% x\ncounted as %v", c.data, got)
			}
		})
	}
}

// TestTruncatedCounts pins the names for headers that the snaplen cut.
func TestTruncatedCounts(t *testing.T) {
	for want, n := range map[string]int{"link.truncated": 13, "ip.truncated": 33, "tunnel.truncated": 48, "tcp.truncated": 99} {
		b := eth(0x0800, ip4(17, udpTo(4789, vxlanHeader(1, ether))))
		d := New(Options{})
		f := frame(1, b[:n])
		f.WireLen = len(b)
		var s packet.Segment
		if err := d.Decode(f, &s); err == nil || countsOf(d)[want] != 1 {
			t.Errorf("%d bytes: %v, counted %v, want %s", n, err, countsOf(d), want)
		}
	}
}

// TestNames pins that every way for a walk to end has a name of its own.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for p := plainUDP; p < numProtos; p++ {
		if names[p] == "" || seen[names[p]] {
			t.Errorf("%d is called %q", p, names[p])
		}
		seen[names[p]] = true
	}
	for p := range plainUDP {
		if names[p] != "" {
			t.Errorf("%d is called %q, and is not the end of a walk", p, names[p])
		}
	}
}

// TestCountsOrder pins that the order does not depend on what came first, and
// that unknown numbers are counted without bound but not named without bound.
func TestCountsOrder(t *testing.T) {
	up, down := New(Options{}), New(Options{})
	var s packet.Segment
	const n = maxOddities + 10
	for i := range n {
		_ = up.Decode(frame(uint16(1000+i), ether), &s)
	}
	_ = up.Decode(frame(1, eth(0x0806, nil)), &s)
	_ = down.Decode(frame(1, eth(0x0806, nil)), &s)
	for i := range maxOddities {
		_ = down.Decode(frame(uint16(1000+maxOddities-1-i), ether), &s)
	}
	var names []string
	var total uint64
	for name, c := range up.Counts() {
		names, total = append(names, name), total+c
	}
	if total != n+1 || len(names) != maxOddities+2 || names[0] != "arp" || names[len(names)-1] != "link.other" {
		t.Errorf("%d frames as %v", total, names)
	}
	var others []string
	for name := range down.Counts() {
		others = append(others, name)
	}
	if !slices.Equal(others, names[:len(names)-1]) {
		t.Errorf("order:\n%v\n%v", names, others)
	}
}

// TestCountsStop pins that a consumer may stop at any count.
func TestCountsStop(t *testing.T) {
	d := New(Options{})
	var s packet.Segment
	for _, b := range [][]byte{versions[0].fragment(1, 0, 8, true, zeros(8)), versions[1].fragment(1, 0, 8, true, zeros(8)), ip4(1, nil), ip4(89, nil)} {
		_ = d.Decode(frame(101, b), &s)
	}
	for stop := 1; stop <= 4; stop++ {
		n := 0
		for range d.Counts() {
			if n++; n == stop {
				break
			}
		}
		if n != stop {
			t.Errorf("%d counts, want %d", n, stop)
		}
	}
}

// TestNesting pins that depth costs nothing: of 16 MB of tags, and of any other
// header that may follow itself, no more than maxLayers are read.
func TestNesting(t *testing.T) {
	tags := eth(0x8100, bytes.Repeat([]byte{0, 1, 0x81, 0}, 4<<20))
	tunnels := in4
	for range maxLayers {
		tunnels = ip4(4, tunnels)
	}
	labels := eth(0x8847, bytes.Repeat([]byte{0, 1, 0, 9}, 1000))
	for _, b := range [][]byte{tags, eth(0x0800, tunnels), labels} {
		d := New(Options{})
		var s packet.Segment
		if err := d.Decode(frame(1, b), &s); err == nil || countsOf(d)["nesting"] != 1 {
			t.Errorf("%d bytes: %v, counted %v", len(b), err, countsOf(d))
		}
	}
	deep := in4
	for range maxLayers - 2 { // and Ethernet, and the innermost
		deep = ip4(4, deep)
	}
	var s packet.Segment
	if err := New(Options{}).Decode(frame(1, eth(0x0800, deep)), &s); err != nil {
		t.Errorf("%d layers: %v", maxLayers, err)
	}
}

// TestRouting pins that a segment on its way through the stops of a routing
// header has the key of the flow, not that of the next stop.
func TestRouting(t *testing.T) {
	stop := []byte{0xfe, 0x80, 15: 9}
	for _, c := range []struct {
		kind, left  byte
		first, last []byte
		want        []byte
	}{
		{0, 1, stop, dst6, dst6},
		{4, 1, dst6, stop, dst6},
		{0, 0, src6, src6, stop},
		{9, 1, src6, src6, stop},
	} {
		b := ip6(43, cat([]byte{6, 4, c.kind, c.left}, zeros(4), c.first, c.last, tcpBytes()))
		copy(b[24:], stop)
		var s packet.Segment
		if err := New(Options{}).Decode(frame(101, b), &s); err != nil {
			t.Fatal(err)
		}
		dst := s.Key.Hi()
		if s.Swapped {
			dst = s.Key.Lo()
		}
		if want := netip.AddrPortFrom(netip.AddrFrom16([16]byte(c.want)), dstPort); dst != want {
			t.Errorf("type %d, %d left: to %v, want %v", c.kind, c.left, dst, want)
		}
	}
}

// TestDirections pins that both directions have the same key, and only that.
func TestDirections(t *testing.T) {
	back := slices.Clone(in4)
	copy(back[12:], cat(dst4, src4))
	copy(back[20:], cat(u16(dstPort), u16(srcPort)))
	var a, b packet.Segment
	d := New(Options{})
	if err := errors.Join(d.Decode(frame(101, in4), &a), d.Decode(frame(101, back), &b)); err != nil {
		t.Fatal(err)
	}
	if a.Key != b.Key || a.Swapped || !b.Swapped {
		t.Errorf("there %v %v, back %v %v", a.Key, a.Swapped, b.Key, b.Swapped)
	}
}

// TestForgedLengths pins that no length field makes a segment longer than a
// window can be.
func TestForgedLengths(t *testing.T) {
	jumbo := ip6(0, cat([]byte{6, 0, 0xc2, 4, 0xff, 0xff, 0xff, 0xff}, tcpBytes()))
	jumbo[4], jumbo[5] = 0, 0
	endless := slices.Clone(in4)
	endless[2], endless[3] = 0, 0
	for _, b := range [][]byte{jumbo, endless} {
		d := New(Options{})
		f := frame(101, b)
		f.WireLen = 1<<32 - 1
		var s packet.Segment
		if err := d.Decode(f, &s); err == nil || countsOf(d)["tcp.malformed"] != 1 {
			t.Errorf("missing %d, counted %v", s.Missing, countsOf(d))
		}
	}
}

func TestAllocations(t *testing.T) {
	d := New(Options{})
	var s packet.Segment
	for _, e := range examples() {
		f := frame(e.link, e.data)
		if n := testing.AllocsPerRun(10, func() { _ = d.Decode(f, &s) }); n != 0 {
			t.Errorf("%s: %v allocations", e.name, n)
		}
	}
	f := frame(1, eth(0x9000, nil))
	if n := testing.AllocsPerRun(10, func() { _ = d.Decode(f, &s) }); n != 0 {
		t.Errorf("not TCP: %v allocations", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, e := range []example{examples()[0], examples()[2], examples()[3], {name: "udp", link: 1, data: eth(0x0800, ip4(17, udpTo(53, nil)))}} {
		b.Run(e.name, func(b *testing.B) {
			d, f := New(Options{}), frame(e.link, e.data)
			var s packet.Segment
			for b.Loop() {
				_ = d.Decode(f, &s)
			}
		})
	}
}
