package main

import (
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

// BenchmarkCaptures does the main job on the captures of make bench-data, as make
// bench does. Its profile is what the compiler is given for releases (make pgo).
func BenchmarkCaptures(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	for name, limit := range map[string]string{"bulk": "0", "small": "0", "ws": "all"} {
		b.Run(name, func(b *testing.B) {
			file := filepath.Join("..", "..", "bench-data", name+".pcap")
			info, err := os.Stat(file)
			if err != nil {
				b.Skipf("SKIPPED: %v (make bench-data)", err)
			}
			b.SetBytes(info.Size())
			for b.Loop() {
				std := streams{nil, io.Discard, io.Discard}
				if code := execute(b.Context(), []string{file, "-T", "ndjson", "--body-limit", limit}, std); code != exitOK {
					b.Fatalf("exit code %d", code)
				}
			}
		})
	}
}
