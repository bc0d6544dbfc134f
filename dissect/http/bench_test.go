package http_test

import (
	"bytes"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/dissecttest"
	"example.com/wirewatch/flow"
)

const (
	smallRequest = "GET /api/v1/items?id=4711 HTTP/1.1\r\nHost: example.com\r\nUser-Agent: curl/8.5.0\r\n" +
		"Accept: application/json\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n\r\n"
	smallResponse = "HTTP/1.1 200 OK\r\nServer: nginx/1.26.2\r\nDate: Sat, 21 Nov 2026 08:00:00 GMT\r\n" +
		"Content-Type: application/json\r\nContent-Length: 27\r\nConnection: keep-alive\r\n\r\n{\"id\":4711,\"name\":\"thing\"}\n"
	bulkResponse = "HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\n"
)

// conn is a flow of HTTP, and what keeps a limit of so many bytes of a body.
func conn(body int64) (*dissect.Conn, *dissecttest.Sink) {
	env := &dissect.Env{Specs: specs, Limits: dissect.DefaultLimits()}
	env.Limits.Body = body
	c, h := new(dissect.Conn), dissecttest.NewSink()
	c.Init(env, h, false)
	return c, h
}

func exchange(c *dissect.Conn, request, response []byte) {
	c.Data(flow.ClientToServer, request)
	c.Data(flow.ServerToClient, response)
}

func BenchmarkSmallExchange(b *testing.B) {
	for name, body := range map[string]int64{"headers": 0, "bodies": 64 << 10} {
		b.Run(name, func(b *testing.B) {
			c, h := conn(body)
			request, response := []byte(smallRequest), []byte(smallResponse)
			b.ReportAllocs()
			for b.Loop() {
				exchange(c, request, response)
			}
			if h.Count != 3*b.N {
				b.Fatalf("%d facts in %d exchanges", h.Count, b.N)
			}
		})
	}
}

func BenchmarkBulk(b *testing.B) {
	for name, head := range map[string]string{
		"counted": bulkResponse,
		"closed":  "HTTP/1.1 200 OK\r\n\r\n",
		"chunk":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			c, _ := conn(0)
			exchange(c, []byte(smallRequest), []byte(head))
			segment := make([]byte, 1448)
			b.SetBytes(int64(len(segment)))
			b.ReportAllocs()
			for b.Loop() {
				c.Data(flow.ServerToClient, segment)
			}
		})
	}
}

// What is allocated for an exchange: two heads, their two lists of pairs, the
// exchange; and the text of a body where it is kept.
func TestAllocationsOfAnExchange(t *testing.T) {
	for body, most := range map[int64]float64{0: 5, 1 << 10: 6} {
		c, _ := conn(body)
		request, response := []byte(smallRequest), []byte(smallResponse)
		exchange(c, request, response)
		if n := testing.AllocsPerRun(1000, func() { exchange(c, request, response) }); n > most {
			t.Errorf("%.1f allocations for an exchange with a body limit of %d, want %.0f", n, body, most)
		}
	}
}

// A segment that completes nothing costs no memory, whatever the framing.
func TestAllocationsOfContent(t *testing.T) {
	for name, head := range map[string]string{
		"counted": bulkResponse,
		"closed":  "HTTP/1.1 200 OK\r\n\r\n",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		c, _ := conn(0)
		exchange(c, []byte(smallRequest), []byte(head))
		segment := bytes.Repeat([]byte("5a0\r\n"+string(make([]byte, 0x5a0))+"\r\n"), 3)
		if n := testing.AllocsPerRun(1000, func() { c.Data(flow.ServerToClient, segment) }); n != 0 {
			t.Errorf("%s: %.1f allocations for a segment, want none", name, n)
		}
	}
}
