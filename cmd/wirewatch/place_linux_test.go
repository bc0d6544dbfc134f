package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// place is a network namespace of a test's own, in whose lo nobody else's packets
// are.
type place struct {
	t    *testing.T
	name string
	do   chan func() // is done by a thread that is in the namespace

	raw, index int // a socket that send uses, and its interface
}

var places atomic.Int64

// newPlace makes one, where that is possible.
func newPlace(t *testing.T) *place {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: capturing, and network namespaces, need root")
	}
	need(t, "ip")
	p := &place{t: t, name: fmt.Sprintf("ww-%d-%d", os.Getpid(), places.Add(1)), do: make(chan func())}
	if out, err := exec.Command("ip", "netns", "add", p.name).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: no network namespaces here: %s", out)
	}
	t.Cleanup(func() { close(p.do); p.ip("", "netns", "del", p.name) })
	entered := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		err := enter(p.name)
		entered <- err
		if err == nil {
			for f := range p.do {
				f()
			}
		}
	}()
	if err := <-entered; err != nil {
		close(p.do)
		t.Fatal(err)
	}
	p.ip(p.name, "link", "set", "lo", "up")
	return p
}

func enter(name string) error {
	f, err := os.Open("/run/netns/" + name)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}

// need skips a test that needs programs that are not here.
func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %s is missing", tool)
		}
	}
}

// ip runs ip(8) in a namespace, "" for this one.
func (p *place) ip(ns string, args ...string) {
	p.t.Helper()
	if ns != "" {
		args = append([]string{"-n", ns}, args...)
	}
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		p.t.Errorf("ip %q: %v: %s", args, err, out)
	}
}

// link is ip link in this namespace.
func (p *place) link(args ...string) {
	p.t.Helper()
	p.ip(p.name, append([]string{"link"}, args...)...)
}

// peer makes another namespace, and a pair of interfaces of these names and
// addresses between the two.
func (p *place) peer(ours, addr, theirs, theirAddr string) *place {
	p.t.Helper()
	q := newPlace(p.t)
	p.connect(q, ours, addr, theirs, theirAddr)
	return q
}

// connect makes a pair of interfaces between two namespaces.
func (p *place) connect(q *place, ours, addr, theirs, theirAddr string) {
	p.t.Helper()
	p.link("add", ours, "mtu", "9000", "type", "veth", "peer", "name", theirs, "mtu", "9000", "netns", q.name)
	for _, end := range []struct {
		p          *place
		name, addr string
	}{{p, ours, addr}, {q, theirs, theirAddr}} {
		end.p.link("set", end.name, "addrgenmode", "none") // the kernel would speak of itself
		end.p.ip(end.p.name, "addr", "add", end.addr, "dev", end.name, "nodad")
		end.p.link("set", end.name, "up")
	}
}

// inside runs f on the thread that is in the namespace.
func (p *place) inside(f func()) {
	done := make(chan struct{})
	p.do <- func() { defer close(done); f() }
	<-done
}

// listen listens in the namespace until the test ends.
func (p *place) listen(addr string) net.Listener {
	p.t.Helper()
	var l net.Listener
	var err error
	p.inside(func() { l, err = net.Listen("tcp", addr) })
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { l.Close() })
	return l
}

// dial connects to an address, which is no name: so it is done by the thread that
// calls it.
func (p *place) dial(ctx context.Context, network, addr string) (c net.Conn, err error) {
	p.inside(func() { c, err = new(net.Dialer).DialContext(ctx, network, addr) })
	return c, err
}

// serve has h answer requests at an address, and returns its URL.
func (p *place) serve(addr string, h http.HandlerFunc) string {
	p.t.Helper()
	l := p.listen(addr)
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(l) }()
	p.t.Cleanup(func() { s.Close() })
	return "http://" + l.Addr().String()
}

// client is a client in the namespace.
func (p *place) client() *http.Client {
	t := &http.Transport{DialContext: p.dial, DisableCompression: true}
	p.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: patience}
}

// command is a program that is going to run in the namespace.
func (p *place) command(args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", p.name}, args...)...)
}

// watched is wirewatch, as a process of its own that captures.
type watched struct {
	*exec.Cmd
	t    *testing.T
	out  transcript
	err  transcript
	done chan struct{}
}

// transcript gathers what a program writes, and may be looked at meanwhile.
type transcript struct {
	mu    sync.Mutex
	text  bytes.Buffer
	kinds map[string]int
	rest  []byte
}

// Write takes some of it.
func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		var r struct{ Kind string }
		if json.Unmarshal(l.rest[:i], &r) == nil {
			if l.kinds == nil {
				l.kinds = map[string]int{}
			}
			l.kinds[r.Kind]++
		}
		l.rest = l.rest[i+1:]
	}
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// count is how many records of a kind there are.
func (l *transcript) count(kind string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kinds[kind]
}

// watch has wirewatch capture in the namespace, and returns when it does.
func (p *place) watch(args ...string) *watched {
	p.t.Helper()
	w := p.prepare(args...)
	w.begin()
	return w
}

// prepare is watch without its start.
func (p *place) prepare(args ...string) *watched {
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	w := &watched{t: p.t, Cmd: p.command(append([]string{self, "-v"}, args...)...), done: make(chan struct{})}
	w.Env = append(os.Environ(), runMain+"=1", "GORACE=atexit_sleep_ms=0") // else each end takes a second
	w.Stdout, w.Stderr = &w.out, &w.err
	return w
}

// begin starts it, and waits until the kernel keeps what is captured: before
// privileges are given up, the interfaces are open.
func (w *watched) begin() {
	w.t.Helper()
	if err := w.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = w.Process.Kill(); <-w.done })
	go func() { defer close(w.done); _ = w.Wait() }()
	w.until("the begin of the capture", func() bool { return strings.Contains(w.err.String(), "no_new_privs") })
}

// until waits for something that comes while it runs.
func (w *watched) until(what string, f func() bool) {
	w.t.Helper()
	eventually(w.t, what, func() bool {
		if f() {
			return true
		}
		select {
		case <-w.done:
			if !f() {
				w.t.Fatalf("it ended without %s: %v, stderr %q", what, w.ProcessState, w.err.String())
			}
			return true
		default:
			return false
		}
	}, func() string { return fmt.Sprintf("stderr %q, records %v", w.err.String(), w.out.kinds) })
}

// untilRecords waits for so many records of a kind.
func (w *watched) untilRecords(kind string, n int) {
	w.t.Helper()
	w.until(fmt.Sprintf("%d records of %s", n, kind), func() bool { return w.out.count(kind) >= n })
}

// eventually waits until f is true.
func eventually(t *testing.T, what string, f func() bool, state ...func() string) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			var more string
			for _, e := range state {
				more += "; " + e()
			}
			t.Fatalf("waited in vain for %s%s", what, more)
		}
	}
}

// stop interrupts it, waits for its end and checks the exit code. It returns the
// records.
func (w *watched) stop(sig os.Signal, code int) string {
	w.t.Helper()
	if err := w.Process.Signal(sig); err != nil {
		w.t.Fatalf("%v; stderr %q", err, w.err.String())
	}
	return w.ends(code)
}

// ends waits for its end and checks the exit code. It returns the records, the
// last of which must be the summary.
func (w *watched) ends(code int) string {
	w.t.Helper()
	within(w.t, "the end of the capture", func() { <-w.done })
	if s := w.ProcessState.Sys().(syscall.WaitStatus); !s.Exited() || s.ExitStatus() != code {
		w.t.Fatalf("it ended with %v, want exit code %d; stderr %q", w.ProcessState, code, w.err.String())
	}
	return w.out.String()
}

// summary is the last record, without what only a live capture counts.
func summary(t *testing.T, out string) map[string]any {
	t.Helper()
	all := records(t, out)
	if len(all) == 0 || all[len(all)-1]["kind"] != "capture.summary" {
		t.Fatalf("the last of %d records is no capture.summary", len(all))
	}
	return all[len(all)-1]["capture"].(map[string]any)
}

// mustEqualFile checks that reading a file tells what was told live, byte for byte.
func mustEqualFile(t *testing.T, out, file string, args ...string) {
	t.Helper()
	got, want := lines(out), lines(succeeds(t, append(args, "--json", "-r", file)...))
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("record %d of %d is\n%s\nand read from the file\n%s", i, len(got), got[i], want[i])
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d records, and %d are read from the file", len(got), len(want))
	}
}

func lines(out string) []string {
	return strings.Split(strings.TrimSuffix(out, "\n"), "\n")
}

// of are the records of a kind.
func of(t *testing.T, out, kind string) (list []map[string]any) {
	t.Helper()
	for _, r := range records(t, out) {
		if r["kind"] == kind {
			list = append(list, r)
		}
	}
	return list
}

// get is a field of a record, by its path; nil if it has none.
func get(r map[string]any, path string) any {
	var v any = r
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// scratch is the name of a file in a directory of the test's own.
func scratch(t *testing.T, name string) string { return filepath.Join(t.TempDir(), name) }
