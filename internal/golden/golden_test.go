package golden

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/http"
	"example.com/wirewatch/dissect/tcp"
	"example.com/wirewatch/dissect/ws"
	"example.com/wirewatch/engine"
	"example.com/wirewatch/event"
)

var update = flag.Bool("update", false, "rewrite the golden records")

// body is how much the goldens keep of each body, so that a review can read it.
const body = 512

// configOf is what the golden of a capture is made with: the program's own limits,
// or for a capture that is named limit-NAME small ones, which a small capture can
// reach.
func configOf(path string) engine.Config {
	cfg := Config(body)
	if strings.HasPrefix(filepath.Base(path), "limit-") {
		l := &cfg.Limits.Dissect
		l.Carry, l.Head, l.Lines, l.Exchanges, l.Ranges = 4096, 1024, 8, 5, 2
		l.Decoded, l.Ratio, l.Windows = 8192, 10, 256
	}
	return cfg
}

func goldenOf(path string) string {
	name := filepath.Base(path)
	return filepath.Join(filepath.Dir(path), name[:strings.Index(name, ".pcap")]+".ndjson")
}

// TestGolden compares every capture of testdata with the records that were
// reviewed, at one worker and at seven.
func TestGolden(t *testing.T) {
	for _, path := range Captures(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			for _, workers := range []int{1, 7} {
				cfg := configOf(path)
				cfg.Workers = workers
				got := Records(t, path, cfg)
				if *update && workers == 1 {
					if err := os.WriteFile(goldenOf(path), got, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(goldenOf(path))
				if err != nil {
					t.Fatalf("%v (go test ./internal/golden -update makes it)", err)
				}
				diff(t, fmt.Sprintf("%d workers", workers), got, want)
			}
		})
	}
}

// TestDeterminism runs every capture with other numbers of workers and other
// sizes of epochs: nothing of that may show.
func TestDeterminism(t *testing.T) {
	for _, path := range Captures(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var want []byte
			for _, workers := range []int{1, 2, 7} {
				for _, frames := range []int{1, 7, 256} {
					cfg := configOf(path)
					cfg.Workers, cfg.EpochFrames = workers, frames
					got := Records(t, path, cfg)
					if want == nil {
						want = got
					}
					diff(t, fmt.Sprintf("%d workers, epochs of %d frames", workers, frames), got, want)
				}
			}
		})
	}
}

// TestEveryGoldenHasACapture keeps stale goldens from piling up.
func TestEveryGoldenHasACapture(t *testing.T) {
	have := map[string]bool{}
	for _, path := range Captures(t) {
		if g := goldenOf(path); have[g] {
			t.Errorf("two captures share %s", g)
		} else {
			have[g] = true
		}
	}
	all, err := filepath.Glob("../../testdata/pcaps/*.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		if !have[g] {
			t.Errorf("%s belongs to no capture", g)
		}
	}
}

// TestEveryAnomaly asks for a golden that shows it, of every kind of anomaly.
func TestEveryAnomaly(t *testing.T) {
	seen := map[string]bool{}
	for _, path := range Captures(t) {
		events, err := Events(path, configOf(path))
		if err != nil {
			t.Fatal(err)
		}
		for i := range events {
			if a, ok := events[i].Body.(*event.Anomaly); ok {
				seen[a.Name] = true
			}
		}
	}
	for _, code := range slices.Concat(dissect.Codes, tcp.Codes, http.Codes, ws.Codes) {
		if !seen[code.Name] {
			t.Errorf("no capture in testdata shows %s", code.Name)
		}
	}
}

// diff reports the first line that differs.
func diff(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range max(len(g), len(w)) {
		var a, b []byte
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s: line %d\n got %.1500s\nwant %.1500s", what, i+1, a, b)
			return
		}
	}
}
