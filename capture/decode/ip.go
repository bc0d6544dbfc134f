package decode

// protocol maps the protocol numbers (IPv4's Protocol, IPv6's Next Header) that
// mean the same in both.
func (c *cursor) protocol(n uint8) proto {
	switch n {
	case 6:
		return tcp
	case 17:
		return udp
	case 1:
		return icmp
	case 2:
		return igmp
	case 4, 41:
		return ip
	case 47:
		return gre
	case 50:
		return esp
	case 51:
		return authentication
	case 58:
		return icmpv6
	case 97:
		return etherIP
	case 132:
		return sctp
	case 137:
		return mpls
	}
	if c.v6 {
		return c.nextHeader(n)
	}
	return c.unknown(ipSpace, uint32(n))
}

// nextHeader maps the numbers of IPv6's extension headers (RFC 8200 §4.1).
func (c *cursor) nextHeader(n uint8) proto {
	switch n {
	case 0:
		return hopByHop
	case 43:
		return routing
	case 44:
		return fragmentHeader
	case 60, 135, 139, 140: // destination options, mobility, HIP, Shim6
		return extension
	case 59:
		return noNext
	}
	return c.unknown(ipSpace, uint32(n))
}

// ip reads an IP header of the version that its first four bits say, whatever
// number led here: that is how link types without a protocol field work, and
// what Wireshark does for the others.
func (c *cursor) ip() proto {
	if len(c.b) == 0 {
		return c.short(ipMalformed)
	}
	switch c.b[0] >> 4 {
	case 4:
		return c.ipv4()
	case 6:
		return c.ipv6()
	}
	return ipMalformed
}

// ipv4 reads an IPv4 header (RFC 791 §3.1). A total length of 0 means that the
// sending host left it to its network card: the datagram goes on to the end of
// the frame.
func (c *cursor) ipv4() proto {
	b := c.b
	if len(b) < 20 {
		return c.short(ipMalformed)
	}
	header, total := int(b[0]&0xf)*4, int(be16(b[2:]))
	if header < 20 || total != 0 && total < header {
		return ipMalformed
	}
	c.lost = 0
	if total != 0 {
		c.claim(total)
	}
	if !c.skip(header) {
		return c.short(ipMalformed)
	}
	c.src, c.dst, c.v6 = b[12:16], b[16:20], false
	if f := be16(b[6:]); f&0x3fff != 0 { // More Fragments, or an offset
		c.next = b[9]
		c.frag = fragment{id: uint32(be16(b[4:])), offset: int(f&0x1fff) * 8, more: f&0x2000 != 0}
		return fragmented4
	}
	return c.protocol(b[9])
}

// ipv6 reads an IPv6 header (RFC 8200 §3). A payload length of 0 means a jumbo
// payload (RFC 2675), whose length is in a hop-by-hop option or was left to
// the network card, as in IPv4.
func (c *cursor) ipv6() proto {
	b := c.b
	if len(b) < 40 {
		return c.short(ipMalformed)
	}
	c.b = b[40:]
	n := int(be16(b[4:]))
	c.lost = 0
	if n != 0 {
		c.claim(n)
	}
	c.src, c.dst, c.v6, c.endless = b[8:24], b[24:40], true, n == 0
	return c.protocol(b[6])
}

// extensionHeader takes an extension header off: next header, length in units
// of unit bytes beyond the first base bytes (RFC 8200 §4.3).
func (c *cursor) extensionHeader(unit, base int) (header []byte, p proto) {
	b := c.b
	if len(b) < 2 {
		return nil, c.short(ipMalformed)
	}
	n := int(b[1])*unit + base
	if !c.skip(n) {
		return nil, c.short(ipMalformed)
	}
	return b[:n], c.protocol(b[0])
}

// extension reads a header that matters for its length only.
func (c *cursor) extension() proto {
	_, p := c.extensionHeader(8, 8)
	return p
}

// authentication reads an IPsec Authentication Header, whose length is counted
// in words (RFC 4302 §2.2).
func (c *cursor) authentication() proto {
	_, p := c.extensionHeader(4, 8)
	return p
}

// hopByHop reads hop-by-hop options. The jumbo payload option has the length of
// what follows the IPv6 header, this header included (RFC 2675 §2).
func (c *cursor) hopByHop() proto {
	if c.endless {
		before := len(c.b)
		h, p := c.extensionHeader(8, 8)
		if n, ok := jumboLength(h); ok {
			c.claim(max(0, n-(before-len(c.b))))
		}
		return p
	}
	return c.extension()
}

// jumboLength looks for the jumbo payload option (type C2, length 4) among the
// options of h; option 0 is one byte of padding.
func jumboLength(h []byte) (n int, ok bool) {
	for i := 2; i+1 < len(h); {
		switch {
		case h[i] == 0:
			i++
		case h[i] == 0xc2 && h[i+1] == 4 && i+6 <= len(h):
			return int(be32(h[i+2:])), true
		default:
			i += 2 + int(h[i+1])
		}
	}
	return 0, false
}

// routing reads a Routing header. While it has segments left, the destination
// in the IPv6 header is only the next stop: the last one is the other end of
// the flow. It stands last in types 0 and 2 (RFC 5095, RFC 6275 §6.4), and
// first in type 4 (RFC 8754 §2).
func (c *cursor) routing() proto {
	h, p := c.extensionHeader(8, 8)
	if len(h) < 24 || h[3] == 0 {
		return p
	}
	switch h[2] {
	case 0, 2:
		c.dst = h[len(h)-16:]
	case 4:
		c.dst = h[8:24]
	}
	return p
}

// fragmentHeader reads IPv6's Fragment header (RFC 8200 §4.5). A datagram whose
// only fragment it is, is not fragmented (RFC 6946).
func (c *cursor) fragmentHeader() proto {
	b := c.b
	if !c.skip(8) {
		return c.short(ipMalformed)
	}
	f := be16(b[2:])
	c.next = b[0]
	c.frag = fragment{id: be32(b[4:]), offset: int(f &^ 7), more: f&1 != 0}
	if c.frag.offset == 0 && !c.frag.more {
		return c.protocol(b[0])
	}
	return fragmented6
}
