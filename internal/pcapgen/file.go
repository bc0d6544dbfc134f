package pcapgen

import (
	"encoding/binary"
	"slices"
	"time"
)

// frame is one frame of the capture.
type frame struct {
	at   time.Time
	data []byte
	snap int // captured bytes at most
}

const (
	magicMicros = 0xa1b2c3d4
	magicNanos  = 0xa1b23c4d
	headerLen   = 24
	recordLen   = 16
)

// file is the capture: a classic pcap file, little-endian, its frames in the
// order of their times.
func (c *compiler) file() []byte {
	frames := slices.Clone(c.frames)
	slices.SortStableFunc(frames, func(a, b frame) int { return a.at.Compare(b.at) })
	le := binary.LittleEndian
	magic, unit := uint32(magicMicros), time.Microsecond
	if c.nanos {
		magic, unit = magicNanos, time.Nanosecond
	}
	out := le.AppendUint32(make([]byte, 0, headerLen), magic)
	out = le.AppendUint16(le.AppendUint16(out, 2), 4) // version 2.4
	out = append(out, make([]byte, 8)...)             // time zone and accuracy: always 0
	out = le.AppendUint32(out, uint32(c.snaplen))     // at most maxSnaplen
	out = le.AppendUint32(out, c.link.number())
	for _, f := range frames {
		n := min(len(f.data), f.snap)
		out = slices.Grow(out, recordLen+n)
		out = le.AppendUint32(out, uint32(f.at.Unix()))                             // a time after 1970
		out = le.AppendUint32(out, uint32(f.at.Nanosecond()/int(unit)))             // below 1e9
		out = le.AppendUint32(le.AppendUint32(out, uint32(n)), uint32(len(f.data))) // at most maxData
		out = append(out, f.data[:n]...)
	}
	return out
}
