package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// habits are what the client can do at a server, by name.
var habits = map[string]func(host string) error{
	"keepalive":  keepalive,
	"bodies":     bodies,
	"pipeline":   pipeline,
	"dribble":    dribble,
	"http09":     http09,
	"halfclose":  halfClose,
	"resets":     resets,
	"slowreader": slowReader,
	"many":       many,
	"bulk":       bulk,
	"poll":       poll,
	"idle":       idle,
}

// client runs habits against HOST:PORT, one after another.
func client(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: traffic client HOST:PORT HABIT…")
	}
	for _, name := range args[1:] {
		f := habits[name]
		if f == nil {
			return fmt.Errorf("unknown habit %q", name)
		}
		if err := f(args[0]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// get fetches and reads all of it.
func get(c *http.Client, url string) error {
	resp, err := c.Get(url)
	if err != nil {
		return err
	}
	_, err = read(resp)
	return err
}

// read is all of a response's content.
func read(resp *http.Response) ([]byte, error) {
	p, err := io.ReadAll(resp.Body)
	return p, errors.Join(err, resp.Body.Close())
}

// paths are fetched by keepalive and by the connections of many.
var paths = []string{"/text?lines=3", "/status/404", "/encoded/gzip", "/chunked?n=3", "/early", "/status/204", "/redirect", "/blob?n=5000"}

// keepalive fetches on one connection and closes it first.
func keepalive(host string) error {
	t := &http.Transport{MaxConnsPerHost: 1}
	c := &http.Client{Transport: t}
	for _, p := range paths {
		if err := get(c, "http://"+host+p); err != nil {
			return err
		}
	}
	t.CloseIdleConnections()
	return nil
}

// many fetches over five connections at once.
func many(host string) error {
	var wg sync.WaitGroup
	errs := make([]error, 5)
	for i := range errs {
		wg.Go(func() { errs[i] = keepalive(host) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// bulk fetches bodies of many segments, on two connections at once.
func bulk(host string) error {
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		wg.Go(func() {
			c := &http.Client{Transport: &http.Transport{}}
			for _, p := range []string{"/blob?n=40000", "/text?lines=1000", "/encoded/gzip?lines=4000"} {
				if errs[i] = get(c, "http://"+host+p); errs[i] != nil {
					return
				}
			}
			c.CloseIdleConnections()
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// bodies sends content: counted, chunked with a trailer, gzip, waiting for 100
// Continue, and refused.
func bodies(host string) error {
	c := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1, ExpectContinueTimeout: 2 * time.Second}}
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	_, _ = io.WriteString(z, text(100))
	if err := z.Close(); err != nil {
		return err
	}
	for _, r := range []struct {
		path, name, value string
		body              io.Reader
	}{
		{"/echo", "Content-Type", "text/plain", strings.NewReader(text(5))},
		{"/upload", "Trailer-Wanted", "yes", io.MultiReader(strings.NewReader(text(50)))}, // of unknown length: chunked
		{"/upload", "Content-Encoding", "gzip", bytes.NewReader(gz.Bytes())},
		{"/upload", "Expect", "100-continue", strings.NewReader(text(20))},
		{"/refuse", "Expect", "100-continue", strings.NewReader(text(20))},
		{"/text", "X-After", "the refusal", http.NoBody},
	} {
		req, err := http.NewRequest(http.MethodPost, "http://"+host+r.path, r.body)
		if err != nil {
			return err
		}
		req.Header.Set(r.name, r.value)
		if r.name == "Trailer-Wanted" {
			req.Trailer = http.Header{"X-Checksum": {"42"}}
		}
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		if _, err := read(resp); err != nil {
			return err
		}
	}
	c.CloseIdleConnections()
	return nil
}

// raw dials and has f talk; deadline included.
func raw(host string, f func(c *net.TCPConn) error) error {
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return errors.New("not TCP")
	}
	return f(tcp)
}

// requests are GETs for these paths, the last with Connection: close.
func requests(host string, paths ...string) string {
	var b strings.Builder
	for i, p := range paths {
		fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n", p, host)
		if i == len(paths)-1 {
			b.WriteString("Connection: close\r\n")
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

// pipeline sends twelve requests at once and reads the answers.
func pipeline(host string) error {
	var all []string
	for i := range 12 {
		all = append(all, slices.Concat(paths[:5], []string{"/encoded/br", "/slow?ms=60"})[i%7])
	}
	return raw(host, func(c *net.TCPConn) error {
		if _, err := io.WriteString(c, requests(host, all...)); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, c)
		return err
	})
}

// dribble sends three pipelined requests seven bytes at a time.
func dribble(host string) error {
	return raw(host, func(c *net.TCPConn) error {
		for p := range slices.Chunk([]byte(requests(host, "/text", "/chunked?n=2", "/encoded/deflate")), 7) {
			if _, err := c.Write(p); err != nil {
				return err
			}
			time.Sleep(2 * time.Millisecond)
		}
		_, err := io.Copy(io.Discard, c)
		return err
	})
}

// http09 asks without a version.
func http09(host string) error {
	return raw(host, func(c *net.TCPConn) error {
		if _, err := io.WriteString(c, "GET /index.html\r\n"); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, c)
		return err
	})
}

// halfClose ends its side right after the request.
func halfClose(host string) error {
	return raw(host, func(c *net.TCPConn) error {
		if _, err := io.WriteString(c, requests(host, "/blob?n=20000")); err != nil {
			return err
		}
		if err := c.CloseWrite(); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, c)
		return err
	})
}

// resets meets all ways to break off: the server resets, the client resets
// (SO_LINGER 0), the client closes in the middle, the client runs out of
// patience, the server sends less than it announced.
func resets(host string) error {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if err := get(c, "http://"+host+"/reset"); err == nil {
		return errors.New("/reset: no error")
	}
	for _, linger := range []int{0, -1} {
		err := raw(host, func(c *net.TCPConn) error {
			if _, err := io.WriteString(c, requests(host, "/drip?n=200000")); err != nil {
				return err
			}
			if _, err := io.ReadFull(c, make([]byte, 10000)); err != nil {
				return err
			}
			return c.SetLinger(linger)
		})
		if err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/slow?ms=5000", nil)
	if err != nil {
		return err
	}
	if _, err := c.Do(req); err == nil { //nolint:bodyclose // there is no response
		return errors.New("/slow: no timeout")
	}
	if err := get(c, "http://"+host+"/cut"); err == nil {
		return errors.New("/cut: no error")
	}
	return nil
}

// slowReader has a small receive buffer and stops reading for a second, so
// that its window closes.
func slowReader(host string) error {
	d := net.Dialer{Control: func(_, _ string, rc syscall.RawConn) error {
		var err error
		_ = rc.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		return err
	}}
	conn, err := d.Dial("tcp", host)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, requests(host, "/blob?n=60000")); err != nil {
		return err
	}
	time.Sleep(time.Second)
	_, err = io.Copy(io.Discard, conn)
	return err
}

// poll asks for an order's status until it is ready.
func poll(host string) error {
	c := &http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	for range 8 {
		resp, err := c.Get("http://" + host + "/api/orders/17")
		if err != nil {
			return err
		}
		p, err := read(resp)
		if err != nil || bytes.Contains(p, []byte("ready")) {
			return err
		}
		time.Sleep(400 * time.Millisecond)
	}
	return errors.New("never ready")
}

// idle makes one request and waits until the server has had enough.
func idle(host string) error {
	return raw(host, func(c *net.TCPConn) error {
		if _, err := fmt.Fprintf(c, "GET /text?lines=2 HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, c)
		return err
	})
}
