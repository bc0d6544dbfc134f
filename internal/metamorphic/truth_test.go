package metamorphic

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"example.com/wirewatch/dissect/all"
	"example.com/wirewatch/engine"
	"example.com/wirewatch/internal/golden"
)

// TestWebSocketTruthStaysTrue compares what both ends of real WebSockets say they
// sent with what is found in changed captures: all of it, whatever the change.
func TestWebSocketTruthStaysTrue(t *testing.T) {
	n := variants
	if testing.Short() {
		n = len(changes)
	}
	for path, log := range golden.WebSocketLogs(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			segs, err := segments(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				c := changes[i%len(changes)]
				src := &replay{segs: c.f(rand.New(rand.NewPCG(uint64(i), 7)), segs)}
				var ev golden.Keep
				if err := engine.Run(context.Background(), golden.Config(-1), src, src, all.Specs, &ev); err != nil {
					t.Fatal(err)
				}
				for _, d := range golden.WebSockets(ev, log) {
					t.Errorf("variant %d, %s: %s", i, c.name, d)
				}
			}
		})
	}
}
