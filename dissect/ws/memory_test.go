package ws_test

import (
	"math/rand/v2"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/dissecttest"
	"example.com/wirewatch/dissect/ws"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

const takeover, noTakeover = "permessage-deflate", "permessage-deflate; client_no_context_takeover; server_no_context_takeover"

// limitHost counts how often something was given up for the limit.
type limitHost struct {
	dissecttest.Sink
	limited int
}

func (h *limitHost) Emit(f dissect.Fact) {
	if a, ok := f.Body.(*event.Anomaly); ok && a.Name == "ws.window_limit" {
		h.limited++
	}
}

// crowd is WebSockets of one shard, of which each end has sent p but for its last
// bytes.
func crowd(t *testing.T, n int, extensions, p string, cut int) ([]*dissect.Conn, *limitHost) {
	t.Helper()
	env := &dissect.Env{Specs: handed(extensions)(), Limits: dissect.DefaultLimits()}
	all, h := make([]*dissect.Conn, n), new(limitHost)
	client, server := frame(t, "binary rsv1 mask", p), frame(t, "binary rsv1", p)
	for i := range all {
		all[i] = new(dissect.Conn)
		all[i].Init(env, h, false)
		all[i].Data(flow.ClientToServer, []byte(client[:len(client)-cut]))
		all[i].Data(flow.ServerToClient, []byte(server[:len(server)-cut]))
	}
	return all, h
}

// letters are so many that deflate makes little of.
func letters(n int) string {
	r, p := rand.New(rand.NewPCG(1, 2)), make([]byte, n)
	for i := range p {
		p[i] = 'a' + byte(r.IntN(26))
	}
	return string(p)
}

// What an idle WebSocket holds for the messages that were compressed, in its two
// directions: as much history as there was, and none where none is wanted.
func TestIdleWindows(t *testing.T) {
	const n = 50
	short, long := pmd(t, "", "Hello, hello, and hello again"), pmd(t, "", letters(40_000))
	for name, x := range map[string]struct {
		extensions, p string
		cut           int // bytes of each message that do not come
		gap           bool
		most          int
	}{
		"short messages":              {takeover, short, 0, false, 256},
		"long messages":               {takeover, long, 0, false, 32 << 10},
		"short ones, no takeover":     {noTakeover, short, 0, false, 0},
		"long ones, no takeover":      {noTakeover, long, 0, false, 0},
		"a hole in a message":         {takeover, long, 1000, true, 0},
		"a hole in one, no takeover":  {noTakeover, long, 1000, true, 0},
		"a message that does not end": {takeover, long, 1000, false, 42 << 10},
	} {
		all, _ := crowd(t, n, x.extensions, x.p, x.cut)
		for _, c := range all {
			if x.gap {
				c.Gap(flow.ClientToServer, 10)
				c.Gap(flow.ServerToClient, 10)
			}
		}
		if held := ws.Held(all[0]) / (2 * n); held > x.most || held < x.most/2 {
			t.Errorf("%s: %d bytes held for a direction, want at most %d", name, held, x.most)
		}
		for _, c := range all {
			c.Close()
		}
		if held := ws.Held(all[0]); held != 0 {
			t.Errorf("%s: %d bytes held for those that are closed", name, held)
		}
	}
}

// However many WebSockets are idle, their windows take what the limit allows, and
// those that were used last have theirs.
func TestWindowLimit(t *testing.T) {
	const n, window = 400, 32 << 10
	limit := dissect.DefaultLimits().Windows
	all, h := crowd(t, n, takeover, pmd(t, "", letters(40_000)), 0)
	if held := ws.Held(all[0]); held > limit || held < limit-window {
		t.Errorf("%d bytes held, the limit is %d", held, limit)
	}
	again := []byte(frame(t, "binary rsv1", pmd(t, "", "Hello")))
	for i := n - 1; i >= 0; i-- { // the latest first: they take no room from those that are asked after them
		c := all[i]
		before := h.limited
		c.Data(flow.ServerToClient, again)
		if kept := n-i <= limit/(2*window); (h.limited == before) != kept {
			t.Fatalf("the WebSocket used %d before the last: its window was kept is not %v", n-1-i, kept)
		}
	}
}

// A snapshot that is sent again and again is no bomb, however little it takes
// once its sender has sent it, and however long that goes on.
func TestSnapshots(t *testing.T) {
	snapshot := letters(16 << 10)
	first, again := frame(t, "binary rsv1", pmd(t, "", snapshot)), frame(t, "binary rsv1", pmd(t, snapshot, snapshot))
	if ratio := len(snapshot) / len(again); ratio <= int(dissect.DefaultLimits().Ratio) {
		t.Fatalf("compressed to one in %d: the test does not test", ratio)
	}
	n := 2 * int(dissect.DefaultLimits().Decoded) / len(snapshot)
	c, h := conn(t, takeover, 0)
	defer c.Close()
	c.Data(flow.ServerToClient, []byte(first))
	for range n {
		c.Data(flow.ServerToClient, []byte(again))
	}
	if want := 3 + n; h.Count != want { // the opening, a pong, and each snapshot
		t.Errorf("%d facts of %d snapshots, want %d: anomalies, or nothing", h.Count, n+1, want)
	}
}
