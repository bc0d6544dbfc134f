package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func newFIFO(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skipf("SKIPPED: no named pipes here: %v", err)
	}
	return path
}

// session is a run that goes on beside the test.
type session struct {
	out    *bufio.Reader
	err    bytes.Buffer
	code   int
	cancel context.CancelFunc
	done   chan struct{}
}

func begin(t *testing.T, stdin io.Reader, args ...string) *session {
	t.Helper()
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	s := &session{out: bufio.NewReader(r), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.code = execute(ctx, args, streams{stdin, w, &s.err})
		w.Close()
	}()
	t.Cleanup(func() { cancel(); r.Close() })
	return s
}

// line is the next line of stdout.
func (s *session) line(t *testing.T) string {
	t.Helper()
	var line string
	var err error
	within(t, "a record", func() { line, err = s.out.ReadString('\n') })
	if err != nil {
		t.Fatalf("instead of a record: %v", err)
	}
	return line
}

// rest is what stdout has to the end, which must be a good one.
func (s *session) rest(t *testing.T) string {
	t.Helper()
	var rest []byte
	within(t, "the end", func() { rest, _ = io.ReadAll(s.out); <-s.done })
	if s.code != exitOK || s.err.Len() > 0 {
		t.Errorf("exit code %d, stderr %q", s.code, s.err.String())
	}
	return string(rest)
}

// firstExchange is how many records of the demo it takes for its first exchange.
const firstExchange = 6

// A record is written as soon as it is known, not when the input ends.
func TestRecordsOfSlowInput(t *testing.T) {
	c := readDemo(t)
	start, rest := c.bytes(c.records[:firstExchange]...), bytes.Join(c.records[firstExchange:], nil)
	want := succeeds(t, "--json", demo)
	fifo := newFIFO(t)
	stdin, out := io.Pipe()
	for _, in := range []struct {
		name, arg string
		open      func() (io.WriteCloser, error)
	}{
		{"stdin", "-", func() (io.WriteCloser, error) { return out, nil }},
		{"fifo", fifo, func() (io.WriteCloser, error) { return os.OpenFile(fifo, os.O_WRONLY, 0) }},
	} {
		t.Run(in.name, func(t *testing.T) {
			s := begin(t, stdin, "--json", in.arg)
			w, err := in.open()
			if err != nil {
				t.Fatal(err)
			}
			write := func(b []byte) {
				if _, err := w.Write(b); err != nil {
					t.Error(err)
				}
			}
			write(start)
			first := s.line(t)
			write(rest)
			w.Close()
			if got := first + s.rest(t); got != want {
				t.Errorf("%d bytes, want the %d of the whole file", len(got), len(want))
			}
		})
	}
}

// When told to stop, wirewatch says what it knows, the summary too, and that is
// no failure; it does not matter that the input has not ended, or not begun.
func TestInterrupted(t *testing.T) {
	c := readDemo(t)
	for name, start := range map[string][]byte{
		"silent":           nil,
		"in a file header": c.header[:10],
		"after a header":   c.header,
		"in a record":      c.bytes(c.records[0], c.records[1][:20]),
	} {
		t.Run(name, func(t *testing.T) {
			stdin, w := io.Pipe()
			defer w.Close()
			s := begin(t, stdin, "--json", "-")
			if start != nil {
				if _, err := w.Write(start); err != nil { // returns once it is read
					t.Fatal(err)
				}
			}
			s.cancel()
			if n := kinds(t, s.rest(t)); n["capture.summary"] != 1 {
				t.Errorf("wrote %v", n)
			}
		})
	}
}

func TestInterruptedAfterRecords(t *testing.T) {
	c := readDemo(t)
	stdin, w := io.Pipe()
	defer w.Close()
	s := begin(t, stdin, "--json", "-")
	go func() { _, _ = w.Write(c.bytes(c.records[:firstExchange]...)) }()
	first := s.line(t)
	s.cancel()
	n := kinds(t, first+s.rest(t))
	if n["http.exchange"] != 1 || n["tcp.flow"] != 1 || n["capture.summary"] != 1 {
		t.Errorf("wrote %v", n)
	}
}

// failingWriter fails with err after n bytes.
type failingWriter struct {
	n   int
	err error
}

func (f *failingWriter) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, f.err
	}
	return len(p), nil
}

// Nobody reads on: that is quiet, and no failure. Anything else is one.
func TestOutputFails(t *testing.T) {
	for _, format := range []string{"text", "ndjson"} {
		for _, n := range []int{0, 1000} {
			var stderr bytes.Buffer
			files := strings.Split(strings.Repeat(demo+",", 20)+demo, ",")
			args := append(files, "-T", format)
			code := execute(t.Context(), args, streams{nil, &failingWriter{n, &os.PathError{Op: "write", Err: syscall.EPIPE}}, &stderr})
			if code != exitOK || stderr.Len() > 0 {
				t.Errorf("%s, closed after %d bytes: exit code %d, stderr %q", format, n, code, stderr.String())
			}
			code = execute(t.Context(), args, streams{nil, &failingWriter{n, errors.New("disk on fire")}, &stderr})
			outcome{code, "", stderr.String()}.mustFail(t, exitFailure, "writing", "disk on fire")
		}
	}
}
