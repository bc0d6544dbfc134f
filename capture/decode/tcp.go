package decode

import (
	"example.com/wirewatch/flow"
	"example.com/wirewatch/packet"
)

// maxSegment is the longest payload in bytes that a segment can have: none is
// longer than the largest window (RFC 7323 §2.3). Only a forged jumbo length,
// or a forged frame length, can say otherwise.
const maxSegment = 1 << 30

// tcp reads a TCP header (RFC 9293 §3.1) into s, every field of it but Frame
// and Nanos. A header that is not all there, because the frame was cut, is a
// segment with neither options nor captured payload, if it has all up to the
// window: what follows, checksum and urgent pointer, is of no use here.
func (c *cursor) tcp(s *packet.Segment) proto {
	b := c.b
	if len(b) < 16 || len(b) < 20 && c.cut == 0 && c.lost == 0 {
		return c.short(tcpMalformed)
	}
	header, wire := int(b[12]>>4)*4, c.wire()
	if header < 20 || header > wire+c.lost || wire > maxSegment {
		return tcpMalformed
	}
	if header <= len(b) {
		s.Options, s.Payload, s.Missing = b[20:header], b[header:], uint32(c.cut)
	} else {
		s.Options, s.Payload, s.Missing = nil, nil, uint32(max(0, wire-header))
	}
	s.Flags, s.Window = packet.Flags(b[13]), be16(b[14:])
	s.Seq, s.Ack = packet.Seq(be32(b[4:])), packet.Seq(be32(b[8:]))
	if c.v6 {
		s.Key, s.Swapped = flow.MakeKey6(c.src, c.dst, be16(b), be16(b[2:]), c.vni)
	} else {
		s.Key, s.Swapped = flow.MakeKey4(c.src, c.dst, be16(b), be16(b[2:]), c.vni)
	}
	return segment
}
