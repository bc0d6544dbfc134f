package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLiveSeveralInterfaces checks that what is on several interfaces is told, by
// one who names them and by one who takes any.
func TestLiveSeveralInterfaces(t *testing.T) {
	for name, args := range map[string][]string{"two": {"-i", "wwa", "-i", "wwc"}, "any": {"-i", "any"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			q := p.peer("wwa", ourAddr+"/24", "wwb", theirAddr+"/24")
			r := p.peer("wwc", "10.78.0.1/24", "wwd", "10.78.0.2/24")
			first, second := q.serve(theirAddr+":0", path), r.serve("10.78.0.2:0", path)
			file := scratch(t, "several.pcapng")
			w := p.watch(append(args, "-w", file, "--json")...)
			c := p.client()
			const n = 100
			for i := range n {
				ask(t, c, fmt.Sprintf("%s/%d", []string{first, second}[i%2], i))
			}
			w.untilRecords("http.exchange", n)
			w.until("both clients' processes", func() bool { return clients(t, cli(t, "--json", "-r", file).out) == 2 })
			out := w.stop(os.Interrupt, exitOK)
			mustHaveAsked(t, out, n)
			if got := clients(t, out); got != 2 {
				t.Errorf("%d flows have this process as their client, want 2", got)
			}
			mustEqualFile(t, out, file)
		})
	}
}

// clients is how many flows have this process as their client.
func clients(t *testing.T, out string) (n int) {
	t.Helper()
	for _, r := range of(t, out, "tcp.flow") {
		if get(r, "process.client.pid") == float64(os.Getpid()) {
			n++
		}
	}
	return n
}

// TestLiveLargeFrames checks that bodies are whole that come in frames larger than
// any on a wire, or as large as they may be there, on IPv4 and IPv6.
func TestLiveLargeFrames(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	q := p.peer("wwa", ourAddr+"/24", "wwb", theirAddr+"/24")
	q.ip(q.name, "addr", "add", "fd77::2/64", "dev", "wwb", "nodad")
	p.ip(p.name, "addr", "add", "fd77::1/64", "dev", "wwa", "nodad")
	body := letters(3 << 20)
	serve := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }
	urls := []string{
		p.serve("127.0.0.1:0", serve), p.serve("[::1]:0", serve), q.serve(theirAddr+":0", serve), q.serve("[fd77::2]:0", serve),
	}
	file := scratch(t, "large.pcapng")
	w := p.watch("-i", "lo", "-i", "wwa", "-w", file, "--json", "--body-limit", "all")
	for _, url := range urls {
		ask(t, p.client(), url)
	}
	w.untilRecords("http.exchange", len(urls))
	out := w.stop(os.Interrupt, exitOK)
	for _, r := range of(t, out, "http.exchange") {
		text, _ := get(r, "http.response.body.text").(string)
		if size := get(r, "http.response.body.size"); size != float64(len(body)) || sha256.Sum256([]byte(text)) != sha256.Sum256(body) {
			t.Errorf("from %v: a body of %v bytes, %d of them text, was told; %d were sent", r["server"], size, len(text), len(body))
		}
	}
	mustEqualFile(t, out, file, "--body-limit", "all")
}

func letters(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(r.IntN(26))
	}
	return b
}

// TestLiveVLAN checks that frames with a VLAN tag, which the kernel takes off, are
// seen and saved with it.
func TestLiveVLAN(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	q := p.peer("wwa", ourAddr+"/24", "wwb", theirAddr+"/24")
	file := scratch(t, "vlan.pcapng")
	w := p.watch("-i", "wwa", "-w", file, "--json")
	c := readDemo(t)
	const tag = "\x81\x00\x00\x05"
	for _, rec := range c.records {
		f := rec[16:]
		q.send("wwb", append(append(append([]byte{}, f[:12]...), tag...), f[12:]...))
	}
	want := kinds(t, succeeds(t, "--json", demo))
	w.untilRecords("http.exchange", want["http.exchange"]-1)
	out := w.stop(os.Interrupt, exitOK)
	if got := get(summary(t, out), "packets"); got != float64(len(c.records)) {
		t.Errorf("%v packets, %d sent", got, len(c.records))
	}
	saved, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(saved, []byte(tag)); n < len(c.records) {
		t.Errorf("the file has %d tags, where %d frames had one", n, len(c.records))
	}
	mustEqualFile(t, out, file)
}

// TestLiveCount checks that a capture ends when it has as many packets as it was to
// have, and no other.
func TestLiveCount(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	url := p.serve("127.0.0.1:0", path)
	for _, args := range [][]string{{"-c", "77"}, {"-a", "packets:77"}, {"-a", "packets:77", "-c", "100"}} {
		file := scratch(t, "count.pcapng")
		w := p.watch(append(args, "-i", "lo", "-w", file, "--json", "--no-process")...)
		stop := load(p, url)
		out := w.ends(exitOK)
		stop()
		if n := get(summary(t, out), "packets"); n != 77.0 {
			t.Errorf("%q: %v packets", args, n)
		}
		mustEqualFile(t, out, file)
	}
}

// TestLiveAutostop checks that a capture ends after some time, or with a file that
// is large enough.
func TestLiveAutostop(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	url := p.serve("127.0.0.1:0", path)
	for arg, enough := range map[string]func(size int64, took time.Duration) bool{
		"duration:1.5": func(_ int64, took time.Duration) bool { return took >= 1500*time.Millisecond },
		"filesize:100": func(size int64, _ time.Duration) bool { return size >= 100_000 },
	} {
		file := scratch(t, "stop.pcapng")
		began := time.Now()
		w := p.watch("-a", arg, "-i", "lo", "-w", file, "--json", "--no-process")
		stop := load(p, url)
		out := w.ends(exitOK)
		took := time.Since(began)
		stop()
		if s, err := os.Stat(file); err != nil || !enough(s.Size(), took) {
			t.Errorf("-a %s: %v, %v after %v", arg, err, s, took)
		}
		mustEqualFile(t, out, file)
	}
}

// TestLiveRing checks that of a ring the latest files are kept, which together are
// a run of the capture up to its end.
func TestLiveRing(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	url := p.serve("127.0.0.1:0", path)
	dir := t.TempDir()
	w := p.watch("-b", "filesize:50", "-b", "files:3", "-i", "lo", "-w", filepath.Join(dir, "ring.pcapng"), "--json")
	const n = 300
	askMany(t, p.client(), url, n)
	w.untilRecords("http.exchange", n)
	mustHaveAsked(t, w.stop(os.Interrupt, exitOK), n)
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) != 3 {
		t.Fatalf("the ring has %q", files)
	}
	if got := of(t, succeeds(t, append(files, "--json")...), "http.exchange"); get(got[len(got)-1], "http.request.uri") != fmt.Sprintf("/%d", n-1) {
		t.Errorf("the last exchange of the ring is %v", got[len(got)-1])
	}
}

// TestLiveToPipe checks that what is captured can be piped into another wirewatch.
func TestLiveToPipe(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	url := p.serve("127.0.0.1:0", path)
	r, out := newPipe(t)
	w := p.prepare("-i", "lo", "-w", "-")
	w.Stdout = out
	w.begin()
	out.Close()
	reader := p.prepare("--json", "-r", "-")
	reader.Stdin = r
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(reader.done); _ = reader.Wait() }()
	askMany(t, p.client(), url, 50)
	reader.untilRecords("http.exchange", 50)
	if err := w.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	w.ends(exitOK)
	mustHaveAsked(t, reader.ends(exitOK), 50)
}

// TestLiveFaults checks what is said of an interface that there is not, of a filter
// that is none, and what there is.
func TestLiveFaults(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, c := range []struct {
		code  int
		words []string
		args  []string
	}{
		{exitOK, []string{"lo", "up", "127.0.0.1/8", "any"}, []string{"-D"}},
		{exitFailure, []string{"capture: open wwx: there is no such interface; there are: any, lo"}, []string{"-i", "wwx"}},
		{exitUsage, []string{"tcp prt 80\n    ^"}, []string{"-i", "lo", "-f", "tcp prt 80"}},
	} {
		w := p.prepare(c.args...)
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { defer close(w.done); _ = w.Wait() }()
		w.ends(c.code)
		for _, word := range c.words {
			if !strings.Contains(w.out.String()+w.err.String(), word) {
				t.Errorf("%q lacks %q: stdout %q, stderr %q", c.args, word, w.out.String(), w.err.String())
			}
		}
	}
}
