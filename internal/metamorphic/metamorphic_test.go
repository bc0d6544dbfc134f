package metamorphic

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/wirewatch/dissect/all"
	"example.com/wirewatch/engine"
	"example.com/wirewatch/export/ndjson"
	"example.com/wirewatch/internal/golden"
	"example.com/wirewatch/packet"
)

// variants is how many of each capture are tried, over all kinds of change.
const variants = 56

// TestHTTPFactsStayTheSame is the test that gives the package its name.
func TestHTTPFactsStayTheSame(t *testing.T) {
	n := variants
	if testing.Short() {
		n = len(changes)
	}
	tried := 0
	for _, path := range golden.Captures(t) {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			segs, err := segments(path)
			if err != nil {
				t.Fatal(err)
			}
			want := facts(t, segs)
			for i := range n {
				tried++
				c := changes[i%len(changes)]
				got := facts(t, c.f(rand.New(rand.NewPCG(uint64(i), 7)), segs))
				if !slices.Equal(got, want) {
					t.Errorf("variant %d, %s:\n%s", i, c.name, firstDiff(got, want))
				}
			}
		})
	}
	t.Logf("%d variants", tried)
}

func firstDiff(got, want []string) string {
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			return fmt.Sprintf(" got %.1200s\nwant %.1200s", g, w)
		}
	}
	return ""
}

// facts are the HTTP facts of some segments: flow by flow, without the times
// and the numbers of frames.
func facts(t *testing.T, segs []packet.Segment) (out []string) {
	src := &replay{segs: segs}
	var b strings.Builder
	if err := engine.Run(context.Background(), config(), src, src, all.Specs, ndjson.New(&b, ndjson.Options{})); err != nil {
		t.Fatal(err)
	}
	var recs []map[string]any
	for _, l := range strings.Split(strings.TrimSpace(b.String()), "\n") {
		var rec map[string]any
		if err := json.Unmarshal([]byte(l), &rec); err != nil {
			t.Fatalf("%v in %s", err, l)
		}
		if speaksHTTP(rec) {
			recs = append(recs, rec)
		}
	}
	rank(recs)
	for _, rec := range recs {
		timeless(rec)
		flow := fmt.Sprint(rec["client"], rec["server"])
		for _, k := range []string{"time", "frame", "timing", "tcp", "client", "server"} {
			delete(rec, k)
		}
		j, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, flow+" "+string(j))
	}
	slices.SortStableFunc(out, strings.Compare)
	return out
}

// speaksHTTP reports that a record is of HTTP, or of what it carries.
func speaksHTTP(rec map[string]any) bool {
	kind, _ := rec["kind"].(string)
	if a, ok := rec["anomaly"].(map[string]any); ok {
		kind, _ = a["code"].(string)
	}
	return strings.HasPrefix(kind, "http") || kind == "sse.event" || strings.HasPrefix(kind, "websocket") || strings.HasPrefix(kind, "ws.")
}

// rank numbers the exchanges with a request and those without each for
// themselves. A response that nobody asked for has its place among the responses,
// but among the requests only that in which it was captured; so its number, and
// those of the requests around it, say nothing else.
func rank(recs []map[string]any) {
	type name struct{ stream, exchange any }
	unasked := map[name]bool{}
	nameOf := func(rec map[string]any) name {
		tcp, _ := rec["tcp"].(map[string]any)
		return name{tcp["stream"], rec["exchange"]}
	}
	for _, rec := range recs {
		if rec["kind"] == "http.exchange" {
			h, _ := rec["http"].(map[string]any)
			unasked[nameOf(rec)] = h["request"] == nil
		}
	}
	ranks := map[name]string{}
	for x, alone := range unasked {
		n := 1
		for y, too := range unasked {
			if y.stream == x.stream && too == alone && y.exchange.(float64) < x.exchange.(float64) {
				n++
			}
		}
		ranks[x] = fmt.Sprintf("%d, unasked: %t", n, alone)
	}
	for _, rec := range recs {
		if r, ok := ranks[nameOf(rec)]; ok {
			rec["exchange"] = r
		}
	}
}

// timeless takes the times of a WebSocket out of a record.
func timeless(rec map[string]any) {
	w, _ := rec["websocket"].(map[string]any)
	for _, k := range []string{"duration_ms", "idle_ms", "rtt_ms"} {
		delete(w, k)
	}
	whenAsked(w["rpc"])
	for _, k := range []string{"client", "server"} {
		if end, ok := w[k].(map[string]any); ok {
			for _, k := range []string{"bytes_per_s", "ping_interval_ms", "rtt_ms", "rtt_min_ms", "rtt_max_ms"} {
				delete(end, k)
			}
		}
	}
	if a, ok := rec["anomaly"].(map[string]any); ok && a["code"] == "ws.no_close_frame" {
		delete(a, "text") // it says how long the connection was idle
	}
}

// whenAsked takes out of what a text means when, and in which frame, it was asked
// for. That it was stays, with the method, which a response has from its request.
func whenAsked(rpc any) {
	m, _ := rpc.(map[string]any)
	delete(m, "latency_ms")
	delete(m, "request_in")
	batch, _ := m["batch"].([]any)
	for _, one := range batch {
		whenAsked(one)
	}
}

// config keeps bodies whole, but does not inflate a bomb for each variant.
func config() engine.Config {
	c := golden.Config(1 << 20)
	c.Limits.Dissect.Decoded = 2 << 20
	return c
}
