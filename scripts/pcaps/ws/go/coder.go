package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/coder/websocket"
)

// coder is github.com/coder/websocket: a frame for each piece, and for each
// flush of the compressor.
type coder struct{}

func compression(setting string) websocket.CompressionMode {
	switch setting {
	case "", "off":
		return websocket.CompressionDisabled
	case "no-context":
		return websocket.CompressionNoContextTakeover
	default:
		return websocket.CompressionContextTakeover
	}
}

// threshold is that below which messages are not compressed, 0 for the library's own.
func threshold(setting string) int {
	if setting == "some" {
		return 0
	}
	return 1
}

func (coder) accept(w http.ResponseWriter, r *http.Request, p *peer) (socket, error) {
	s := &coderSocket{p: p}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: compression(p.setting),
		CompressionThreshold: threshold(p.setting), OnPingReceived: s.pinged, Subprotocols: []string{"plan"}})
	s.Conn = c
	return s.ready(), err
}

func (coder) dial(url string, p *peer) (socket, error) {
	s := &coderSocket{p: p}
	c, resp, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{CompressionMode: compression(p.setting),
		CompressionThreshold: threshold(p.setting), OnPingReceived: s.pinged,
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: p.dialer, DisableKeepAlives: true}}})
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close()
	}
	s.Conn = c
	return s.ready(), err
}

type coderSocket struct {
	*websocket.Conn
	p      *peer
	pings  int
	closed atomic.Bool // a Close frame was sent
}

func (s *coderSocket) ready() socket {
	if s.Conn != nil {
		s.SetReadLimit(-1)
	}
	return s
}

func (s *coderSocket) write(text bool, pieces [][]byte, ping *string) error {
	ctx := context.Background()
	w, err := s.Writer(ctx, map[bool]websocket.MessageType{true: websocket.MessageText, false: websocket.MessageBinary}[text])
	if err != nil {
		return err
	}
	for i, p := range pieces {
		if _, err := w.Write(p); err != nil {
			return err
		}
		if i == 0 && ping != nil {
			if err := s.ping(*ping); err != nil {
				return err
			}
		}
	}
	return w.Close()
}

// ping waits for the pong. The library numbers its pings.
func (s *coderSocket) ping(string) error {
	s.pings++
	s.p.sent("ping", []byte(strconv.Itoa(s.pings)), 0)
	return s.Ping(context.Background())
}

func (s *coderSocket) pinged(_ context.Context, payload []byte) bool {
	s.p.sent("pong", payload, 0)
	return true
}

func (s *coderSocket) pong(string) error { return errors.New("coder/websocket sends no pongs unasked") }

func (s *coderSocket) close(code int, reason string) error {
	if s.closed.Swap(true) {
		return nil
	}
	s.p.sent("close", []byte(reason), code)
	if code == 0 {
		code = int(websocket.StatusNoStatusRcvd)
	}
	return s.Close(websocket.StatusCode(code), reason)
}

// read notes the Close frame with which the library answers one: the same.
func (s *coderSocket) read() error {
	_, _, err := s.Read(context.Background())
	var ce websocket.CloseError
	if errors.As(err, &ce) && !s.closed.Swap(true) {
		code := int(ce.Code)
		if ce.Code == websocket.StatusNoStatusRcvd {
			code = 0
		}
		s.p.sent("close", []byte(ce.Reason), code)
	}
	return err
}

func (s *coderSocket) drop() {
	s.closed.Store(true)
	_ = s.p.tcp.Close()
}
