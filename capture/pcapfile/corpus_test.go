package pcapfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"example.com/wirewatch/capture"
)

// corpus returns the captures in a folder of the corpus, if there is one.
func corpus(t *testing.T, folder string) []string {
	t.Helper()
	root := os.Getenv("WIREWATCH_CORPUS")
	if root == "" {
		t.Skip("WIREWATCH_CORPUS is not set: NOT testing against the corpus")
	}
	all, err := filepath.Glob(filepath.Join(root, folder, "*"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no captures in %s: %v", root, err)
	}
	names := all[:0]
	for _, name := range all {
		if filepath.Ext(name) != ".keylog" {
			names = append(names, name)
		}
	}
	return names
}

// Captures of the corpus are read to their end, but for the two that end in the
// middle of a record.
func TestCorpus(t *testing.T) {
	for _, name := range corpus(t, "dev") {
		s, err := Open([]string{name}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		frames, err := drain(t, s)
		if cut := strings.Contains(name, "KakaoTalk_chat-bebe06") || strings.Contains(name, "KakaoTalk_talk-aafd12"); cut {
			if d := new(capture.Damaged); !errors.As(err, &d) {
				t.Errorf("%s: %v", name, err)
			}
		} else if !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		if len(frames) == 0 {
			t.Errorf("%s has no frames", name)
		}
		closeSource(t, s)
	}
}

// Hostile captures are read to their end or to a clean error, within a bound of
// memory that does not come from them, and slowly as fast as at once.
func TestCorpusHostile(t *testing.T) {
	for _, name := range corpus(t, "hostile") {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := Open([]string{name}, Options{})
		if err == nil {
			err = exhaust(s)
			closeSource(t, s)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
			t.Errorf("%s: %d MiB allocated for %d KiB", name, grown>>20, len(data)>>10)
		}
		if compressionOf(data) != "" {
			continue // the offsets of errors are others
		}
		checkError(t, data, err)
		if len(data) < 64<<10 {
			t.Run(filepath.Base(name), func(t *testing.T) { checkInput(t, data, uint32(len(data)/2)) })
		}
	}
}
