package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
)

// runMain makes the test binary wirewatch itself, for the tests that need a
// process.
const runMain = "WIREWATCH_TEST_RUN_MAIN"

func TestMain(m *testing.M) {
	// The child of a capture inherits no environment.
	if os.Getenv(runMain) != "" || len(os.Args) == 2 && os.Args[1] == ownersChild {
		main()
	}
	os.Exit(m.Run())
}

// demo is a capture with a bit of everything.
var demo = filepath.Join("..", "..", "testdata", "pcaps", "demo.pcap")

// outcome is what came of a command line.
type outcome struct {
	code     int
	out, err string
}

// cli runs a command line with an empty standard input.
func cli(t *testing.T, args ...string) outcome {
	t.Helper()
	return cliWith(t, strings.NewReader(""), args...)
}

func cliWith(t *testing.T, stdin io.Reader, args ...string) outcome {
	t.Helper()
	var out, err bytes.Buffer
	code := execute(t.Context(), append([]string{}, args...), streams{stdin, &out, &err})
	return outcome{code, out.String(), err.String()}
}

// succeeds runs a command line that must say nothing on stderr, and returns what
// it says on stdout.
func succeeds(t *testing.T, args ...string) string {
	t.Helper()
	o := cli(t, args...)
	if o.code != exitOK || o.err != "" {
		t.Fatalf("wirewatch %q: exit code %d, stderr %q", args, o.code, o.err)
	}
	return o.out
}

// mustFail checks an exit code, and that stderr has one line with all the words
// in it that nothing could hide in.
func (o outcome) mustFail(t *testing.T, code int, words ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d", o.code, code)
	}
	line, ok := strings.CutSuffix(o.err, "\n")
	if !ok || !strings.HasPrefix(line, "wirewatch: ") || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("stderr is not a printable line: %q", o.err)
	}
	for _, w := range words {
		if !strings.Contains(line, w) {
			t.Errorf("stderr lacks %q: %q", w, o.err)
		}
	}
}

// records parses lines of JSON.
func records(t *testing.T, out string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(out) {
		var r map[string]any
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		all = append(all, r)
	}
	return all
}

// kinds counts records.
func kinds(t *testing.T, out string) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, r := range records(t, out) {
		n[r["kind"].(string)]++
	}
	return n
}

// recording is a classic pcap file in its parts, in little endian.
type recording struct {
	header  []byte
	records [][]byte // each with its header
}

func readDemo(t *testing.T) recording {
	t.Helper()
	b, err := os.ReadFile(demo)
	if err != nil {
		t.Fatal(err)
	}
	c := recording{header: b[:24]}
	for b = b[24:]; len(b) > 0; {
		n := 16 + int(b[8]) + int(b[9])<<8
		c.records, b = append(c.records, b[:n:n]), b[n:]
	}
	return c
}

// bytes are the file with some of the records.
func (c recording) bytes(records ...[]byte) []byte {
	return bytes.Join(append([][]byte{c.header}, records...), nil)
}

// temp writes a file to a directory of the test's own.
func temp(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// patience is how long something may take that takes no time; only a test that
// fails waits so long.
const patience = time.Minute

// within runs f, and fails the test if it does not return.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatalf("waited in vain for %s", what)
	}
}
