package main

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// path answers every request with what it asked for, so that what is reported can
// be checked on its own.
func path(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "you asked for "+r.URL.Path)
}

// ask sends a request and reads the answer.
func ask(t *testing.T, c *http.Client, url string) {
	t.Helper()
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Fatal(err)
	}
}

// askMany asks for /0, /1, …, over connections that carry some of the requests
// each.
func askMany(t *testing.T, c *http.Client, url string, n int) {
	t.Helper()
	for i := range n {
		ask(t, c, fmt.Sprintf("%s/%d", url, i))
		if i%10 == 9 {
			c.CloseIdleConnections()
		}
	}
}

// mustHaveAsked checks that each request of askMany was reported once, and
// answered as path does.
func mustHaveAsked(t *testing.T, out string, n int) {
	t.Helper()
	seen := map[string]int{}
	for _, r := range of(t, out, "http.exchange") {
		uri, _ := get(r, "http.request.uri").(string)
		seen[uri]++
		if body := get(r, "http.response.body.text"); body != "you asked for "+uri || get(r, "complete") != true {
			t.Errorf("%s was answered with %q, complete: %v", uri, body, get(r, "complete"))
		}
	}
	for i := range n {
		if uri := fmt.Sprintf("/%d", i); seen[uri] != 1 {
			t.Errorf("%s was reported %d times", uri, seen[uri])
		}
	}
	if len(seen) != n {
		t.Errorf("%d URIs were reported, %d asked for", len(seen), n)
	}
}

// TestLiveEqualsFile checks that what is told live is everything, told while it
// happens, and told again by the file.
func TestLiveEqualsFile(t *testing.T) {
	const requests, early = 300, 295
	t.Parallel()
	p := newPlace(t)
	url := p.serve("127.0.0.1:0", path)
	for _, name := range []string{"all.pcapng", "all.pcap"} {
		t.Run(name, func(t *testing.T) {
			p := &place{t: t, name: p.name, do: p.do}
			file := scratch(t, name)
			w := p.watch("-i", "lo", "-w", file, "--json")
			askMany(t, p.client(), url, requests)
			w.untilRecords("http.exchange", early)
			out := w.stop(os.Interrupt, exitOK)
			mustHaveAsked(t, out, requests)
			if name == "all.pcap" { // which has no place for processes
				out = withProcess.ReplaceAllString(out, "")
			}
			mustEqualFile(t, out, file)
		})
	}
}

var withProcess = regexp.MustCompile(`,"process":\{("(client|server)":\{[^}]*\},?)+\}`)

// TestLiveWebSocket checks that a WebSocket is told, its end too on a line where
// nothing happens after it: time goes on all the same.
func TestLiveWebSocket(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *net.TCPConn){
		"closed": func(t *testing.T, c *net.TCPConn) {
			_, _ = c.Write(masked(0x88, binary.BigEndian.AppendUint16(nil, 1000)))
			mustRead(t, c, 4)
			c.Close()
		},
		"reset": func(_ *testing.T, c *net.TCPConn) { // which is not believed for some seconds
			_ = c.SetLinger(0)
			c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			l := p.listen("127.0.0.1:0")
			go echo(l)
			file := scratch(t, "ws.pcapng")
			w := p.watch("-i", "lo", "-w", file, "--json")
			c := w.talk(p, l.Addr().String())
			end(t, c)
			began := time.Now()
			w.untilRecords("websocket.close", 1)
			if took := time.Since(began); took > patience/4 {
				t.Errorf("the end was told after %v", took)
			}
			out := w.stop(os.Interrupt, exitOK)
			if n := kinds(t, out); n["websocket.message"] != 6 || n["websocket.close"] != 1 || n["tcp.flow"] != 1 {
				t.Errorf("told %v", n)
			}
			mustEqualFile(t, out, file)
		})
	}
}

// talk opens a WebSocket and sends messages, each when the one before was told.
func (w *watched) talk(p *place, addr string) *net.TCPConn {
	w.t.Helper()
	c, err := p.dial(w.t.Context(), "tcp", addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", wsKey)
	const answer = 129 // bytes: the response of echo
	mustRead(w.t, c, answer)
	for i := range 3 {
		_, _ = c.Write(masked(0x81, fmt.Appendf(nil, "message %d", i)))
		mustRead(w.t, c, 2+len("message 0"))
		w.untilRecords("websocket.message", 2*(i+1))
	}
	return c.(*net.TCPConn)
}

const wsKey = "dGhlIHNhbXBsZSBub25jZQ=="

// echo is a WebSocket server for short messages, at the simplest.
func echo(l net.Listener) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	b := make([]byte, 4096)
	n := 0
	for !strings.HasSuffix(string(b[:n]), "\r\n\r\n") {
		m, err := c.Read(b[n:])
		if n += m; err != nil {
			return
		}
	}
	sum := sha1.Sum([]byte(wsKey + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	for {
		if _, err := io.ReadFull(c, b[:6]); err != nil {
			return
		}
		p := b[6 : 6+b[1]&0x7f]
		if _, err := io.ReadFull(c, p); err != nil {
			return
		}
		for i := range p {
			p[i] ^= b[2+i%4]
		}
		_, _ = c.Write(append([]byte{b[0], byte(len(p))}, p...))
		if b[0] == 0x88 {
			return
		}
	}
}

// masked is a short WebSocket frame of a client.
func masked(first byte, p []byte) []byte {
	key := []byte{1, 2, 3, 4}
	f := append([]byte{first, 0x80 | byte(len(p))}, key...)
	for i, c := range p {
		f = append(f, c^key[i%4])
	}
	return f
}

func mustRead(t *testing.T, c net.Conn, n int) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(c, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
}

// TestLiveShortConnections checks that each of many connections, with one request
// each, is told.
func TestLiveShortConnections(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 2_000
	}
	t.Parallel()
	p := newPlace(t)
	addr := strings.TrimPrefix(p.serve("127.0.0.1:0", path), "http://")
	file := scratch(t, "short.pcapng")
	w := p.watch("-i", "lo", "-w", file, "--json")
	for i := range n {
		askOnce(t, p, addr, fmt.Sprintf("/%d", i))
	}
	w.untilRecords("http.exchange", n)
	out := w.stop(os.Interrupt, exitOK)
	mustHaveAsked(t, out, n)
	if flows := len(of(t, out, "tcp.flow")); flows != n {
		t.Errorf("%d flows, want %d", flows, n)
	}
	mustEqualFile(t, out, file)
}

// askOnce is a connection with one request.
func askOnce(t *testing.T, p *place, addr, uri string) {
	t.Helper()
	c, err := p.dial(context.Background(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", uri)
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Fatal(err)
	}
}

// TestLiveSignals checks that whoever ends a capture under load gets all of it.
func TestLiveSignals(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			url := p.serve("127.0.0.1:0", path)
			file := scratch(t, "load.pcapng")
			w := p.watch("-i", "lo", "-w", file, "--json")
			done := load(p, url)
			w.untilRecords("http.exchange", 500)
			out := w.stop(sig, exitOK)
			done()
			if s := summary(t, out); get(s, "error") != nil {
				t.Errorf("summary %v", s)
			}
			mustEqualFile(t, out, file)
		})
	}
}

// load asks and asks until it is told to stop.
func load(p *place, url string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	c := p.client()
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			r, err := c.Get(fmt.Sprintf("%s/%d", url, i))
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
	}()
	stop = func() { cancel(); <-done }
	p.t.Cleanup(stop)
	return stop
}
