package afpacket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/wirewatch/capture/pcapfile"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// frames collects what a handle reads until one holds the marker.
func frames(t *testing.T, h *Handle) (out []string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		data, nanos, wire, err := h.Read()
		switch {
		case errors.Is(err, ErrTimeout):
			continue
		case err != nil:
			t.Fatal(err)
		}
		if age := time.Since(time.Unix(0, nanos)); age < -time.Minute || age > patience+time.Minute {
			t.Errorf("a frame is %v old", age)
		}
		out = append(out, fmt.Sprintf("%d %x", wire, data))
		if bytes.Contains(data, marker) {
			return out
		}
	}
	t.Fatalf("no marker after %d frames", len(out))
	return nil
}

var marker = []byte("that is all")

// dump is a tcpdump of the same interface, with a name in the test's folder.
type dump struct {
	file string
	cmd  *exec.Cmd
}

func startDump(t *testing.T, args ...string) *dump {
	t.Helper()
	d := &dump{file: filepath.Join(t.TempDir(), "theirs.pcap")}
	d.cmd = exec.Command("tcpdump", append([]string{"-w", d.file, "-U", "-Z", "root"}, args...)...)
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.cmd.Process.Kill(); d.cmd.Wait() })
	buf, said := make([]byte, 4096), ""
	for !strings.Contains(said, "listening on") {
		n, err := stderr.Read(buf)
		if err != nil {
			t.Fatalf("tcpdump: %s", said)
		}
		said += string(buf[:n])
	}
	go io.Copy(io.Discard, stderr)
	return d
}

// frames waits until tcpdump has written the marker, too.
func (d *dump) frames(t *testing.T) (out []string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(d.file)
		if err == nil && bytes.Contains(b, marker) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("tcpdump has not seen the marker")
		}
	}
	d.cmd.Process.Signal(os.Interrupt)
	d.cmd.Wait()
	s, err := pcapfile.Open([]string{d.file}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for {
		b, err := s.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Frames {
			data := b.Buf[r.Off : r.Off+r.Len]
			out = append(out, fmt.Sprintf("%d %x", r.WireLen, data))
			if bytes.Contains(data, marker) {
				b.Release()
				return out
			}
		}
		b.Release()
	}
}

func open(t *testing.T, name string, opt Options) *Handle {
	t.Helper()
	h, err := Open(name, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// send sends datagrams of so many bytes to an address, and then the marker.
func send(t *testing.T, to string, sizes ...int) {
	t.Helper()
	c, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i, n := range sizes {
		c.Write(bytes.Repeat([]byte{'a' + byte(i)}, n)) // nobody listens: an error of ICMP may come back
	}
	for range 3 { // the first may be what the error is reported to
		if _, err := c.Write(marker); err == nil {
			return
		}
	}
	t.Fatal("the marker cannot be sent")
}

// exchange moves a megabyte each way through TCP, on the loopback interface: the
// kernel sends segments of up to 64 KiB there.
func exchange(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go client.Write(bytes.Repeat([]byte("request "), 1<<17))
	if _, err := io.CopyN(io.Discard, server, 1<<20); err != nil {
		t.Error(err)
	}
	go server.Write(bytes.Repeat([]byte("response"), 1<<17))
	if _, err := io.CopyN(io.Discard, client, 1<<20); err != nil {
		t.Error(err)
	}
}

// same compares what we have seen of some traffic with what tcpdump has.
func same(t *testing.T, h *Handle, d *dump) []string {
	t.Helper()
	ours, theirs := frames(t, h), d.frames(t)
	if len(ours) != len(theirs) {
		t.Errorf("%d frames, tcpdump has %d", len(ours), len(theirs))
	}
	slices.Sort(ours) // two processors may show two sockets two orders
	slices.Sort(theirs)
	for i := range min(len(ours), len(theirs)) {
		if ours[i] != theirs[i] {
			t.Fatalf("frame %d:\n%.300s\n%.300s is tcpdump's", i, ours[i], theirs[i])
		}
	}
	received, kernel, iface, err := h.Stats()
	if err != nil || received < uint64(len(ours)) || kernel != 0 || iface != 0 {
		t.Errorf("%d received, %d and %d lost of %d: %v", received, kernel, iface, len(ours), err)
	}
	return ours
}

func TestLoopback(t *testing.T) {
	pair(t)
	h, d := open(t, "lo", Options{}), startDump(t, "--immediate-mode", "-B", "65536", "-i", "lo")
	if h.Link() != linkEthernet {
		t.Errorf("link type %d", h.Link())
	}
	exchange(t)
	send(t, "127.0.0.1:9", 1, 1000, 60000)
	large := 0
	for _, f := range same(t, h, d) {
		if len(f) > 2*32<<10 {
			large++
		}
	}
	if large == 0 {
		t.Error("no segment that was offloaded")
	}
}

func TestAny(t *testing.T) {
	pair(t)
	h, d := open(t, Any, Options{Promiscuous: true}), startDump(t, "--immediate-mode", "-B", "65536", "-i", "any", "-y", "LINUX_SLL")
	if h.Link() != linkSLL {
		t.Errorf("link type %d", h.Link())
	}
	exchange(t)
	send(t, "10.9.0.2:9", 1, 1000, 8000)
	same(t, h, d)
}

// A frame of 9000 bytes, and the peer's with two VLAN tags, of which the kernel
// takes out the first.
func TestEthernet(t *testing.T) {
	_, b := pair(t)
	h, d := open(t, "wwa0", Options{Promiscuous: true}), startDump(t, "--immediate-mode", "-i", "wwa0")
	send(t, "10.9.0.2:9", 1, 1000, 8900)
	if got := same(t, h, d); !strings.Contains(strings.Join(got, "\n"), "8942 ") {
		t.Error("no frame of nearly 9000 bytes")
	}
	h, d = open(t, "wwa0", Options{}), startDump(t, "--immediate-mode", "-i", "wwa0") // what the first has read may not have been all
	var tagged []string
	for _, tag := range []string{"\x81\x00\x00\x05", "\x88\xa8\x20\x05", "\x81\x00\x00\x00", "\x88\xa8\x00\x05\x81\x00\x00\x06", ""} {
		tagged = append(tagged, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02"+tag+"\x88\xb5 for experiments, "+string(marker[:len(marker)-min(len(tag), 1)]))
	}
	inject(t, b, "wwb0", tagged)
	got := same(t, h, d)
	for _, f := range tagged {
		if !slices.Contains(got, fmt.Sprintf("%d %x", len(f), f)) {
			t.Errorf("sent, but not seen: %d %x", len(f), f)
		}
	}
}

// inject sends frames from an interface in another namespace.
func inject(t *testing.T, ns, name string, frames []string) {
	t.Helper()
	done := make(chan error)
	go func() {
		done <- func() error {
			if err := enter(ns); err != nil {
				return err
			}
			fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			i, err := net.InterfaceByName(name)
			if err != nil {
				return err
			}
			for _, f := range frames {
				if err := unix.Sendto(fd, []byte(f), 0, &unix.SockaddrLinklayer{Ifindex: i.Index}); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestTun(t *testing.T) {
	a, _ := pair(t)
	if out, err := exec.Command("ip", "-n", a, "tuntap", "add", "wwt0", "mode", "tun").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: no tun devices here: %s", out)
	}
	tun, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("SKIPPED: no tun devices here: %v", err)
	}
	defer unix.Close(tun)
	req := struct { // struct ifreq
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: unix.IFF_TUN | unix.IFF_NO_PI}
	copy(req.name[:], "wwt0")
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(tun), unix.TUNSETIFF, uintptr(unsafe.Pointer(&req))); e != 0 {
		t.Fatal(e)
	}
	run(t, "ip -n "+a+" addr add 10.8.0.1/24 dev wwt0")
	run(t, "ip -n "+a+" link set wwt0 up")
	h, d := open(t, "wwt0", Options{}), startDump(t, "--immediate-mode", "-i", "wwt0")
	if h.Link() != linkRaw {
		t.Errorf("link type %d", h.Link())
	}
	send(t, "10.8.0.2:9", 1, 1000)
	same(t, h, d)
}

// Frames are cut, and their length on the wire is that before.
func TestSnaplen(t *testing.T) {
	pair(t)
	for _, name := range []string{"lo", Any} {
		h := open(t, name, Options{Snaplen: 60})
		args := []string{"-i", name, "-s", "60"} // not at once: its ring would have frames of 58 bytes
		if name == Any {
			args = append(args, "-y", "LINUX_SLL")
		}
		d := startDump(t, args...)
		send(t, "127.0.0.1:9", 1, 1000, 5000)
		same(t, h, d)
	}
}

// What was received is what was handed on and what was dropped: when nobody reads
// and the ring is small, too.
func TestDrops(t *testing.T) {
	pair(t)
	h := open(t, "lo", Options{Buffer: 1})
	const sent = 20000
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range sent {
		if _, err := c.WriteTo(make([]byte, 1000), c.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	var read uint64
	for idle := 0; idle < 5; {
		switch _, _, _, err := h.Read(); {
		case errors.Is(err, ErrTimeout):
			idle++
		case err != nil:
			t.Fatal(err)
		default:
			read++
		}
	}
	received, kernel, _, err := h.Stats()
	if err != nil || received != sent || received != read+kernel || kernel == 0 || read == 0 {
		t.Errorf("%d sent, %d received, %d read, %d dropped: %v", sent, received, read, kernel, err)
	}
	if again, _, _, err := h.Stats(); err != nil || again != sent {
		t.Errorf("%d received when asked again: %v", again, err)
	}
}

// wanted reads until an error is the one that is wanted.
func wanted(t *testing.T, h *Handle, want error) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		_, _, _, err := h.Read()
		switch {
		case errors.Is(err, want):
			return
		case err != nil && !errors.Is(err, ErrTimeout) && !errors.Is(err, ErrDown):
			t.Fatalf("%v, want %v", err, want)
		}
	}
	t.Fatalf("never: %v", want)
}

func TestInterfaceGoes(t *testing.T) {
	a, b := pair(t)
	h := open(t, "wwa0", Options{})
	run(t, "ip -n "+a+" link set wwa0 down")
	wanted(t, h, ErrDown)
	if _, err := Open("wwa0", Options{}); !errors.Is(err, ErrDown) {
		t.Errorf("opening it: %v", err)
	}
	run(t, "ip -n "+a+" link set wwa0 up")
	send(t, "10.9.0.2:9", 1)
	frames(t, h)
	send(t, "10.9.0.2:9", 1) // just before: that must still come
	run(t, "ip -n "+b+" link del wwb0")
	frames(t, h)
	wanted(t, h, ErrGone)
	wanted(t, h, fs.ErrNotExist)
}

func TestOpenErrors(t *testing.T) {
	if _, err := Open("no-such-iface0", Options{}); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "capture: open no-such-iface0: ") {
		t.Error(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: the rest needs root, to give it up")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run", "TestUnprivileged", "-test.v")
	cmd.Env = append(os.Environ(), "WIREWATCH_UNPRIVILEGED=1")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, fs.ErrPermission) {
		t.Skipf("SKIPPED: nobody may not run %s", exe)
	}
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestUnprivileged")) {
		t.Errorf("%v: %s", err, out)
	}
}

// TestUnprivileged is run by TestOpenErrors, as nobody.
func TestUnprivileged(t *testing.T) {
	if os.Getenv("WIREWATCH_UNPRIVILEGED") == "" {
		t.Skip("part of TestOpenErrors")
	}
	if _, err := Open("lo", Options{}); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
	if _, err := Open(Any, Options{}); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
}

func TestClosed(t *testing.T) {
	pair(t)
	h, err := Open("lo", Options{Timeout: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := h.Read(); !errors.Is(err, ErrTimeout) {
		t.Error(err)
	}
	for range 2 {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, _, _, err := h.Read(); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

func TestInterfaces(t *testing.T) {
	list, err := Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, i := range list {
		names[i.Name] = true
	}
	if !names["lo"] || !names[Any] {
		t.Errorf("%+v", list)
	}
}
