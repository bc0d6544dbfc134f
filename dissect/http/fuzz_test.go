package http_test

import (
	"path/filepath"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/http"
	"example.com/wirewatch/dissect/talk"
	"example.com/wirewatch/flow"
)

// alone is the dissector until it gives the flow away: what becomes of the rest
// is up to the driver, whose probes see segments and not bytes.
type alone struct {
	dissect.Dissector
	over bool
}

func (a *alone) Data(c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
	if a.over {
		return len(p), dissect.More
	}
	n, v := a.Dissector.Data(c, dir, p, end)
	if v > dissect.Wait {
		a.over = true
		a.Close()
		return len(p), dissect.More
	}
	return n, v
}

func (a *alone) Gap(c *dissect.Conn, dir flow.Dir, n uint64) dissect.Verdict {
	if a.over {
		return dissect.More
	}
	return a.Dissector.Gap(c, dir, n)
}

func (a *alone) Close() {
	if c, ok := a.Dissector.(dissect.Closer); ok {
		c.Close()
	}
}

func aloneSpecs() []dissect.Spec {
	s := http.Spec
	s.New = func(o dissect.Offer) dissect.Dissector { return &alone{Dissector: http.Spec.New(o)} }
	return []dissect.Spec{s}
}

// opening makes sure that the flow is HTTP.
func opening() *talk.Talk {
	t := talk.FromBytes(nil)
	t.Add("> GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
	t.Add("< HTTP/1.1 204 No Content\\r\\n\\r\\n")
	return t
}

// FuzzMessages: whatever is sent, in whatever pieces, with whatever holes, the
// facts are the same, and sizes add up.
func FuzzMessages(f *testing.F) {
	files, err := filepath.Glob("testdata/*.talk")
	if err != nil || len(files) == 0 {
		f.Fatalf("no talks: %v", err)
	}
	for _, file := range files {
		talks, err := talk.Parse(file)
		if err != nil {
			f.Fatal(err)
		}
		for i := range talks {
			f.Add(uint64(i), talks[i].Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, seed uint64, b []byte) {
		c := talk.FromBytes(b)
		c.Prepend(opening())
		for _, fact := range c.Check(t, aloneSpecs, seed) {
			if x, ok := fact.Body.(*http.Exchange); ok {
				consistent(t, "request", &x.Sent)
				consistent(t, "response", &x.Received)
			}
		}
	})
}

func consistent(t *testing.T, which string, c *http.Content) {
	t.Helper()
	size, end := c.Captured, uint64(0)
	for i, g := range c.Gaps {
		if g.Len == 0 || g.Off < end || i > 0 && g.Off == end || g.Off+g.Len > c.Size {
			t.Errorf("%s: gaps %v of %d bytes", which, c.Gaps, c.Size)
		}
		size, end = size+g.Len, g.Off+g.Len
	}
	if size != c.Size {
		t.Errorf("%s: %d captured, gaps %v, size %d", which, c.Captured, c.Gaps, c.Size)
	}
	if c.Text != "" && c.Binary != nil {
		t.Errorf("%s: both text and binary", which)
	}
}

// FuzzChunked: no chunked body is read differently in pieces, and what is read
// is no longer than what was sent.
func FuzzChunked(f *testing.F) {
	for _, s := range []string{
		"0\r\n\r\n", "5\r\nhello\r\n0\r\nX: y\r\n\r\n", "a;x=\"y\"\r\n0123456789\r\n\r\n0\n\n", "ffffffffffffffff\r\n", "1\r\na1\r\nb0\r\n\r\n",
	} {
		f.Add(uint64(len(s)), []byte(s))
	}
	f.Fuzz(func(t *testing.T, seed uint64, body []byte) {
		c := opening()
		c.Add("> GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
		c.AddData(flow.ServerToClient, append([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), body...))
		for _, fact := range c.Check(t, aloneSpecs, seed) {
			if x, ok := fact.Body.(*http.Exchange); ok && x.Received.Size > uint64(len(body)) {
				t.Errorf("%d bytes of content in %d bytes", x.Received.Size, len(body))
			}
		}
	})
}
