package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// recorder is the ResponseWriter that handlers get: it notes what they send.
type recorder struct {
	http.ResponseWriter
	log     *truthLog
	ex      exchange
	head    bool
	sent    *digest // content as sent
	decoded *digest // content before its coding, nil without coding
	failed  bool    // a write failed: the client is gone
}

func (r *recorder) WriteHeader(code int) {
	switch {
	case code < 200 && code != http.StatusSwitchingProtocols:
		r.ex.Interim = append(r.ex.Interim, code)
	case r.ex.Status == 0:
		r.ex.Status = code
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.ex.Status == 0 {
		r.ex.Status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	if !r.head {
		_, _ = r.sent.Write(p[:n])
	}
	r.failed = r.failed || err != nil && !errors.Is(err, http.ErrBodyNotAllowed)
	return n, err
}

// say sends text.
func (r *recorder) say(format string, args ...any) { _, _ = fmt.Fprintf(r, format, args...) }

// Flush sends what is buffered; its error shows that the client is gone.
func (r *recorder) Flush() {
	r.failed = http.NewResponseController(r.ResponseWriter).Flush() != nil || r.failed
}

// encoder returns a writer whose bytes are sent in a content coding.
func (r *recorder) encoder(coding string) io.WriteCloser {
	r.Header().Set("Content-Encoding", coding)
	r.decoded = newDigest()
	var w io.WriteCloser
	switch coding {
	case "br":
		w = brotli.NewWriter(r)
	case "deflate":
		w = zlib.NewWriter(r)
	case "zstd":
		w, _ = zstd.NewWriter(r) // fails for bad options only, and there are none
	default:
		w = gzip.NewWriter(r)
	}
	return struct {
		io.Writer
		io.Closer
	}{io.MultiWriter(r.decoded, w), w}
}

// finish logs the exchange.
func (r *recorder) finish(body *bodyReader) {
	r.ex.Request = body.content()
	if body.expects && body.src != nil {
		r.ex.Interim = append([]int{http.StatusContinue}, r.ex.Interim...)
	}
	if r.ex.Status == 0 {
		r.ex.Status = http.StatusOK
	}
	if r.failed && r.ex.Incomplete == "" {
		r.ex.Incomplete = "aborted"
	}
	if r.ex.Incomplete == "" {
		r.ex.Response = r.sent.content()
		if r.decoded != nil && !r.head {
			r.ex.Response = r.decoded.content()
			r.ex.Response.Encoded = r.sent.n
		}
	}
	r.log.add(&r.ex)
}

// reset sends the head and some bytes of a response and then resets the
// connection: SO_LINGER 0 makes close send RST (RFC 9293 §3.10.4, ABORT).
func (r *recorder) reset(head, some string) error {
	r.ex.Status, r.ex.Incomplete = http.StatusOK, "reset"
	conn, rw, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err != nil {
		return err
	}
	if _, err := rw.WriteString(head + some); err != nil {
		return err
	}
	if err := rw.Flush(); err != nil {
		return err
	}
	time.Sleep(20 * time.Millisecond) // let the client have them before RST discards what is queued
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return conn.Close()
}

// bodyReader notes a request's content as the handler reads it.
type bodyReader struct {
	raw     io.ReadCloser
	src     io.Reader // raw, or what decodes it
	gzip    bool
	counted *digest // content as received
	plain   *digest // content after its coding
	whole   bool
	expects bool // the client waits for 100 Continue, which the first Read sends
}

func newBodyReader(r *http.Request) *bodyReader {
	return &bodyReader{raw: r.Body, gzip: r.Header.Get("Content-Encoding") == "gzip",
		counted: newDigest(), plain: newDigest(), whole: r.Body == http.NoBody, expects: r.Header.Get("Expect") != ""}
}

// Read does not touch the body before the handler does: net/http sends 100
// Continue at the first Read.
func (b *bodyReader) Read(p []byte) (int, error) {
	if b.src == nil {
		b.src = io.TeeReader(b.raw, b.counted)
		if b.gzip {
			z, err := gzip.NewReader(b.src)
			if err != nil {
				return 0, err
			}
			b.src = z
		}
	}
	n, err := b.src.Read(p)
	_, _ = b.plain.Write(p[:n])
	b.whole = b.whole || err == io.EOF
	return n, err
}

func (b *bodyReader) Close() error { return b.raw.Close() }

// content is nil if the handler did not read all of it.
func (b *bodyReader) content() *content {
	if !b.whole {
		return nil
	}
	c := b.plain.content()
	if b.gzip {
		c.Encoded = b.counted.n
	}
	return c
}
