package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"missing", []string{filepath.Join(dir, "none.pcap")}, []string{"none.pcap", "no such file"}},
		{"one of two missing", []string{demo, filepath.Join(dir, "none.pcap")}, []string{"none.pcap"}},
		{"hostile name", []string{filepath.Join(dir, "a\x1b]0;title\a\nb\u202ec")}, []string{"no such file"}},
		{"directory", []string{dir}, []string{"directory"}},
		{"not a capture", []string{temp(t, "notes.txt", []byte("dear diary, today I"))}, []string{"notes.txt", "not a pcap"}},
		{"empty", []string{temp(t, "empty.pcap", nil)}, []string{"empty.pcap", "empty"}},
		{"empty stdin", []string{"-"}, []string{"open standard input", "empty"}},
		{"nowhere to write", []string{demo, "-o", filepath.Join(dir, "none", "x")}, []string{"writing records", "no such file"}},
		{"writing to a directory", []string{demo, "-o", dir}, []string{"writing records", "directory"}},
	} {
		t.Run(c.name, func(t *testing.T) { cli(t, c.args...).mustFail(t, exitFailure, c.words...) })
	}
}

func TestFullDisk(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	cli(t, demo, "-o", full).mustFail(t, exitFailure, full, "no space")
}

// Everything before the damage is told, then where it is.
func TestTruncated(t *testing.T) {
	c := readDemo(t)
	for _, whole := range []int{0, 1, 40, len(c.records) - 1} {
		good := c.bytes(c.records[:whole]...)
		for _, cut := range []int{1, 15, 16, len(c.records[whole]) - 1} {
			bad := append(slices.Clone(good), c.records[whole][:cut]...)
			t.Run(fmt.Sprintf("%d records and %d bytes", whole, cut), func(t *testing.T) {
				o := cli(t, "-T", "ndjson", temp(t, "cut.pcap", bad))
				o.mustFail(t, exitDamaged, "cut.pcap", fmt.Sprintf("offset %d", len(good)))
				want := succeeds(t, "-T", "ndjson", temp(t, "good.pcap", good))
				got, end := butLast(t, o.out)
				if all, _ := butLast(t, want); got != all {
					t.Errorf("the records before the damage differ: %d bytes, want %d", len(got), len(all))
				}
				if !strings.Contains(end, `"capture.summary"`) || !strings.Contains(end, "cut.pcap") {
					t.Errorf("the summary does not tell of the damage: %s", end)
				}
			})
		}
	}
}

func butLast(t *testing.T, out string) (before, last string) {
	t.Helper()
	i := strings.LastIndexByte(strings.TrimSuffix(out, "\n"), '\n')
	return out[:i+1], out[i+1:]
}

// Damage in one file does not keep the others from being read.
func TestTruncatedAmongOthers(t *testing.T) {
	c := readDemo(t)
	cut := c.bytes(c.records[0], c.records[1][:20])
	o := cli(t, "--json", temp(t, "cut.pcap", cut), demo)
	o.mustFail(t, exitDamaged, "cut.pcap")
	if got, want := kinds(t, o.out)["http.exchange"], kinds(t, succeeds(t, "--json", demo))["http.exchange"]; got != want {
		t.Errorf("%d exchanges, want %d", got, want)
	}
}

func TestFormats(t *testing.T) {
	ndjson := succeeds(t, "-T", "ndjson", demo)
	if n := kinds(t, ndjson); n["capture.summary"] != 1 || n["http.exchange"] == 0 || n["tcp.flow"] == 0 {
		t.Errorf("-T ndjson writes %v", n)
	}
	for _, args := range [][]string{{"--json", demo}, {"-r", demo, "--json", "-T", "ndjson"}, {"--type=ndjson", "-n", "-q", demo}} {
		if succeeds(t, args...) != ndjson {
			t.Errorf("%q is not -T ndjson", args)
		}
	}
	text := succeeds(t, demo)
	if text == ndjson || text != succeeds(t, "-T", "text", "-r", demo) {
		t.Error("-T text is not the default")
	}
}

func TestProgressRecords(t *testing.T) {
	without, with := kinds(t, succeeds(t, "--json", demo)), kinds(t, succeeds(t, "--json", "--progress", demo))
	for _, kind := range []string{"tcp.open", "http.request", "http.response"} {
		if without[kind] != 0 || with[kind] == 0 {
			t.Errorf("%s: %d without --progress, %d with it", kind, without[kind], with[kind])
		}
		delete(with, kind)
	}
	if fmt.Sprint(with) != fmt.Sprint(without) {
		t.Errorf("--progress changes other records: %v, without it %v", with, without)
	}
	if text := succeeds(t, demo); text == succeeds(t, "--progress", demo) {
		t.Error("--progress does not show in text")
	}
}

// bodies sums up the bodies of responses.
func bodies(t *testing.T, args ...string) (texts, longest, truncated int) {
	t.Helper()
	for _, r := range records(t, succeeds(t, append(args, "--json", demo)...)) {
		http, _ := r["http"].(map[string]any)
		response, _ := http["response"].(map[string]any)
		body, _ := response["body"].(map[string]any)
		if text, ok := body["text"].(string); ok {
			texts++
			longest = max(longest, len(text))
		}
		if body["truncated"] == true {
			truncated++
		}
	}
	return texts, longest, truncated
}

func TestBodyLimitIsApplied(t *testing.T) {
	texts, longest, truncated := bodies(t)
	if texts == 0 || longest < 1000 || truncated != 0 {
		t.Fatalf("unlimited: %d bodies, the longest of %d bytes, %d truncated", texts, longest, truncated)
	}
	if n, l, c := bodies(t, "--body-limit", "all"); n != texts || l != longest || c != 0 {
		t.Errorf("all: %d bodies, the longest of %d bytes, %d truncated", n, l, c)
	}
	if n, l, c := bodies(t, "--body-limit", "100"); n != texts || l != 100 || c == 0 || c == n {
		t.Errorf("100: %d bodies, the longest of %d bytes, %d truncated", n, l, c)
	}
	if n, _, _ := bodies(t, "--body-limit", "0"); n != 0 {
		t.Errorf("0: %d bodies", n)
	}
}

func TestVerboseAndQuiet(t *testing.T) {
	o := cli(t, "-v", "-q", demo)
	if o.code != exitOK || strings.Count(o.err, "\n") != 1 || !strings.HasPrefix(o.err, "wirewatch: 132 packets, ") {
		t.Errorf("-v: exit code %d, stderr %q", o.code, o.err)
	}
	if o.out != succeeds(t, demo) {
		t.Error("-v changes stdout")
	}
}

// deal deals the records of a capture among n files, those of one instant to
// one, so that there is only one order by time.
func deal(c recording, n int) [][]byte {
	hands := make([][][]byte, n)
	turn, last := 0, ""
	for _, r := range c.records {
		if now := string(r[:8]); now != last {
			turn, last = (turn+1)%n, now
		}
		hands[turn] = append(hands[turn], r)
	}
	files := make([][]byte, n)
	for i, h := range hands {
		files[i] = c.bytes(h...)
	}
	return files
}

func packed(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSeveralFilesAreOneCapture(t *testing.T) {
	want := succeeds(t, "--json", demo)
	files := deal(readDemo(t), 3)
	a, b := temp(t, "a.pcap", files[0]), temp(t, "b.pcap.gz", packed(t, files[1]))
	for _, args := range [][]string{{a, b, "-"}, {"-", b, a}, {"-r", a, "-r", "-", "-r", b}} {
		o := cliWith(t, bytes.NewReader(files[2]), append(args, "--json")...)
		if o.code != exitOK || o.err != "" || o.out != want {
			t.Errorf("%q: exit code %d, stderr %q, %d bytes, want %d", args, o.code, o.err, len(o.out), len(want))
		}
	}
}

func TestStandardInput(t *testing.T) {
	want := succeeds(t, "--json", demo)
	c := readDemo(t)
	file, err := os.Open(demo)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if o := cliWith(t, bytes.NewReader(c.bytes(c.records...)), "--json", "-"); o.out != want || o.code != exitOK {
		t.Errorf("a pipe: exit code %d, %d bytes, want %d", o.code, len(o.out), len(want))
	}
	if o := cliWith(t, file, "--json", "-r", "-"); o.out != want || o.code != exitOK {
		t.Errorf("a file: exit code %d, %d bytes, want %d", o.code, len(o.out), len(want))
	}
}

// mustBePrivate checks an output file.
func mustBePrivate(t *testing.T, path, content string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode(); mode != 0o600 {
		t.Errorf("its mode is %v, want 0600", mode)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != content {
		t.Errorf("it has %d bytes, want %d: %v", len(got), len(content), err)
	}
}

func TestOutputFile(t *testing.T) {
	want := succeeds(t, "--json", demo)
	out := filepath.Join(t.TempDir(), "facts.ndjson")
	for _, old := range []string{"", "short", strings.Repeat("long ", len(want))} {
		if old != "" {
			if err := os.WriteFile(out, []byte(old), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(out, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if stdout := succeeds(t, demo, "-o", out, "--json"); stdout != "" {
			t.Errorf("stdout has %d bytes", len(stdout))
		}
		mustBePrivate(t, out, want)
	}
	if succeeds(t, demo, "-o", "-", "--json") != want {
		t.Error("-o - is not standard output")
	}
}

// An input that is damaged, or cannot be opened, leaves no wrong idea behind.
func TestOutputFileOfFailures(t *testing.T) {
	out := filepath.Join(t.TempDir(), "facts.ndjson")
	cli(t, "no such capture", "-o", out).mustFail(t, exitFailure)
	if _, err := os.Stat(out); err == nil {
		t.Error("an output file was made for a capture that there is not")
	}
	c := readDemo(t)
	cli(t, temp(t, "cut.pcap", c.bytes(c.records[0][:20])), "--json", "-o", out).mustFail(t, exitDamaged)
	if b, err := os.ReadFile(out); err != nil || kinds(t, string(b))["capture.summary"] != 1 {
		t.Errorf("a damaged capture makes the output %q, %v", b, err)
	}
}

// The capture survives when it is named as the output, by whatever name.
func TestOutputIsInput(t *testing.T) {
	c := readDemo(t)
	all := c.bytes(c.records...)
	path := temp(t, "only.pcap", all)
	dir := filepath.Dir(path)
	soft, hard := filepath.Join(dir, "soft"), filepath.Join(dir, "hard")
	if err := os.Symlink(path, soft); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, hard); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{path, filepath.Join(dir, ".", "..", filepath.Base(dir), "only.pcap"), soft, hard} {
		cli(t, demo, path, "-o", out).mustFail(t, exitUsage, "-o", "overwritten")
		stdin, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		cliWith(t, stdin, "-", "-o", out).mustFail(t, exitUsage, "-o", "overwritten")
		stdin.Close()
	}
	if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, all) {
		t.Errorf("the capture has changed: %d bytes of %d, %v", len(b), len(all), err)
	}
}

// What is no regular file keeps its mode: that of /dev/null is everybody's.
func TestOutputPipeKeepsItsMode(t *testing.T) {
	fifo := newFIFO(t)
	if err := os.Chmod(fifo, 0o640); err != nil {
		t.Fatal(err)
	}
	var got []byte
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		got, err = os.ReadFile(fifo)
	}()
	within(t, "the output", func() {
		succeeds(t, demo, "-o", fifo)
		<-done
	})
	if err != nil || string(got) != succeeds(t, demo) {
		t.Errorf("the pipe had %d bytes, %v", len(got), err)
	}
	if info, err := os.Stat(fifo); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode was 0640 and is %v, %v", info.Mode(), err)
	}
}
