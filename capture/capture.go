// Package capture is where frames come from: the seam between whatever reads
// them (a file, a pipe, an interface) and whatever decodes them. No library's
// types show in it.
package capture

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"sync"
	"sync/atomic"

	"example.com/wirewatch/packet"
)

// BlockSize is the usual size of a block's buffer in bytes: it stays in the L2
// cache between the read that fills it and the workers that read it.
const BlockSize = 256 << 10

// Record describes one frame of a block; its bytes are Buf[Off : Off+Len].
type Record struct {
	Nanos   int64  // capture time in nanoseconds since the Unix epoch
	Off     uint32 // of the first captured byte in the block's buffer
	Len     uint32 // captured bytes
	WireLen uint32 // bytes on the wire, at least Len
	Link    uint16 // LINKTYPE_ value
	Iface   uint16 // interface index, counted over the source
}

// Block is a run of consecutive frames in one buffer. A file is read straight
// into it, a live frame is copied once, and there is no call per frame. It is
// the reader's until it is handed on, and goes back with Release when nobody
// reads it any more.
type Block struct {
	Buf    []byte
	Frames []Record
	// Notes are what is known beside the frames, in the order of At.
	Notes []Note
	// Skipped counts frames before the first of the block that were captured, and
	// count when frames are numbered, but are in no block (see Stats.Shed).
	Skipped uint64
	// Until is how far the capture has got, in nanoseconds since the Unix epoch:
	// no frame that was captured before it comes any more. Only a live capture
	// knows; 0 says nothing. A block may have it and no frames.
	Until int64

	pool *Pool
	free func()
}

// View makes a block of frames in a buffer that somebody else owns. Release calls
// free, once.
func View(buf []byte, frames []Record, free func()) *Block {
	return &Block{Buf: buf, Frames: frames, free: free}
}

// Release gives the block back to whom it came from; every slice into Buf dies
// with it.
func (b *Block) Release() {
	switch {
	case b.pool != nil:
		b.pool.put(b)
	case b.free != nil:
		b.free()
	}
}

// Note is what a capture knows between two of its frames. Nobody changes one.
type Note struct {
	At    int    // index in Frames of the frame that it stands before; their number, if it stands behind the last
	Nanos int64  // when it became known, as in Record; it moves the capture's clock as a frame does
	Loss  Loss   // the zero Loss: nothing was lost
	Owner *Owner // nil: of no process
}

// Loss is how many frames a capture has lost since the note of a loss before.
type Loss struct {
	Iface     uint16 // as in Record
	Kernel    uint64 // because nobody fetched them in time
	Interface uint64 // by the interface or its driver
}

// Owner is the process that has one end of a connection.
type Owner struct {
	Local, Remote netip.AddrPort // that end, and the other
	PID           uint32
	Name          string // as the process has named itself, at most 64 bytes; may hold any byte
}

// Interface is one that frames are captured on.
type Interface struct {
	Name        string // "eth0"; "" if it has none
	Description string // "" for none
	Filter      string // the capture filter in libpcap's language; "" for none
	Link        uint16 // LINKTYPE_ value
	Snaplen     uint32 // bytes of a frame that are kept at most; 0 for no limit
}

// Source yields blocks of frames in capture order. One goroutine uses it, but
// for Stats, which any may call at any time.
type Source interface {
	// Next returns the next block, which the caller releases. It waits for a
	// free block (that is the backpressure) and for frames, or for ctx to end.
	// After the last block it returns io.EOF, or the error that ended the
	// capture early: a *Damaged where the input is truncated or corrupt.
	Next(ctx context.Context) (*Block, error)
	Stats() Stats
	Close() error
}

// Stats are counts since the source was opened.
type Stats struct {
	Frames           uint64 // frames handed on
	Bytes            uint64 // their captured bytes
	Truncated        uint64 // frames that the snaplen cut
	DroppedKernel    uint64 // live: lost because nobody fetched them in time
	DroppedInterface uint64 // live: lost by the interface or its driver
	Shed             uint64 // live: captured, but not handed on, because Next was not called often enough
}

// Tally counts the frames that a source hands on. One goroutine adds to it, any may
// read it. The zero Tally is ready for use.
type Tally struct{ frames, bytes, truncated atomic.Uint64 }

// Add counts the frames of a block.
func (t *Tally) Add(b *Block) {
	var bytes, truncated uint64
	for i := range b.Frames {
		f := &b.Frames[i]
		bytes += uint64(f.Len)
		if f.Len < f.WireLen {
			truncated++
		}
	}
	t.frames.Add(uint64(len(b.Frames)))
	t.bytes.Add(bytes)
	t.truncated.Add(truncated)
}

// Into sets what the tally has counted in s.
func (t *Tally) Into(s *Stats) {
	s.Frames, s.Bytes, s.Truncated = t.frames.Load(), t.bytes.Load(), t.truncated.Load()
}

// Decoder turns a frame into the TCP segment in it. One goroutine uses it.
type Decoder interface {
	// Decode fills s, every field of it. Its slices borrow from f.Data or, for
	// a reassembled datagram, from memory that the decoder never touches
	// again. It returns ErrNotTCP for a frame without a TCP segment, having
	// counted what it was. It never fails otherwise: traffic makes no errors.
	Decode(f *packet.Frame, s *packet.Segment) error
	// Counts yields, in a fixed order, how many frames were neither TCP segments
	// nor fragments of one, by what they were ("udp", "arp", "ip.fragment", "tcp.malformed", …), and
	// leaves out what never occurred.
	Counts() iter.Seq2[string, uint64]
}

// ErrNotTCP says that a frame carries no TCP segment that can be decoded.
var ErrNotTCP = errors.New("capture: no TCP segment in the frame")

// Damaged says where and how an input file is truncated or corrupt. Every frame
// before the damage has been handed on.
type Damaged struct {
	Name   string // the input, "-" for standard input
	Offset int64  // in bytes from its start (after decompression) to the record that cannot be read
	Reason string // what is wrong there, as a clause
}

func (d *Damaged) Error() string { return "capture: " + d.Name + ": " + d.Reason }

// Pool is a fixed number of blocks in circulation. A pool that has no free
// block makes its source wait. The block that was released last is the first to
// be used again: it is in the cache.
type Pool struct {
	live chan struct{} // a token for each block that is in use
	mu   sync.Mutex
	free []*Block
}

// NewPool makes a pool of at most n blocks; they are made when first needed.
func NewPool(n int) *Pool {
	return &Pool{live: make(chan struct{}, n), free: make([]*Block, 0, n)}
}

// Get returns an empty block with a buffer of length at least size, waiting for
// one to be released if need be.
func (p *Pool) Get(ctx context.Context, size int) (*Block, error) {
	select {
	case p.live <- struct{}{}:
	default:
		select {
		case p.live <- struct{}{}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	b := p.pop()
	if cap(b.Buf) < size {
		b.Buf = make([]byte, size)
	}
	b.Buf, b.Frames, b.Notes = b.Buf[:cap(b.Buf)], b.Frames[:0], b.Notes[:0]
	b.Skipped, b.Until = 0, 0
	return b, nil
}

func (p *Pool) pop() *Block {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free) - 1
	if n < 0 {
		return &Block{pool: p}
	}
	b := p.free[n]
	p.free = p.free[:n]
	return b
}

func (p *Pool) put(b *Block) {
	if cap(b.Buf) > 4*BlockSize { // one huge frame must not pin its memory
		b.Buf = nil
	}
	p.mu.Lock()
	p.free = append(p.free, b)
	p.mu.Unlock()
	<-p.live
}
