package decode

import "encoding/binary"

// radiotap skips a radiotap header (radiotap.org), but for the flag that says
// that the 802.11 header after it is padded.
func (c *cursor) radiotap() proto {
	b := c.b
	if len(b) < 8 {
		return c.short(linkMalformed)
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	if n < 8 {
		return linkMalformed
	}
	if !c.skip(n) {
		return c.short(linkMalformed)
	}
	c.pad = radiotapFlags(b[:n])&0x20 != 0
	return wifi
}

// radiotapFlags is the Flags field of a radiotap header, 0 if it has none. Of
// the fields that the first word announces only TSFT comes before it.
func radiotapFlags(b []byte) byte {
	at := 4
	for at+4 <= len(b) && b[at+3]&0x80 != 0 { // another word follows
		at += 4
	}
	at += 4
	if b[4]&1 != 0 {
		at = (at+7)&^7 + 8
	}
	if b[4]&2 == 0 || at >= len(b) {
		return 0
	}
	return b[at]
}

// ppi skips a per-packet information header: version, flags, length, and the
// link type of what follows.
func (c *cursor) ppi() proto {
	b := c.b
	if len(b) < 8 {
		return c.short(linkMalformed)
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	if n < 8 {
		return linkMalformed
	}
	if !c.skip(n) {
		return c.short(linkMalformed)
	}
	t := binary.LittleEndian.Uint32(b[4:])
	if t > 0xffff {
		return linkMalformed
	}
	return c.link(uint16(t))
}

// prism skips a Prism monitoring header, a message code and a length in the
// byte order of the capturing host, or an AVS header where that has been
// captured under the same link type.
func (c *cursor) prism() proto {
	b := c.b
	if len(b) < 8 {
		return c.short(linkMalformed)
	}
	if be32(b)>>8 == 0x802110 {
		return avs
	}
	n := be32(b[4:])
	if n > 0xffff {
		n = binary.LittleEndian.Uint32(b[4:])
	}
	return c.skipTo80211(n)
}

// avs skips an AVS monitoring header: its version, and its length.
func (c *cursor) avs() proto {
	if len(c.b) < 8 {
		return c.short(linkMalformed)
	}
	return c.skipTo80211(be32(c.b[4:]))
}

func (c *cursor) skipTo80211(n uint32) proto {
	if n < 8 || n > 0xffff {
		return linkMalformed
	}
	if !c.skip(int(n)) {
		return c.short(linkMalformed)
	}
	return wifi
}

// Bits of the Frame Control field (IEEE 802.11 §9.2.4.1), its first byte high.
const (
	frameType     = 0x0c00
	frameData     = 0x0800
	frameNoData   = 0x4000 // subtype bit: a data frame without a body
	frameQoS      = 0x8000 // subtype bit: a QoS Control field is there
	frameToDS     = 0x0001
	frameFromDS   = 0x0002
	frameMore     = 0x0004
	frameProtect  = 0x0040
	frameHTC      = 0x0080
	qosAMSDU      = 0x80
	fragmentIndex = 0x0f
)

// wifi reads the header of an 802.11 data frame.
func (c *cursor) wifi() proto {
	b := c.b
	if len(b) < 2 {
		return c.short(linkMalformed)
	}
	fc := be16(b)
	switch {
	case fc&frameType == 0:
		return wifiManagement
	case fc&frameType != frameData:
		return wifiControl
	case fc&frameNoData != 0:
		return wifiNull
	case fc&frameProtect != 0:
		return wifiProtected
	}
	n, qos := wifiHeader(fc)
	if c.pad {
		n = (n + 3) &^ 3
	}
	if !c.skip(n) {
		return c.short(linkMalformed)
	}
	if fc&frameMore != 0 || b[22]&fragmentIndex != 0 {
		return wifiFragment
	}
	if qos > 0 && b[qos]&qosAMSDU != 0 {
		return c.amsdu()
	}
	return llc
}

// wifiHeader is the length of a data frame's header, and where in it the QoS
// Control field is (0: nowhere).
func wifiHeader(fc uint16) (n, qos int) {
	n = 24
	if fc&(frameToDS|frameFromDS) == frameToDS|frameFromDS {
		n += 6 // a fourth address
	}
	if fc&frameQoS != 0 {
		qos = n
		n += 2
		if fc&frameHTC != 0 {
			n += 4
		}
	}
	return n, qos
}

// amsdu reads the header of the first subframe of an A-MSDU: destination,
// source, length (IEEE 802.11 §9.3.2.2). A frame has one segment here, so the
// subframes after it are not read.
func (c *cursor) amsdu() proto {
	b := c.b
	if !c.skip(14) {
		return c.short(linkMalformed)
	}
	c.trim(int(be16(b[12:])))
	return llc
}
