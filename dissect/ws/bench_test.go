package ws_test

import (
	"fmt"
	"strings"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/dissecttest"
	"example.com/wirewatch/flow"
)

// conn is a WebSocket, and what keeps a limit of so many bytes of a message.
func conn(tb testing.TB, extensions string, body int64) (*dissect.Conn, *dissecttest.Sink) {
	tb.Helper()
	env := &dissect.Env{Specs: handed(extensions)(), Limits: dissect.DefaultLimits()}
	env.Limits.Body = body
	c, h := new(dissect.Conn), dissecttest.NewSink()
	c.Init(env, h, false)
	c.Data(flow.ClientToServer, []byte("\x8a\x80\x00\x00\x00\x00"))
	return c, h
}

const tick = `{"symbol":"ABC","bid":101.25,"ask":101.50,"size":1200,"time":1700000000000,"venue":"XNAS","seq":4711}`

func BenchmarkMessages(b *testing.B) {
	for _, body := range []int64{0, 64 << 10} {
		for _, words := range []string{"text", "text mask", "binary"} {
			b.Run(fmt.Sprintf("%s, %d kept", words, body), func(b *testing.B) {
				c, h := conn(b, "", body)
				dir, segment := flow.ServerToClient, []byte(frame(b, words, tick))
				if strings.Contains(words, "mask") {
					dir = flow.ClientToServer
				}
				before := h.Count
				b.SetBytes(int64(len(segment)))
				b.ReportAllocs()
				for b.Loop() {
					c.Data(dir, segment)
				}
				if h.Count-before < b.N {
					b.Fatalf("%d facts of %d messages", h.Count-before, b.N)
				}
			})
		}
	}
}

func BenchmarkDeflate(b *testing.B) {
	c, _ := conn(b, "permessage-deflate", 64<<10)
	c.Data(flow.ServerToClient, []byte(frame(b, "text rsv1", pmd(b, "", tick))))
	segment := []byte(frame(b, "text rsv1", pmd(b, tick, tick)))
	b.SetBytes(int64(len(tick)))
	b.ReportAllocs()
	for b.Loop() {
		c.Data(flow.ServerToClient, segment)
	}
}

func BenchmarkBulk(b *testing.B) {
	for _, words := range []string{"binary len=0x7fffffffffffffff", "binary len=0x7fffffffffffffff mask", "text len=0x7fffffffffffffff mask"} {
		b.Run(words, func(b *testing.B) {
			c, _ := conn(b, "", 0)
			dir := flow.ServerToClient
			if strings.Contains(words, "mask") {
				dir = flow.ClientToServer
			}
			c.Data(dir, []byte(frame(b, words, "")))
			segment := []byte(strings.Repeat("x", 1448))
			b.SetBytes(int64(len(segment)))
			b.ReportAllocs()
			for b.Loop() {
				c.Data(dir, segment)
			}
		})
	}
}

// What is allocated for a message: its fact, and its text where that is kept; the
// mark of where it came from is the driver's. Segments of a long one cost nothing.
func TestAllocations(t *testing.T) {
	for _, x := range []struct {
		words, extensions string
		payload           string
		body              int64
		most              float64
	}{
		{"text", "", tick, 0, 1},
		{"text", "", tick, 1 << 10, 2},
		{"text mask", "", tick, 1 << 10, 2},
		{"binary", "", tick, 1 << 10, 2},
		{"text rsv1", "permessage-deflate", pmd(t, "", tick), 1 << 10, 2},
		{"pong", "", "", 0, 1},
		{"op=3", "", tick, 0, 0},
	} {
		c, _ := conn(t, x.extensions, x.body)
		dir, segment := flow.ServerToClient, []byte(frame(t, x.words, x.payload))
		if strings.Contains(x.words, "mask") {
			dir = flow.ClientToServer
		}
		for range 20 { // anomalies that are told
			c.Data(dir, segment)
		}
		if n := testing.AllocsPerRun(1000, func() { c.Data(dir, segment) }); n > x.most {
			t.Errorf("%s, %d bytes kept: %.1f allocations, want %.0f", x.words, x.body, n, x.most)
		}
	}
	c, _ := conn(t, "", 0)
	c.Data(flow.ClientToServer, []byte(frame(t, "text mask len=0x7fffffffffffffff", "")))
	segment := make([]byte, 1448)
	if n := testing.AllocsPerRun(1000, func() { c.Data(flow.ClientToServer, segment) }); n != 0 {
		t.Errorf("%.1f allocations for a segment of a long message", n)
	}
}
