package process

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.com/wirewatch/capture"
)

// patience is how long a test waits for what must come; nothing is ever that slow.
const patience = 20 * time.Second

// needRoot skips a test that opens packet sockets and reads other users' files.
func needRoot(t testing.TB, programs ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: needs root: a packet socket, and the open files of other users")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("SKIPPED: needs %s: %v", p, err)
		}
	}
}

// watching is a watcher and all that it has reported.
type watching struct {
	*Watcher
	t   testing.TB
	got []capture.Owner
}

func watcher(t testing.TB, opt Options) *watching {
	t.Helper()
	w, err := Watch(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return &watching{Watcher: w, t: t}
}

// until waits for an owner that is as it should be.
func (w *watching) until(what string, ok func(capture.Owner) bool) capture.Owner {
	w.t.Helper()
	late := time.After(patience)
	for _, o := range w.got {
		if ok(o) {
			return o
		}
	}
	for {
		select {
		case o, open := <-w.Owners():
			if !open {
				w.t.Fatalf("the watch has ended, without %s", what)
			}
			w.got = append(w.got, o)
			if ok(o) {
				return o
			}
		case <-late:
			w.t.Fatalf("no owner is %s: %+v of %v", what, w.Stats(), w.got)
		}
	}
}

// taken returns what has been reported since it was last called.
func (w *watching) taken() []capture.Owner {
	for {
		select {
		case o := <-w.Owners():
			w.got = append(w.got, o)
		default:
			got := w.got
			w.got = nil
			return got
		}
	}
}

// owner waits for the owner of an end.
func (w *watching) owner(e ends) capture.Owner {
	w.t.Helper()
	return w.until(fmt.Sprint("that of ", e), func(o capture.Owner) bool { return o.Local == e.local && o.Remote == e.remote })
}

func endsOf(c net.Conn) ends {
	return ends{plain(c.LocalAddr().(*net.TCPAddr).AddrPort()), plain(c.RemoteAddr().(*net.TCPAddr).AddrPort())}
}

func self(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// run starts a program that ends with the test.
func run(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(unix.SIGTERM)
		cmd.Wait()
	})
	return cmd
}

// freePort is an address that nobody listens on.
func freePort(t testing.TB) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func waitFor(t testing.TB, addr string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("nobody listens on %s", addr)
}

const nginxConf = `
daemon off; worker_processes 2; pid %[1]s/pid; error_log stderr crit;
events { worker_connections 256; }
http { access_log off;
  client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  server { listen %[2]s; location / { return 200 "hello\n"; } } }
`

// nginx starts a master with two workers and returns the workers' pids.
func nginx(t testing.TB, listen string) []uint32 {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, listen), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := run(t, "nginx", "-c", conf, "-p", dir)
	waitFor(t, listen)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if workers := children(t, cmd.Process.Pid); len(workers) == 2 {
			return workers
		}
	}
	t.Fatal("nginx has no two workers")
	return nil
}

func children(t testing.TB, pid int) (out []uint32) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range strings.Fields(string(b)) {
		n, _ := decimal([]byte(s))
		out = append(out, n)
	}
	return out
}

// TestCurlAndNginx asks no more than that some of the connections are found at
// both ends, however slow the machine; but what is found must be right.
func TestCurlAndNginx(t *testing.T) {
	needRoot(t, "nginx", "curl")
	for name, listen := range map[string]string{"IPv4": freePort(t).String(), "IPv6": fmt.Sprint("[::1]:", freePort(t).Port())} {
		t.Run(name, func(t *testing.T) { curlAndNginx(t, listen) })
	}
}

func curlAndNginx(t *testing.T, listen string) {
	workers := nginx(t, listen)
	w := watcher(t, Options{})
	server := netip.MustParseAddrPort(listen)
	clients, servers := 0, 0
	for end := time.Now().Add(patience); clients == 0 || servers == 0; {
		if time.Now().After(end) {
			t.Fatalf("%d ends of curl and %d of nginx found: %+v", clients, servers, w.Stats())
		}
		cmd := exec.Command("curl", "-s", "http://"+listen+"/")
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		for _, o := range w.taken() {
			switch {
			case o.Remote == server && o.Name == "curl" && int(o.PID) == cmd.Process.Pid:
				clients++
			case o.Local == server && o.Name == "nginx" && slices.Contains(workers, o.PID):
				servers++
			case o.Remote == server && o.Name != "curl", o.Local == server:
				t.Fatalf("%v: want curl, or nginx with one of %v", o, workers)
			}
		}
	}
}

// TestNodeAndCurl has a server of one process and several threads, whose end is
// known by its listening socket at the latest.
func TestNodeAndCurl(t *testing.T) {
	needRoot(t, "node", "curl")
	addr := freePort(t)
	const program = "require('http').createServer((q,r)=>r.end('hello')).listen(+process.argv[1],'127.0.0.1')"
	node := run(t, "node", "-e", program, fmt.Sprint(addr.Port()))
	waitFor(t, addr.String())
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", node.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	w := watcher(t, Options{})
	if err := exec.Command("curl", "-s", "http://"+addr.String()+"/").Run(); err != nil {
		t.Fatal(err)
	}
	o := w.until("that of the server", func(o capture.Owner) bool { return o.Local == addr })
	if int(o.PID) != node.Process.Pid || o.Name != strings.TrimSpace(string(name)) {
		t.Errorf("%+v, want %s(%d)", o, name, node.Process.Pid)
	}
}

// TestAsk asks for a connection that was open before the watch began, in either
// order of its ends.
func TestAsk(t *testing.T) {
	needRoot(t)
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		client, server := connect(t, host)
		for _, e := range []ends{client, server} {
			w := watcher(t, Options{})
			w.Ask(e.local, e.remote)
			for _, e := range []ends{client, server} {
				if o := w.owner(e); int(o.PID) != os.Getpid() || o.Name != self(t) {
					t.Errorf("%v is %v", e, o)
				}
			}
			w.Close()
			if s := w.Stats(); s != (Stats{Asked: 2, Found: 2}) {
				t.Errorf("%+v, want two asked and found", s)
			}
		}
	}
}

// connect opens a connection of this process with itself.
func connect(t testing.TB, host string) (client, server ends) {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return endsOf(c), endsOf(s)
}

// TestAskOthers asks for connections that are of no process here.
func TestAskOthers(t *testing.T) {
	needRoot(t)
	w := watcher(t, Options{Namespaces: true})
	client, _ := connect(t, "127.0.0.1")
	w.owner(client)
	w.owner(client.swapped())
	w.Ask(netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:2"))
	w.Ask(netip.AddrPort{}, netip.AddrPort{})
	w.Ask(netip.MustParseAddrPort("[fe80::1%lo]:1"), netip.MustParseAddrPort("192.0.2.2:2"))
	w.Ask(client.local, client.remote) // is found after all that
	w.until("the client's, again", func(o capture.Owner) bool { return o.Local == client.local })
	w.Close()
	if s := w.Stats(); s.Asked != s.Found+s.Gone+s.Skipped {
		t.Errorf("%+v: the sum is not right", s)
	}
}
