// Command wspeer is a WebSocket end for the real captures, on
// github.com/coder/websocket or github.com/gorilla/websocket. It follows
// ../plans.json and logs what it sends, as ../node/peer.js does.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

// step is one thing that an end does; see plans.json.
type step struct {
	Text   *int    `json:"text"`
	Binary *int    `json:"binary"`
	Parts  int     `json:"parts"`
	Ping   *string `json:"ping"`
	Pong   *string `json:"pong"`
	Await  *int    `json:"await"`
	Sleep  int     `json:"sleep"`
	Close  *int    `json:"close"`
	Reason string  `json:"reason"`
	Reset  bool    `json:"reset"`
	End    bool    `json:"end"`
}

// library is what the two implementations have in common.
type library interface {
	accept(w http.ResponseWriter, r *http.Request, p *peer) (socket, error)
	dial(url string, p *peer) (socket, error)
}

// socket is an open WebSocket. What it sends by itself it tells its peer.
type socket interface {
	// write sends a message piece by piece, and a ping after the first piece.
	write(text bool, pieces [][]byte, ping *string) error
	ping(payload string) error
	pong(payload string) error
	// close starts the closing handshake; the code 0 means none.
	close(code int, reason string) error
	// read reads a message; an error ends the connection.
	read() error
	// drop closes the connection without a word.
	drop()
}

// peer is one end of a connection.
type peer struct {
	setting string
	role    string
	client  string
	server  string
	tcp     *net.TCPConn

	mu       sync.Mutex
	ordinal  int
	received int
	arrived  *sync.Cond
}

var out = struct {
	sync.Mutex
	f *os.File
}{}

func note(line any) {
	out.Lock()
	defer out.Unlock()
	if err := json.NewEncoder(out.f).Encode(line); err != nil {
		fmt.Fprintln(os.Stderr, "log:", err)
	}
}

type content struct {
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

func digest(p []byte) content {
	sum := sha256.Sum256(p)
	return content{len(p), hex.EncodeToString(sum[:])}
}

// sent notes what this end sends; code is 0 but for a Close frame that has one.
func (p *peer) sent(opcode string, payload []byte, code int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ordinal++
	line := map[string]any{"by": "sender", "client": p.client, "server": p.server, "from": p.role, "ordinal": p.ordinal, "opcode": opcode}
	if code != 0 {
		line["code"], line["reason"] = code, string(payload)
		payload = append([]byte{byte(code >> 8), byte(code)}, payload...)
	}
	d := digest(payload)
	line["size"], line["sha256"] = d.Size, d.SHA256
	note(line)
}

func (p *peer) connected(c net.Conn) {
	p.tcp, _ = c.(*net.TCPConn)
	p.client, p.server = c.LocalAddr().String(), c.RemoteAddr().String()
	if p.role == "server" {
		p.client, p.server = p.server, p.client
	}
}

func newPeer(role, setting string) *peer {
	p := &peer{role: role, setting: setting}
	p.arrived = sync.NewCond(&p.mu)
	return p
}

// follow does the steps of a plan and waits for the connection's end.
func (p *peer) follow(s socket, steps []step) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			err := s.read()
			p.mu.Lock()
			if p.received++; err != nil {
				p.received = 1 << 30
			}
			p.mu.Unlock()
			p.arrived.Broadcast()
			if err != nil {
				return
			}
		}
	}()
	for n, st := range steps {
		if err := p.step(s, st, n); err != nil {
			fmt.Fprintf(os.Stderr, "step %d: %v\n", n, err)
		}
	}
	<-done
}

func (p *peer) step(s socket, st step, n int) error {
	switch {
	case st.Text != nil:
		return p.write(s, true, text(*st.Text, n), st)
	case st.Binary != nil:
		return p.write(s, false, binary(*st.Binary, n), st)
	case st.Ping != nil:
		return s.ping(*st.Ping)
	case st.Pong != nil:
		return s.pong(*st.Pong)
	case st.Await != nil:
		p.mu.Lock()
		for p.received < *st.Await {
			p.arrived.Wait()
		}
		p.mu.Unlock()
	case st.Sleep > 0:
		time.Sleep(time.Duration(st.Sleep) * time.Millisecond)
	case st.Close != nil:
		return s.close(*st.Close, st.Reason)
	case st.Reset:
		_ = p.tcp.SetLinger(0) // makes close send RST
		s.drop()
	case st.End:
		s.drop()
	}
	return nil
}

// write sends a message. How many frames it becomes is the library's affair.
func (p *peer) write(s socket, isText bool, data []byte, st step) error {
	p.sent(map[bool]string{true: "text", false: "binary"}[isText], data, 0)
	var pieces [][]byte
	parts := max(st.Parts, 1)
	size := (len(data) + parts - 1) / parts
	for i := range parts {
		pieces = append(pieces, data[min(i*size, len(data)):min((i+1)*size, len(data))])
	}
	return s.write(isText, pieces, st.Ping)
}

func text(size, n int) []byte {
	unit := fmt.Sprintf(`{"id":%d,"title":"Ωmega – grüße 🐢 %c"},`, n, 'a'+n%3)
	b := bytes.Repeat([]byte(unit), size/len(unit)+1)[:size]
	whole := bytes.ToValidUTF8(b, nil)
	return append(whole, bytes.Repeat([]byte("."), size-len(whole))...)
}

func binary(size, n int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*13 ^ i>>6*(n+1))
	}
	return b
}

var (
	plans     map[string]map[string][]step
	libraries = map[string]library{"coder": coder{}, "gorilla": gorilla{}}
)

func run() error {
	if len(os.Args) < 6 || libraries[os.Args[1]] == nil {
		return fmt.Errorf("usage: wspeer coder|gorilla PLANS LOG server ADDRESS\n       wspeer coder|gorilla PLANS LOG client URL PLAN:SETTING...")
	}
	data, err := os.ReadFile(os.Args[2])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &plans); err != nil {
		return err
	}
	if out.f, err = os.Create(os.Args[3]); err != nil {
		return err
	}
	if os.Args[4] == "server" {
		return serve(libraries[os.Args[1]], os.Args[5])
	}
	for _, wanted := range os.Args[6:] {
		plan, setting, _ := strings.Cut(wanted, ":")
		p := newPeer("client", setting)
		s, err := libraries[os.Args[1]].dial(fmt.Sprintf("%s/%s?deflate=%s", os.Args[5], plan, setting), p)
		if err != nil {
			return err
		}
		p.follow(s, plans[plan]["client"])
	}
	return nil
}

type connKey struct{}

func serve(lib library, addr string) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	srv := &http.Server{Addr: addr, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { upgrade(lib, w, r) }),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }}
	go func() {
		<-stop
		_ = srv.Close()
	}()
	if err := srv.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}

func upgrade(lib library, w http.ResponseWriter, r *http.Request) {
	p := newPeer("server", r.URL.Query().Get("deflate"))
	p.connected(r.Context().Value(connKey{}).(net.Conn))
	note(map[string]any{"by": "server", "client": p.client, "server": p.server, "ordinal": 1,
		"method": r.Method, "target": r.RequestURI, "status": 101, "request": digest(nil)})
	s, err := lib.accept(w, r, p)
	if err != nil {
		fmt.Fprintln(os.Stderr, "accept:", err)
		return
	}
	p.follow(s, plans[r.URL.Path[1:]]["server"])
}

// dialer opens TCP connections for an HTTP client and tells the peer.
func (p *peer) dialer(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if err == nil {
		p.connected(c)
	}
	return c, err
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
