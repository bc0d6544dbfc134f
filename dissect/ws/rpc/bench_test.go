package rpc_test

import (
	"fmt"
	"strings"
	"testing"

	"example.com/wirewatch/dissect/ws/rpc"
	"example.com/wirewatch/flow"
)

// texts are what millions of messages look like, and what a pair of them may
// allocate: a Message each, and the copies of its id and its method.
var texts = []struct {
	name, subprotocol string
	client, server    string
	allocations       float64
}{
	{"plain text", "", "hello there, how are you today?", "the temperature is 21.5 degrees", 0},
	{"upper case", "", "PING 1234567890", "PONG 1234567890", 0},
	{"numbers", "", "42", "3.14159", 0},
	{"other JSON", "", `{"type":"subscribe","id":"7","channel":"trades","pair":"BTC-USD"}`, `[{"price":"1.5","size":"2"},{"price":"1.6"}]`, 0},
	{"JSON that is none", "", `{"type":"subscribe",`, `{]`, 0},
	{
		"JSON-RPC", "", `{"jsonrpc":"2.0","method":"eth_getBalance","params":["0x407d73d8a49eeb85d32cf465507dd71d507100c1","latest"],"id":1}`,
		`{"jsonrpc":"2.0","id":1,"result":"0x234c8a3397aab58"}`, 5,
	},
	{
		"GraphQL", "graphql-transport-ws", `{"id":"1","type":"subscribe","payload":{"query":"query A { a }"}}`,
		`{"id":"1","type":"next","payload":{"data":{"price":1}}}`, 5,
	},
	{"Socket.IO", "", `4212["message",{"text":"hello"}]`, `4312[{"ok":true}]`, 5},
	{"SignalR", "", "{\"type\":1,\"invocationId\":\"1\",\"target\":\"Send\",\"arguments\":[]}\x1e", "{\"type\":3,\"invocationId\":\"1\"}\x1e", 5},
	{"STOMP", "v12.stomp", "SEND\ndestination:/queue/a\nreceipt:12\n\nhello\x00", "RECEIPT\nreceipt-id:12\n\n\x00", 5},
}

func TestAllocations(t *testing.T) {
	for _, s := range texts {
		var c rpc.Conn
		c.Handshake(s.subprotocol, "")
		client, server := s.client, s.server
		pair := func() {
			c.Text(flow.ClientToServer, client, false, mark(0))
			c.Text(flow.ServerToClient, server, false, mark(1))
		}
		pair()
		if n := testing.AllocsPerRun(1000, pair); n > s.allocations {
			t.Errorf("%s: %.1f allocations for two texts, want %.0f", s.name, n, s.allocations)
		}
	}
}

func BenchmarkPair(b *testing.B) {
	for _, s := range texts {
		b.Run(strings.ReplaceAll(s.name, " ", "_"), func(b *testing.B) {
			var c rpc.Conn
			c.Handshake(s.subprotocol, "")
			client, server := s.client, s.server
			b.SetBytes(int64(len(client) + len(server)))
			b.ReportAllocs()
			for b.Loop() {
				c.Text(flow.ClientToServer, client, false, mark(0))
				c.Text(flow.ServerToClient, server, false, mark(1))
			}
		})
	}
}

// unanswered is a Conn in which as many requests wait as may.
func unanswered() *rpc.Conn {
	c := new(rpc.Conn)
	for i := range 256 {
		c.Text(flow.ClientToServer, fmt.Sprintf(`{"jsonrpc":"2.0","method":"m","id":%d}`, 1000+i), false, mark(i))
	}
	return c
}

// BenchmarkUnanswered is the worst that pairing has: as many requests as may wait,
// and none of them is the one.
func BenchmarkUnanswered(b *testing.B) {
	c := unanswered()
	const answer = `{"jsonrpc":"2.0","id":9999,"result":1}`
	b.ReportAllocs()
	for b.Loop() {
		c.Text(flow.ServerToClient, answer, false, mark(300))
	}
}

// BenchmarkForgotten is a client that asks and never gets an answer: each request
// takes the place of the oldest.
func BenchmarkForgotten(b *testing.B) {
	c := unanswered()
	texts := make([]string, 1000)
	for i := range texts {
		texts[i] = fmt.Sprintf(`{"jsonrpc":"2.0","method":"m","id":%d}`, 2000+i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Text(flow.ClientToServer, texts[i%len(texts)], false, mark(300))
	}
}

func BenchmarkLarge(b *testing.B) {
	p := `{"data":[` + strings.Repeat(`{"name":"something","value":[1,2.5,true,"text with some words in it"]},`, 1000) + `0]}`
	var c rpc.Conn
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		c.Text(flow.ServerToClient, p, false, mark(0))
	}
}
