package pcapgen

import (
	"bytes"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// codings are the content codings by their names in the language. All of them
// come from modules that go.mod pins, not from the standard library, whose
// compressed bytes may differ from one release of Go to the next.
var codings = map[string]func([]byte) ([]byte, error){
	"gzip": func(p []byte) ([]byte, error) {
		return encode(p, func(w io.Writer) (io.WriteCloser, error) {
			return gzip.NewWriterLevel(w, gzip.BestCompression)
		})
	},
	"zlib": func(p []byte) ([]byte, error) {
		return encode(p, func(w io.Writer) (io.WriteCloser, error) {
			return zlib.NewWriterLevel(w, zlib.BestCompression)
		})
	},
	"deflate": func(p []byte) ([]byte, error) {
		return encode(p, func(w io.Writer) (io.WriteCloser, error) {
			return flate.NewWriter(w, flate.BestCompression)
		})
	},
	"br": func(p []byte) ([]byte, error) {
		return encode(p, func(w io.Writer) (io.WriteCloser, error) {
			return brotli.NewWriterLevel(w, brotli.DefaultCompression), nil
		})
	},
	"zstd": func(p []byte) ([]byte, error) {
		return encode(p, func(w io.Writer) (io.WriteCloser, error) {
			return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		})
	},
}

func encode(p []byte, open func(io.Writer) (io.WriteCloser, error)) ([]byte, error) {
	var b bytes.Buffer
	w, err := open(&b)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(p); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
