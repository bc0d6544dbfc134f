package http_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/dissecttest"
	"example.com/wirewatch/dissect/http"
)

func gzipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// gets are n requests, oks n responses to them.
func gets(n int) string {
	return strings.Repeat("GET /a HTTP/1.1\r\nHost: example.com\r\n\r\n", n)
}

func oks(n int) (s string) {
	for i := range n {
		s += fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", i, strings.Repeat("x", i))
	}
	return s
}

func TestConformance(t *testing.T) {
	c, s := dissecttest.Client, dissecttest.Server
	clientEnds := dissecttest.Piece{End: dissect.FIN}
	packed := gzipped(t, strings.Repeat("content that repeats, ", 40))
	dissecttest.Run(t, http.Spec, []dissecttest.Sample{
		{Name: "keep-alive", Pieces: []dissecttest.Piece{
			c("GET /a HTTP/1.1\r\nHost: example.com\r\nUser-Agent: x\r\n\r\n"),
			s("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello"),
			c("POST /b HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\r\nabc"),
			s("HTTP/1.1 204 No Content\r\n\r\n"),
		}},
		{Name: "pipelining", Pieces: []dissecttest.Piece{c(gets(3)), s(oks(2)), c(gets(1)), s(oks(2))}},
		{Name: "chunked", Pieces: []dissecttest.Piece{
			c("POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-T: 1\r\n\r\n"),
			s("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), s("3\r\nabc\r\n"), s("0\r\n\r\n"),
		}},
		{Name: "gzip", Pieces: []dissecttest.Piece{
			c(gets(1)),
			s(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(packed), packed)),
		}},
		{Name: "gzip in chunks", Pieces: []dissecttest.Piece{
			c(gets(1)),
			s("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"),
			s(fmt.Sprintf("%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", 20, packed[:20], len(packed)-20, packed[20:])),
		}},
		{Name: "100-continue", Pieces: []dissecttest.Piece{
			c("PUT /d HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"),
			s("HTTP/1.1 100 Continue\r\n\r\n"), c("abcd"), s("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
		}},
		{Name: "early hints", Pieces: []dissecttest.Piece{
			c(gets(1)), s("HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
		}},
		{Name: "CONNECT", Pieces: []dissecttest.Piece{
			c("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n"), s("HTTP/1.1 200 Connection established\r\n\r\n"),
			c("\x16\x03\x01\x00\x05hello"), s("\x16\x03\x03\x00\x05world"),
		}},
		{Name: "CONNECT, and HTTP in it", Pieces: []dissecttest.Piece{
			c("CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n"), s("HTTP/1.1 200 OK\r\n\r\n"), c(gets(1)), s(oks(1)),
		}},
		{Name: "CONNECT refused", Pieces: []dissecttest.Piece{
			c("CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n"), s("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
			c(gets(1)), s(oks(1)),
		}},
		{Name: "Upgrade", Pieces: []dissecttest.Piece{
			c("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"),
			s("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x02hi"),
			c("\x81\x82\x00\x00\x00\x00ok"),
		}},
		{Name: "Upgrade refused", Pieces: []dissecttest.Piece{
			c("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
			s("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"), c(gets(1)), s(oks(1)),
		}},
		{Name: "until close", Pieces: []dissecttest.Piece{
			c("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), s("HTTP/1.1 200 OK\r\n\r\nall"), s(" that there is"),
		}},
		{Name: "half-closed", Pieces: []dissecttest.Piece{
			c("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), clientEnds, s(oks(1)),
		}},
		{Name: "server-sent events", Pieces: []dissecttest.Piece{
			c("GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n"),
			s("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"),
			s("16\r\nid: 1\ndata: one\n\ndata:\r\n"), s("e\r\n two\r\ndata: 3\r\n\r\n"), s("2\r\n\r\n\r\n0\r\n\r\n"),
		}},
		{Name: "HTTP/1.0", End: dissect.FIN, Pieces: []dissecttest.Piece{
			c("GET /old HTTP/1.0\r\n\r\n"), s("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>old</p>"),
		}},
		{Name: "HEAD and 304", Pieces: []dissecttest.Piece{
			c("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n"), s("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
			c(gets(1)), s("HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"), c(gets(1)), s(oks(1)),
		}},
		{Name: "flaws", Pieces: []dissecttest.Piece{
			c("\r\n\r\nGET  /a  HTTP/1.1\nHost : a\n folded\nnonsense\n\n"), s("HTTP/1.1 200\nContent-Length: 1, 1\nContent-Length: 1\n\nx"),
			c("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), s("rubbish\r\n"),
		}},
		{Name: "large", Pieces: []dissecttest.Piece{
			c("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("0123456789", 2000)),
			s("HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("y", 6000) + "\r\nContent-Length: 0\r\n\r\n"),
		}},
	})
}
