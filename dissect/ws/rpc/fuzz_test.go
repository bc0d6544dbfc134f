package rpc_test

import (
	"bytes"
	"testing"

	"example.com/wirewatch/dissect/ws/rpc"
	"example.com/wirewatch/flow"
)

var subprotocols = []string{"", "graphql-transport-ws", "graphql-ws", "v10.stomp", "v12.stomp", "chat"}

// FuzzTexts: whatever is said, what is made of it is bounded, makes sense, and
// does not depend on what becomes of the bytes. Texts are separated by 0xff, and
// begin with a byte of which one bit is the sender and one is whether it was cut.
func FuzzTexts(f *testing.F) {
	for i, s := range []string{
		"0{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":1}\xff1{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":1}",
		"0[{\"jsonrpc\":\"2.0\",\"method\":\"m\"},{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":\"a\"}]",
		"0{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"query A{a}\"}}\xff1{\"type\":\"next\",\"id\":\"1\"}",
		"00{\"sid\":\"a\",\"pingInterval\":1}\xff042/admin,13[\"foo\"]\xff143/admin,13[]\xff12\xff03",
		"0{\"protocol\":\"json\",\"version\":1}\x1e\xff1{}\x1e{\"type\":1,\"target\":\"a\",\"invocationId\":\"1\"}\x1e",
		"0CONNECT\nhost:a\n\n\x00\xff1CONNECTED\nversion:1.2\n\n\x00\xff0SEND\nreceipt:\\c\n\n\x00\xff0\n",
		"2{\"jsonrpc\":\"2.0\",\"id\":\"\\ud83d",
	} {
		f.Add(uint8(i), []byte(s))
	}
	f.Fuzz(func(t *testing.T, agreed uint8, b []byte) {
		uri := []string{"", socketURI}[agreed>>7]
		var kept, fresh rpc.Conn
		for _, c := range []*rpc.Conn{&kept, &fresh} {
			c.Handshake(subprotocols[int(agreed&0x7f)%len(subprotocols)], uri)
		}
		for i, p := range bytes.Split(b, []byte{0xff}) {
			if len(p) == 0 {
				continue
			}
			dir, truncated := flow.Dir(p[0]&1), p[0]&2 != 0
			borrowed := bytes.Clone(p[1:])
			m := kept.Text(dir, text(borrowed), truncated, mark(i))
			for j := range borrowed {
				borrowed[j] = 'X'
			}
			again := fresh.Text(dir, string(p[1:]), truncated, mark(i))
			if got, want := describe(m), describe(again); got != want {
				t.Fatalf("%q: %s, and where the text stays as it is %s", p, got, want)
			}
			check(t, m, i)
		}
	})
}

// check sees to it that a Message of the n-th text makes sense.
func check(t *testing.T, m *rpc.Message, n int) {
	t.Helper()
	if m == nil {
		return
	}
	if m.Count < 1 || m.Count == 1 && m.Batch != nil || m.Count > 1 && len(m.Batch) != min(m.Count, 32) {
		t.Errorf("%d messages, %d told", m.Count, len(m.Batch))
	}
	for i := range m.Batch {
		if one := &m.Batch[i]; one.Count != 1 || one.Protocol != m.Protocol {
			t.Errorf("one of several is %s, the first %s", describe(one), describe(m))
		}
		check(t, &m.Batch[i], n)
	}
	switch {
	case m.Protocol == rpc.Unknown,
		len(m.Type) > 128 || len(m.Method) > 128 || len(m.ID) > 128,
		m.Asked > uint64(n), m.First && m.Asked == 0, m.Latency != 0 && !m.First,
		m.Asked != 0 && m.Kind != rpc.Response && m.Kind != rpc.Control:
		t.Errorf("in frame %d: %s", n+1, describe(m))
	}
}
