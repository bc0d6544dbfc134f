package rpc_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"example.com/wirewatch/dissect/ws/rpc"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// step is one text of a conversation: ">" and what the client sends, or "<" and
// what the server sends, with "…" at the end of one that was cut; and what shall
// be said of it.
type step struct{ text, want string }

// conversation is what a handshake agreed on, and the texts after it.
type conversation struct {
	name             string
	subprotocol, uri string
	steps            []step
}

// mark is the place of the n-th text, counted from 0: it ends in frame n+1, at n
// times 10 ms.
func mark(n int) event.Mark {
	return event.Mark{Frame: uint64(n + 1), Nanos: int64(n) * int64(10*time.Millisecond)}
}

func run(t *testing.T, all []conversation) {
	t.Helper()
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			conn := c.until(0)
			for i, s := range c.steps {
				if got := describe(say(conn, s.text, i)); got != s.want {
					t.Errorf("%s\n got %s\nwant %s", s.text, got, s.want)
				}
				c.cut(t, i)
			}
		})
	}
}

// until is the connection before step n.
func (c *conversation) until(n int) *rpc.Conn {
	conn := new(rpc.Conn)
	conn.Handshake(c.subprotocol, c.uri)
	for i, s := range c.steps[:n] {
		say(conn, s.text, i)
	}
	return conn
}

// cut sees to it that what is told of the beginning of a whole text does not
// contradict what is told of all of it, wherever it is cut.
func (c *conversation) cut(t *testing.T, n int) {
	t.Helper()
	text := c.steps[n].text
	all := say(c.until(n), text, n)
	if all == nil || strings.HasSuffix(text, "…") || len(text) > 1000 {
		return
	}
	for i := 1; i < len(text); i++ {
		if part := say(c.until(n), text[:i]+"…", n); part != nil && !agrees(part, all) {
			t.Errorf("%s… of %s:\n got %s\nwant no more than %s", text[:i], text, describe(part), describe(all))
		}
	}
}

// agrees reports whether a part of a text says nothing that all of it denies.
func agrees(part, all *rpc.Message) bool {
	if part.Protocol == rpc.JSON || part.Protocol == rpc.EngineIO && part.Type == "message" && all.Protocol == rpc.SocketIO {
		return true
	}
	if len(part.Batch) > 0 {
		for i := range part.Batch {
			if !agrees(&part.Batch[i], &all.Batch[i]) {
				return false
			}
		}
		return true
	}
	return part.Protocol == all.Protocol && (part.Kind == rpc.NoKind || part.Kind == all.Kind) &&
		(part.Type == "" || part.Type == all.Type) && (part.Method == "" || part.Method == all.Method) &&
		(part.ID == "" || part.ID == all.ID) && (!part.Error || all.Error) && (!part.First || part.Latency == all.Latency)
}

// text is p as a string, for as long as p is not changed.
func text(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }

// say gives a step's text to a connection, in memory that is overwritten
// afterwards: what is kept of it has to be a copy.
func say(conn *rpc.Conn, s string, n int) *rpc.Message {
	dir := flow.ClientToServer
	if s[0] == '<' {
		dir = flow.ServerToClient
	}
	p, truncated := strings.CutSuffix(s[1:], "…")
	borrowed := []byte(p)
	m := conn.Text(dir, text(borrowed), truncated, mark(n))
	for i := range borrowed {
		borrowed[i] = 'X'
	}
	return m
}

// describe is a Message in a line: protocol, kind, type, method, #id, "failed",
// and, of a response, the frame of its request and the latency.
func describe(m *rpc.Message) string {
	if m == nil {
		return ""
	}
	if m.Count > 1 {
		s := fmt.Sprintf("%d:", m.Count)
		for i := range m.Batch {
			s += " [" + describe(&m.Batch[i]) + "]"
		}
		return s
	}
	words := []string{m.Protocol.String(), m.Kind.String(), m.Type, m.Method}
	if m.ID != "" {
		words = append(words, "#"+m.ID)
	}
	if m.Error {
		words = append(words, "failed")
	}
	if m.Asked != 0 {
		words = append(words, fmt.Sprintf("in %d", m.Asked))
	}
	if m.First {
		words = append(words, m.Latency.String())
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

func TestJSON(t *testing.T) {
	run(t, []conversation{{name: "what is JSON and what is not", steps: []step{
		{`>{}`, "json"},
		{`>{"a":1}`, "json"},
		{`<[1,2,{"a":[]}]`, "json"},
		{"< \t\r\n[ ]\n", "json"},
		{`> {"type":"ping"}`, "json"},
		{`>{"a":tru…`, "json"},
		{`>["a…`, "json"},
		{`>{"a":1…`, "json"},
		{`>{"a":1`, ""},
		{`>{…`, ""},
		{`>[…`, ""},
		{`>[1`, ""},
		{`>[1] x`, ""},
		{`>[1]]…`, ""},
		{`>{"a…`, ""},
		{`>{"a":1}}`, ""},
		{`>{"a":1} x`, ""},
		{`>{a:1}`, ""},
		{`>{"a" 1}`, ""},
		{`>{"a":1,}`, ""},
		{`>[1,]`, ""},
		{`>[,1]`, ""},
		{`>{"a":nul}`, ""},
		{`>{"a":x}`, ""},
		{`>[1 2]`, ""},
		{`>`, ""},
		{`>  `, ""},
		{`>42`, ""},
		{`>"text"`, ""},
		{`>hello {"a":1}`, ""},
		{`>HELLO`, ""},
		{`>  hello`, ""},
	}}})
}

// A request that has no answer is forgotten when 256 others wait, and not before.
func TestPendingIsBounded(t *testing.T) {
	for others, want := range map[int]string{
		255: "json-rpc response response m #0 in 1 2.56s",
		256: "json-rpc response response #0",
	} {
		var c rpc.Conn
		for i := range others + 1 {
			say(&c, fmt.Sprintf(`>{"jsonrpc":"2.0","method":"m","id":%d}`, i), i)
		}
		if got := describe(say(&c, `<{"jsonrpc":"2.0","result":1,"id":0}`, 256)); got != want {
			t.Errorf("after %d others: got %s, want %s", others, got, want)
		}
	}
}

// What is long is clipped, between characters, and an id that was clipped pairs
// nothing: another may begin the same.
func TestClipped(t *testing.T) {
	long := strings.Repeat("é", 100)
	var c rpc.Conn
	for i, text := range []string{
		`>{"jsonrpc":"2.0","method":"a` + long + `","id":"` + long + `"}`,
		`<{"jsonrpc":"2.0","result":1,"id":"` + long + `"}`,
		`>{"jsonrpc":"2.0","method":"\u0061` + strings.Repeat(`\u00e9`, 100) + `","id":"` + strings.Repeat(`\u00e9`, 100) + `"}`,
		`<{"jsonrpc":"2.0","result":1,"id":"` + strings.Repeat(`\u00e9`, 64) + `"}`,
	} {
		want := []string{
			"json-rpc request request a" + long[:126] + " #" + long[:128],
			"json-rpc response response #" + long[:128],
		}[i%2]
		if got := describe(say(&c, text, i)); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

// Time that runs backwards in a capture makes no latency that is negative.
func TestLatencyIsNotNegative(t *testing.T) {
	var c rpc.Conn
	c.Text(flow.ClientToServer, `{"jsonrpc":"2.0","method":"m","id":1}`, false, event.Mark{Frame: 1, Nanos: 1000})
	m := c.Text(flow.ServerToClient, `{"jsonrpc":"2.0","result":1,"id":1}`, false, event.Mark{Frame: 2, Nanos: 900})
	if !m.First || m.Latency != 0 || m.Asked != 1 {
		t.Errorf("first %v, latency %v, asked in %d", m.First, m.Latency, m.Asked)
	}
}

func TestVerb(t *testing.T) {
	for want, m := range map[string]rpc.Message{
		"json-rpc":      {Protocol: rpc.JSONRPC, Count: 1},
		"request":       {Type: "request", Count: 1},
		"stomp /a":      {Protocol: rpc.STOMP, Method: "/a", Count: 1},
		"EVENT message": {Type: "EVENT", Method: "message", Count: 1},
		"Ping +2":       {Type: "Ping", Count: 3},
	} {
		if got := m.Verb(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// The digest of several has the longest latency, and fails if one does.
func TestDigest(t *testing.T) {
	one := rpc.Message{Type: "response", Count: 1, First: true, Latency: 3}
	d := event.Digest{Proto: "ws", Note: "text", Bytes: 7}
	one.Digest(&d)
	if want := (event.Digest{Proto: "ws", Verb: "response", Note: "text", Bytes: 7, Took: 3}); d != want {
		t.Errorf("got %+v, want %+v", d, want)
	}
	one.Count, one.Batch = 2, []rpc.Message{one, {Type: "response", Count: 1, Error: true, First: true, Latency: 5}}
	one.Digest(&d)
	if want := (event.Digest{Proto: "ws", Verb: "response +1", Result: "failed", Note: "text", Bytes: 7, Took: 5, Level: event.Warn}); d != want {
		t.Errorf("got %+v, want %+v", d, want)
	}
}

// fields are the fields of a text by name.
func fields(m *rpc.Message) string {
	var b strings.Builder
	m.Yield(func(name string, v event.Value) bool { writeField(&b, name, v); return true })
	return strings.TrimSpace(b.String())
}

func writeField(b *strings.Builder, name string, v event.Value) {
	switch v.Kind() {
	case event.None:
		return
	case event.Int:
		fmt.Fprintf(b, "%s=%d ", name, v.Int())
	case event.Bool:
		fmt.Fprintf(b, "%s=%v ", name, v.Bool())
	case event.Millis:
		fmt.Fprintf(b, "%s=%v ", name, v.Duration())
	case event.Objects:
		fmt.Fprintf(b, "%s=( ", name)
		for _, one := range v.Objects() {
			for n, v := range one {
				writeField(b, n, v)
			}
			b.WriteString("; ")
		}
		b.WriteString(") ")
	default:
		fmt.Fprintf(b, "%s=%s ", name, v.Str())
	}
}

func TestFields(t *testing.T) {
	var c rpc.Conn
	text := func(dir flow.Dir, s string, n int) *rpc.Message { return c.Text(dir, s, false, mark(n)) }
	for i, s := range []struct {
		m    *rpc.Message
		want string
	}{
		{nil, ""},
		{text(0, `{}`, 0), "websocket.rpc.protocol=json"},
		{
			text(0, `[{"jsonrpc":"2.0","method":"a","id":1},{"jsonrpc":"2.0","method":"b"}]`, 1),
			"websocket.rpc.protocol=json-rpc websocket.rpc.kind=request websocket.rpc.type=request " +
				"websocket.rpc.method=a websocket.rpc.id=1 websocket.rpc.count=2 websocket.rpc.batch=( " +
				"kind=request type=request method=a id=1 ; kind=notification type=notification method=b ; )",
		},
		{
			text(1, `{"jsonrpc":"2.0","error":{},"id":1}`, 2),
			"websocket.rpc.protocol=json-rpc websocket.rpc.kind=response websocket.rpc.type=response websocket.rpc.method=a " +
				"websocket.rpc.id=1 websocket.rpc.error=true websocket.rpc.request_in=2 websocket.rpc.latency_ms=10ms",
		},
	} {
		if got := fields(s.m); got != s.want {
			t.Errorf("%d:\n got %s\nwant %s", i, got, s.want)
		}
	}
}

// Yield stops where it is told to, and says so.
func TestYieldStops(t *testing.T) {
	var c rpc.Conn
	m := c.Text(0, `[{"jsonrpc":"2.0","method":"a","id":1},{"jsonrpc":"2.0","method":"b"}]`, false, mark(0))
	total := 0
	for range func(yield func(string, event.Value) bool) { m.Yield(yield) } {
		total++
	}
	for stop := 1; stop <= total; stop++ {
		n := 0
		if more := m.Yield(func(string, event.Value) bool { n++; return n < stop }); n != stop || more {
			t.Errorf("told to stop after %d of %d fields, gave %d and said %v", stop, total, n, more)
		}
	}
}
