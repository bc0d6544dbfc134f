package pcapfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow is the largest window that a Zstandard frame may ask for
// (RFC 8878 §3.1.1.1.2): what a decompressor needs of memory, whatever comes out.
const maxZstdWindow = 64 << 20

// maxCompressionMagic is how many bytes it takes to know a compression.
const maxCompressionMagic = 4

// compressionOf says how an input that starts with head is compressed. A
// Zstandard stream may start with a skippable frame (RFC 8878 §3.1.2).
func compressionOf(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return "gzip"
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "zstd"
	case len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18}):
		return "zstd"
	}
	return ""
}

// badCompression says that a compressed stream is truncated or corrupt.
type badCompression struct {
	kind string
	err  error
}

func (b *badCompression) Error() string {
	switch {
	case errors.Is(b.err, io.ErrUnexpectedEOF), errors.Is(b.err, io.EOF):
		return b.kind + " data is truncated"
	case errors.Is(b.err, zstd.ErrWindowSizeExceeded), errors.Is(b.err, zstd.ErrDecoderSizeExceeded):
		return fmt.Sprintf("%s data needs a window of more than %d MiB", b.kind, maxZstdWindow>>20)
	}
	return fmt.Sprintf("%s data is corrupt (%v)", b.kind, b.err)
}

func (b *badCompression) Unwrap() error { return b.err }

// unpacked is a raw input with its decompressor.
type unpacked struct {
	*raw
	kind string
	from io.Reader
	stop func()
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	return n, u.explain(err)
}

func (u *unpacked) Close() error {
	u.stop()
	return u.raw.Close()
}

// explain tells a damaged stream from an input that cannot be read.
func (u *unpacked) explain(err error) error {
	switch {
	case err == nil, err == io.EOF: //nolint:errorlint // a wrapped one is not the end
		return err
	case u.err != nil:
		return u.err
	}
	return &badCompression{u.kind, err}
}

// unpack returns r decompressed, and how it was compressed. With an error comes
// what is to be closed all the same.
func unpack(r *raw) (io.ReadCloser, string, error) {
	head, err := r.peek(maxCompressionMagic)
	kind := compressionOf(head)
	if err != nil || kind == "" {
		return r, "", err
	}
	u := &unpacked{raw: r, kind: kind, stop: func() {}}
	return u, kind, u.explain(u.start(bufio.NewReaderSize(r, chunkSize)))
}

// start puts the decompressor in front of r.
func (u *unpacked) start(r *bufio.Reader) error {
	if u.kind == "gzip" {
		z, err := gzip.NewReader(r)
		if err != nil {
			return unexpected(err)
		}
		u.from = z
		return nil
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderMaxMemory(maxZstdWindow))
	if err != nil {
		return unexpected(err)
	}
	u.from, u.stop = z, z.Close
	return nil
}

// unexpected makes the end of a stream that has hardly begun an error.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
