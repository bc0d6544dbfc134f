package pcapgen

import (
	"encoding/binary"
	"net/netip"
)

// The control bits (RFC 9293 §3.1).
const (
	fin = 1 << iota
	syn
	rst
	psh
	ack
)

// flagLetters are the control bits from the lowest on.
const flagLetters = "FSRPAUEC"

// segment is one TCP segment as it goes on the wire.
type segment struct {
	src, dst netip.AddrPort
	seq, ack uint32
	flags    byte
	win      uint16
	opts     []byte // a multiple of four bytes
	payload  []byte
	badSum   bool
}

const (
	protoTCP      = 6
	ttl           = 64
	protoFragment = 44
	tcpHeader     = 20
)

// tcp is the segment's bytes, with its checksum (RFC 9293 §3.1).
func (s *segment) tcp() []byte {
	be := binary.BigEndian
	p := be.AppendUint16(nil, s.src.Port())
	p = be.AppendUint16(p, s.dst.Port())
	p = be.AppendUint32(be.AppendUint32(p, s.seq), s.ack)
	p = append(p, byte((tcpHeader+len(s.opts))/4)<<4, s.flags)
	p = be.AppendUint16(p, s.win)
	p = append(p, 0, 0, 0, 0) // checksum, urgent pointer
	p = append(append(p, s.opts...), s.payload...)
	sum := checksum(pseudoHeader(s.src.Addr(), s.dst.Addr(), len(p)), p)
	if s.badSum {
		sum ^= 0x5555
	}
	be.PutUint16(p[16:], sum)
	return p
}

// pseudoHeader is what the checksum covers beside the segment (RFC 9293 §3.1).
func pseudoHeader(src, dst netip.Addr, n int) []byte {
	p := append(src.AsSlice(), dst.AsSlice()...)
	p = binary.BigEndian.AppendUint32(p, uint32(n)) // at most maxData
	return append(p, 0, 0, 0, protoTCP)
}

// checksum is the Internet checksum (RFC 1071) of parts of even length, of
// which the last may be odd.
func checksum(parts ...[]byte) uint16 {
	var sum uint64
	for _, p := range parts {
		for ; len(p) > 1; p = p[2:] {
			sum += uint64(binary.BigEndian.Uint16(p))
		}
		if len(p) == 1 {
			sum += uint64(p[0]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum) // folded just above
}

// datagram is an IP datagram to be.
type datagram struct {
	src, dst netip.Addr
	id       uint16
	payload  []byte
	noLength bool // total length 0, as segmentation offload leaves it
}

// packet is the whole datagram in one packet.
func (d *datagram) packet() []byte {
	if d.src.Is4() {
		return d.ipv4(0x4000, d.payload) // DF
	}
	return d.ipv6(protoTCP, d.payload)
}

// fragments is the datagram in packets of size bytes of payload each.
func (d *datagram) fragments(size int) [][]byte {
	var out [][]byte
	for off := 0; off < len(d.payload); off += size {
		end := min(off+size, len(d.payload))
		more := end < len(d.payload)
		out = append(out, d.fragment(off, d.payload[off:end], more))
	}
	return out
}

// fragment is one of them (RFC 791 §3.1, RFC 8200 §4.5); off is a multiple of 8.
func (d *datagram) fragment(off int, p []byte, more bool) []byte {
	var m uint16
	if more {
		m = 1
	}
	if d.src.Is4() {
		return d.ipv4(uint16(off/8)|m<<13, p) // a datagram is below 64 KiB
	}
	h := []byte{protoTCP, 0}
	h = binary.BigEndian.AppendUint16(h, uint16(off)|m) // likewise
	h = binary.BigEndian.AppendUint32(h, uint32(d.id))
	return d.ipv6(protoFragment, append(h, p...))
}

// ipv4 is a packet with these flags and fragment offset (RFC 791 §3.1).
func (d *datagram) ipv4(frag uint16, payload []byte) []byte {
	be := binary.BigEndian
	p := be.AppendUint16([]byte{0x45, 0}, d.length(20+len(payload)))
	p = be.AppendUint16(be.AppendUint16(p, d.id), frag)
	p = append(p, ttl, protoTCP, 0, 0)
	p = append(append(p, d.src.AsSlice()...), d.dst.AsSlice()...)
	be.PutUint16(p[10:], checksum(p))
	return append(p, payload...)
}

// ipv6 is a packet with this next header (RFC 8200 §3).
func (d *datagram) ipv6(next byte, payload []byte) []byte {
	p := binary.BigEndian.AppendUint16([]byte{0x60, 0, 0, 0}, d.length(len(payload)))
	p = append(p, next, ttl)
	p = append(append(p, d.src.AsSlice()...), d.dst.AsSlice()...)
	return append(p, payload...)
}

func (d *datagram) length(n int) uint16 {
	if d.noLength {
		return 0
	}
	return uint16(n) // send refuses what does not fit
}
