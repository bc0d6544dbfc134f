// Package packet says what was captured: frames, and the TCP segments in them.
// Byte slices in it are borrowed: a callee may read them until it returns, and
// keeps nothing without copying.
package packet

import "example.com/wirewatch/flow"

// Frame is one captured frame. Data is borrowed from the block that holds it.
type Frame struct {
	Number  uint64 // counted from 1 over every frame of the capture, as Wireshark counts
	Nanos   int64  // capture time in nanoseconds since the Unix epoch
	Link    uint16 // LINKTYPE_ value
	WireLen int    // length on the wire; len(Data) is less where the snaplen cut it
	Data    []byte
}

// Seq is a TCP sequence number; its arithmetic is modulo 2^32 (RFC 9293 §3.4).
type Seq uint32

// Sub is the signed distance a-b, right while the two are less than 2^31 apart.
func (a Seq) Sub(b Seq) int32 { return int32(a - b) }

// Add is n bytes further on.
func (a Seq) Add(n int) Seq { return a + Seq(n) }

// Less reports that a comes before b.
func (a Seq) Less(b Seq) bool { return a.Sub(b) < 0 }

// Flags are the control bits of a TCP segment (RFC 9293 §3.1).
type Flags uint8

// The control bits, in their wire positions.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// Has reports that every bit of v is set.
func (f Flags) Has(v Flags) bool { return f&v == v }

// Any reports that some bit of v is set.
func (f Flags) Any(v Flags) bool { return f&v != 0 }

// Segment is one TCP segment. Options and Payload are borrowed from the block
// of its frame (or, for a reassembled datagram, from the same epoch).
type Segment struct {
	Frame   uint64
	Nanos   int64
	Key     flow.Key
	Swapped bool // the sender is Key's Hi end
	Flags   Flags
	Window  uint16 // as on the wire, before scaling
	Seq     Seq
	Ack     Seq
	Missing uint32 // payload bytes, at its end, that the snaplen cut off
	Options []byte
	Payload []byte
}

// Len is the length of the payload on the wire, captured or not.
func (s *Segment) Len() int { return len(s.Payload) + int(s.Missing) }

// Space is what the segment takes of sequence space: its payload, and one for
// each of SYN and FIN (RFC 9293 §3.4).
func (s *Segment) Space() int {
	n := s.Len()
	if s.Flags.Any(SYN) {
		n++
	}
	if s.Flags.Any(FIN) {
		n++
	}
	return n
}

// Stamp is the frame that bytes came with, and its capture time in nanoseconds
// since the Unix epoch.
type Stamp struct {
	Frame uint64
	Nanos int64
}

// Stamp is where the segment's bytes come from.
func (s *Segment) Stamp() Stamp { return Stamp{s.Frame, s.Nanos} }
