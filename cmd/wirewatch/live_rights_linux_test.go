package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestLiveBecomesNobody checks that once it captures no thread of the process has a
// right left, and that its files belong to whom it has become.
func TestLiveBecomesNobody(t *testing.T) {
	t.Parallel()
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	p := newPlace(t)
	url := p.serve("127.0.0.1:0", path)
	file, out := scratch(t, "all.pcapng"), scratch(t, "all.ndjson")
	w := p.watch("-Z", "nobody", "-i", "lo", "-w", file, "-o", out, "--json")
	ask(t, p.client(), url+"/0")
	w.until("the exchange", func() bool { b, err := os.ReadFile(out); return err == nil && kindsSoFar(b)["http.exchange"] == 1 })
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", w.Process.Pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("%d threads: %v", len(threads), err)
	}
	id := strings.Repeat("\t"+nobody.Uid, 4)
	const none = "\t0000000000000000"
	for _, status := range threads {
		for name, want := range map[string]string{
			"Uid": id, "CapInh": none, "CapPrm": none, "CapEff": none, "CapAmb": none, "NoNewPrivs": "\t1",
		} {
			if got := field(t, status, name); got != want {
				t.Errorf("%s: %s is %q, want %q", status, name, got, want)
			}
		}
	}
	w.stop(os.Interrupt, exitOK)
	for _, name := range []string{file, out} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; info.Mode().Perm() != 0o600 || strconv.Itoa(int(uid)) != nobody.Uid {
			t.Errorf("%s has mode %v and belongs to %d", name, info.Mode(), uid)
		}
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	mustEqualFile(t, string(b), file)
}

// kindsSoFar counts the records of a file that is being written.
func kindsSoFar(b []byte) map[string]int {
	var l transcript
	_, _ = l.Write(b)
	return l.kinds
}

// field is one of /proc/PID/status, "" if there is none.
func field(t *testing.T, status, name string) string {
	t.Helper()
	b, err := os.ReadFile(status)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSuffix(v, "\n")
		}
	}
	return ""
}

// TestLiveProcesses checks the names of both ends of connections within the
// machine: those of processes that live on are told, and none is told wrong.
func TestLiveProcesses(t *testing.T) {
	need(t, "nginx", "curl")
	t.Parallel()
	p := newPlace(t)
	addr, pids := p.nginx()
	file := scratch(t, "who.pcapng")
	w := p.watch("-i", "lo", "-w", file, "--json")
	const slow, quick = 3, 20
	curls := map[string]int{}
	var running []*exec.Cmd
	for i := range slow + quick {
		url := fmt.Sprintf("http://%s/%d", addr, i)
		args := []string{"curl", "-s", "-o", "/dev/null", url}
		if i < slow { // half a second between requests
			args = []string{"curl", "-s", "-o", "/dev/null", "--rate", "2/s", url, "-o", "/dev/null", url + "/again"}
		}
		c := p.command(args...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, c)
		if i >= slow {
			_ = c.Wait()
		}
		curls[fmt.Sprintf("/%d", i)] = c.Process.Pid
	}
	for _, c := range running[:slow] {
		_ = c.Wait()
	}
	w.untilRecords("http.exchange", 2*slow+quick)
	out := w.stop(os.Interrupt, exitOK)
	mustEqualFile(t, out, file)
	uris := map[any]string{}
	for _, r := range of(t, out, "http.exchange") {
		uris[get(r, "tcp.stream")] = strings.TrimSuffix(get(r, "http.request.uri").(string), "/again")
	}
	for _, r := range of(t, out, "tcp.flow") {
		uri := uris[get(r, "tcp.stream")]
		client := mustBe(t, r, "process.client", "curl", curls[uri])
		server := mustBe(t, r, "process.server", "nginx", pids...)
		if n, _ := strconv.Atoi(strings.TrimPrefix(uri, "/")); n < slow && (!client || !server) {
			t.Errorf("%s: client found: %v, server: %v", uri, client, server)
		}
	}
}

// mustBe checks a process that a record tells of, and reports whether it does.
func mustBe(t *testing.T, r map[string]any, field, name string, pids ...int) bool {
	t.Helper()
	if get(r, field) == nil {
		return false
	}
	pid, _ := get(r, field+".pid").(float64)
	if get(r, field+".name") != name || !slices.Contains(pids, int(pid)) {
		t.Errorf("%s is %v, want %s of %v", field, get(r, field), name, pids)
	}
	return true
}

// nginx starts one in the namespace, and returns its address and its workers.
func (p *place) nginx() (addr string, pids []int) {
	p.t.Helper()
	l := p.listen("127.0.0.1:0") // to find a port that is free
	addr = l.Addr().String()
	l.Close()
	dir := p.t.TempDir()
	conf := fmt.Sprintf("daemon off; worker_processes 1; user root; pid %[1]s/pid; error_log stderr crit; events {} "+
		"http { access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s; "+
		"server { listen %[2]s; location / { return 200 ok; } } }", dir, addr)
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o600); err != nil {
		p.t.Fatal(err)
	}
	c := p.command("nginx", "-e", "stderr", "-c", filepath.Join(dir, "conf"))
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Process.Signal(syscall.SIGTERM); _ = c.Wait() })
	eventually(p.t, "nginx", func() bool {
		conn, err := p.dial(p.t.Context(), "tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	eventually(p.t, "a worker of nginx", func() bool {
		pids = nil
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", c.Process.Pid))
		for _, word := range strings.Fields(string(children)) {
			pid, _ := strconv.Atoi(word)
			pids = append(pids, pid)
		}
		return len(pids) > 0
	})
	return addr, pids
}

// TestLivePermission checks what is said to who may not capture.
func TestLivePermission(t *testing.T) {
	t.Parallel()
	need(t, "setpriv")
	p := newPlace(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	mine := scratch(t, "wirewatch")
	if err := exec.Command("cp", self, mine).Run(); err != nil { // which others may execute
		t.Fatal(err)
	}
	for dir := mine; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := p.command("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=+net_raw,+net_admin", mine, "-i", "lo")
	c.Env = append(os.Environ(), runMain+"=1")
	var said strings.Builder
	c.Stderr = &said
	_ = c.Run()
	if c.ProcessState.ExitCode() != exitDenied || !strings.Contains(said.String(), "setcap cap_net_raw,cap_net_admin=eip "+mine) ||
		strings.Count(said.String(), "\n") != 1 {
		t.Errorf("%v, stderr %q", c.ProcessState, said.String())
	}
}

// TestLiveWithoutLibpcap checks that the program built without libpcap captures, and
// says what it cannot do.
func TestLiveWithoutLibpcap(t *testing.T) {
	t.Parallel()
	need(t, "go")
	p := newPlace(t)
	program := scratch(t, "wirewatch")
	build := exec.Command("go", "build", "-pgo=off", "-tags", "nolive", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	url := p.serve("127.0.0.1:0", path)
	file := scratch(t, "all.pcapng")
	w := p.prepare("-i", "lo", "-w", file, "--json")
	w.Args[slices.Index(w.Args, "-v")-1] = program
	w.begin()
	const n = 50
	askMany(t, p.client(), url, n)
	w.untilRecords("http.exchange", n)
	out := w.stop(os.Interrupt, exitOK)
	mustHaveAsked(t, out, n)
	mustEqualFile(t, out, file)
	said, err := p.command(program, "-i", "lo", "-f", "tcp").CombinedOutput()
	if err == nil || !strings.Contains(string(said), "libpcap") {
		t.Errorf("of a filter it says %q: %v", said, err)
	}
}
