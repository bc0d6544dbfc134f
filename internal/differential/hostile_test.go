package differential

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"example.com/wirewatch/export/ndjson"
	"example.com/wirewatch/export/text"
	"example.com/wirewatch/internal/golden"
)

// maxMemory is what the whole of this test may take from the system, which no
// single file can then exceed either.
const maxMemory = 512 << 20

// TestHostile reads captures that were made to break readers: each to its end or
// to an error of one line. A file that takes for ever fails by go test's own
// time-out, which names it.
func TestHostile(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus(t), "hostile", "*"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d hostile captures: %v", len(files), err)
	}
	refused := 0
	for _, path := range files {
		if s, err := os.Stat(path); err != nil || s.IsDir() {
			continue
		}
		err := golden.Run(path, golden.Config(64<<10),
			ndjson.New(io.Discard, ndjson.Options{Progress: true}), text.New(io.Discard, text.Options{Progress: true, Width: 100}))
		if err == nil {
			continue
		}
		refused++
		if msg := err.Error(); strings.ContainsAny(msg, "\n\r") || !strings.HasPrefix(msg, "capture: ") {
			t.Errorf("%s: %q is no error of one line", path, msg)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d files read, %d of them refused; %d MiB taken from the system", len(files), refused, m.Sys>>20)
	if m.Sys > maxMemory {
		t.Errorf("%d MiB taken from the system", m.Sys>>20)
	}
}
