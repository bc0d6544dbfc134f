package decode

// tunnelPort is the protocol of a tunnel over UDP by its port, or udp.
func tunnelPort(port uint16) proto {
	switch port {
	case 1701:
		return l2tp
	case 2152:
		return gtp
	case 4754: // RFC 8086
		return gre
	case 4789, 8472: // RFC 7348, and what Linux used before it
		return vxlan
	case 4790:
		return vxlanGPE
	case 6081:
		return geneve
	case 6635: // RFC 7510
		return mpls
	}
	return udp
}

// udp reads a UDP header, and goes on into a tunnel. The destination port tells
// it; L2TP and GTP also answer from theirs to any other (RFC 2661 §8.1).
func (c *cursor) udp() proto {
	b := c.b
	if !c.skip(8) {
		return plainUDP
	}
	p := tunnelPort(be16(b[2:]))
	if p == udp {
		if p = tunnelPort(be16(b)); p != l2tp && p != gtp {
			return plainUDP
		}
	}
	switch n := int(be16(b[4:])); {
	case n >= 8:
		c.trim(n - 8)
	case n != 0: // 0: longer than 65535, or left to the network card
		return tunnelMalformed
	}
	return p
}

// vxlan reads flags and VXLAN network identifier (RFC 7348 §5).
func (c *cursor) vxlan() proto {
	b := c.b
	if !c.skip(8) {
		return c.short(tunnelMalformed)
	}
	c.vni = be32(b[4:]) >> 8
	return ethernet
}

// vxlanGPE reads the generic protocol extension, which says what follows
// (draft-ietf-nvo3-vxlan-gpe §3.1).
func (c *cursor) vxlanGPE() proto {
	b := c.b
	p := c.vxlan()
	if p != ethernet || b[0]&0x04 == 0 {
		return p
	}
	switch b[3] {
	case 1, 2:
		return ip
	case 3:
		return ethernet
	case 5:
		return mpls
	}
	return tunnelMalformed
}

// geneve reads the fixed header and skips the options (RFC 8926 §3.4).
func (c *cursor) geneve() proto {
	b := c.b
	if !c.skip(8) {
		return c.short(tunnelMalformed)
	}
	if b[0]>>6 != 0 {
		return tunnelMalformed
	}
	if !c.skip(int(b[0]&0x3f) * 4) {
		return c.short(tunnelMalformed)
	}
	c.vni = be32(b[4:]) >> 8
	return c.etherType(be16(b[2:]))
}

// gtp reads a GTP-U header (3GPP TS 29.281 §5.1), the optional fields that any
// of three flags brings, and the chain of extension headers.
func (c *cursor) gtp() proto {
	b := c.b
	if !c.skip(8) {
		return c.short(tunnelMalformed)
	}
	if b[0]>>5 != 1 || b[0]&0x10 == 0 {
		return tunnelMalformed
	}
	if b[1] != 0xff { // G-PDU
		return gtpControl
	}
	c.trim(int(be16(b[2:])))
	if b[0]&7 == 0 {
		return ip
	}
	opt := c.b
	if !c.skip(4) {
		return c.short(tunnelMalformed)
	}
	if b[0]&4 == 0 {
		return ip
	}
	return c.gtpExtensions(opt[3])
}

// gtpExtensions skips extension headers: length in words, content, type of the
// next one (3GPP TS 29.281 §5.2.1).
func (c *cursor) gtpExtensions(next byte) proto {
	for next != 0 {
		if len(c.b) == 0 {
			return c.short(tunnelMalformed)
		}
		b, n := c.b, int(c.b[0])*4
		if n == 0 {
			return tunnelMalformed
		}
		if !c.skip(n) {
			return c.short(tunnelMalformed)
		}
		next = b[n-1]
	}
	return ip
}

// Flags of a GRE header (RFC 2784 §2.1, RFC 2890 §2, RFC 1701, RFC 2637 §4.1).
const (
	greChecksum = 0x8000
	greRouting  = 0x4000
	greKey      = 0x2000
	greSequence = 0x1000
	greAck      = 0x0080 // version 1
	greVersion  = 0x0007
)

// gre reads a GRE header of version 0, or of version 1, which is PPTP's.
func (c *cursor) gre() proto {
	b := c.b
	if len(b) < 4 {
		return c.short(tunnelMalformed)
	}
	flags, t := be16(b), be16(b[2:])
	if flags&greVersion > 1 {
		return tunnelMalformed
	}
	if !c.skip(greLength(flags)) || flags&greRouting != 0 && !c.sourceRoutes() {
		return c.short(tunnelMalformed)
	}
	switch t {
	case 0x88be:
		if flags&greSequence == 0 { // ERSPAN type I has no header
			return ethernet
		}
		return erspan
	case 0x22eb:
		return erspan
	}
	return c.etherType(t)
}

func greLength(flags uint16) int {
	n := 4
	if flags&(greChecksum|greRouting) != 0 {
		n += 4
	}
	if flags&greKey != 0 {
		n += 4
	}
	if flags&greSequence != 0 {
		n += 4
	}
	if flags&greVersion == 1 && flags&greAck != 0 {
		n += 4
	}
	return n
}

// sourceRoutes skips source route entries (RFC 1701): address family, offset,
// length, addresses; the last is all zero. It reports whether that was there.
func (c *cursor) sourceRoutes() bool {
	for len(c.b) >= 4 {
		b := c.b
		if !c.skip(4 + int(b[3])) {
			return false
		}
		if be32(b) == 0 {
			return true
		}
	}
	return false
}

// erspan reads an ERSPAN header of type II (8 bytes) or III (12 bytes, and 8
// more if its last bit says so), after which the mirrored frame comes
// (draft-foschiano-erspan §4).
func (c *cursor) erspan() proto {
	b := c.b
	if len(b) < 8 {
		return c.short(tunnelMalformed)
	}
	n := 8
	switch b[0] >> 4 {
	case 1:
	case 2:
		if len(b) < 12 {
			return c.short(tunnelMalformed)
		}
		n = 12 + int(b[11]&1)*8
	default:
		return tunnelMalformed
	}
	if !c.skip(n) {
		return c.short(tunnelMalformed)
	}
	if n > 8 && b[10]>>2&0x1f == 2 { // frame type: an IP packet
		return ip
	}
	return ethernet
}

// etherIP reads the version and its reserved bits (RFC 3378 §3).
func (c *cursor) etherIP() proto {
	b := c.b
	if !c.skip(2) {
		return c.short(tunnelMalformed)
	}
	if b[0] != 0x30 {
		return tunnelMalformed
	}
	return ethernet
}

// mpls reads one label (RFC 3032 §2.1). Nothing says what is below the last of
// the stack, so the first four bits there have to (RFC 4928 §3).
func (c *cursor) mpls() proto {
	b := c.b
	if !c.skip(4) {
		return c.short(tunnelMalformed)
	}
	if b[2]&1 == 0 {
		return mpls
	}
	if len(c.b) == 0 {
		return c.short(tunnelMalformed)
	}
	switch c.b[0] >> 4 {
	case 4, 6:
		return ip
	}
	return c.pseudowire()
}

// pseudowire tells whether Ethernet follows at once, or after a control word,
// which begins with four 0 bits as many addresses do (RFC 4448 §4.6): by
// looking for a type that can be read where the first would have it.
func (c *cursor) pseudowire() proto {
	if c.b[0]>>4 != 0 {
		return ethernet
	}
	if len(c.b) < 4+14 {
		return c.short(tunnelMalformed)
	}
	if !readable(be16(c.b[12:])) {
		c.b = c.b[4:]
	}
	return ethernet
}

func readable(etherType uint16) bool {
	var c cursor
	return etherType > maxLength && c.etherType(etherType) < firstLeaf
}
