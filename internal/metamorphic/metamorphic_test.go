package metamorphic

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
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

// exempt are captures of which a kind of change does change what they say.
func exempt(t *testing.T) map[string]string {
	data, err := os.ReadFile(filepath.Join("testdata", "exempt.txt"))
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, l := range strings.Split(string(data), "\n") {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "#") {
			name, reason, _ := strings.Cut(l, ": ")
			m[name] = reason
		}
	}
	return m
}

// TestHTTPFactsStayTheSame is the test that gives the package its name.
func TestHTTPFactsStayTheSame(t *testing.T) {
	skip := exempt(t)
	for _, path := range golden.Captures(t) {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			segs, err := segments(path)
			if err != nil {
				t.Fatal(err)
			}
			want := facts(t, segs)
			differed := 0
			for i := range variants {
				c := changes[i%len(changes)]
				r := rand.New(rand.NewPCG(uint64(i), 7))
				got := facts(t, c.f(r, segs))
				if slices.Equal(got, want) {
					continue
				}
				differed++
				if skip[name] == "" {
					t.Errorf("variant %d (%s):\n%s", i, c.name, firstDiff(got, want))
					break
				}
			}
			if skip[name] != "" && differed == 0 {
				t.Error("its line in testdata/exempt.txt is not needed")
			}
		})
	}
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
func facts(t *testing.T, segs []packet.Segment) []string {
	src := &replay{segs: segs}
	var b strings.Builder
	if err := engine.Run(context.Background(), config(), src, src, all.Specs, ndjson.New(&b, ndjson.Options{})); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, l := range strings.Split(strings.TrimSpace(b.String()), "\n") {
		var rec map[string]any
		if err := json.Unmarshal([]byte(l), &rec); err != nil {
			t.Fatalf("%v in %s", err, l)
		}
		kind, _ := rec["kind"].(string)
		if a, ok := rec["anomaly"].(map[string]any); ok {
			kind, _ = a["code"].(string)
		}
		if !strings.HasPrefix(kind, "http") && kind != "sse.event" {
			continue
		}
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

// config keeps bodies whole, but does not inflate a bomb for each variant.
func config() engine.Config {
	c := golden.Config(1 << 20)
	c.Limits.Dissect.Decoded = 2 << 20
	return c
}
