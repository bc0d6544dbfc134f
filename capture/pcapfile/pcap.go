package pcapfile

import (
	"encoding/binary"
	"math/bits"

	"example.com/wirewatch/capture"
)

// Sizes in a pcap file (draft-ietf-opsawg-pcap §4, §5).
const (
	pcapHeader       = 24
	pcapRecord       = 16
	pcapRecordModded = 24 // the "modified" variant: with interface index, protocol and packet type
)

// pcapKind is a variant of pcap, known by its magic.
type pcapKind struct {
	name   string
	swap   bool   // the file is big-endian
	tick   uint32 // nanoseconds that one unit of a time's second half stands for
	record int    // length of a record's header
}

// pcapKinds are the variants by magic, as its bytes lie in the file.
var pcapKinds = map[[4]byte]pcapKind{
	{0xd4, 0xc3, 0xb2, 0xa1}: {"pcap", false, 1000, pcapRecord},
	{0xa1, 0xb2, 0xc3, 0xd4}: {"pcap", true, 1000, pcapRecord},
	{0x4d, 0x3c, 0xb2, 0xa1}: {"nanosecond pcap", false, 1, pcapRecord},
	{0xa1, 0xb2, 0x3c, 0x4d}: {"nanosecond pcap", true, 1, pcapRecord},
	{0x34, 0xcd, 0xb2, 0xa1}: {"modified pcap", false, 1000, pcapRecordModded},
	{0xa1, 0xb2, 0xcd, 0x34}: {"modified pcap", true, 1000, pcapRecordModded},
}

// lengths says in which order a record has its two lengths. Captured length
// first is the rule; before version 2.3 of the format it was the other way
// about, and with version 2.3 some writers still did so.
type lengths uint8

const (
	capturedFirst lengths = iota
	wireFirst
	smallerFirst
)

// pcapScanner finds the records of a classic pcap file.
type pcapScanner struct {
	kind  pcapKind
	meta  *meta
	file  int
	begun bool // the file's header has been read
	link  uint16
	iface uint16
	order lengths
}

func (s *pcapScanner) scan(b *capture.Block, at, end int) (int, pause) {
	if !s.begun {
		if end-at < pcapHeader {
			return at, short("pcap header", pcapHeader)
		}
		s.header(b.Buf[at : at+pcapHeader])
		at += pcapHeader
	}
	var p pause
	at, b.Frames, p = s.records(b.Buf[:end], at, b.Frames)
	return at, p
}

// header reads the file's header. Of the link type field only the low 16 bits
// are the LINKTYPE_; the rest says whether frames end in a checksum. The snaplen
// is kept for show: files lie about it.
func (s *pcapScanner) header(h []byte) {
	s.begun = true
	major, minor := s.u16(h[4:]), s.u16(h[6:])
	switch {
	case major == 2 && minor < 3, major == 543: // 543.0: a DG/UX tcpdump
		s.order = wireFirst
	case major == 2 && minor == 3:
		s.order = smallerFirst
	}
	s.link = uint16(s.u32(h[20:]) & 0xffff) //nolint:gosec // masked
	s.iface = s.meta.addInterface(Interface{s.file, capture.Interface{Link: s.link, Snaplen: s.u32(h[16:])}})
}

// records is the loop over all records that lie in buf from at on, kept free of
// calls. It appends to frames and returns where it stopped, and why.
func (s *pcapScanner) records(buf []byte, at int, frames []capture.Record) (int, []capture.Record, pause) {
	head, tick := s.kind.record, int64(s.kind.tick)
	for {
		if len(buf)-at < head {
			return at, frames, short("record header", head)
		}
		h := buf[at : at+pcapRecord]
		sec, frac := binary.LittleEndian.Uint32(h), binary.LittleEndian.Uint32(h[4:])
		caplen, wirelen := binary.LittleEndian.Uint32(h[8:]), binary.LittleEndian.Uint32(h[12:])
		if s.kind.swap {
			sec, frac = bits.ReverseBytes32(sec), bits.ReverseBytes32(frac)
			caplen, wirelen = bits.ReverseBytes32(caplen), bits.ReverseBytes32(wirelen)
		}
		if caplen > wirelen || s.order == wireFirst {
			caplen, wirelen = s.reorder(caplen, wirelen)
		}
		if caplen > maxClaim {
			return at, frames, broken("a packet record claims %d captured bytes", caplen)
		}
		keep := min(int(caplen), maxFrame)
		if len(buf)-at < head+keep {
			return at, frames, pause{need: head + keep, what: "packet record", size: int64(head) + int64(caplen)}
		}
		frames = append(frames, capture.Record{
			// The fraction was a signed int in the first programs, and some leave it just below 0.
			Nanos: int64(sec)*1e9 + int64(int32(frac))*tick,               //nolint:gosec // as intended
			Off:   uint32(at + head), Len: uint32(keep), WireLen: wirelen, //nolint:gosec // a buffer is far below 4 GiB
			Link: s.link, Iface: s.iface,
		})
		if int(caplen) > keep {
			return at, frames, passOver("packet record", int64(head)+int64(caplen), head+keep)
		}
		at += head + keep
	}
}

// reorder returns the captured and the wire length of a record whose lengths
// are a and b in the file. A captured length above the wire length is believed:
// the bytes are there.
func (s *pcapScanner) reorder(a, b uint32) (caplen, wirelen uint32) {
	if s.order == wireFirst || s.order == smallerFirst && a > b {
		a, b = b, a
	}
	return a, max(a, b)
}

func (s *pcapScanner) u16(p []byte) uint16 {
	if s.kind.swap {
		return binary.BigEndian.Uint16(p)
	}
	return binary.LittleEndian.Uint16(p)
}

func (s *pcapScanner) u32(p []byte) uint32 {
	if s.kind.swap {
		return binary.BigEndian.Uint32(p)
	}
	return binary.LittleEndian.Uint32(p)
}
