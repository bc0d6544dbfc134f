package main

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// gorilla is github.com/gorilla/websocket. It compresses without context only, and
// cuts messages where its buffer is full.
type gorilla struct{}

const gorillaBuffer = 256

func (gorilla) accept(w http.ResponseWriter, r *http.Request, p *peer) (socket, error) {
	u := websocket.Upgrader{EnableCompression: p.setting != "off" && p.setting != "", WriteBufferSize: gorillaBuffer,
		Subprotocols: []string{"other", "plan"}}
	c, err := u.Upgrade(w, r, nil)
	return newGorilla(c, p), err
}

func (gorilla) dial(url string, p *peer) (socket, error) {
	d := websocket.Dialer{EnableCompression: p.setting != "off" && p.setting != "", WriteBufferSize: gorillaBuffer, NetDialContext: p.dialer}
	c, resp, err := d.Dial(url, nil)
	if resp != nil {
		_ = resp.Body.Close()
	}
	return newGorilla(c, p), err
}

type gorillaSocket struct {
	*websocket.Conn
	p      *peer
	closed bool // a Close frame was sent
}

// newGorilla replaces the handlers, which answer without a word, by such that
// answer the same and say so.
func newGorilla(c *websocket.Conn, p *peer) socket {
	s := &gorillaSocket{Conn: c, p: p}
	if c == nil {
		return s
	}
	c.SetPingHandler(s.pong)
	c.SetCloseHandler(func(code int, _ string) error {
		if code == websocket.CloseNoStatusReceived {
			code = 0
		}
		return s.close(code, "")
	})
	return s
}

func (s *gorillaSocket) write(text bool, pieces [][]byte, ping *string) error {
	w, err := s.NextWriter(map[bool]int{true: websocket.TextMessage, false: websocket.BinaryMessage}[text])
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

func (s *gorillaSocket) control(kind int, payload []byte) error {
	return s.WriteControl(kind, payload, time.Now().Add(time.Second))
}

func (s *gorillaSocket) ping(payload string) error {
	s.p.sent("ping", []byte(payload), 0)
	return s.control(websocket.PingMessage, []byte(payload))
}

func (s *gorillaSocket) pong(payload string) error {
	s.p.sent("pong", []byte(payload), 0)
	return s.control(websocket.PongMessage, []byte(payload))
}

func (s *gorillaSocket) close(code int, reason string) error {
	s.p.mu.Lock()
	again := s.closed
	s.closed = true
	s.p.mu.Unlock()
	if again {
		return nil
	}
	s.p.sent("close", []byte(reason), code)
	if code == 0 {
		return s.control(websocket.CloseMessage, nil)
	}
	return s.control(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason))
}

// read closes the connection at its end, which the library leaves to its user.
func (s *gorillaSocket) read() error {
	_, _, err := s.ReadMessage()
	if err != nil {
		s.drop()
	}
	return err
}

func (s *gorillaSocket) drop() { _ = s.NetConn().Close() }
