package content_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"example.com/wirewatch/content"
)

var wide = content.Limits{Decoded: 1 << 30, Ratio: 1 << 20}

// encode applies codings in order, as a sender does.
func encode(t testing.TB, p []byte, codings ...string) []byte {
	t.Helper()
	for _, c := range codings {
		var b bytes.Buffer
		w := writer(t, &b, c)
		_, err := w.Write(p)
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		p = b.Bytes()
	}
	return p
}

type writeCloser interface {
	Write(p []byte) (int, error)
	Flush() error
	Close() error
}

func writer(t testing.TB, b *bytes.Buffer, coding string) writeCloser {
	t.Helper()
	switch strings.ToLower(coding) {
	case "gzip", "x-gzip":
		return gzip.NewWriter(b)
	case "deflate":
		return zlib.NewWriter(b)
	case "raw":
		w, err := flate.NewWriter(b, 6)
		if err != nil {
			t.Fatal(err)
		}
		return w
	case "br":
		return brotli.NewWriter(b)
	case "zstd":
		w, err := zstd.NewWriter(b, zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	t.Fatalf("no encoder for %q", coding)
	return nil
}

// result is all that can be seen of one decoding.
type result struct {
	out      string
	err      string
	trailing bool
	bare     bool
}

// decode feeds p in pieces of n bytes, which it spoils after each call.
func decode(t testing.TB, p []byte, n int, l content.Limits, codings ...string) (r result, err error) {
	t.Helper()
	var out bytes.Buffer
	d, err := content.New(codings, l, func(p []byte) { out.Write(p) })
	if err != nil {
		return r, err
	}
	defer d.Close()
	for len(p) > 0 {
		piece := bytes.Clone(p[:min(n, len(p))])
		p = p[len(piece):]
		_ = d.Write(piece) // End repeats it
		for i := range piece {
			piece[i] = 0xa5
		}
	}
	if err = d.End(); err != nil {
		r.err = err.Error()
	}
	r.out, r.trailing, r.bare = out.String(), d.Trailing(), d.Bare()
	return r, err
}

func sample() []byte {
	var b bytes.Buffer
	for i := range 9000 {
		b.WriteString(strings.Repeat(string(rune('a'+i%26)), i%7))
		b.WriteByte(byte(i * 31))
	}
	return b.Bytes()
}

func TestCodings(t *testing.T) {
	for _, codings := range [][]string{
		{"gzip"}, {"x-gzip"}, {"GZip"}, {"deflate"}, {"br"}, {"zstd"}, {"identity"}, {""}, nil,
		{"gzip", "br"}, {"zstd", "deflate"}, {"gzip", "gzip", "identity", "gzip"},
	} {
		var apply []string
		for _, c := range codings {
			if c != "identity" && c != "" {
				apply = append(apply, c)
			}
		}
		for _, plain := range [][]byte{[]byte("x"), sample()} {
			wire := encode(t, plain, apply...)
			for _, n := range []int{1, 7, 1000, 1 << 30} {
				got, err := decode(t, wire, n, wide, codings...)
				if err != nil || got.out != string(plain) || got.trailing {
					t.Errorf("%v in pieces of %d: %d bytes, want %d; %v; trailing %v", codings, n, len(got.out), len(plain), err, got.trailing)
				}
			}
		}
	}
}

func TestDeflateWithoutWrapping(t *testing.T) {
	for coding, bare := range map[string]bool{"raw": true, "deflate": false} {
		got, err := decode(t, encode(t, sample(), coding), 100, wide, "deflate")
		if err != nil || got.out != string(sample()) || got.bare != bare {
			t.Errorf("%s: %d bytes, %v, bare %v", coding, len(got.out), err, got.bare)
		}
	}
}

// TestEmptyCode: a Huffman code without symbols decodes to nothing, and never by
// the tables that the content before has left behind.
func TestEmptyCode(t *testing.T) {
	var before bytes.Buffer // its codes are those of the values that code lengths have
	w, err := flate.NewWriter(&before, flate.HuffmanOnly)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4096 {
		_, _ = w.Write([]byte{byte(i % 16)})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		got, err := decode(t, []byte("5\x00\x00\x00\x00\x00\x00\x00\x00"), 1<<30, wide, "deflate")
		if !errors.Is(err, content.ErrCorrupt) || got.out != "" {
			t.Errorf("%q, %v", got.out, err)
		}
		if _, err := decode(t, before.Bytes(), 1<<30, wide, "deflate"); err != nil {
			t.Error(err)
		}
	}
}

func TestReservedFlags(t *testing.T) {
	first, second := encode(t, []byte("one"), "gzip"), encode(t, []byte("two"), "gzip")
	second[3] |= 0x80
	got, err := decode(t, append(first, second...), 4, wide, "gzip")
	if !errors.Is(err, content.ErrCorrupt) || got.out != "one" {
		t.Errorf("%q, %v", got.out, err)
	}
}

func TestSeveralMembers(t *testing.T) {
	for _, c := range []string{"gzip", "zstd"} {
		wire := append(encode(t, []byte("one,"), c), encode(t, []byte("two"), c)...)
		got, err := decode(t, wire, 3, wide, c)
		if err != nil || got.out != "one,two" {
			t.Errorf("%s: %q, %v", c, got.out, err)
		}
	}
}

func TestEmpty(t *testing.T) {
	for _, c := range []string{"gzip", "deflate", "br", "zstd"} {
		if got, err := decode(t, nil, 1, wide, c); err != nil || got.out != "" {
			t.Errorf("%s of nothing: %q, %v", c, got.out, err)
		}
	}
}

func TestUnsupported(t *testing.T) {
	for _, codings := range [][]string{{"compress"}, {"gzip", "lzma"}, strings.Split(strings.Repeat("gzip ", 8)+"gzip", " ")} {
		_, err := content.New(codings, wide, nil)
		if !errors.Is(err, content.ErrUnsupported) {
			t.Errorf("%v: %v", codings, err)
		}
	}
}

func TestCorrupt(t *testing.T) {
	for _, c := range []string{"gzip", "deflate", "br", "zstd"} {
		wire := encode(t, sample(), c)
		for i := range 200 {
			wire[len(wire)/2+i] ^= 0x5a
		}
		_, err := decode(t, wire, 1<<30, wide, c)
		var e *content.Error
		if !errors.As(err, &e) || e.Coding != c || e.Offset == 0 ||
			!errors.Is(err, content.ErrCorrupt) && c != "br" { // br has no checksum: it may only find the end missing
			t.Errorf("%s: %v", c, err)
		}
		if _, err := decode(t, []byte("<html>not coded at all</html>"), 5, wide, c); !errors.Is(err, content.ErrCorrupt) {
			t.Errorf("%s of plain text: %v", c, err)
		}
	}
}

func TestTruncated(t *testing.T) {
	for _, c := range []string{"gzip", "deflate", "br", "zstd"} {
		wire := encode(t, sample(), c)
		for _, n := range []int{1, 2, 5, len(wire) / 2, len(wire) - 1} {
			got, err := decode(t, wire[:n], 100, wide, c)
			if !errors.Is(err, content.ErrTruncated) {
				t.Errorf("%s cut after %d of %d: %v", c, n, len(wire), err)
			}
			if !bytes.HasPrefix(sample(), []byte(got.out)) {
				t.Errorf("%s cut after %d: not a prefix", c, n)
			}
		}
	}
}

func TestTrailing(t *testing.T) {
	for _, c := range []string{"gzip", "deflate", "br", "zstd"} {
		for _, n := range []int{1, 1 << 30} {
			wire := append(encode(t, []byte("hello"), c), "\n garbage"...)
			got, err := decode(t, wire, n, wide, c)
			if err != nil || got.out != "hello" || !got.trailing {
				t.Errorf("%s in pieces of %d: %+v, %v", c, n, got, err)
			}
		}
	}
}

func TestLimit(t *testing.T) {
	l := content.Limits{Decoded: 100_000, Ratio: 10}
	for _, codings := range [][]string{{"gzip"}, {"deflate"}, {"br"}, {"zstd"}, {"gzip", "gzip"}} {
		bomb := encode(t, make([]byte, 10<<20), codings...)
		var first result
		for i, n := range []int{1 << 30, 4096, 100, 1} {
			got, err := decode(t, bomb, n, l, codings...)
			if !errors.Is(err, content.ErrLimit) || len(got.out) < 100_000 || len(got.out) > 10<<20-1 {
				t.Errorf("%v in pieces of %d: %d bytes, %v", codings, n, len(got.out), err)
			}
			if i == 0 {
				first = got
			} else if got != first {
				t.Errorf("%v in pieces of %d: %d bytes, %s; whole: %d bytes, %s", codings, n, len(got.out), got.err, len(first.out), first.err)
			}
		}
		if _, err := decode(t, encode(t, make([]byte, 50_000), codings...), 1<<30, l, codings...); err != nil {
			t.Errorf("%v: a short content was stopped: %v", codings, err)
		}
	}
	plain := bytes.Repeat(sample(), 8)
	if got, err := decode(t, plain, 100, l); err != nil || got.out != string(plain) {
		t.Errorf("a content without coding was stopped: %v", err)
	}
}

// What the sender flushed is there before more is written.
func TestPrompt(t *testing.T) {
	for _, c := range []string{"gzip", "deflate", "br", "zstd"} {
		var wire, out bytes.Buffer
		w := writer(t, &wire, c)
		d, err := content.New([]string{c}, wide, func(p []byte) { out.Write(p) })
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{"data: one\n\n", "data: two\n\n"} {
			if _, err := w.Write([]byte(s)); err != nil {
				t.Fatal(err)
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if err := d.Write(wire.Next(wire.Len())); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != s {
				t.Errorf("%s: after the flush: %q, want %q", c, got, s)
			}
			out.Reset()
		}
		d.Close()
	}
}

// A decoder that is dropped in the middle leaves nothing behind.
func TestCloseReleases(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 50 {
		for _, c := range []string{"gzip", "deflate", "br", "zstd"} {
			d, err := content.New([]string{c, "gzip"}, wide, func([]byte) {})
			if err != nil {
				t.Fatal(err)
			}
			wire := encode(t, sample(), c, "gzip")
			if err := d.Write(wire[:len(wire)/2]); err != nil {
				t.Fatal(err)
			}
			d.Close()
			d.Close()
			_ = d.Write(wire) // must not come to life
		}
	}
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestSinkPanicIsNotHidden(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the panic of a sink was swallowed")
		}
	}()
	d, err := content.New([]string{"gzip"}, wide, func([]byte) { panic("bug") })
	if err != nil {
		t.Fatal(err)
	}
	_ = d.Write(encode(t, []byte("x"), "gzip"))
	_ = d.End()
}
