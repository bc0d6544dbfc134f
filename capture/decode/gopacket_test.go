package decode

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"example.com/wirewatch/packet"
)

// trusted are the layers that gopacket decodes as we mean to. Not among them
// are IPv6's extension headers, after which it takes padding for payload, SNAP,
// of which it ignores the organisation, and everything that it panics in.
var trusted = []gopacket.LayerType{
	layers.LayerTypeEthernet, layers.LayerTypeDot1Q, layers.LayerTypeLoopback, layers.LayerTypeLinuxSLL,
	layers.LayerTypePPP, layers.LayerTypePPPoE, layers.LayerTypeMPLS,
	layers.LayerTypeIPv4, layers.LayerTypeIPv6, layers.LayerTypeUDP, layers.LayerTypeVXLAN,
}

// ipInIP is a protocol number that nobody used (it was to be better than 4);
// gopacket goes on into it, Wireshark does not.
const ipInIP = 94

// theirs is the segment that gopacket finds, if it finds one without an error,
// in layers that it is trusted with. It must not see GTP's port: it prints to
// stdout where GTP is malformed. Nor does it look at IP's version.
func theirs(link uint16, data []byte) (t *layers.TCP, src, dst net.IP) {
	if link > 255 || bytes.Contains(data, []byte{2152 >> 8, 2152 & 0xff}) {
		return nil, nil, nil
	}
	p := gopacket.NewPacket(data, layers.LinkType(link), gopacket.NoCopy)
	if p.ErrorLayer() != nil {
		return nil, nil, nil
	}
	for _, l := range p.Layers() {
		switch l := l.(type) {
		case *layers.TCP:
			return l, src, dst
		case *layers.IPv4:
			if src, dst = l.SrcIP, l.DstIP; l.Version != 4 || l.Protocol == ipInIP {
				return nil, nil, nil
			}
		case *layers.IPv6:
			if src, dst = l.SrcIP, l.DstIP; l.Version != 6 || l.NextHeader == ipInIP {
				return nil, nil, nil
			}
		}
		if !slices.Contains(trusted, l.LayerType()) {
			break
		}
	}
	return nil, nil, nil
}

// compare reports whether gopacket found a segment, and fails if that is not
// ours.
func compare(t *testing.T, link uint16, data []byte) bool {
	t.Helper()
	want, src, dst := theirs(link, data)
	if want == nil {
		return false
	}
	var s packet.Segment
	d := New(Options{})
	if err := d.Decode(frame(link, data), &s); err != nil {
		t.Errorf("link %d\n% x\ngopacket has a segment, we have %v", link, data, countsOf(d))
		return true
	}
	a, b := s.Key.Lo(), s.Key.Hi()
	if s.Swapped {
		a, b = b, a
	}
	flags := []bool{want.FIN, want.SYN, want.RST, want.PSH, want.ACK, want.URG, want.ECE, want.CWR}
	for i, set := range flags {
		if set != s.Flags.Has(1<<i) {
			t.Errorf("flag %d", i)
		}
	}
	if a != addrPort(src, uint16(want.SrcPort)) || b != addrPort(dst, uint16(want.DstPort)) ||
		uint32(s.Seq) != want.Seq || uint32(s.Ack) != want.Ack || s.Window != want.Window ||
		!bytes.Equal(s.Options, want.Contents[20:]) || !bytes.Equal(s.Payload, want.LayerPayload()) {
		t.Errorf("link %d\n% x\ngopacket %v > %v %+v\nwe %v > %v %+v", link, data, src, dst, want, a, b, s)
	}
	return true
}

func addrPort(ip net.IP, port uint16) netip.AddrPort {
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a, port)
}

// TestGopacket compares the examples, and a great many changes of them, with
// gopacket's layers: where those find a segment, it is ours. The changes are
// seeded: an oracle with defects of its own would make an open-ended search a
// search for those.
func TestGopacket(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	compared := 0
	for _, e := range examples() {
		for i := range 1000 {
			b := slices.Clone(e.data)
			for range min(i, r.IntN(4)) {
				b[r.IntN(len(b))] = byte(r.Uint32())
			}
			if i%3 == 2 {
				n := r.IntN(len(b))
				b = b[:n:n] // or gopacket reads PPPoE's payload from beyond its end
			}
			if compare(t, e.link, b) {
				compared++
			}
		}
	}
	if compared < 15000 {
		t.Errorf("only %d compared", compared)
	}
}
