package pcapfile

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"example.com/wirewatch/capture"
)

// Block types of pcapng (draft-ietf-opsawg-pcapng §11.1) that mean something
// here; all others are skipped.
const (
	blockInterface  = 0x00000001 // §4.2
	blockPacket     = 0x00000002 // §B, obsolete
	blockSimple     = 0x00000003 // §4.4
	blockNames      = 0x00000004 // §4.5
	blockStatistics = 0x00000005 // §4.6
	blockEnhanced   = 0x00000006 // §4.3
	blockSecrets    = 0x0000000a // §4.7
	blockSection    = 0x0a0d0d0a // §4.1, the same in either byte order
	blockOwner      = 0x80005757 // ours, see owner.go: for local use, as all with the most significant bit set
)

// Least lengths of blocks, from the block type to the second total length.
const (
	minAny        = 12
	minSection    = 28
	minInterface  = 20
	minSimple     = 16
	minEnhanced   = 32
	minStatistics = 24
	minSecrets    = 20

	enhancedHead = 28 // of an Enhanced Packet Block, up to the packet's data
	simpleHead   = 12 // of a Simple Packet Block
)

// maxInterfaces bounds the interfaces of a section: each costs memory.
const maxInterfaces = 1 << 16

// byteOrderMagic is how a section says in which byte order it is (§4.1).
const byteOrderMagic = 0x1a2b3c4d

// ngScanner finds the packets in a pcapng file. The zero value with a meta
// starts at a Section Header Block, whose byte order it takes.
type ngScanner struct {
	meta   *meta
	file   int
	swap   bool // the section is big-endian
	order  binary.ByteOrder
	ifaces []ngInterface // of the section
	last   int64         // time of the last packet that had one
}

// ngInterface is an interface as the packets of its section need it.
type ngInterface struct {
	link    uint16
	index   uint16 // in the source
	snaplen uint32 // 0: no limit
	clock   clock
	dropped drops // as its last Interface Statistics Block has them
}

// block is the head of a block: all that is known without its body.
type block struct {
	kind  uint32
	total uint32 // the block's length as it is given, twice
}

// size is how many bytes the block takes. Some writers leave the padding out of
// the total length that is to include it.
func (h block) size() int64 { return (int64(h.total) + 3) &^ 3 }

func (s *ngScanner) scan(b *capture.Block, at, end int) (int, pause) {
	for {
		var p pause
		at, b.Frames = s.enhancedRun(b.Buf[:end], at, b.Frames)
		at, b.Frames, p = s.packets(b.Buf[:end], at, b.Frames)
		if p != (pause{}) {
			return at, p
		}
		if at, p = s.other(b, b.Buf[:end], at); p != (pause{}) {
			return at, p
		}
	}
}

// enhancedRun is the fast path: a loop, kept free of calls, over the Enhanced
// Packet Blocks that lie in buf from at on, as long as each is whole and all that
// it should be. What stops it is for packets and other to judge. It appends to
// frames.
func (s *ngScanner) enhancedRun(buf []byte, at int, frames []capture.Record) (int, []capture.Record) {
	for len(buf)-at >= minEnhanced {
		h := buf[at : at+enhancedHead]
		kind, total := binary.LittleEndian.Uint32(h), binary.LittleEndian.Uint32(h[4:])
		iface := binary.LittleEndian.Uint32(h[8:])
		high, low := binary.LittleEndian.Uint32(h[12:]), binary.LittleEndian.Uint32(h[16:])
		caplen, wirelen := binary.LittleEndian.Uint32(h[20:]), binary.LittleEndian.Uint32(h[24:])
		end := total
		if s.swap {
			kind, end, iface = bits.ReverseBytes32(kind), bits.ReverseBytes32(total), bits.ReverseBytes32(iface)
			high, low = bits.ReverseBytes32(high), bits.ReverseBytes32(low)
			caplen, wirelen = bits.ReverseBytes32(caplen), bits.ReverseBytes32(wirelen)
		}
		if kind != blockEnhanced || end < minEnhanced || end > maxBlock || end%4 != 0 || int(end) > len(buf)-at ||
			int64(iface) >= int64(len(s.ifaces)) || caplen > min(end-minEnhanced, maxFrame) ||
			binary.LittleEndian.Uint32(buf[at+int(end)-4:]) != total {
			break
		}
		f := &s.ifaces[iface]
		s.last = f.clock.nanos(uint64(high)<<32 | uint64(low))
		frames = append(frames, capture.Record{
			Nanos: s.last, Off: uint32(at + enhancedHead), Len: caplen, //nolint:gosec // a buffer is far below 4 GiB
			WireLen: max(caplen, wirelen), Link: f.link, Iface: f.index,
		})
		at += int(end)
	}
	return at, frames
}

// packets is the loop over the blocks that lie in buf from at on, up to the
// first that has no packet. It appends to frames.
func (s *ngScanner) packets(buf []byte, at int, frames []capture.Record) (int, []capture.Record, pause) {
	for {
		if len(buf)-at < minAny {
			return at, frames, short("block header", minAny)
		}
		h := block{s.u32(buf[at:]), s.u32(buf[at+4:])}
		if h.kind != blockEnhanced && h.kind != blockPacket && h.kind != blockSimple {
			return at, frames, pause{}
		}
		rec, body, p := s.packet(h, buf[at:])
		if p.need > 0 || p.damage != "" {
			return at, frames, p
		}
		rec.Off += uint32(at) //nolint:gosec // a buffer is far below 4 GiB
		frames = append(frames, rec)
		if p.skip > 0 {
			return at, frames, p
		}
		at += body
	}
}

// packet reads the packet block at the start of buf, whose offsets the record
// has, and returns the block's length. The pause is to need more, to skip the
// rest after the record has been taken, or damage.
func (s *ngScanner) packet(h block, buf []byte) (rec capture.Record, size int, p pause) {
	if h.kind == blockSimple {
		rec, p = s.simple(h, buf)
	} else {
		rec, p = s.enhanced(h, buf)
	}
	if p.need > 0 || p.damage != "" {
		return rec, 0, p
	}
	if h.size() > maxBlock {
		return s.large(h, buf, rec)
	}
	rec.Len = min(rec.Len, maxFrame)
	size = int(h.size())
	if len(buf) < size {
		return rec, 0, short("packet block", size)
	}
	return rec, size, s.checkEnd(h, buf[:size])
}

// large is the rest of packet for a block that is not held as a whole.
func (s *ngScanner) large(h block, buf []byte, rec capture.Record) (capture.Record, int, pause) {
	if rec.Len > maxClaim {
		return rec, 0, broken("a packet block claims %d captured bytes", rec.Len)
	}
	rec.Len = min(rec.Len, maxFrame)
	keep := int(rec.Off + rec.Len)
	if len(buf) < keep {
		return rec, 0, pause{need: keep, what: "packet block", size: h.size()}
	}
	return rec, 0, passOver("packet block", h.size(), keep)
}

// enhanced reads the head of an Enhanced Packet Block (§4.3), or of an obsolete
// Packet Block, which differs in that its interface has 16 bits and that a count
// of drops follows.
func (s *ngScanner) enhanced(h block, buf []byte) (rec capture.Record, p pause) {
	if h.total < minEnhanced {
		return rec, badLength(h)
	}
	if len(buf) < enhancedHead {
		return rec, pause{need: enhancedHead, what: "packet block", size: h.size()}
	}
	iface := s.u32(buf[8:])
	if h.kind == blockPacket {
		iface = uint32(s.order.Uint16(buf[8:]))
	}
	if int64(iface) >= int64(len(s.ifaces)) {
		return rec, broken("a packet block is of interface %d of %d", iface, len(s.ifaces))
	}
	caplen := s.u32(buf[20:])
	if int64(caplen) > h.size()-minEnhanced {
		return rec, broken("a packet block of %d bytes claims %d captured bytes", h.total, caplen)
	}
	f := &s.ifaces[iface]
	units := uint64(s.u32(buf[12:]))<<32 | uint64(s.u32(buf[16:]))
	s.last = f.clock.nanos(units)
	return capture.Record{
		Nanos: s.last, Off: enhancedHead, Len: caplen, WireLen: max(caplen, s.u32(buf[24:])),
		Link: f.link, Iface: f.index,
	}, p
}

// simple reads the head of a Simple Packet Block (§4.4). It is of the section's
// first interface, whose snaplen has cut it, and has no time: it gets that of
// the packet before it.
func (s *ngScanner) simple(h block, buf []byte) (rec capture.Record, p pause) {
	if h.total < minSimple {
		return rec, badLength(h)
	}
	if len(buf) < simpleHead {
		return rec, pause{need: simpleHead, what: "packet block", size: h.size()}
	}
	if len(s.ifaces) == 0 {
		return rec, broken("a packet block is of interface 0 of 0")
	}
	f := &s.ifaces[0]
	wirelen := s.u32(buf[8:])
	caplen := min(wirelen, uint32(h.size()-minSimple)) //nolint:gosec // size is that of a uint32
	if f.snaplen > 0 {
		caplen = min(caplen, f.snaplen)
	}
	return capture.Record{
		Nanos: s.last, Off: simpleHead, Len: caplen, WireLen: wirelen, Link: f.link, Iface: f.index,
	}, p
}

// other reads the block at at, which has no packet, and returns where the next
// one starts. What it says between two frames becomes a note of b.
func (s *ngScanner) other(b *capture.Block, buf []byte, at int) (int, pause) {
	h := block{s.u32(buf[at:]), s.u32(buf[at+4:])}
	if h.kind == blockSection {
		order := sectionOrder(buf[at:])
		if order == nil {
			return at, broken("a section header has no byte-order magic")
		}
		h.total = order.Uint32(buf[at+4:])
	}
	if h.total < s.least(h.kind) {
		return at, badLength(h)
	}
	limit, wanted := s.limit(h)
	switch {
	case h.size() > limit && wanted:
		return at, badLength(h)
	case h.size() > limit:
		if h.kind == blockNames || h.kind == blockSecrets {
			s.meta.lose()
		}
		return at, passOver(blockName(h.kind), h.size(), 0)
	case len(buf)-at < int(h.size()):
		return at, short(blockName(h.kind), int(h.size()))
	}
	next := at + int(h.size())
	if p := s.read(b, h, buf[at:next]); p.damage != "" {
		return at, p
	}
	return next, pause{}
}

// limit is up to which length a block is read, and whether the file cannot be
// read without it.
func (s *ngScanner) limit(h block) (bytes int64, wanted bool) {
	switch h.kind {
	case blockSection, blockInterface:
		return maxMeta, true
	case blockNames, blockSecrets:
		if !s.meta.room(h.size()) {
			return 0, false
		}
		return maxMeta, false
	}
	return maxBlock, false
}

// least is the least length of a block.
func (s *ngScanner) least(kind uint32) uint32 {
	switch kind {
	case blockSection:
		return minSection
	case blockInterface:
		return minInterface
	case blockStatistics:
		return minStatistics
	case blockSecrets:
		return minSecrets
	}
	return minAny
}

// read takes from a whole block what is of use.
func (s *ngScanner) read(b *capture.Block, h block, buf []byte) pause {
	if h.kind == blockSection {
		return s.section(h, buf)
	}
	if p := s.checkEnd(h, buf); p.damage != "" {
		return p
	}
	body := buf[8 : len(buf)-4]
	switch h.kind {
	case blockInterface:
		return s.addInterface(body)
	case blockStatistics:
		s.statistics(b, body)
	case blockOwner:
		if nanos, o := parseOwner(s.order, body); o != nil {
			b.Notes = append(b.Notes, capture.Note{At: len(b.Frames), Nanos: nanos, Owner: o})
		}
	case blockNames, blockSecrets:
		s.meta.keep(Extra{Type: h.kind, Order: s.order, Body: bytes.Clone(body)})
	}
	return pause{}
}

// section begins a section, which has its own byte order and interfaces.
func (s *ngScanner) section(h block, buf []byte) pause {
	order := sectionOrder(buf)
	swap := order == binary.ByteOrder(binary.BigEndian)
	if end := order.Uint32(buf[len(buf)-4:]); end != h.total {
		return unequal(h, end)
	}
	if major := order.Uint16(buf[12:]); major != 1 {
		return broken("a section is of pcapng version %d.%d", major, order.Uint16(buf[14:]))
	}
	s.order, s.swap, s.ifaces = order, swap, s.ifaces[:0]
	return pause{}
}

// sectionOrder is the byte order of the section whose header buf starts with,
// nil if it has no byte-order magic.
func sectionOrder(buf []byte) binary.ByteOrder {
	switch uint32(byteOrderMagic) {
	case binary.LittleEndian.Uint32(buf[8:]):
		return binary.LittleEndian
	case binary.BigEndian.Uint32(buf[8:]):
		return binary.BigEndian
	}
	return nil
}

// checkEnd compares the total length at the end of a block, which buf is, with
// that at its start.
func (s *ngScanner) checkEnd(h block, buf []byte) pause {
	if end := s.u32(buf[len(buf)-4:]); end != h.total {
		return unequal(h, end)
	}
	return pause{}
}

// u32 is the section's byte order, in a form that the compiler inlines.
func (s *ngScanner) u32(p []byte) uint32 {
	v := binary.LittleEndian.Uint32(p)
	if s.swap {
		v = bits.ReverseBytes32(v)
	}
	return v
}

func badLength(h block) pause {
	return broken("%s claims %d bytes", aBlock(h.kind), h.total)
}

func unequal(h block, end uint32) pause {
	return broken("%s has total lengths of %d and of %d bytes", aBlock(h.kind), h.total, end)
}

// blockName is what a block is called in messages.
func blockName(kind uint32) string {
	switch kind {
	case blockSection:
		return "section header"
	case blockInterface:
		return "interface description"
	case blockPacket, blockSimple, blockEnhanced:
		return "packet block"
	case blockNames:
		return "name resolution block"
	case blockStatistics:
		return "interface statistics block"
	case blockSecrets:
		return "decryption secrets block"
	}
	return "block"
}

func aBlock(kind uint32) string {
	if kind == blockInterface || kind == blockStatistics {
		return "an " + blockName(kind)
	}
	return "a " + blockName(kind)
}
