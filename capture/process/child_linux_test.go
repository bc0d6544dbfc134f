package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What the test's program does instead of testing, by its first argument.
const (
	asChild      = "child"       // Main
	asNamespaces = "child-of-ns" // Main, for other network namespaces too
	asParent     = "parent"      // start a child, say its pid, and wait
	asEcho       = "echo"        // listen on the address that follows
)

func TestMain(m *testing.M) {
	mode := ""
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case asChild, asNamespaces:
		if Main(Options{Namespaces: mode == asNamespaces}) != nil {
			os.Exit(1)
		}
	case asParent:
		parent()
	case asEcho:
		echo(os.Args[2])
	default:
		os.Exit(m.Run())
	}
}

func parent() {
	w, err := Start("/proc/self/exe", asChild)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(childPID(w))
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func childPID(w *Watcher) int { return w.backend.(*child).cmd.Process.Pid }

func start(t testing.TB, mode string) *watching {
	t.Helper()
	w, err := Start("/proc/self/exe", mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return &watching{Watcher: w, t: t}
}

func TestChild(t *testing.T) {
	needRoot(t)
	old, oldServer := connect(t, "127.0.0.1")
	w := start(t, asChild)
	client, server := connect(t, "[::1]")
	w.Ask(old.local, old.remote)
	for _, e := range []ends{client, server, old, oldServer} {
		if o := w.owner(e); int(o.PID) != os.Getpid() || o.Name != self(t) {
			t.Errorf("%v is %v", e, o)
		}
	}
	for end := time.Now().Add(patience); w.Stats().Found < 4; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v, want 4 found", w.Stats())
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", childPID(w.Watcher))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the child is still there: %v", err)
	}
}

// TestChildIsConfined reads what the kernel says of each thread of a child.
func TestChildIsConfined(t *testing.T) {
	needRoot(t)
	for mode, caps := range map[string]uint64{
		asChild:      1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH,
		asNamespaces: 1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_SYS_ADMIN,
	} {
		w := start(t, mode)
		dir := fmt.Sprintf("/proc/%d/task", childPID(w.Watcher))
		threads, err := os.ReadDir(dir)
		if err != nil || len(threads) == 0 {
			t.Fatal(threads, err)
		}
		for _, thread := range threads {
			status, err := os.ReadFile(dir + "/" + thread.Name() + "/status")
			if err != nil {
				continue // it has ended
			}
			set := fmt.Sprintf("%016x", caps)
			for field, want := range map[string]string{
				"CapEff": set, "CapPrm": set, "CapBnd": set, "NoNewPrivs": "1", "Groups": "",
				"Uid": "65534\t65534\t65534\t65534", "Gid": "65534\t65534\t65534\t65534",
			} {
				if got := fieldOf(status, field); got != want {
					t.Errorf("%s: %s is %q, want %q", mode, field, got, want)
				}
			}
		}
		w.Close()
	}
}

func fieldOf(status []byte, name string) string {
	_, rest, _ := bytes.Cut(status, []byte("\n"+name+":"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	return string(bytes.TrimSpace(line))
}

// TestChildEndsWithItsParent kills the parent, which can do nothing about it.
func TestChildEndsWithItsParent(t *testing.T) {
	needRoot(t)
	cmd := exec.Command("/proc/self/exe", asParent)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 100)
	n, err := out.Read(line)
	pid, notPID := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	if err != nil || notPID != nil {
		t.Fatal(err, notPID)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for end := time.Now().Add(patience); alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the child outlives its parent")
		}
	}
}

// alive reports that a process runs; whoever inherited it may not have waited
// for it yet.
func alive(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && !strings.HasPrefix(fieldOf(status, "State"), "Z")
}

// TestStartWithoutTheRight has the child say why it cannot do it.
func TestStartWithoutTheRight(t *testing.T) {
	needRoot(t)
	cmd := exec.Command("/proc/self/exe", asParent)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, _ := cmd.Output()
	if !strings.Contains(string(out), "operation not permitted") {
		t.Errorf("%q", out)
	}
}

// TestStartStrangers starts programs that are no children.
func TestStartStrangers(t *testing.T) {
	for _, args := range [][]string{
		{"/no/such/program"},
		{"/bin/true"},
		{"/bin/echo", "Good afternoon"},
		{"/bin/printf", `wwps\001X\000`},
		{"/bin/printf", `wwps\001E\003why`},
		{"/bin/printf", `wwps\001S\040................................`},
	} {
		w, err := Start(args[0], args[1:]...)
		if err == nil {
			w.Close()
			t.Errorf("%q: was taken for a child", args)
		}
	}
}

// TestChildBreaksOff has a child that begins well: whoever listens is told by the
// end of the owners.
func TestChildBreaksOff(t *testing.T) {
	for _, then := range []string{``, `O\000`, `O\377`, `E\001.`} {
		w, err := Start("/bin/printf", `wwps\001R\000`+then)
		if err != nil {
			t.Fatal(err)
		}
		for o := range w.Owners() {
			t.Errorf("%q: %v", then, o)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestServeRefusesOthers(t *testing.T) {
	needRoot(t)
	for name, in := range map[string]string{"another protocol": "GET / HTTP/1.1\r\n\r\n", "half a question": magic + "123", "nothing": ""} {
		if err := Serve(strings.NewReader(in), io.Discard, Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := Serve(strings.NewReader(magic), io.Discard, Options{}); err != nil {
		t.Errorf("no questions: %v", err)
	}
}

// TestNothingIsLeft counts files and goroutines.
func TestNothingIsLeft(t *testing.T) {
	needRoot(t)
	files := func() int {
		d, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(d)
	}
	use := func() {
		for _, open := range []func() (*Watcher, error){
			func() (*Watcher, error) { return Watch(Options{Namespaces: true}) },
			func() (*Watcher, error) { return Start("/proc/self/exe", asNamespaces) },
		} {
			w, err := open()
			if err != nil {
				t.Fatal(err)
			}
			t.Run("use", func(t *testing.T) { // which closes the connection
				client, _ := connect(t, "127.0.0.1")
				(&watching{Watcher: w, t: t}).owner(client)
			})
			w.Close()
			w.Ask(netip.AddrPort{}, netip.AddrPort{}) // after the end nothing happens
			w.Close()
		}
	}
	use() // opens what stays open in the runtime
	goroutines, fds := runtime.NumGoroutine(), files()
	for range 5 {
		use()
	}
	if n := files(); n != fds {
		t.Errorf("%d files, %d before", n, fds)
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
		}
	}
}
