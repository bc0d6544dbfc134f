//go:build unix

package remote

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// server is an HTTP server on loopback.
type server struct {
	*httptest.Server
	port uint16
}

func serve(t *testing.T) server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(r.URL.Path)) }))
	t.Cleanup(s.Close)
	return server{s, uint16(s.Listener.Addr().(*net.TCPAddr).Port)}
}

func (s server) get(t *testing.T, path string) {
	r, err := s.Client().Get(s.URL + path)
	if err != nil {
		t.Error(err)
		return
	}
	r.Body.Close()
}

func (s server) close() { s.Server.Close() }

func freePortNumber() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1 // nobody listens there either
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func freePort(t *testing.T) int {
	t.Helper()
	p := freePortNumber()
	if p == 1 {
		t.Fatal("no port is free")
	}
	return p
}

// count counts the frames from or to a port: IPv4 over Ethernet, or over the
// cooked header (LINUX_SLL2) that "any" has.
func count(frames []string, iface string, port uint16) (n int) {
	header := 14
	if iface == "any" {
		header = 20
	}
	want := binary.BigEndian.AppendUint16(nil, port)
	for _, f := range frames {
		p := []byte(f)
		if len(p) < header+24 || p[header] != 0x45 {
			continue
		}
		if tcp := p[header+20:]; bytes.Equal(tcp[:2], want) || bytes.Equal(tcp[2:4], want) {
			n++
		}
	}
	return n
}

// gone waits until no process has a text in its command line, as a tcpdump of the
// other side would that nobody has ended.
func gone(t *testing.T, text string) {
	t.Helper()
	left := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if left = running(text); left == "" {
			return
		}
	}
	t.Errorf("still running: %s", left)
}

func running(text string) string {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		line, _ := os.ReadFile(name) // it may have ended
		line = bytes.ReplaceAll(line, []byte{0}, []byte{' '})
		if bytes.HasPrefix(line, []byte("tcpdump")) && bytes.Contains(line, []byte(text)) {
			return string(line)
		}
	}
	return ""
}
