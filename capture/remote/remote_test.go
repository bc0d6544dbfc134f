//go:build unix

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/pcapfile"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// fakes is a folder of scripts. A script has the folder as $dir.
func fakes(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range scripts {
		text := "#!/bin/sh\ndir=" + dir + "\n" + body + "\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// localSSH is an ssh that runs the command here, in a PATH that begins with its
// folder, and writes its arguments to the file args.
const localSSH = `printf '%s\n' "$@" >$dir/args
for command; do :; done
PATH=$dir:$PATH SSH_CONNECTION='fe80::2%eth0 51234 fe80::1%eth0 2222' sh -c "$command"`

// fakeDump is a tcpdump that writes its arguments to the file dump, and an empty
// capture, and waits to be told to end.
const fakeDump = `printf '%s\n' "$@" >$dir/dump
trap 'echo "12 packets captured" >&2; echo "1 packet dropped by interface" >&2; echo "3 packets dropped by kernel" >&2; exit 0' TERM
echo 'tcpdump: data link type LINUX_SLL2' >&2
echo 'tcpdump: listening on eth0, link-type EN10MB (Ethernet), snapshot length 96 bytes' >&2
printf '\324\303\262\241\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0'
while :; do sleep 0.05; done`

func lines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// drain reads a source to its end.
func drain(ctx context.Context, s capture.Source) (frames []string, err error) {
	for {
		b, err := s.Next(ctx)
		if err != nil {
			return frames, err
		}
		for _, r := range b.Frames {
			frames = append(frames, string(b.Buf[r.Off:r.Off+r.Len]))
		}
		b.Release()
	}
}

// The words that tcpdump gets are those that it was meant to get, in whatever
// shell the other side has, and hostile ones too.
func TestCommand(t *testing.T) {
	const own = "not (tcp port 51234 and tcp port 2222 and host fe80::2 and host fe80::1)"
	for _, shell := range []string{"dash", "bash", "busybox"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("no %s to try", shell)
			continue
		}
		for filter, want := range map[string]string{
			"":                        own,
			"tcp port 80":             own + " and (tcp port 80)",
			`'; touch x; echo "$(id)`: own + ` and ('; touch x; echo "$(id))`,
			`$HOME * \ip ! ` + "`id`": own + ` and ($HOME * \ip ! ` + "`id`)",
		} {
			dir := fakes(t, map[string]string{"ssh": localSSH, "tcpdump": fakeDump})
			if err := os.Symlink(path, filepath.Join(dir, "sh")); err != nil {
				t.Fatal(err)
			}
			target := Target{User: "u", Host: "h", Port: 2222, Iface: "et'h $0"}
			s, err := Open(deadline(t), target, Options{SSH: dir + "/ssh", Filter: filter, Snaplen: 96, Buffer: 1 << 20, Immediate: true, Batch: true})
			if err != nil {
				t.Errorf("%s, %s: %v", shell, filter, err)
				continue
			}
			s.Stop()
			if _, err := drain(deadline(t), s); !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			wantDump := []string{"-i", "et'h $0", "-s", "96", "-U", "-w", "-", "-p", "--immediate-mode", "-B", "1024", "--", want}
			if got := lines(t, dir+"/dump"); !slices.Equal(got, wantDump) {
				t.Errorf("%s: tcpdump %q, want %q", shell, got, wantDump)
			}
			args := lines(t, dir+"/args")
			if want := strings.Fields("BatchMode=yes -p 2222 -l u -- h"); !slices.Equal(args[len(args)-8:len(args)-1], want) {
				t.Errorf("ssh %.200q", args)
			}
			if s := s.Stats(); s.DroppedKernel != 3 || s.DroppedInterface != 1 {
				t.Errorf("%+v", s)
			}
		}
	}
}

// Without SSH_CONNECTION there is nothing to leave out, and sudo runs the program
// that ends tcpdump, too.
func TestCommandSudo(t *testing.T) {
	dir := fakes(t, map[string]string{
		"ssh":     `for command; do :; done; unset SSH_CONNECTION; PATH=$dir:$PATH sh -c "$command"`,
		"sudo":    `printf '%s\n' "$1" "$2" >$dir/sudone; shift; exec "$@"`,
		"tcpdump": fakeDump,
	})
	s, err := Open(deadline(t), Target{Host: "h", Iface: "any", Sudo: true}, Options{SSH: dir + "/ssh", Promiscuous: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if _, err := drain(deadline(t), s); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := lines(t, dir+"/dump"); !slices.Equal(got, []string{"-i", "any", "-s", "262144", "-U", "-w", "-", "--"}) {
		t.Errorf("%q", got)
	}
	if got := lines(t, dir+"/sudone"); !slices.Equal(got, []string{"-n", "sh"}) {
		t.Errorf("%q", got)
	}
}

// Whatever goes wrong there is one line here, with host, interface and what to try.
func TestErrors(t *testing.T) {
	for name, c := range map[string]struct{ ssh, err string }{
		"no device": {`echo "tcpdump: eth9: No such device exists" >&2; echo "(SIOCGIFHWADDR: No such device)" >&2; exit 1`,
			"capture: ssh://h/eth9: eth9: No such device exists; see `tcpdump -D` there"},
		"no right": {`echo "Warning: Permanently added h" >&2; echo "tcpdump: eth9: You don't have permission to capture on that device" >&2; echo "(socket: Operation not permitted)" >&2; exit 1`,
			"capture: ssh://h/eth9: eth9: You don't have permission to capture on that device; log in as root, or append ?sudo to the address"},
		"no tcpdump": {`echo "wirewatch: 1: tcpdump: not found" >&2; exit 127`,
			"capture: ssh://h/eth9: wirewatch: 1: tcpdump: not found; install tcpdump there"},
		"ssh": {`echo "Pseudo" >&2; echo "ssh: connect to host h port 22: Connection refused" >&2; exit 255`,
			"capture: ssh://h/eth9: ssh: connect to host h port 22: Connection refused"},
		"hostile": {`printf 'tcpdump: \033[2J\007\r\n' >&2; exit 1`, "capture: ssh://h/eth9: ␛[2J␇"},
		"silent":  {`exit 3`, "capture: ssh://h/eth9: the capture has ended there (exit status 3)"},
		"banner": {`echo "Welcome!"; exit 0`,
			"capture: ssh://h/eth9: the capture has ended there (exit status 0)"},
		"late": {`printf '\324\303\262\241\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0'; echo "tcpdump: listening on eth9, link" >&2; echo "tcpdump: pcap_loop: The interface disappeared" >&2; exit 1`,
			"capture: ssh://h/eth9: pcap_loop: The interface disappeared"},
	} {
		dir := fakes(t, map[string]string{"ssh": c.ssh})
		s, err := Open(deadline(t), Target{Host: "h", Iface: "eth9"}, Options{SSH: dir + "/ssh"})
		if err == nil {
			_, err = drain(deadline(t), s)
			if err := s.Close(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err == nil || err.Error() != c.err {
			t.Errorf("%s:\n%v\n%s want", name, err, c.err)
		}
	}
	if _, err := Open(deadline(t), Target{Host: "h", Iface: "eth9"}, Options{SSH: "no-such-ssh"}); !errors.Is(err, exec.ErrNotFound) {
		t.Error(err)
	}
}

// A connection that does not come about can be given up.
func TestOpenIsCancelled(t *testing.T) {
	dir := fakes(t, map[string]string{"ssh": "exec sleep 1000"})
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	time.AfterFunc(10*time.Millisecond, func() { cancel(enough) })
	if _, err := Open(ctx, Target{Host: "h", Iface: "eth9"}, Options{SSH: dir + "/ssh"}); !errors.Is(err, enough) {
		t.Error(err)
	}
}

// A Ctrl-C at the terminal, which all programs there get, does not end ssh.
func TestInterruptIsOurs(t *testing.T) {
	dir := fakes(t, map[string]string{"ssh": localSSH, "tcpdump": fakeDump})
	s, err := Open(deadline(t), Target{Host: "h", Iface: "lo"}, Options{SSH: dir + "/ssh", Immediate: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	s.Stop()
	if _, err := drain(deadline(t), s); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if s.Close() != nil || s.Stats().DroppedKernel != 3 {
		t.Errorf("%+v: tcpdump's last words are missing", s.Stats())
	}
}

// A side that is gone, or sends on and on, cannot keep us from ending.
func TestStopIsNotWaitedFor(t *testing.T) {
	const head = `echo 'tcpdump: listening on lo' >&2; printf '\324\303\262\241\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0'; `
	for name, ssh := range map[string]string{
		"gone":    head + `exec sleep 1000`,
		"hostile": head + `while :; do printf '\0\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0x'; done`,
	} {
		dir := fakes(t, map[string]string{"ssh": ssh})
		s, err := Open(deadline(t), Target{Host: "h", Iface: "lo"}, Options{SSH: dir + "/ssh", Patience: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		s.Stop()
		if _, err := drain(deadline(t), s); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is said beside errors is passed on, safe for a terminal, whatever it is.
func TestMessages(t *testing.T) {
	var got []string
	m := &messages{listening: make(chan struct{}), ended: make(chan struct{}), pass: func(s string) { got = append(got, s) }}
	m.read(strings.NewReader("one\r\n\n\x1b]0;x\x07\ntcpdump: listening on x\ntcpdump: listening on y\n99999999999999999999 packets dropped by kernel\n" +
		strings.Repeat("x", maxLine+1) + "\nend"))
	if len(got) != 5 || got[0] != "one" || strings.ContainsRune(got[1], '\x1b') || len(got[2]) != maxLine || got[4] != "end" {
		t.Errorf("%.100q", got)
	}
	if m.reason() != "end" || m.kernel.Load() != 0 {
		t.Error(m.reason(), m.kernel.Load())
	}
}

// sshd is a server of this test's own: its port, and an ssh that trusts it.
type sshd struct {
	port   uint16
	client string
}

func startSSHD(t *testing.T) sshd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: sshd and tcpdump need root")
	}
	daemon := "/usr/sbin/sshd"
	for _, p := range []string{daemon, "/usr/bin/ssh", "/usr/bin/ssh-keygen"} {
		if _, err := os.Stat(p); err != nil {
			t.Skipf("SKIPPED: %s is missing (apt-get install openssh-server openssh-client)", p)
		}
	}
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skip("SKIPPED: tcpdump is missing")
	}
	const privsep = "/run/sshd" // it insists on that
	if err := os.Mkdir(privsep, 0o755); err == nil {
		t.Cleanup(func() { os.Remove(privsep) })
	}
	dir := fakes(t, map[string]string{"ssh": `exec /usr/bin/ssh -F $dir/config "$@"`})
	for _, key := range []string{"host", "user"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir+"/"+key).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	port := freePort(t)
	write := func(name, text string) {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host, err := os.ReadFile(dir + "/host.pub")
	if err != nil {
		t.Fatal(err)
	}
	write("known", fmt.Sprintf("[127.0.0.1]:%d %s", port, host))
	write("config", fmt.Sprintf("Host *\nIdentityFile %s/user\nIdentitiesOnly yes\nUserKnownHostsFile %[1]s/known\nGlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n", dir))
	write("sshd_config", fmt.Sprintf("ListenAddress 127.0.0.1:%d\nHostKey %s/host\nAuthorizedKeysFile %[2]s/user.pub\nStrictModes no\nPermitRootLogin yes\nPidFile none\nUsePAM no\n", port, dir))
	log, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(daemon, "-D", "-e", "-f", dir+"/sshd_config")
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait(); log.Close() })
	buf, said := make([]byte, 4096), ""
	for !strings.Contains(said, "Server listening") {
		n, err := log.Read(buf)
		if err != nil {
			t.Fatalf("sshd: %s", said)
		}
		said += string(buf[:n])
	}
	go io.Copy(io.Discard, log)
	return sshd{uint16(port), dir + "/ssh"}
}

func TestSSH(t *testing.T) {
	d := startSSHD(t)
	web, other := serve(t), serve(t)
	target := Target{User: "root", Host: "127.0.0.1", Port: d.port, Iface: "lo"}
	for _, iface := range []string{"lo", "any"} {
		target.Iface = iface
		filter := fmt.Sprintf("tcp port %d or tcp port %d", web.port, d.port)
		s, err := Open(deadline(t), target, Options{SSH: d.client, Filter: filter, Promiscuous: true})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			web.get(t, fmt.Sprintf("/wanted-%d", i))
			other.get(t, "/unwanted")
		}
		s.Stop() // right away: the last frames are still in the kernel there
		frames, err := drain(deadline(t), s)
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		all := strings.Join(frames, "")
		for i := range 50 {
			if !strings.Contains(all, fmt.Sprintf("GET /wanted-%d HTTP", i)) {
				t.Errorf("%s: request %d is missing", iface, i)
			}
		}
		if strings.Contains(all, "unwanted") {
			t.Errorf("%s: the filter passed what it should not", iface)
		}
		if n := count(frames, iface, d.port); n > 0 {
			t.Errorf("%s: %d frames of ssh's own connection", iface, n)
		}
		if n := count(frames, iface, web.port); n < 200 || s.Stats().Frames != uint64(len(frames)) {
			t.Errorf("%s: %d frames, %+v", iface, n, s.Stats())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		gone(t, fmt.Sprintf("tcp port %d", web.port))
	}
}

// Without a filter, too, the capture does not feed on itself.
func TestSSHWithoutFilter(t *testing.T) {
	d := startSSHD(t)
	web := serve(t)
	s, err := Open(deadline(t), Target{Host: "127.0.0.1", Port: d.port, Iface: "lo"}, Options{SSH: d.client, Immediate: true})
	if err != nil {
		t.Fatal(err)
	}
	var frames []string
	for !strings.Contains(strings.Join(frames, ""), "GET /first HTTP") {
		web.get(t, "/first")
		b, err := s.Next(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Frames {
			frames = append(frames, string(b.Buf[r.Off:r.Off+r.Len]))
		}
		b.Release()
	}
	if n := count(frames, "lo", d.port); n > 0 {
		t.Errorf("%d of %d frames are of ssh's own connection", n, len(frames))
	}
	if err := s.Close(); err != nil { // at once, with frames coming
		t.Error(err)
	}
	if _, err := s.Next(deadline(t)); err == nil {
		t.Error("frames after Close")
	}
	gone(t, fmt.Sprintf("and tcp port %d and host", d.port))
}

func TestSSHErrors(t *testing.T) {
	d := startSSHD(t)
	good := Target{User: "root", Host: "127.0.0.1", Port: d.port, Iface: "lo"}
	for name, c := range map[string]struct {
		change func(*Target, *Options)
		want   []string
	}{
		"no device":    {func(t *Target, _ *Options) { t.Iface = "no'such0" }, []string{"no'such0", "No such device"}},
		"bad filter":   {func(_ *Target, o *Options) { o.Filter = "tcp prot 80" }, []string{"syntax error"}},
		"refused":      {func(t *Target, _ *Options) { t.Port = uint16(freePortNumber()) }, []string{"ssh: connect to host 127.0.0.1", "refused"}},
		"host key":     {func(t *Target, _ *Options) { t.Host = "localhost" }, []string{"Host key verification failed", "connect with ssh once"}},
		"no such user": {func(t *Target, _ *Options) { t.User = "no-such-user" }, []string{"Permission denied (", "by itself"}},
	} {
		target, opt := good, Options{SSH: d.client, Batch: true}
		c.change(&target, &opt)
		_, err := Open(deadline(t), target, opt)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, want := range append(c.want, "capture: "+target.String()+": ") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q in it", name, err, want)
			}
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q has several lines", name, err)
		}
	}
}

// When the connection breaks, the capture here ends with an error, and that there
// ends, too.
func TestSSHBreaks(t *testing.T) {
	d := startSSHD(t)
	filter := fmt.Sprintf("tcp port %d and tcp port %d", freePort(t), freePort(t))
	s, err := Open(deadline(t), Target{Host: "127.0.0.1", Port: d.port, Iface: "lo"}, Options{SSH: d.client, Filter: filter})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := drain(deadline(t), s); err == nil || !strings.Contains(err.Error(), "the capture has ended there (signal: killed)") {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	gone(t, filter)
}

// The same by hand, as documented: tcpdump's capture through ssh into standard
// input.
func TestSSHPipe(t *testing.T) {
	d := startSSHD(t)
	web := serve(t)
	dump := exec.Command(d.client, "-p", fmt.Sprint(d.port), "root@127.0.0.1", "tcpdump", "-i", "lo", "-U", "-w", "-", "tcp", "port", fmt.Sprint(web.port))
	stdin, err := dump.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	out, err := dump.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dump.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { dump.Process.Kill(); dump.Wait(); web.close(); gone(t, fmt.Sprint("port ", web.port)) }()
	s, err := pcapfile.Open([]string{"-"}, pcapfile.Options{Stdin: out})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, stop := make(chan error, 1), make(chan struct{})
	go func() {
		var seen string
		for {
			b, err := s.Next(deadline(t))
			if err != nil {
				got <- err
				return
			}
			for _, r := range b.Frames {
				seen += string(b.Buf[r.Off : r.Off+r.Len])
			}
			b.Release()
			if strings.Contains(seen, "GET /piped HTTP") {
				got <- nil
				return
			}
		}
	}()
	var wg sync.WaitGroup
	wg.Go(func() { // tcpdump does not tell us when it has begun
		for {
			select {
			case <-stop:
				return
			default:
				web.get(t, "/piped")
			}
		}
	})
	if err := <-got; err != nil {
		t.Error(err)
	}
	close(stop)
	wg.Wait()
}
