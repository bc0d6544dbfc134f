package process

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/wirewatch/capture"
)

// echo answers on every connection to an address what it is sent, and, when told
// on its standard input, connects to another.
func echo(addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go io.Copy(c, c)
		}
	}()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		c, err := net.Dial("tcp", in.Text())
		fmt.Println(c != nil, err)
		defer c.Close()
	}
}

func ip(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: needs network namespaces: ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// peer makes a network namespace that is joined to ours by a veth pair, and
// returns its name and the address of each end.
func peer(t testing.TB) (name, here, there string) {
	t.Helper()
	needRoot(t, "ip")
	name = fmt.Sprintf("wwproc%d", os.Getpid())
	near, far := fmt.Sprintf("wa%d", os.Getpid()), fmt.Sprintf("wb%d", os.Getpid())
	ip(t, "netns", "add", name)
	t.Cleanup(func() { exec.Command("ip", "netns", "del", name).Run() })
	ip(t, "link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
	t.Cleanup(func() { exec.Command("ip", "link", "del", near).Run() })
	ip(t, "addr", "add", "198.18.7.1/30", "dev", near)
	ip(t, "link", "set", near, "up")
	ip(t, "-n", name, "addr", "add", "198.18.7.2/30", "dev", far)
	ip(t, "-n", name, "link", "set", far, "up")
	return name, "198.18.7.1", "198.18.7.2"
}

// TestNamespaces has connections between a process here and one in another
// network namespace, opened by either.
func TestNamespaces(t *testing.T) {
	name, here, there := peer(t)
	cmd := exec.Command("ip", "netns", "exec", name, "/proc/self/fd/3", asEcho, there+":4000")
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{exe}
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	said := bufio.NewScanner(out)
	if !said.Scan() || said.Text() != "ready" {
		t.Fatal(said.Text())
	}
	for _, open := range []func() *watching{
		func() *watching { return watcher(t, Options{Namespaces: true}) },
		func() *watching { return start(t, asNamespaces) },
	} {
		w := open()
		l, err := net.Listen("tcp", here+":0")
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.DialTimeout("tcp", there+":4000", patience)
		if err != nil {
			t.Fatal(err)
		}
		e := endsOf(c)
		w.is(e, os.Getpid())
		w.is(e.swapped(), cmd.Process.Pid)
		fmt.Fprintln(in, l.Addr())
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		e = endsOf(s)
		w.is(e, os.Getpid())
		w.is(e.swapped(), cmd.Process.Pid)
		w.Close()
		for _, c := range []io.Closer{l, c, s} {
			c.Close()
		}
	}
}

// is waits for the owner of an end, which must be a process.
func (w *watching) is(e ends, pid int) {
	w.t.Helper()
	o := w.until(fmt.Sprint("that of ", e), func(o capture.Owner) bool { return o.Local == e.local && o.Remote == e.remote })
	if int(o.PID) != pid {
		w.t.Errorf("%v is %v, want %d", e, o, pid)
	}
}

// TestForgetNamespaces has a namespace come and go with its only process. The
// thread must be where it was.
func TestForgetNamespaces(t *testing.T) {
	name, _, _ := peer(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, err := openSpaces(true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	before, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	had := spacesNow(t, s)
	cmd := exec.Command("ip", "netns", "exec", name, "sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); spacesNow(t, s) == had; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the namespace is not found")
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	if n := spacesNow(t, s); n != had {
		t.Errorf("%d namespaces, want %d", n, had)
	}
	if now, _ := os.Readlink("/proc/thread-self/ns/net"); now != before {
		t.Errorf("the thread is in %s, was in %s", now, before)
	}
	if _, err := s.lookup(&query{ends: ends{netip.AddrPort{}, netip.AddrPort{}}}); err == nil {
		t.Error("a socket of no address")
	}
}

func spacesNow(t *testing.T, s *spaces) int {
	t.Helper()
	s.listed = time.Time{}
	if err := s.refresh(time.Now()); err != nil {
		t.Fatal(err)
	}
	return len(s.others)
}
