package decode

// The LINKTYPE_ values in which TCP is found (tcpdump.org/linktypes.html).
func (c *cursor) link(t uint16) proto {
	switch t {
	case 1:
		return ethernet
	case 0, 108:
		return null
	case 7:
		return arcnet
	case 9, 50:
		return ppp
	case 10:
		return fddi
	case 12, 14, 101, 228, 229:
		return ip
	case 51:
		return pppoe
	case 104:
		return chdlc
	case 105:
		return wifi
	case 113:
		return sll
	case 119:
		return prism
	case 127:
		return radiotap
	case 129:
		return arcnetLinux
	case 163:
		return avs
	case 192:
		return ppi
	case 239:
		return nflog
	case 253:
		return netlink
	case 276:
		return sll2
	}
	return c.unknown(linkSpace, uint32(t))
}

func (c *cursor) etherType(t uint16) proto {
	switch t {
	case 0x0800, 0x86dd:
		return ip
	case 0x8100, 0x88a8, 0x9100, 0x9200:
		return vlan
	case 0x0806, 0x8035:
		return arp
	case 0x8847, 0x8848:
		return mpls
	case 0x8863:
		return pppoeDiscovery
	case 0x8864:
		return pppoe
	case 0x880b:
		return ppp
	case 0x6558:
		return ethernet
	case 0x8926:
		return vntag
	case 0x8903:
		return fabricPath
	case 0x88cc:
		return lldp
	}
	return c.unknown(etherSpace, uint32(t))
}

// maxLength is the largest value of Ethernet's type field that is a length
// (IEEE 802.3 §3.2.6).
const maxLength = 1500

func (c *cursor) typeOrLength(t uint16) proto {
	if t > maxLength {
		return c.etherType(t)
	}
	c.trim(int(t))
	return llc
}

// ethernet reads destination, source (6 bytes each) and type or length.
func (c *cursor) ethernet() proto {
	b := c.b
	if !c.skip(14) {
		return c.short(linkMalformed)
	}
	return c.typeOrLength(be16(b[12:]))
}

// vlan reads a tag, priority and identifier, and the type or length that
// follows it (IEEE 802.1Q §9.3).
func (c *cursor) vlan() proto {
	b := c.b
	if !c.skip(4) {
		return c.short(linkMalformed)
	}
	return c.typeOrLength(be16(b[2:]))
}

// vntag reads the 4 bytes of a VN-Tag (IEEE 802.1BR) and the type after them.
func (c *cursor) vntag() proto {
	b := c.b
	if !c.skip(6) {
		return c.short(linkMalformed)
	}
	return c.typeOrLength(be16(b[4:]))
}

// fabricPath reads what Cisco FabricPath has between its own Ethernet header
// and that of the frame it carries: forwarding tag and TTL.
func (c *cursor) fabricPath() proto {
	if !c.skip(2) {
		return c.short(linkMalformed)
	}
	return ethernet
}

// llc reads an IEEE 802.2 header. IP has a service access point of its own
// (06), but is nearly always in a SNAP header (AA AA 03): an organisation's
// code and a protocol number, which is an EtherType for organisation 0
// (RFC 1042), for bridge tunnels (00 00 F8), and Ethernet for 00 80 C2, number
// 7 (RFC 2427).
func (c *cursor) llc() proto {
	b := c.b
	if len(b) < 3 {
		return c.short(linkMalformed)
	}
	if b[0] == 0x06 && b[1] == 0x06 && b[2] == 0x03 {
		c.b = b[3:]
		return ip
	}
	if b[0] != 0xaa || b[1] != 0xaa || b[2] != 0x03 {
		return notIPLLC
	}
	if !c.skip(8) {
		return c.short(linkMalformed)
	}
	switch be32(b[2:]) & 0xffffff {
	case 0, 0x0000f8:
		return c.etherType(be16(b[6:]))
	case 0x0080c2:
		if be16(b[6:]) == 7 {
			return ethernet
		}
	}
	return notIPLLC
}

// sll reads a Linux "cooked" header: packet type, ARPHRD_ type, address length,
// address (8 bytes), protocol.
func (c *cursor) sll() proto {
	b := c.b
	if !c.skip(16) {
		return c.short(linkMalformed)
	}
	return c.cooked(be16(b[14:]))
}

// sll2 reads version 2 of it, which begins with the protocol and adds the
// interface index.
func (c *cursor) sll2() proto {
	b := c.b
	if !c.skip(20) {
		return c.short(linkMalformed)
	}
	return c.cooked(be16(b))
}

// cooked is etherType with Linux's own ETH_P_ numbers for what has none.
func (c *cursor) cooked(t uint16) proto {
	if t == 0x0004 { // ETH_P_802_2
		return llc
	}
	return c.etherType(t)
}

// null reads the address family in front of a loopback packet, a 32-bit number
// in the byte order of the capturing host (in network order for LINKTYPE_LOOP;
// the number is small, so the order shows). Every BSD has its own for IPv6.
func (c *cursor) null() proto {
	b := c.b
	if !c.skip(4) {
		return c.short(linkMalformed)
	}
	n := be32(b)
	if n > 0xffff {
		n = uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
	}
	switch n {
	case 2, 10, 24, 28, 30:
		return ip
	}
	return c.unknown(familySpace, n)
}

// chdlc reads a Cisco HDLC header: address, control, EtherType (RFC 1547 §4.3.1).
func (c *cursor) chdlc() proto {
	b := c.b
	if !c.skip(4) {
		return c.short(linkMalformed)
	}
	return c.etherType(be16(b[2:]))
}

// arcnet reads source, destination and system code as BSD captures them.
func (c *cursor) arcnet() proto {
	b := c.b
	if !c.skip(3) {
		return c.short(linkMalformed)
	}
	return c.arcnetProtocol(b[2])
}

// arcnetLinux has an offset of two bytes before the system code.
func (c *cursor) arcnetLinux() proto {
	b := c.b
	if !c.skip(5) {
		return c.short(linkMalformed)
	}
	return c.arcnetProtocol(b[4])
}

// arcnetProtocol takes the system code: RFC 1051's IP has no more header,
// RFC 1201's has a split flag and a sequence number, twice over where the
// frame is of a length that ARCNET cannot carry.
func (c *cursor) arcnetProtocol(code byte) proto {
	switch code {
	case 0xf0:
		return ip
	case 0xd4:
		n := 3
		if len(c.b) > 0 && c.b[0] == 0xff {
			n = 7
		}
		if !c.skip(n) {
			return c.short(linkMalformed)
		}
		return ip
	case 0xf1, 0xd5, 0xd6:
		return arp
	}
	return c.unknown(arcnetSpace, uint32(code))
}

// fddi reads frame control, destination and source (ISO 9314-2).
func (c *cursor) fddi() proto {
	if !c.skip(13) {
		return c.short(linkMalformed)
	}
	return llc
}
