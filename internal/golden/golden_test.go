package golden

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/wirewatch/dissect/tcp"
	"example.com/wirewatch/event"
)

var update = flag.Bool("update", false, "rewrite the golden records")

// body is how much the goldens keep of each body, so that a review can read it.
const body = 512

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
				cfg := Config(body)
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
					cfg := Config(body)
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

// TestEveryTCPAnomalyHasACapture: those of the dissectors have talks, where no
// segments are.
func TestEveryTCPAnomalyHasACapture(t *testing.T) {
	seen := map[string]bool{}
	for _, path := range Captures(t) {
		ev, err := Events(path, Config(0))
		if err != nil {
			t.Fatal(err)
		}
		for i := range ev {
			if a, ok := ev[i].Body.(*event.Anomaly); ok {
				seen[a.Name] = true
			}
		}
	}
	for _, code := range tcp.Codes {
		if !seen[code.Name] {
			t.Errorf("no capture shows %s", code.Name)
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
