package pcapfile

import (
	"encoding/binary"

	"example.com/wirewatch/capture"
)

// Sizes in an ERF file.
const (
	erfHeader    = 16 // of a record's header
	erfExtension = 8  // of each extension header after it
)

// Types of ERF records that need to be told from the others; bit 7 of the type
// says that an extension header follows.
const (
	erfNone = 0 // in no file since 2001
	erfPad  = 48
)

// erfKind is how a type of record holds a frame.
type erfKind struct {
	head int    // bytes between the headers and the frame
	link uint16 // LINKTYPE_ of the frame, linkHDLC for HDLC of either kind
}

// LINKTYPE_ values of what is in ERF records.
const (
	linkEthernet = 1
	linkPPP      = 50
	linkRaw      = 101
	linkCHDLC    = 104
	linkERF      = 197
	linkHDLC     = noLink
)

// erfKinds are the types of records that hold frames of a kind that has a
// LINKTYPE_. A record of another type is handed on as it is, header and all, for
// which there is one, too.
var erfKinds = map[byte]erfKind{
	1: {0, linkHDLC}, 10: {0, linkHDLC}, 15: {0, linkHDLC}, 19: {0, linkHDLC}, // HDLC, also with a color or hash
	5: {4, linkHDLC}, 17: {4, linkHDLC}, // HDLC of one of many channels
	2: {2, linkEthernet}, 11: {2, linkEthernet}, 16: {2, linkEthernet}, 20: {2, linkEthernet}, // offset and padding first
	22: {0, linkRaw}, 23: {0, linkRaw}, // IPv4, IPv6
}

// erfScanner finds the records of an ERF file (Endace's Extensible Record
// Format), which has no header of its own. Each of a card's up to four ports is
// an interface.
type erfScanner struct {
	meta  *meta
	file  int
	known [4]bool
	iface [4]uint16
}

func (s *erfScanner) scan(b *capture.Block, at, end int) (int, pause) {
	for {
		h := b.Buf[at:end]
		if len(h) < erfHeader {
			return at, short("record header", erfHeader)
		}
		size := erfSize(h)
		switch {
		case size < erfHeader:
			return at, broken("a record claims %d bytes", size)
		case len(h) < size:
			return at, short("packet record", size)
		}
		if erfType(h) != erfPad {
			rec, ok := s.record(h[:size])
			if !ok {
				return at, broken("a record of type %d has no room for a frame in %d bytes", erfType(h), size)
			}
			rec.Off += uint32(at) //nolint:gosec // a buffer is far below 4 GiB
			b.Frames = append(b.Frames, rec)
		}
		at += size
	}
}

// erfSize is a record's length in bytes, from its header.
func erfSize(h []byte) int { return int(binary.BigEndian.Uint16(h[10:])) }

// erfType is a record's type, from its header.
func erfType(h []byte) byte { return h[8] & 0x7f }

// record reads a whole record.
func (s *erfScanner) record(h []byte) (capture.Record, bool) {
	at := erfData(h)
	if at < 0 {
		return capture.Record{}, false
	}
	kind, ok := erfKinds[erfType(h)]
	rec := capture.Record{Nanos: erfNanos(binary.LittleEndian.Uint64(h)), Link: kind.link}
	wirelen := int(binary.BigEndian.Uint16(h[14:]))
	length := min(len(h)-at, wirelen) // a record is padded
	switch {
	case !ok:
		at, length, rec.Link = 0, len(h), linkERF
	case kind.link == linkHDLC:
		rec.Link = hdlcLink(h[at : at+length])
	}
	rec.Off, rec.Len = uint32(at), uint32(length) //nolint:gosec // of 16 bits
	rec.WireLen = uint32(max(wirelen, length))    //nolint:gosec // of 16 bits
	rec.Iface = s.port(h[9]&3, rec.Link)
	return rec, true
}

// erfData is the offset of the frame in a whole record, after all headers, or -1
// for a record that has no room for them, or is of a type that there is not.
func erfData(h []byte) int {
	at := erfHeader
	for more := h[8]; more&0x80 != 0; at += erfExtension {
		if len(h)-at < erfExtension {
			return -1
		}
		more = h[at]
	}
	at += erfKinds[erfType(h)].head
	if at > len(h) || erfType(h) == erfNone {
		return -1
	}
	return at
}

// hdlcLink guesses what a frame in HDLC framing is: PPP starts with the address
// of all stations (RFC 1662 §3.1), which Cisco's framing does not use.
func hdlcLink(frame []byte) uint16 {
	if len(frame) > 0 && frame[0] == 0xff {
		return linkPPP
	}
	return linkCHDLC
}

// erfNanos is the time of an ERF timestamp, in 2^-32 seconds since the Unix
// epoch, to the nearest nanosecond.
func erfNanos(ts uint64) int64 {
	const half = 1 << 31
	return int64(ts>>32)*1e9 + int64(((ts&0xffffffff)*1e9+half)>>32) //nolint:gosec // of 32 bits each
}

// port is the index of the interface of a port.
func (s *erfScanner) port(n byte, link uint16) uint16 {
	if !s.known[n] {
		s.known[n] = true
		s.iface[n] = s.meta.addInterface(Interface{s.file, capture.Interface{Link: link}})
	}
	return s.iface[n]
}

// How an ERF file is known, which has no magic: its first records, erfProbe of
// them if there are as many, are consistent. A file that ends in the middle of
// a record has to have erfLeast before that one.
const (
	erfProbe = 20
	erfLeast = 3
	erfYear  = 366 * 24 * 3600 // seconds that may lie between a record and the next
)

// probeERF says whether head, with which the input has ended or not, is the
// start of an ERF file. Where that depends on more of it, need is how much.
func probeERF(head []byte, ended bool) (is bool, need int) {
	var last uint64
	at, frames := 0, 0
	for range erfProbe {
		h := head[at:]
		if len(h) == 0 && ended {
			return frames > 0, 0
		}
		size := erfHeader
		if len(h) >= erfHeader {
			size = erfSize(h)
			if !erfLikely(h, last, frames > 0) {
				return false, 0
			}
		}
		switch {
		case len(h) < size && ended:
			return frames >= erfLeast, 0
		case len(h) < size:
			return false, at + size
		case erfType(h) != erfPad:
			if erfData(h[:size]) < 0 {
				return false, 0
			}
			last = binary.LittleEndian.Uint64(h)
			frames++
		}
		at += size
	}
	return frames > 0, 0
}

// erfLikely reports whether h, which starts with a record's header, looks like
// one, after another with that timestamp if there is one.
func erfLikely(h []byte, last uint64, follows bool) bool {
	t := erfType(h)
	if erfSize(h) < erfHeader || t == erfNone || t > erfPad {
		return false
	}
	ts := binary.LittleEndian.Uint64(h)
	switch {
	case t == erfPad || !follows: // padding need not have a time
		return true
	case ts < last:
		return (last-ts)>>32 <= 1 // those of several ports are not in order
	}
	return (ts-last)>>32 <= erfYear
}
