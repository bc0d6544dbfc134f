package decode

// ppp reads the protocol number of a PPP frame, in one byte or two (RFC 1661
// §2, §6.5), after the address and control bytes of HDLC-like framing if they
// are there (RFC 1662 §3.1). Where Cisco's framing is in use instead, its
// unicast or multicast address comes first.
func (c *cursor) ppp() proto {
	if len(c.b) >= 2 {
		switch be16(c.b) {
		case 0xff03:
			c.b = c.b[2:]
		case 0x0f00, 0x8f00:
			return chdlc
		}
	}
	b := c.b
	if !c.skip(1) {
		return c.short(linkMalformed)
	}
	n := uint16(b[0])
	if n&1 == 0 { // a protocol number's last byte is odd
		if !c.skip(1) {
			return c.short(linkMalformed)
		}
		n = n<<8 | uint16(b[1])
	}
	switch n {
	case 0x0021, 0x0057:
		return ip
	case 0x0281, 0x0283:
		return mpls
	}
	return c.unknown(pppSpace, uint32(n))
}

// pppoe reads the header of a PPPoE frame (RFC 2516 §4): version and type,
// code, session, length.
func (c *cursor) pppoe() proto {
	b := c.b
	if !c.skip(6) {
		return c.short(linkMalformed)
	}
	if b[1] != 0 { // the code of session data is 0
		return pppoeDiscovery
	}
	c.trim(int(be16(b[4:])))
	return ppp
}

// l2tp reads the header of an L2TP version 2 data message (RFC 2661 §3.1).
func (c *cursor) l2tp() proto {
	b := c.b
	if len(b) < 2 {
		return c.short(tunnelMalformed)
	}
	flags := be16(b)
	if flags&0x8000 != 0 || flags&0xf != 2 {
		return l2tpControl
	}
	n := 6 // flags, tunnel and session
	if flags&0x4000 != 0 {
		n += 2 // length
	}
	if flags&0x0800 != 0 {
		n += 4 // Ns, Nr
	}
	if flags&0x0200 != 0 { // offset size, and that much padding
		if len(b) < n+2 {
			return c.short(tunnelMalformed)
		}
		n += 2 + int(be16(b[n:]))
	}
	if !c.skip(n) {
		return c.short(tunnelMalformed)
	}
	return ppp
}
