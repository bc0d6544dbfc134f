package pcapgen

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// The reader below shares no code with the generator.

// record is a frame as the file has it.
type record struct {
	at      time.Time
	data    []byte
	wireLen int
}

// readFile takes a classic pcap file apart.
func readFile(t *testing.T, p []byte) (linkType uint32, out []record) {
	t.Helper()
	le := binary.LittleEndian
	if len(p) < 24 {
		t.Fatalf("file of %d bytes", len(p))
	}
	unit := int64(1000)
	switch m := le.Uint32(p); m {
	case 0xa1b2c3d4:
	case 0xa1b23c4d:
		unit = 1
	default:
		t.Fatalf("magic %#x", m)
	}
	linkType, snaplen := le.Uint32(p[20:]), le.Uint32(p[16:])
	for p = p[24:]; len(p) > 0; {
		n := le.Uint32(p[8:])
		if n > snaplen || n > le.Uint32(p[12:]) {
			t.Fatalf("record of %d bytes, %d on the wire, snaplen %d", n, le.Uint32(p[12:]), snaplen)
		}
		at := time.Unix(int64(le.Uint32(p)), int64(le.Uint32(p[4:]))*unit).UTC()
		out = append(out, record{at, p[16 : 16+n], int(le.Uint32(p[12:]))})
		p = p[16+n:]
	}
	return linkType, out
}

// seen is a TCP segment, checksums verified.
type seen struct {
	src, dst netip.AddrPort
	seq, ack uint32
	flags    byte
	win      uint16
	opts     []byte
	data     []byte
	at       time.Time
}

// String is the form that the tests compare: flags, sequence number,
// acknowledgment and data.
func (s seen) String() string {
	var f strings.Builder
	for i, c := range "FSRPAUEC" {
		if s.flags>>i&1 != 0 {
			f.WriteRune(c)
		}
	}
	return fmt.Sprintf("%d %s %d %d %q", s.src.Port(), f.String(), s.seq, s.ack, s.data)
}

// stripLink skips the link header.
func stripLink(t *testing.T, linkType uint32, p []byte) []byte {
	t.Helper()
	switch linkType {
	case 0, 108:
		return p[4:]
	case 101:
		return p
	case 113:
		return p[16:]
	case 276:
		return p[20:]
	}
	p = p[12:]
	for binary.BigEndian.Uint16(p) == 0x8100 {
		p = p[4:]
	}
	return p[2:]
}

// ones is the ones' complement sum, 0xffff where a checksum in p is right.
func ones(sum uint32, p []byte) uint32 {
	for i, b := range p {
		if i%2 == 0 {
			sum += uint32(b) << 8
		} else {
			sum += uint32(b)
		}
		sum = sum>>16 + sum&0xffff
	}
	return sum>>16 + sum&0xffff
}

// dissect takes an IP packet apart. It returns ok false for a fragment, for
// one that the snaplen cut, and for what is no IP at all.
func dissect(p []byte, wire int) (s seen, ok bool, err error) {
	be := binary.BigEndian
	var src, dst netip.Addr
	var payload []byte
	switch {
	case len(p) >= 20 && p[0] == 0x45:
		if ones(0, p[:20]) != 0xffff {
			return s, false, fmt.Errorf("IPv4 header checksum is wrong")
		}
		if be.Uint16(p[6:])&0x3fff != 0 {
			return s, false, nil
		}
		src, dst = netip.AddrFrom4([4]byte(p[12:16])), netip.AddrFrom4([4]byte(p[16:20]))
		payload = p[20:]
		if n := int(be.Uint16(p[2:])); n != 0 && n <= len(p) {
			payload = p[20:n] // without padding
		}
	case len(p) >= 40 && p[0] == 0x60:
		if p[6] != 6 {
			return s, false, nil
		}
		src, dst = netip.AddrFrom16([16]byte(p[8:24])), netip.AddrFrom16([16]byte(p[24:40]))
		payload = p[40:]
		if n := int(be.Uint16(p[4:])); n != 0 && 40+n <= len(p) {
			payload = p[40 : 40+n]
		}
	default:
		return s, false, nil
	}
	if len(p) < wire || len(payload) < 20 {
		return s, false, nil
	}
	sum := ones(0, src.AsSlice())
	sum = ones(sum, dst.AsSlice())
	sum = ones(sum, be.AppendUint32(nil, uint32(len(payload))))
	if ones(ones(sum, []byte{0, 6}), payload) != 0xffff {
		err = fmt.Errorf("TCP checksum is wrong")
	}
	off := int(payload[12]>>4) * 4
	return seen{
		src: netip.AddrPortFrom(src, be.Uint16(payload)), dst: netip.AddrPortFrom(dst, be.Uint16(payload[2:])),
		seq: be.Uint32(payload[4:]), ack: be.Uint32(payload[8:]), flags: payload[13],
		win: be.Uint16(payload[14:]), opts: payload[20:off], data: payload[off:],
	}, true, err
}

// compile compiles and takes apart; every checksum must be right.
func compile(t *testing.T, src string) []seen {
	t.Helper()
	p, err := Compile(src)
	if err != nil {
		t.Fatal(err)
	}
	linkType, recs := readFile(t, p)
	var out []seen
	for i, r := range recs {
		ip := stripLink(t, linkType, r.data)
		s, ok, err := dissect(ip, r.wireLen-(len(r.data)-len(ip)))
		if err != nil {
			t.Fatalf("frame %d: %v", i+1, err)
		}
		if ok {
			s.at = r.at
			out = append(out, s)
		}
	}
	return out
}

func lines(segs []seen) string {
	var b strings.Builder
	for _, s := range segs {
		b.WriteString(s.String() + "\n")
	}
	return b.String()
}
