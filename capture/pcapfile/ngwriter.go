package pcapfile

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"example.com/wirewatch/capture"
)

// NGOptions say what the head of a pcapng file says.
type NGOptions struct {
	OS          string   // shb_os: what the capture was made on; "" for none
	Application string   // shb_userappl: what made it; "" for none
	Comments    []string // of the whole file
}

// NGWriter writes a pcapng file (draft-ietf-opsawg-pcapng) of one section,
// little-endian, with times in nanoseconds: what a Source of it yields is what
// was written. It gathers whole blocks and hands them on in few writes, none of
// which ends inside a block: Flush it. After the first error it writes nothing
// more and returns that error from every method. One goroutine uses it.
type NGWriter struct {
	output
	ifaces []ngOut           // of the section, by the number that its blocks have
	number []uint32          // of the source's interfaces in the section
	others map[ngLink]uint32 // numbers of those interfaces whose frames have another link type too
	first  int64             // time of the earliest frame, in nanoseconds since the epoch
	last   int64             // time of the latest frame
	body   [512]byte         // room for the body of the block that is being made, so that most cost no allocation
}

// ngOut is an interface of the file.
type ngOut struct {
	link     uint16
	received uint64 // frames written
	lost     drops
}

// ngLink is an interface of the source, and one of its link types.
type ngLink struct{ iface, link uint16 }

// NewNGWriter begins a file.
func NewNGWriter(w io.Writer, opt NGOptions) *NGWriter {
	g := &NGWriter{output: output{w: w, size: ngSize}, others: map[ngLink]uint32{}, first: math.MaxInt64}
	p := binary.LittleEndian.AppendUint32(nil, byteOrderMagic)
	p = binary.LittleEndian.AppendUint32(p, 1)              // version 1.0
	p = binary.LittleEndian.AppendUint64(p, math.MaxUint64) // the section's length is not known yet
	p = appendText(p, optShbOS, opt.OS)
	p = appendText(p, optShbUserappl, opt.Application)
	for _, c := range opt.Comments {
		p = appendText(p, optComment, c)
	}
	g.block(blockSection, endOptions(p, ngSectionHead))
	return g
}

// Lengths of what comes before the options in bodies of blocks.
const (
	ngSectionHead    = 16
	ngInterfaceHead  = 8
	ngStatisticsHead = 12
)

// ngSize is the size of the block that rec starts with.
func ngSize(_ int64, rec []byte) int { return int(binary.LittleEndian.Uint32(rec[4:])) }

// Write appends the frames from to to of a block, of which it keeps nothing, each
// with the notes that stand before it; and the notes behind the last frame of
// the block if that is among them, or if the block has none. ifaces are those of the source, by
// Record.Iface: the list may grow from call to call. What the format cannot say
// becomes the nearest that it can: a time before 1970 is 1970, and an interface
// without a limit to its frames is one with a snaplen of 262144, because some
// readers take 0 for "nothing".
func (g *NGWriter) Write(b *capture.Block, from, to int, ifaces []capture.Interface) error {
	for i := len(g.number); i < len(ifaces) && i < maxIndices; i++ {
		g.number = append(g.number, g.describe(&ifaces[i], ifaces[i].Link))
	}
	for _, n := range notes(b, from, to) {
		at := min(max(n.At, from), to)
		g.frames(b.Buf, b.Frames[from:at], ifaces)
		g.note(&n, ifaces)
		from = at
	}
	g.frames(b.Buf, b.Frames[from:to], ifaces)
	return g.err
}

// notes are those of b that stand before its frames from to to, and behind the
// last one.
func notes(b *capture.Block, from, to int) []capture.Note {
	before := func(n capture.Note, at int) int { return n.At - at }
	first, end := 0, len(b.Notes)
	if from > 0 {
		first, _ = slices.BinarySearchFunc(b.Notes, from, before)
	}
	if to < len(b.Frames) {
		end, _ = slices.BinarySearchFunc(b.Notes, to, before)
	}
	return b.Notes[min(first, end):end]
}

// frames appends Enhanced Packet Blocks (§4.3), straight from the buffer that the
// frames lie in.
func (g *NGWriter) frames(buf []byte, frames []capture.Record, ifaces []capture.Interface) {
	for i := range frames {
		f := &frames[i]
		n := g.interfaceOf(f.Iface, f.Link, ifaces)
		g.ifaces[n].received++
		nanos := max(f.Nanos, 0)
		g.first, g.last = min(g.first, nanos), max(g.last, nanos)
		data := buf[f.Off : f.Off+f.Len]
		padded := (len(data) + 3) &^ 3
		total := uint32(minEnhanced + padded)
		p := g.extend(int(total))
		binary.LittleEndian.PutUint64(p[total-8:], uint64(total)<<32) // the padding, too, which data then leaves
		h := p[:enhancedHead]
		binary.LittleEndian.PutUint64(h, uint64(total)<<32|blockEnhanced)
		binary.LittleEndian.PutUint32(h[8:], n)
		binary.LittleEndian.PutUint32(h[12:], uint32(nanos>>32))
		binary.LittleEndian.PutUint32(h[16:], uint32(nanos))
		binary.LittleEndian.PutUint32(h[20:], f.Len)
		binary.LittleEndian.PutUint32(h[24:], max(f.WireLen, f.Len))
		copy(p[enhancedHead:], data)
	}
}

// interfaceOf is the number in the file of a frame's interface. An interface in
// pcapng has one link type, so one whose frames have several becomes several; so
// does one that nobody has described.
func (g *NGWriter) interfaceOf(iface, link uint16, ifaces []capture.Interface) uint32 {
	if int(iface) < len(g.number) {
		if n := g.number[iface]; g.ifaces[n].link == link {
			return n
		}
	}
	key := ngLink{iface, link}
	n, ok := g.others[key]
	if !ok {
		var like capture.Interface
		if int(iface) < len(ifaces) {
			like = ifaces[iface]
		}
		n = g.describe(&like, link)
		g.others[key] = n
	}
	return n
}

// describe appends an Interface Description Block (§4.2) and returns its number.
func (g *NGWriter) describe(i *capture.Interface, link uint16) uint32 {
	snaplen := i.Snaplen
	if snaplen == 0 {
		snaplen = maxFrame
	}
	p := binary.LittleEndian.AppendUint32(g.body[:0], uint32(link))
	p = binary.LittleEndian.AppendUint32(p, snaplen)
	p = appendText(p, optIfName, i.Name)
	p = appendText(p, optIfDescription, i.Description)
	if i.Filter != "" {
		p = appendText(p, optIfFilter, string([]byte{filterString})+i.Filter)
	}
	p = appendOption(p, optIfTsresol, []byte{9})
	g.block(blockInterface, endOptions(p, ngInterfaceHead))
	g.ifaces = append(g.ifaces, ngOut{link: link})
	return uint32(len(g.ifaces) - 1)
}

// note appends what a note says.
func (g *NGWriter) note(n *capture.Note, ifaces []capture.Interface) {
	if l := n.Loss; l.Kernel > 0 || l.Interface > 0 {
		link := uint16(0)
		if int(l.Iface) < len(ifaces) {
			link = ifaces[l.Iface].Link
		}
		at := g.interfaceOf(l.Iface, link, ifaces)
		g.ifaces[at].lost.kernel += l.Kernel
		g.ifaces[at].lost.iface += l.Interface
		g.statistics(at, n.Nanos, false)
	}
	if n.Owner != nil {
		g.block(blockOwner, appendOwner(g.body[:0], n.Nanos, n.Owner))
	}
}

// WriteStatistics appends the closing statistics of each interface: when the
// capture began and ended, how many frames came and how many were lost. So it is
// called once, at the end.
func (g *NGWriter) WriteStatistics() error {
	for i := range g.ifaces {
		g.statistics(uint32(i), g.last, true)
	}
	return g.err
}

// statistics appends an Interface Statistics Block (§4.6), whose counts are since
// the file was begun.
func (g *NGWriter) statistics(n uint32, nanos int64, closing bool) {
	i := &g.ifaces[n]
	p := binary.LittleEndian.AppendUint32(g.body[:0], n)
	p = appendTime(p, max(nanos, 0))
	if closing && g.first <= g.last {
		p = appendOption(p, optIsbStart, appendTime(nil, g.first))
		p = appendOption(p, optIsbEnd, appendTime(nil, g.last))
	}
	if closing {
		p = appendCount(p, optIsbIfrecv, i.received+i.lost.kernel)
	}
	p = appendCount(p, optIsbIfdrop, i.lost.iface)
	p = appendCount(p, optIsbOsdrop, i.lost.kernel)
	g.block(blockStatistics, endOptions(p, ngStatisticsHead))
}

// WriteExtra appends a block of secrets or names. One that cannot be read is left
// out. So is one that is too large for readers to believe (16 MiB), which is an
// error; the file stays good.
func (g *NGWriter) WriteExtra(e Extra) error {
	body, ok := e.little()
	switch {
	case g.err != nil || !ok:
		return g.err
	case len(body)+minAny+3 > maxMeta:
		return fmt.Errorf("capture: write: a %s of %d bytes is larger than programs read", blockName(e.Type), len(body))
	}
	g.block(e.Type, body)
	return g.err
}

// block appends a block with that body, and padding.
func (g *NGWriter) block(kind uint32, body []byte) {
	total := minAny + (len(body)+3)&^3
	p := g.extend(total)
	binary.LittleEndian.PutUint32(p[total-8:], 0) // the padding
	binary.LittleEndian.PutUint32(p, kind)
	binary.LittleEndian.PutUint32(p[4:], uint32(total))
	binary.LittleEndian.PutUint32(p[total-4:], uint32(total))
	copy(p[8:total-4], body)
}

// Flush hands everything written so far to the underlying writer.
func (g *NGWriter) Flush() error { return g.flush() }

// Size is how many bytes the file has, with those that wait for a Flush.
func (g *NGWriter) Size() int64 { return g.total() }

// Whole is how many bytes the underlying writer has taken, up to the end of the
// last block that it took whole: a file that is cut there is good, also after an
// error.
func (g *NGWriter) Whole() int64 { return g.done }

// appendOption appends an option (§3.5). A value that is too long for its length
// field is cut.
func appendOption(p []byte, code uint16, v []byte) []byte {
	v = v[:min(len(v), math.MaxUint16)]
	p = binary.LittleEndian.AppendUint16(p, code)
	p = binary.LittleEndian.AppendUint16(p, uint16(len(v)))
	return pad(append(p, v...))
}

// appendText appends an option that is text, unless it is empty.
func appendText(p []byte, code uint16, text string) []byte {
	if text == "" {
		return p
	}
	return appendOption(p, code, []byte(text))
}

func appendCount(p []byte, code uint16, n uint64) []byte {
	return appendOption(p, code, binary.LittleEndian.AppendUint64(nil, n))
}

// appendTime appends a time, whose high half comes first in any byte order.
func appendTime(p []byte, nanos int64) []byte {
	p = binary.LittleEndian.AppendUint32(p, uint32(uint64(nanos)>>32))
	return binary.LittleEndian.AppendUint32(p, uint32(nanos))
}

// endOptions appends the end of the options, if there are any after a head of so
// many bytes.
func endOptions(p []byte, head int) []byte {
	if len(p) == head {
		return p
	}
	return append(p, 0, 0, 0, 0)
}
