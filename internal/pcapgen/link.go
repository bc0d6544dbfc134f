package pcapgen

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// link is how frames are wrapped.
type link struct {
	kind string
	vlan []uint16
	pad  bool // to the 60 bytes that Ethernet needs, as a receiver sees it
}

// linkTypes are the LINKTYPE_ values of the kinds.
var linkTypes = map[string]uint32{"ethernet": 1, "null": 0, "loop": 108, "raw": 101, "sll": 113, "sll2": 276}

func (l *link) number() uint32 { return linkTypes[l.kind] }

func parseLink(t *tokens) (link, error) {
	l := link{kind: t.take().text}
	if _, ok := linkTypes[l.kind]; !ok {
		return l, fmt.Errorf("unknown link type %q", l.kind)
	}
	for t.more() {
		k := t.take().text
		ids, isVLAN := strings.CutPrefix(k, "vlan=")
		switch {
		case k == "pad":
			l.pad = true
		case isVLAN && l.kind == "ethernet":
			for id := range strings.SplitSeq(ids, ",") {
				n, err := strconv.ParseUint(id, 10, 12)
				if err != nil {
					return l, fmt.Errorf("bad VLAN %q", id)
				}
				l.vlan = append(l.vlan, uint16(n))
			}
		default:
			return l, fmt.Errorf("unknown link option %q", k)
		}
	}
	return l, nil
}

const (
	etherIPv4   = 0x0800
	etherIPv6   = 0x86dd
	etherVLAN   = 0x8100
	arpEthernet = 1 // ARPHRD_ETHER
	minEthernet = 60
)

// wrap puts the link header before an IP packet; in tells that it was received
// by the capturing host, which cooked headers say.
func (l *link) wrap(p []byte, src, dst netip.Addr, in bool) []byte {
	proto := uint16(etherIPv4)
	if src.Is6() {
		proto = etherIPv6
	}
	switch l.kind {
	case "ethernet":
		return l.ethernet(p, src, dst, proto)
	case "null":
		return append(binary.LittleEndian.AppendUint32(nil, family(src)), p...)
	case "loop":
		return append(binary.BigEndian.AppendUint32(nil, family(src)), p...)
	case "sll":
		return append(sll(src, proto, in), p...)
	case "sll2":
		return append(sll2(src, proto, in), p...)
	}
	return p // raw
}

func (l *link) ethernet(p []byte, src, dst netip.Addr, proto uint16) []byte {
	h := append(mac(dst), mac(src)...)
	for _, id := range l.vlan {
		h = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(h, etherVLAN), id)
	}
	h = append(binary.BigEndian.AppendUint16(h, proto), p...)
	for l.pad && len(h) < minEthernet {
		h = append(h, 0)
	}
	return h
}

// mac is a locally administered address made of the end of an IP address.
func mac(a netip.Addr) []byte {
	b := a.AsSlice()
	return append([]byte{2, 0}, b[len(b)-4:]...)
}

// family is the BSD value of the address family: AF_INET, or AF_INET6 of macOS.
func family(a netip.Addr) uint32 {
	if a.Is6() {
		return 30
	}
	return 2
}

// Packet types of cooked captures.
const (
	sllHost     = 0
	sllOutgoing = 4
)

func sllType(in bool) byte {
	if in {
		return sllHost
	}
	return sllOutgoing
}

// sll is the header of LINKTYPE_LINUX_SLL.
func sll(src netip.Addr, proto uint16, in bool) []byte {
	h := []byte{0, sllType(in), 0, arpEthernet, 0, 6}
	h = append(append(h, mac(src)...), 0, 0)
	return binary.BigEndian.AppendUint16(h, proto)
}

// sll2 is the header of LINKTYPE_LINUX_SLL2.
func sll2(src netip.Addr, proto uint16, in bool) []byte {
	h := binary.BigEndian.AppendUint16(nil, proto)
	h = append(h, 0, 0, 0, 0, 0, 2, 0, arpEthernet, sllType(in), 6)
	return append(append(h, mac(src)...), 0, 0)
}
