package decode

import (
	"encoding/binary"
	"slices"

	"example.com/wirewatch/packet"
)

// The segment that every built frame carries, unless it says otherwise.
const (
	srcPort, dstPort = 49152, 80
	seq, ack, window = 0x11223344, 0x55667788, 0x2000
	body             = "GET / HTTP/1.1\r\n\r\n"
)

var (
	options = []byte{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2} // NOP, NOP, timestamps
	src4    = []byte{10, 0, 0, 1}
	dst4    = []byte{10, 0, 0, 2}
	src6    = []byte{0x20, 1, 0xd, 0xb8, 15: 1}
	dst6    = []byte{0x20, 1, 0xd, 0xb8, 15: 2}
	mac     = []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2} // two of them
)

func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

func u16(n int) []byte   { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func u32(n int) []byte   { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func le16(n int) []byte  { return binary.LittleEndian.AppendUint16(nil, uint16(n)) }
func le32(n int) []byte  { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
func zeros(n int) []byte { return make([]byte, n) }

func tcpHeader(flags packet.Flags) []byte {
	return cat(u16(srcPort), u16(dstPort), u32(seq), u32(ack),
		[]byte{byte(20+len(options)) / 4 << 4, byte(flags)}, u16(window), zeros(4), options)
}

func tcpBytes() []byte { return cat(tcpHeader(packet.ACK|packet.PSH), []byte(body)) }

func ip4(protocol int, p []byte) []byte { return ip4Fragment(protocol, 0, 0, p) }

// ip4Fragment's last field holds More Fragments and the offset in units of 8 bytes.
func ip4Fragment(protocol, id, field int, p []byte) []byte {
	return cat([]byte{0x45, 0}, u16(20+len(p)), u16(id), u16(field), []byte{64, byte(protocol), 0, 0}, src4, dst4, p)
}

func ip4WithOptions(protocol int, p []byte) []byte {
	return cat([]byte{0x47, 0}, u16(28+len(p)), zeros(4), []byte{64, byte(protocol), 0, 0}, src4, dst4, []byte{7, 7, 4, 0, 0, 0, 0, 0}, p)
}

func ip6(next int, p []byte) []byte {
	return cat([]byte{0x60, 0, 0, 0}, u16(len(p)), []byte{byte(next), 64}, src6, dst6, p)
}

func ip6Fragment(next, id, field int, p []byte) []byte {
	return ip6(44, cat([]byte{byte(next), 0}, u16(field), u32(id), p))
}

func eth(etherType int, p []byte) []byte { return cat(mac, u16(etherType), p) }
func tag(etherType int, p []byte) []byte { return cat(u16(7), u16(etherType), p) }

func snap(etherType int, p []byte) []byte {
	return cat([]byte{0xaa, 0xaa, 3, 0, 0, 0}, u16(etherType), p)
}

func udpTo(port int, p []byte) []byte {
	return cat(u16(50000), u16(port), u16(8+len(p)), zeros(2), p)
}

func vxlanHeader(vni int, p []byte) []byte { return cat([]byte{8, 0, 0, 0}, u32(vni<<8), p) }

func label(bottom bool, p []byte) []byte {
	b := []byte{0, 1, 0x20, 64}
	if bottom {
		b[2] |= 1
	}
	return cat(b, p)
}

func greHeader(flags, protocol int, optional int, p []byte) []byte {
	return cat(u16(flags), u16(protocol), zeros(optional), p)
}

// attribute4 is a netlink attribute, little-endian, padded.
func attribute4(t int, v []byte) []byte {
	return cat(le16(4+len(v)), le16(t), v, zeros((4-len(v)%4)%4))
}

// example is a frame with a TCP segment in it.
type example struct {
	name string
	link uint16
	data []byte
	tail int // bytes of it after the segment: padding, trailers
	vni  uint32
	v6   bool
}

// in4 and in6 are an IP packet with the segment.
var (
	in4   = ip4(6, tcpBytes())
	in6   = ip6(6, tcpBytes())
	ether = eth(0x0800, in4)
)

// examples has every link type, tunnel and extension header.
func examples() []example {
	return slices.Concat(linkExamples(), ipExamples(), tunnelExamples(), wifiExamples())
}

func linkExamples() []example {
	sll := func(p int, b []byte) []byte { return cat(u16(0), u16(1), u16(6), zeros(8), u16(p), b) }
	return []example{
		{name: "ethernet", link: 1, data: ether},
		{name: "ethernet padded", link: 1, data: cat(ether, zeros(9)), tail: 9},
		{name: "ethernet ipv6", link: 1, data: eth(0x86dd, in6), v6: true},
		{name: "802.1Q", link: 1, data: eth(0x8100, tag(0x0800, in4))},
		{name: "802.1ad", link: 1, data: eth(0x88a8, tag(0x8100, tag(0x0800, in4)))},
		{name: "QinQ 9100", link: 1, data: eth(0x9100, tag(0x9200, tag(0x0800, in4)))},
		{name: "VN-Tag", link: 1, data: eth(0x8926, cat(zeros(4), u16(0x8100), tag(0x0800, in4)))},
		{name: "FabricPath", link: 1, data: eth(0x8903, cat(zeros(2), ether))},
		{name: "802.3 SNAP", link: 1, data: cat(eth(8+len(in4), snap(0x0800, in4)), zeros(5)), tail: 5},
		{name: "802.1Q SNAP", link: 1, data: eth(0x8100, tag(8+len(in4), snap(0x0800, in4)))},
		{name: "802.3 LLC IP", link: 1, data: eth(3+len(in4), cat([]byte{6, 6, 3}, in4))},
		{name: "SNAP bridged", link: 1, data: eth(8+len(ether), cat([]byte{0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7}, ether))},
		{name: "PPPoE", link: 1, data: cat(eth(0x8864, cat([]byte{0x11, 0, 0, 1}, u16(2+len(in4)), u16(0x21), in4)), zeros(3)), tail: 3},
		{name: "PPPoE link", link: 51, data: cat([]byte{0x11, 0, 0, 1}, u16(2+len(in6)), u16(0x57), in6), v6: true},
		{name: "NULL little", link: 0, data: cat(le32(2), in4)},
		{name: "NULL big", link: 0, data: cat(u32(2), in4)},
		{name: "NULL ipv6 darwin", link: 0, data: cat(le32(30), in6), v6: true},
		{name: "NULL ipv6 freebsd", link: 0, data: cat(le32(28), in6), v6: true},
		{name: "LOOP", link: 108, data: cat(u32(24), in6), v6: true},
		{name: "RAW", link: 101, data: in4},
		{name: "RAW ipv6", link: 101, data: in6, v6: true},
		{name: "RAW 12", link: 12, data: in4},
		{name: "RAW 14", link: 14, data: in4},
		{name: "IPV4", link: 228, data: in4},
		{name: "IPV6", link: 229, data: in6, v6: true},
		{name: "SLL", link: 113, data: sll(0x0800, in4)},
		{name: "SLL VLAN", link: 113, data: sll(0x8100, tag(0x86dd, in6)), v6: true},
		{name: "SLL 802.2", link: 113, data: sll(4, snap(0x0800, in4))},
		{name: "SLL2", link: 276, data: cat(u16(0x0800), zeros(18), in4)},
		{name: "PPP", link: 9, data: cat([]byte{0xff, 3, 0, 0x21}, in4)},
		{name: "PPP bare", link: 9, data: cat([]byte{0, 0x21}, in4)},
		{name: "PPP compressed", link: 9, data: cat([]byte{0x21}, in4)},
		{name: "PPP MPLS", link: 9, data: cat([]byte{0xff, 3, 2, 0x81}, label(true, in4))},
		{name: "PPP HDLC, Cisco", link: 50, data: cat([]byte{0x0f, 0, 8, 0}, in4)},
		{name: "C-HDLC", link: 104, data: cat([]byte{0x8f, 0, 0x86, 0xdd}, in6), v6: true},
		{name: "FDDI", link: 10, data: cat([]byte{0x50}, mac, snap(0x0800, in4))},
		{name: "ARCNET", link: 7, data: cat([]byte{1, 2, 0xf0}, in4)},
		{name: "ARCNET RFC 1201", link: 7, data: cat([]byte{1, 2, 0xd4, 0, 0, 1}, in4)},
		{name: "ARCNET Linux", link: 129, data: cat([]byte{1, 2, 0, 0, 0xd4, 0xff, 0, 0, 0xff, 0, 0, 1}, in4)},
		{name: "NFLOG", link: 239, data: cat([]byte{2, 0, 0, 1}, attribute4(1, zeros(4)), attribute4(10, []byte("in\x00")), attribute4(9, in4)), tail: 2},
		{name: "NFLOG big", link: 239, data: cat([]byte{10, 0, 0, 1}, u16(8), u16(1), zeros(4), u16(4+len(in6)), u16(9), in6), v6: true},
		{name: "netlink queue", link: 253, data: netlinkMessage(0x0300, 10)},
		{name: "netlink big", link: 253, data: cat(u16(4), u16(824), zeros(10), u16(12), u32(24+len(in4)), u16(0x0400), zeros(10), []byte{2, 0, 0, 0}, u16(4+len(in4)), u16(9), in4)},
		{name: "netlink log", link: 253, data: netlinkMessage(0x0400, 9)},
	}
}

func netlinkMessage(t, attribute int) []byte {
	b := cat([]byte{2, 0, 0, 0}, attribute4(1, zeros(3)), le16(4+len(in4)), le16(attribute), in4)
	return cat(u16(4), u16(824), zeros(10), u16(12), le32(16+len(b)), le16(t), zeros(10), b)
}

func ipExamples() []example {
	ext := func(next int, units int, p []byte) []byte {
		return cat([]byte{byte(next), byte(units)}, zeros(6+8*units), p)
	}
	ah := func(p []byte) []byte { return cat([]byte{6, 4, 0, 0}, zeros(20), p) }
	noLength := func(p []byte, at int) []byte {
		p = slices.Clone(p)
		p[at], p[at+1] = 0, 0
		return p
	}
	t := tcpBytes()
	return []example{
		{name: "ipv4 options", link: 101, data: ip4WithOptions(6, t)},
		{name: "ipv6 hop-by-hop", link: 1, data: cat(eth(0x86dd, ip6(0, ext(6, 0, t))), zeros(4)), tail: 4, v6: true},
		{name: "ipv6 all headers", link: 101, data: ip6(0, ext(60, 1, ext(43, 2, ext(44, 0, cat([]byte{51, 0, 0, 0, 0, 0, 0, 9}, ah(t)))))), v6: true},
		{name: "ipv6 atomic fragment", link: 101, data: ip6Fragment(6, 5, 0, t), v6: true},
		{name: "ipv6 jumbo", link: 1, data: cat(eth(0x86dd, noLength(ip6(0, cat([]byte{6, 0, 0xc2, 4}, u32(8+len(t)), t)), 4)), zeros(4)), tail: 4, v6: true},
		{name: "ipv6 jumbo after other options", link: 101, data: noLength(ip6(0, cat([]byte{6, 1, 0, 5, 1, 0, 1, 0, 0xc2, 4}, u32(16+len(t)), zeros(2), t)), 4), v6: true},
		{name: "ipv6 no length", link: 101, data: noLength(in6, 4), v6: true},
		{name: "ipv4 no length", link: 101, data: noLength(in4, 2)},
		{name: "ipv4 AH", link: 101, data: ip4(51, ah(t))},
	}
}

func tunnelExamples() []example {
	udp4 := func(port int, p []byte) []byte { return eth(0x0800, ip4(17, udpTo(port, p))) }
	gre4 := func(p []byte) []byte { return eth(0x0800, ip4(47, p)) }
	pseudo := func(p []byte) []byte { return eth(0x8847, label(false, label(true, p))) }
	low := cat(zeros(6), mac[6:], u16(0x0800), in4) // an address that looks like a control word
	return []example{
		{name: "MPLS", link: 1, data: eth(0x8847, label(false, label(true, in4)))},
		{name: "MPLS ipv6", link: 1, data: eth(0x8848, label(true, in6)), v6: true},
		{name: "MPLS pseudowire", link: 1, data: pseudo(cat(zeros(4), ether))},
		{name: "MPLS pseudowire, address unlike a control word", link: 1, data: pseudo(cat([]byte{0xa0}, ether[1:]))},
		{name: "MPLS pseudowire, no control word", link: 1, data: pseudo(low)},
		{name: "IP in IP", link: 101, data: ip4(4, in4)},
		{name: "6in4", link: 101, data: ip4(41, in6), v6: true},
		{name: "4in6", link: 101, data: ip6(4, in4)},
		{name: "IPv6 in IPv6", link: 101, data: ip6(41, in6), v6: true},
		{name: "EtherIP", link: 101, data: ip4(97, cat([]byte{0x30, 0}, ether))},
		{name: "MPLS in IP", link: 101, data: ip4(137, label(true, in4))},
		{name: "GRE", link: 1, data: gre4(greHeader(0, 0x0800, 0, in4))},
		{name: "GRE checksum, key, sequence", link: 1, data: gre4(greHeader(0xb000, 0x86dd, 12, in6)), v6: true},
		{name: "GRE routes", link: 1, data: gre4(greHeader(0x4000, 0x0800, 4, cat([]byte{8, 0, 0, 4}, src4, zeros(4), in4)))},
		{name: "GRE Ethernet", link: 1, data: gre4(greHeader(0x2000, 0x6558, 4, ether))},
		{name: "PPTP", link: 1, data: gre4(greHeader(0x3081, 0x880b, 12, cat([]byte{0xff, 3, 0, 0x21}, in4)))},
		{name: "GRE in UDP", link: 1, data: udp4(4754, greHeader(0, 0x0800, 0, in4))},
		{name: "ERSPAN I", link: 1, data: gre4(greHeader(0, 0x88be, 0, ether))},
		{name: "ERSPAN II", link: 1, data: gre4(greHeader(0x1000, 0x88be, 4, cat([]byte{0x10}, zeros(7), ether)))},
		{name: "ERSPAN III", link: 1, data: gre4(greHeader(0x1000, 0x22eb, 4, cat([]byte{0x20}, zeros(11), ether)))},
		{name: "ERSPAN III, platform header, IP", link: 1, data: gre4(greHeader(0x1000, 0x22eb, 4, cat([]byte{0x20}, zeros(9), []byte{0x08, 1}, zeros(8), in4)))},
		{name: "VXLAN", link: 1, data: udp4(4789, vxlanHeader(0x123456, ether)), vni: 0x123456},
		{name: "VXLAN 8472 over IPv6", link: 1, data: eth(0x86dd, ip6(17, udpTo(8472, vxlanHeader(9, eth(0x86dd, in6))))), vni: 9, v6: true},
		{name: "VXLAN in VXLAN", link: 1, data: udp4(4789, vxlanHeader(1, udp4(4789, vxlanHeader(2, ether)))), vni: 2},
		{name: "VXLAN-GPE", link: 1, data: udp4(4790, cat([]byte{0x0c, 0, 0, 2}, u32(7<<8), in6)), vni: 7, v6: true},
		{name: "VXLAN-GPE Ethernet", link: 1, data: udp4(4790, cat([]byte{0x0c, 0, 0, 3}, u32(7<<8), ether)), vni: 7},
		{name: "VXLAN-GPE MPLS", link: 1, data: udp4(4790, cat([]byte{0x0c, 0, 0, 5}, u32(7<<8), label(true, in4))), vni: 7},
		{name: "GENEVE", link: 1, data: udp4(6081, cat([]byte{2, 0}, u16(0x6558), u32(77<<8), zeros(8), ether)), vni: 77},
		{name: "GENEVE IP", link: 1, data: udp4(6081, cat([]byte{0, 0}, u16(0x0800), u32(77<<8), in4)), vni: 77},
		{name: "VXLAN, UDP length 0", link: 101, data: ip4(17, cat(u16(1), u16(4789), zeros(4), vxlanHeader(3, ether))), vni: 3},
		{name: "GTP-U", link: 1, data: udp4(2152, cat([]byte{0x30, 0xff}, u16(len(in4)), zeros(4), in4))},
		{name: "GTP-U sequence", link: 1, data: udp4(2152, cat([]byte{0x32, 0xff}, u16(4+len(in4)), zeros(8), in4))},
		{name: "GTP-U extensions", link: 1, data: udp4(2152, cat([]byte{0x34, 0xff}, u16(16+len(in6)), zeros(7), []byte{0x85, 1, 0, 0, 0xc0, 2, 0, 0, 0, 0, 0, 0, 0}, in6)), v6: true},
		{name: "GTP-U answer", link: 101, data: ip4(17, cat(u16(2152), u16(33000), u16(16+len(in4)), zeros(2), []byte{0x30, 0xff}, u16(len(in4)), zeros(4), in4))},
		{name: "L2TP", link: 1, data: udp4(1701, cat(u16(0x4002), u16(8+4+len(in4)), zeros(4), []byte{0xff, 3, 0, 0x21}, in4))},
		{name: "L2TP everything", link: 1, data: udp4(1701, cat(u16(0x4a02), u16(14+3+2+len(in4)), zeros(8), u16(3), zeros(3), []byte{0, 0x21}, in4))},
		{name: "MPLS in UDP", link: 1, data: udp4(6635, label(true, in4))},
	}
}

func wifiExamples() []example {
	data := func(fc0, fc1 byte, header int, p []byte) []byte {
		return cat([]byte{fc0, fc1}, zeros(header-2), p)
	}
	plain := data(0x08, 0x01, 24, snap(0x0800, in4))
	qos := data(0x88, 0x02, 26, snap(0x0800, in4))
	amsdu := data(0x88, 0x01, 26, cat(mac, u16(8+len(in4)), snap(0x0800, in4), zeros(20)))
	amsdu[24] = 0x80
	tap := func(n int, present byte, p []byte) []byte {
		return cat([]byte{0, 0}, le16(n), []byte{present, 0, 0, 0}, zeros(n-8), p)
	}
	padded := tap(17, 3, data(0x88, 0x01, 28, snap(0x0800, in4)))
	padded[16] = 0x20
	extended := tap(13, 2, data(0x88, 0x01, 28, snap(0x0800, in4)))
	extended[7], extended[12] = 0x80, 0x20
	return []example{
		{name: "802.11", link: 105, data: plain},
		{name: "802.11 QoS, FCS", link: 105, data: cat(qos, zeros(4)), tail: 4},
		{name: "802.11 four addresses", link: 105, data: data(0x08, 0x03, 30, snap(0x86dd, in6)), v6: true},
		{name: "802.11 QoS, four addresses, HT", link: 105, data: data(0x88, 0x83, 36, snap(0x0800, in4))},
		{name: "802.11 A-MSDU", link: 105, data: amsdu, tail: 20},
		{name: "radiotap", link: 127, data: tap(12, 4, plain)},
		{name: "radiotap, padded header", link: 127, data: padded},
		{name: "radiotap, two present words", link: 127, data: extended},
		{name: "PPI", link: 192, data: cat([]byte{0, 0}, le16(8), le32(105), plain)},
		{name: "Prism", link: 119, data: cat(le32(0x44), le32(144), zeros(136), plain)},
		{name: "Prism big", link: 119, data: cat(u32(0x44), u32(144), zeros(136), plain)},
		{name: "Prism AVS", link: 119, data: cat(u32(0x80211001), u32(64), zeros(56), plain)},
		{name: "AVS", link: 163, data: cat(u32(0x80211001), u32(64), zeros(56), plain)},
	}
}
