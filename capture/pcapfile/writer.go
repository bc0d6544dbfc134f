package pcapfile

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/packet"
)

// Writer writes a classic pcap file (draft-ietf-opsawg-pcap), little-endian,
// with a snaplen of 262144. It gathers whole records and hands them on in few
// writes, none of which ends inside a record: Flush it. After the first error it
// writes nothing more and returns that error from every method. One goroutine
// uses it.
type Writer struct {
	output
	link uint16
	tick int64 // nanoseconds per unit of a record's second time field
}

// NewWriter begins a file for frames of that LINKTYPE_. With nanos
// the file has times in nanoseconds, which some programs older than 2013 cannot
// read, otherwise in microseconds, and times are cut to them.
func NewWriter(w io.Writer, link uint16, nanos bool) *Writer {
	p := &Writer{output: output{w: w, size: pcapSize}, link: link, tick: 1000}
	magic := uint32(0xa1b2c3d4)
	if nanos {
		magic, p.tick = 0xa1b23c4d, 1
	}
	h := p.extend(pcapHeader)
	clear(h)
	binary.LittleEndian.PutUint32(h[0:], magic)
	binary.LittleEndian.PutUint16(h[4:], 2) // version 2.4
	binary.LittleEndian.PutUint16(h[6:], 4)
	binary.LittleEndian.PutUint32(h[16:], maxFrame)
	binary.LittleEndian.PutUint32(h[20:], uint32(link))
	return p
}

// pcapSize is the size of the file's header, or of the record that rec starts with.
func pcapSize(at int64, rec []byte) int {
	if at == 0 {
		return pcapHeader
	}
	return pcapRecord + int(binary.LittleEndian.Uint32(rec[8:]))
}

// WriteFrame appends a frame, of which it keeps nothing. Bytes beyond the
// snaplen are left out. A time that the format does not have becomes the nearest
// that it has: it knows the years from 1970 to 2106. A frame of another link type
// than the file's is an error and is left out; the file stays good.
func (w *Writer) WriteFrame(f *packet.Frame) error {
	switch {
	case w.err != nil:
		return w.err
	case f.Link != w.link:
		return fmt.Errorf("capture: write frame %d: its link type is %d, the file's is %d", f.Number, f.Link, w.link)
	}
	wire := min(max(int64(f.WireLen), int64(len(f.Data))), math.MaxUint32)
	w.record(f.Nanos, uint32(wire), f.Data[:min(len(f.Data), maxFrame)]) //nolint:gosec // just bounded
	return w.err
}

// LinkError says that a frame's link type is not that of the file it is for.
type LinkError struct{ Frame, File uint16 }

func (e *LinkError) Error() string {
	return fmt.Sprintf("capture: write: a frame's link type is %d, the file's is %d", e.Frame, e.File)
}

// Write appends the frames from to to of a block, as WriteFrame does, up to the
// first of another link type, for which it returns a *LinkError. Notes are left
// out: the format has no room for them.
func (w *Writer) Write(b *capture.Block, from, to int) error {
	for i := from; i < to && w.err == nil; i++ {
		f := &b.Frames[i]
		if f.Link != w.link {
			return &LinkError{f.Link, w.link}
		}
		w.record(f.Nanos, max(f.WireLen, f.Len), b.Buf[f.Off:f.Off+min(f.Len, maxFrame)])
	}
	return w.err
}

// record appends a record (§5).
func (w *Writer) record(nanos int64, wire uint32, data []byte) {
	nanos = min(max(nanos, 0), lastNanos)
	p := w.extend(pcapRecord + len(data))
	h := p[:pcapRecord]
	binary.LittleEndian.PutUint32(h, uint32(nanos/1e9))            //nolint:gosec // bounded by lastNanos
	binary.LittleEndian.PutUint32(h[4:], uint32(nanos%1e9/w.tick)) //nolint:gosec // less than 10^9
	binary.LittleEndian.PutUint32(h[8:], uint32(len(data)))        //nolint:gosec // at most maxFrame
	binary.LittleEndian.PutUint32(h[12:], wire)
	copy(p[pcapRecord:], data)
}

// lastNanos is the last time of a pcap file.
const lastNanos = math.MaxUint32*1e9 + 999999999

// Flush hands everything written so far to the underlying writer.
func (w *Writer) Flush() error { return w.flush() }

// Size is how many bytes the file has, with those that wait for a Flush.
func (w *Writer) Size() int64 { return w.total() }

// Whole is how many bytes the underlying writer has taken, up to the end of the
// last record that it took whole: a file that is cut there is good, also after an
// error.
func (w *Writer) Whole() int64 { return w.done }
