package pcapfile

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"example.com/wirewatch/capture"
)

// Sizes in a Network Monitor file.
const (
	netmonHeader  = 32 // of the 128 bytes of its header, up to what is of use here
	netmonRecord1 = 8  // of a record's header in version 1
	netmonRecord2 = 16 // and in version 2
	netmonEntry   = 4  // of the frame table
)

// netmonKinds are what the formats of Network Monitor are called, by magic.
var netmonKinds = map[[4]byte]string{
	{'R', 'T', 'S', 'S'}: "Network Monitor 1",
	{'G', 'M', 'B', 'U'}: "Network Monitor 2",
}

// noLink is no LINKTYPE_: that of frames on media for which there is none.
const noLink = math.MaxUint16

// netmon reads a capture of Microsoft's Network Monitor, version 1.x or 2.x, all
// little-endian. Which frames there are, and in which order, is in its frame
// table, a list of offsets that stands at the end: so no scanner can read it, and
// of a stream all has to come first, and to be held, up to 256 MiB.
//
// The start of a capture is a local time without its zone (a SYSTEMTIME), to
// which frames before version 2.3 are relative. It is taken for UTC: what is
// read must not depend on the zone that the reader is in.
type netmon struct {
	r     *reader
	from  *whole // nil until all of the input is there
	major uint8
	minor uint8
	link  uint16
	iface uint16
	start int64 // seconds from the Unix epoch to the capture's start
	milli int64 // and the milliseconds

	table   record // the frame table, as the header has it
	entry   int64  // offset of its next entry
	used    int64  // bytes of all records so far
	entries view
	records view
}

// netmonFrame is a record as it lies in the file.
type netmonFrame struct {
	capture.Record       // but for Off
	data           int64 // offset of the captured bytes
	size           int64 // of the record
	ignore         bool  // it is no frame
}

// next returns the next block that has frames. When ctx ends it can be called
// again and loses nothing. It sets r.err once there are no more.
func (n *netmon) next(ctx context.Context) (*capture.Block, error) {
	if n.from == nil {
		if err := n.begin(ctx); err != nil {
			return nil, err
		}
	}
	b, err := n.r.pool.Get(ctx, n.r.size)
	if err != nil {
		return nil, err
	}
	used := 0
	for n.r.err == nil {
		used = n.add(b, used)
		if used < 0 {
			break
		}
	}
	if len(b.Frames) == 0 {
		b.Release()
		return nil, n.r.err
	}
	last := b.Frames[len(b.Frames)-1]
	b.Buf = b.Buf[:last.Off+last.Len]
	return b, nil
}

// begin gets hold of the input and reads its header. Its error is that of ctx,
// or is in r.err, too.
func (n *netmon) begin(ctx context.Context) error {
	w, err := n.r.entire(ctx)
	if err != nil {
		if ctx.Err() == nil || !errors.Is(err, context.Cause(ctx)) {
			n.r.err = err
		}
		return err
	}
	n.from, n.entries.from, n.records.from = w, w, w
	if w.size < netmonHeader {
		n.cut(record{"Network Monitor header", 0, netmonHeader})
		return n.r.err
	}
	h, err := n.entries.bytes(0, netmonHeader)
	if err != nil {
		n.unread(err)
		return n.r.err
	}
	n.count(netmonHeader)
	return n.header(h)
}

// header reads the file's header.
func (n *netmon) header(h []byte) error {
	u16 := func(at int) uint16 { return binary.LittleEndian.Uint16(h[at:]) }
	n.minor, n.major = h[4], h[5]
	if n.major != 1 && n.major != 2 {
		n.damaged(4, "it is of Network Monitor version %d.%d", n.major, n.minor)
		return n.r.err
	}
	n.link = netmonLink(u16(6))
	n.iface = n.r.meta.addInterface(Interface{n.r.file, capture.Interface{Link: n.link}})
	// 12 is the day of the week.
	n.start = time.Date(int(u16(8)), time.Month(u16(10)), int(u16(14)), int(u16(16)), int(u16(18)), int(u16(20)), 0, time.UTC).Unix()
	n.milli = int64(u16(22))
	n.table = record{"frame table", int64(binary.LittleEndian.Uint32(h[24:])), int64(binary.LittleEndian.Uint32(h[28:]))}
	n.entry = n.table.start
	switch {
	case n.table.size == 0:
		n.damaged(24, "the header names no frame table")
	case n.table.start >= n.from.size && n.complete():
		n.damaged(24, "the header names a frame table past the end of the input (at %d of %d)", n.table.start, n.from.size)
	}
	return n.r.err
}

// netmonLink is the LINKTYPE_ of a medium. The first are those of NDIS; version
// 2.1 added frames converted from pcap files, and from other sources.
func netmonLink(medium uint16) uint16 {
	switch {
	case medium <= 1: // some captures of VPNs have 0
		return 1
	case medium == 2: // Token Ring
		return 6
	case medium == 3: // FDDI
		return 10
	case medium >= 7 && medium <= 9: // tunnels, mobile networks, raw IP
		return 101
	case medium == 0xe080: // Wi-Fi
		return 105
	case medium > 0xe080 && medium <= 0xe08a: // messages of Windows' own
		return noLink
	case medium&0xf000 == 0xe000:
		return medium & 0xfff
	}
	return noLink
}

// add adds the next frame to a block of which so many bytes are used, and
// returns how many are then, or -1 for a block that has no room for it. At the
// end, and for a frame that cannot be read, it sets r.err.
func (n *netmon) add(b *capture.Block, used int) int {
	f, ok := n.frame()
	switch {
	case !ok:
		return used
	case used+int(f.Len) > len(b.Buf) && len(b.Frames) > 0:
		return -1
	case used+int(f.Len) > len(b.Buf):
		b.Buf = make([]byte, f.Len)
	}
	if !f.ignore {
		data, err := n.records.bytes(f.data, int(f.Len))
		if err != nil {
			n.unread(err)
			return used
		}
		f.Off = uint32(used) //nolint:gosec // a buffer is far below 4 GiB
		used += copy(b.Buf[used:], data)
		b.Frames = append(b.Frames, f.Record)
	}
	n.entry += netmonEntry
	n.used += f.size
	n.count(f.size + netmonEntry)
	return used
}

// frame reads the next entry of the frame table and all of its record but the
// captured bytes. It reports whether that could be done, and if not sets r.err.
func (n *netmon) frame() (f netmonFrame, ok bool) {
	end := n.table.start + n.table.size
	switch {
	case n.entry == end:
		n.r.pos = n.from.size
		n.r.err = io.EOF
		if !n.complete() {
			n.r.err = n.r.finish(0, pause{})
		}
		return f, false
	case n.entry+netmonEntry > n.from.size:
		n.cut(n.table)
		return f, false
	case n.entry+netmonEntry > end:
		n.damaged(n.entry, "the frame table ends in the middle of an entry")
		return f, false
	}
	e, err := n.entries.bytes(n.entry, netmonEntry)
	if err != nil {
		n.unread(err)
		return f, false
	}
	return n.record(int64(binary.LittleEndian.Uint32(e)))
}

// record reads the record at an offset. Records do not overlap: a table that
// names the same one again and again would make much of little.
func (n *netmon) record(at int64) (f netmonFrame, ok bool) {
	head := n.recordHeader()
	switch {
	case at >= n.from.size && n.complete():
		n.damaged(n.entry, "a frame table entry points past the end of the input (to %d of %d)", at, n.from.size)
		return f, false
	case at+head > n.from.size:
		n.cut(record{"record header", at, head})
		return f, false
	}
	h, err := n.records.bytes(at, int(head))
	if err != nil {
		n.unread(err)
		return f, false
	}
	f = n.parse(h)
	caplen := int64(f.Len)
	f.Len = min(f.Len, maxFrame)
	f.data, f.size = at+head, head+caplen+n.trailer()
	switch {
	case caplen > maxClaim:
		n.damaged(at, "a packet record claims %d captured bytes", caplen)
		return f, false
	case at+f.size > n.from.size:
		n.cut(record{"packet record", at, f.size})
		return f, false
	case n.used+f.size > n.from.size:
		n.damaged(n.entry, "a frame table entry makes the records longer than the input")
		return f, false
	}
	return f, n.readTrailer(f.data+caplen, &f)
}

// recordHeader is the length of a record's header.
func (n *netmon) recordHeader() int64 {
	if n.major == 1 {
		return netmonRecord1
	}
	return netmonRecord2
}

// parse reads a record's header. A time of version 2 is in microseconds, may be
// before the start, and is a multiple of 0.1 microseconds as an int64 that has
// been divided by ten as an uint64.
func (n *netmon) parse(h []byte) (f netmonFrame) {
	f.Link, f.Iface = n.link, n.iface
	var tenths int64 // of a microsecond
	if n.major == 1 {
		tenths = int64(binary.LittleEndian.Uint32(h)) * 1e4
		f.WireLen, f.Len = uint32(binary.LittleEndian.Uint16(h[4:])), uint32(binary.LittleEndian.Uint16(h[6:]))
	} else {
		tenths = int64(binary.LittleEndian.Uint64(h) * 10) //nolint:gosec // see above
		f.WireLen, f.Len = binary.LittleEndian.Uint32(h[8:]), binary.LittleEndian.Uint32(h[12:])
	}
	f.WireLen = max(f.WireLen, f.Len)
	f.Nanos = fromTenths(n.start, tenths, n.milli)
	return f
}

// fromTenths is the time of so many seconds since the Unix epoch, tenths of a
// microsecond, and milliseconds.
func fromTenths(seconds, tenths, milli int64) int64 {
	rest := tenths%1e7 + milli*1e4
	seconds += tenths/1e7 + rest/1e7
	if rest %= 1e7; rest < 0 {
		rest += 1e7
		seconds--
	}
	return join(seconds, uint64(rest)*100) //nolint:gosec // not negative
}

// trailer is the length of what follows a record's captured bytes.
func (n *netmon) trailer() int64 {
	switch {
	case n.major == 1 || n.minor == 0:
		return 0
	case n.minor == 1:
		return 2 // the medium
	case n.minor == 2:
		return 6 // and the process
	}
	return 15 // and the time, and the zone
}

// epochFileTime is the Unix epoch in seconds since 1601, which a FILETIME counts
// tenths of a microsecond from.
const epochFileTime = 11644473600

// readTrailer reads what follows a record's captured bytes, and reports whether
// that could be done, and if not sets r.err.
func (n *netmon) readTrailer(at int64, f *netmonFrame) bool {
	if n.trailer() == 0 {
		return true
	}
	t, err := n.records.bytes(at, int(n.trailer()))
	if err != nil {
		n.unread(err)
		return false
	}
	parseTrailer(t, f)
	return true
}

// parseTrailer takes from a trailer what is of use.
func parseTrailer(t []byte, f *netmonFrame) {
	medium := binary.LittleEndian.Uint16(t)
	f.Link = netmonLink(medium)
	switch medium {
	case 0xfffc, 0xfffd, 0xfffe: // of a reassembled payload; adapters; resolved names
		f.ignore = true
	}
	if len(t) < 15 {
		return
	}
	if utc := binary.LittleEndian.Uint64(t[6:]); utc != 0 {
		rest := utc % 1e7 * 100
		f.Nanos = join(int64(utc/1e7)-epochFileTime, rest) //nolint:gosec // a ten-millionth of a uint64
	}
}

// complete reports that the input ended as it should: then what is not there is
// the file's fault, and otherwise that of what cut it.
func (n *netmon) complete() bool {
	var bad *badCompression
	return n.r.ended == nil || errors.Is(n.r.ended, io.EOF) && !errors.As(n.r.ended, &bad)
}

// cut says that the input ends in the middle of a record.
func (n *netmon) cut(rec record) {
	if n.complete() {
		n.r.err = n.r.cut(rec, max(n.from.size-rec.start, 0))
		return
	}
	n.r.pos = n.from.size
	n.r.err = n.r.finish(0, pause{})
}

// damaged says what is wrong at an offset.
func (n *netmon) damaged(at int64, format string, args ...any) {
	n.r.pos = at
	n.r.err = n.r.damaged("%s at offset %d", fmt.Sprintf(format, args...), at)
}

// unread says that the input could not be read.
func (n *netmon) unread(err error) {
	n.r.err = fmt.Errorf("capture: read %s: %w", n.r.name, err)
}

// count counts bytes of a file that have been used.
func (n *netmon) count(bytes int64) {
	if n.from.count != nil {
		n.from.count.Add(bytes)
	}
}
