package dissecttest

import (
	"slices"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/flow"
)

// Sample is a conversation that a Spec dissects.
type Sample struct {
	Name   string
	Pieces []Piece
	// End is how the directions end that no piece ended: the client's first.
	// The zero End is a FIN.
	End dissect.End
	// Offer is what the dissector is told of how it was reached, where nothing
	// probes for its protocol.
	Offer dissect.Offer
	// Limits are those in force; nil: dissect.DefaultLimits.
	Limits *dissect.Limits
}

// Piece is a run of bytes that one end sends at once, in one segment.
type Piece struct {
	Dir  flow.Dir
	Data []byte
	End  dissect.End // of the direction, after the data, unless Open
}

// Client is bytes from the client.
func Client(s string) Piece { return Piece{Dir: flow.ClientToServer, Data: []byte(s)} }

// Server is bytes from the server.
func Server(s string) Piece { return Piece{Dir: flow.ServerToClient, Data: []byte(s)} }

func (s *Sample) end() dissect.End {
	if s.End == dissect.Open {
		return dissect.FIN
	}
	return s.End
}

func (s *Sample) limits() dissect.Limits {
	if s.Limits == nil {
		return dissect.DefaultLimits()
	}
	return *s.Limits
}

// size is the bytes of all pieces.
func (s *Sample) size() (n int) {
	for i := range s.Pieces {
		n += len(s.Pieces[i].Data)
	}
	return n
}

// cutOff is the sample up to its byte at, and then an end.
func (s *Sample) cutOff(at int, e dissect.End) Sample {
	c := *s
	c.End = e
	c.Pieces = nil
	for _, p := range s.Pieces {
		if at <= len(p.Data) {
			c.Pieces = append(c.Pieces, Piece{Dir: p.Dir, Data: p.Data[:at]})
			break
		}
		at -= len(p.Data)
		c.Pieces = append(c.Pieces, p)
	}
	return c
}

// joined is the sample with the pieces of a direction that follow each other in
// one, as large as reassembly makes them.
func (s *Sample) joined() Sample {
	const most = 64 << 10
	c := *s
	c.Pieces = nil
	for _, p := range s.Pieces {
		if n := len(c.Pieces); n > 0 && c.Pieces[n-1].Dir == p.Dir && c.Pieces[n-1].End == dissect.Open &&
			len(c.Pieces[n-1].Data)+len(p.Data) <= most {
			last := &c.Pieces[n-1]
			last.Data = append(slices.Clip(last.Data), p.Data...)
			last.End = p.End
			continue
		}
		c.Pieces = append(c.Pieces, p)
	}
	return c
}

// times is the sample n times over, in one flow.
func (s *Sample) times(n int) Sample {
	c := *s
	c.Pieces = slices.Repeat(s.Pieces, n)
	return c
}

// cuts says where to cut a piece of size bytes: the lengths of its parts.
type cuts func(piece, size int) []int

func uncut(_, size int) []int { return []int{size} }

func bytewise(_, size int) []int { return slices.Repeat([]int{1}, size) }

// cutAt cuts one piece, after at bytes, and no other.
func cutAt(piece, at int) cuts {
	return func(i, size int) []int {
		if i == piece {
			return []int{at, size - at}
		}
		return []int{size}
	}
}

// hole is a gap of n bytes at byte at of the conversation, which swallows no more
// than the rest of that piece.
type hole struct{ at, n int }
