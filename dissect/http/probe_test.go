package http_test

import (
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/http"
	"example.com/wirewatch/flow"
)

func TestProbe(t *testing.T) {
	const c, s = flow.ClientToServer, flow.ServerToClient
	for _, tc := range []struct {
		role flow.Dir
		text string
		want dissect.Match
	}{
		{c, "", dissect.Maybe}, {c, "G", dissect.Maybe}, {c, "GET", dissect.Maybe}, {c, "GET ", dissect.Maybe},
		{c, "GET /", dissect.Yes}, {c, "\r\nGET /", dissect.Yes}, {c, "GET http://a/ HTTP/1.1", dissect.Yes},
		{c, "get / HTTP/1.1\r\n", dissect.Yes}, {c, "WEIRD / HTTP/1.1\r\n", dissect.Yes}, {c, "WEIRD / HT", dissect.Maybe},
		{c, "WEIRD / FTP/1.1\r\n", dissect.No}, {c, "PROPFIND /dav ", dissect.Yes}, {c, "CONNECT a:1", dissect.Yes},
		{c, "OPTIONS sip:a SIP/2.0\r\n", dissect.No}, {c, "OPTIONS rtsp://a RTSP/1.0\r\n", dissect.No},
		{c, "OPTIONS * HTTP/1.1\r\n", dissect.Yes}, {c, "OPTIONS *", dissect.Maybe}, {c, "NOTIFY /upnp HTTP/1.1\r\n", dissect.Yes},
		{c, "PRI * HTTP/2.0\r\n", dissect.Yes}, {c, "HTTP/1.1 200 OK\r\n", dissect.No}, {c, "\x16\x03\x01", dissect.No},
		{c, "EHLO a\r\n", dissect.No}, {c, " GET /", dissect.No}, {c, "GET\x00/", dissect.No},
		{s, "", dissect.Maybe}, {s, "HTT", dissect.Maybe}, {s, "HTTP/", dissect.Maybe}, {s, "HTTP/1", dissect.Yes},
		{s, "http/1.0 200", dissect.Yes}, {s, "HTTP/x", dissect.No}, {s, "ICY 200", dissect.Yes}, {s, "220 smtp", dissect.No},
		{s, "GET /", dissect.No},
	} {
		if got := http.Spec.Probe(tc.role, []byte(tc.text)); got != tc.want {
			t.Errorf("Probe(%v, %q) = %d, want %d", tc.role, tc.text, got, tc.want)
		}
	}
}

func TestJoin(t *testing.T) {
	const c, s = flow.ClientToServer, flow.ServerToClient
	for _, tc := range []struct {
		role flow.Dir
		text string
		want dissect.Match
	}{
		{c, "GET / HTTP/1.1\r\n", dissect.Yes}, {c, "GET / HTTP/1.1", dissect.Maybe}, {c, "GET\x00", dissect.No}, {c, "\r", dissect.Maybe}, {c, "GET /\r\n", dissect.No},
		{c, "GET /  HTTP/1.1\r\n", dissect.No}, {c, "GET / HTTP/2.0\r\n", dissect.No}, {c, "HTTP/1.1 200 OK\r\n", dissect.No},
		{s, "HTTP/1.1 200 OK\r\n", dissect.Yes}, {s, "HTTP/1.1 200\r\n", dissect.Yes}, {s, "HTTP/1.1 20x\r\n", dissect.No},
		{s, "HTTP/1.1 200 OK", dissect.Maybe}, {s, "xHTTP/1.1 200 OK\r\n", dissect.No}, {s, "ICY 200 OK\r\n", dissect.No},
	} {
		if got := http.Spec.Join(tc.role, []byte(tc.text)); got != tc.want {
			t.Errorf("Join(%v, %q) = %d, want %d", tc.role, tc.text, got, tc.want)
		}
	}
}
