package content

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// library is a decoder that pulls.
type library interface {
	// decode pulls the whole of a coded stream from s and passes what it holds
	// to give, as soon as there is something. It returns nil at the stream's end.
	decode(s *stage, give func([]byte) error) error
	// position is how many encoded bytes belong to what was decoded, and
	// whether the stage holds bytes that do not.
	position(s *stage) (offset uint64, rest bool)
	// reset forgets the stage, so that the library can be used again.
	reset()
}

// coding is a content coding, with a pool of its libraries: their tables and
// windows cost more to make than most contents cost to decode.
type coding struct{ pool sync.Pool }

func codingOf(open func() library) *coding {
	return &coding{sync.Pool{New: func() any { return open() }}}
}

func (c *coding) get() library { return c.pool.Get().(library) }

func (c *coding) put(l library) {
	l.reset()
	c.pool.Put(l)
}

// codings are those that can be undone, by their names in lower case. compress
// (RFC 9110 §8.4.1.1) is not among them: no server of this century sends it.
var codings = map[string]*coding{
	"gzip":    gzipCoding,
	"x-gzip":  gzipCoding, // RFC 9110 §8.4.1.3: equivalent
	"deflate": codingOf(func() library { return &inflated{buffered: bufferedOf()} }),
	"br":      codingOf(func() library { return &brotlied{z: brotli.NewReader(nil), buf: make([]byte, outSize)} }),
	"zstd":    codingOf(func() library { return new(zstded) }),
}

var gzipCoding = codingOf(func() library { return &gzipped{buffered: bufferedOf()} })

// outSize is the size of the buffer between a library and the next stage.
const outSize = 16 << 10

// pump copies what r decodes to give.
func pump(r io.Reader, buf []byte, give func([]byte) error) error {
	for {
		n, err := r.Read(buf)
		if gaveErr := give(buf[:n]); gaveErr != nil {
			return gaveErr
		}
		if err != nil {
			return ended(err)
		}
	}
}

// ended turns the regular end into no error.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// buffered is what the libraries around deflate share: they read byte by byte, and
// are fastest from a bufio.Reader, which also knows what they did not read. They
// are the standard library's. github.com/klauspost/compress is a quarter faster,
// but an empty Huffman code leaves it with the tables of whatever it decoded
// before: a hostile sender would be shown bytes of another flow, and the records
// would go by which content came first.
type buffered struct {
	br  *bufio.Reader
	buf []byte
}

func bufferedOf() buffered { return buffered{bufio.NewReaderSize(nil, block), make([]byte, outSize)} }

func (b *buffered) position(s *stage) (offset uint64, rest bool) {
	n := b.br.Buffered()
	return s.read - uint64(n), n+len(s.in) > 0
}

func (b *buffered) reset() { b.br.Reset(nil) }

// The flags of a gzip member's header, of which the library does not look at
// those that are reserved, so that something must be wrong where they are set
// (RFC 1952 §2.3.1.2).
const (
	gzipFlags    = 3 // offset of FLG
	gzipReserved = 0xe0
)

// gzipped undoes gzip: a series of members (RFC 1952 §2.2).
type gzipped struct {
	buffered
	z gzip.Reader
}

func (g *gzipped) decode(s *stage, give func([]byte) error) error {
	g.br.Reset(s)
	for more := true; more; {
		head, err := g.br.Peek(gzipFlags + 1)
		switch {
		case errors.Is(err, errStopped):
			return err
		case len(head) > gzipFlags && head[gzipFlags]&gzipReserved != 0:
			return gzip.ErrHeader
		}
		if err := g.z.Reset(g.br); err != nil {
			return err
		}
		g.z.Multistream(false)
		if err := pump(&g.z, g.buf, give); err != nil {
			return err
		}
		magic, err := g.br.Peek(2)
		if errors.Is(err, errStopped) {
			return err
		}
		more = string(magic) == "\x1f\x8b"
	}
	return nil
}

// inflated undoes deflate, which is zlib's format (RFC 9110 §8.4.1.2) or, from
// servers that took the name at its word, deflate alone.
type inflated struct {
	buffered
	raw, zlib io.ReadCloser
}

func (d *inflated) decode(s *stage, give func([]byte) error) error {
	d.br.Reset(s)
	head, err := d.br.Peek(2)
	if errors.Is(err, errStopped) {
		return err
	}
	wrapped := len(head) == 2 && isZlib(head[0], head[1])
	r, err := d.open(wrapped)
	if err != nil {
		return err
	}
	err = pump(r, d.buf, give)
	s.d.bare = s.d.bare || !wrapped && err == nil
	return err
}

// isZlib tells the two bytes of a zlib header (RFC 1950 §2.2) from the start of
// a deflate stream, which could only have them as a stored block with padding
// bits that no encoder sets.
func isZlib(cmf, flg byte) bool {
	return cmf&0x0f == 8 && cmf>>4 <= 7 && (uint(cmf)<<8|uint(flg))%31 == 0
}

func (d *inflated) open(wrapped bool) (r io.ReadCloser, err error) {
	switch {
	case wrapped && d.zlib == nil:
		d.zlib, err = zlib.NewReader(d.br)
		return d.zlib, err
	case wrapped:
		return d.zlib, d.zlib.(zlib.Resetter).Reset(d.br, nil)
	case d.raw == nil:
		d.raw = flate.NewReader(d.br)
		return d.raw, nil
	}
	return d.raw, d.raw.(flate.Resetter).Reset(d.br, nil)
}

// brotlied undoes br (RFC 7932).
type brotlied struct {
	z    *brotli.Reader
	buf  []byte
	rest bool
}

func (b *brotlied) decode(s *stage, give func([]byte) error) error {
	b.rest = false
	if err := b.z.Reset(s); err != nil {
		return err
	}
	err := pump(b.z, b.buf, give)
	if err != nil && err.Error() == "brotli: excessive input" {
		b.rest, err = true, nil // the library has no name for it
	}
	return err
}

func (b *brotlied) position(s *stage) (offset uint64, rest bool) {
	return s.read &^ (block - 1), b.rest || len(s.in) > 0
}

func (b *brotlied) reset() { _ = b.z.Reset(nil) } // its error is always nil

// zstdWindow is the largest window that a zstd content may ask for
// (RFC 9659 §3).
const zstdWindow = 8 << 20

// zstded undoes zstd: a series of frames (RFC 8878 §3.1).
type zstded struct {
	z    *zstd.Decoder
	give func([]byte) error
	rest bool
}

// Write is for zstd.Decoder.WriteTo, which hands over block by block, where
// Read would rather wait than return a part of what it was asked for.
func (z *zstded) Write(p []byte) (int, error) {
	if err := z.give(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (z *zstded) decode(s *stage, give func([]byte) error) (err error) {
	z.give, z.rest = give, false
	if z.z == nil {
		// With a concurrency of one the library starts no goroutine.
		z.z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return err
		}
	}
	if err := z.z.Reset(s); err != nil {
		return err
	}
	_, err = z.z.WriteTo(z)
	const magic = 4
	if errors.Is(err, zstd.ErrMagicMismatch) && s.read > magic {
		z.rest, err = true, nil // what follows the last frame is no frame
	}
	return err
}

func (z *zstded) position(s *stage) (offset uint64, rest bool) {
	return s.read, z.rest || len(s.in) > 0
}

func (z *zstded) reset() {
	z.give = nil
	if z.z != nil {
		_ = z.z.Reset(nil) // fails only after Close
	}
}
