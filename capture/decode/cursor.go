package decode

import "encoding/binary"

// cursor stands in a frame, at the header that is to be read next. It is the
// whole state of a walk and lives on the stack.
type cursor struct {
	b        []byte // the captured bytes from here to the end of the enclosing layer
	cut      int    // bytes of that layer after them, which the snaplen cut off
	lost     int    // bytes that the innermost IP header claims beyond those
	src, dst []byte // addresses of the innermost IP header so far, 4 or 16 bytes each
	vni      uint32 // virtual network identifier of the innermost VXLAN or GENEVE header
	next     uint8  // protocol number of what follows the IP headers read so far
	v6       bool   // the innermost IP header is IPv6
	endless  bool   // its payload length is 0: the payload goes on to the end of the frame
	pad      bool   // radiotap: the 802.11 header is padded to a multiple of 4 bytes
	frag     fragment
	parts    parts  // of the datagrams that the walk has completed
	odd      oddity // what ended the walk, if it ended at odd
}

// skip takes n bytes off the front, and reports whether they were there.
func (c *cursor) skip(n int) bool {
	if len(c.b) < n {
		return false
	}
	c.b = c.b[n:]
	return true
}

// wire is the length of the rest of the layer, captured or not.
func (c *cursor) wire() int { return len(c.b) + c.cut }

// trim drops what comes after the layer's first n bytes: padding, a trailer, a
// frame check sequence. A length beyond the end of the enclosing layer changes
// nothing.
func (c *cursor) trim(n int) {
	if n <= len(c.b) {
		c.b, c.cut = c.b[:n], 0
	} else if n < c.wire() {
		c.cut = n - len(c.b)
	}
}

// claim is trim for the length in an IP header. Where that goes beyond the end
// of the enclosing layer it is forged, or the frame was cut by a tool that did
// not say so. As in Wireshark the layer's end counts: if bytes are missing, the
// next sequence number tells.
func (c *cursor) claim(n int) {
	c.lost = max(0, n-c.wire())
	c.trim(n)
}

// short ends the walk at a header that is not all there. It returns malformed,
// or the name after it (…Truncated) where the capture and not the sender is to
// blame.
func (c *cursor) short(malformed proto) proto {
	if c.cut > 0 {
		return malformed + 1
	}
	return malformed
}

// unknown ends the walk at a protocol that has no name here.
func (c *cursor) unknown(s space, n uint32) proto {
	c.odd = oddity{s, n}
	return odd
}

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
