package pcapfile

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"example.com/wirewatch/packet"
)

// Writer writes a classic pcap file (draft-ietf-opsawg-pcap), little-endian,
// with a snaplen of 262144. It buffers: Flush it at the end. After the first
// error it writes nothing more and returns that error from every method. One
// goroutine uses it.
type Writer struct {
	buf  *bufio.Writer
	link uint16
	tick int64 // nanoseconds per unit of a record's second time field
	err  error
	head [pcapRecord]byte // for the next record
}

// writeBuffer makes a write(2) rare.
const writeBuffer = 64 << 10

// NewWriter writes the file's header, for frames of that LINKTYPE_. With nanos
// the file has times in nanoseconds, which some programs older than 2013 cannot
// read, otherwise in microseconds, and times are cut to them.
func NewWriter(w io.Writer, link uint16, nanos bool) *Writer {
	p := &Writer{buf: bufio.NewWriterSize(w, writeBuffer), link: link, tick: 1000}
	magic := uint32(0xa1b2c3d4)
	if nanos {
		magic, p.tick = 0xa1b23c4d, 1
	}
	var h [pcapHeader]byte
	binary.LittleEndian.PutUint32(h[0:], magic)
	binary.LittleEndian.PutUint16(h[4:], 2) // version 2.4
	binary.LittleEndian.PutUint16(h[6:], 4)
	binary.LittleEndian.PutUint32(h[16:], maxFrame)
	binary.LittleEndian.PutUint32(h[20:], uint32(link))
	p.write(h[:])
	return p
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
	nanos := min(max(f.Nanos, 0), lastNanos)
	data := f.Data[:min(len(f.Data), maxFrame)]
	wire := min(max(int64(f.WireLen), int64(len(f.Data))), math.MaxUint32)
	w.field(0, nanos/1e9)
	w.field(4, nanos%1e9/w.tick)
	w.field(8, int64(len(data)))
	w.field(12, wire)
	w.write(w.head[:])
	w.write(data)
	return w.err
}

// lastNanos is the last time of a pcap file.
const lastNanos = math.MaxUint32*1e9 + 999999999

// field sets a field of the next record's header; v fits into 32 bits.
func (w *Writer) field(at int, v int64) {
	binary.LittleEndian.PutUint32(w.head[at:], uint32(v)) //nolint:gosec // see above
}

// write writes p unless something has failed before.
func (w *Writer) write(p []byte) {
	if w.err != nil {
		return
	}
	if _, err := w.buf.Write(p); err != nil {
		w.err = fmt.Errorf("capture: write: %w", err)
	}
}

// Flush hands everything written so far to the underlying writer.
func (w *Writer) Flush() error {
	if w.err != nil {
		return w.err
	}
	if err := w.buf.Flush(); err != nil {
		w.err = fmt.Errorf("capture: write: %w", err)
	}
	return w.err
}
