package decode

import "encoding/binary"

// nflog reads a packet from the Linux netfilter log: address family, version,
// resource, and attributes, of which the payload is one.
func (c *cursor) nflog() proto {
	b := c.b
	if !c.skip(4) {
		return c.short(linkMalformed)
	}
	if b[1] != 0 {
		return linkMalformed
	}
	return c.attribute(nflogPayload, hostOrder(c.b))
}

// Attribute types of a packet's bytes in netfilter's messages, and where such
// messages come from.
const (
	nflogPayload  = 9  // NFULA_PAYLOAD
	nfqueuePacket = 10 // NFQA_PAYLOAD
	nfqueue       = 3  // NFNL_SUBSYS_QUEUE
	nflogMessage  = 4  // NFNL_SUBSYS_ULOG
)

// netlink reads the header in front of a captured netlink message (16 bytes
// like SLL's, the netlink family last) and the first message after it: length,
// type, flags, sequence number, port; for netfilter the type has a subsystem
// and is followed by a header like NFLOG's.
func (c *cursor) netlink() proto {
	b := c.b
	if !c.skip(16 + 16) {
		return c.short(linkMalformed)
	}
	if be16(b[14:]) != 12 { // NETLINK_NETFILTER
		return netlinkOther
	}
	order := messageOrder(b[16:])
	if n := order.Uint32(b[16:]); n >= 16 && n < 1<<30 {
		c.trim(int(n) - 16)
	}
	if !c.skip(4) {
		return c.short(linkMalformed)
	}
	switch order.Uint16(b[20:]) >> 8 {
	case nfqueue:
		return c.attribute(nfqueuePacket, order)
	case nflogMessage:
		return c.attribute(nflogPayload, order)
	}
	return netlinkOther
}

// attribute finds an attribute (length with these 4 bytes, type, value, padded
// to a multiple of 4) and goes on in its value, which is an IP packet.
func (c *cursor) attribute(want uint16, order binary.ByteOrder) proto {
	for len(c.b) >= 4 {
		n, t := int(order.Uint16(c.b)), order.Uint16(c.b[2:])&0x3fff
		if n < 4 {
			return linkMalformed
		}
		if t == want {
			c.trim(n)
			c.b = c.b[4:]
			return ip
		}
		if !c.skip((n + 3) &^ 3) {
			break
		}
	}
	return c.short(linkMalformed)
}

// hostOrder is the byte order of the host that captured attributes: the order
// in which the first one's length is the smaller number.
func hostOrder(b []byte) binary.ByteOrder {
	if len(b) >= 2 && be16(b) < binary.LittleEndian.Uint16(b) {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// messageOrder is hostOrder for the 32-bit length of a netlink message.
func messageOrder(b []byte) binary.ByteOrder {
	if be32(b) < binary.LittleEndian.Uint32(b) {
		return binary.BigEndian
	}
	return binary.LittleEndian
}
