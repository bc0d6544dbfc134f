package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLiveDrops checks that each of many packets is seen or counted as dropped, and
// that the records tell of those when it happens, and the file does, too.
func TestLiveDrops(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.peer("wwa", ourAddr+"/24", "wwb", theirAddr+"/24")
	file := scratch(t, "drops.pcapng")
	w := p.watch("-i", "wwa", "-B", "1", "-w", file, "--json")
	stopped(t, w.Process.Pid)
	const sent = 20_000 // frames of 1 kB: far more than a ring of 1 MiB holds
	p.flood("wwa", sent)
	if err := w.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.until("word of the loss", func() bool { return strings.Contains(w.out.String(), "capture.packets_lost") })
	out := w.stop(os.Interrupt, exitOK)
	s := summary(t, out)
	seen, dropped := int(s["packets"].(float64)), int(s["dropped_kernel"].(float64))
	if seen+dropped != sent || dropped == 0 {
		t.Errorf("sent %d, seen %d, dropped %d, which is %d", sent, seen, dropped, seen+dropped)
	}
	if told := lostIn(out); told != dropped {
		t.Errorf("%d packets were told to be lost, and %d were", told, dropped)
	}
	mustEqualFile(t, out, file)
}

// stopped stops a process, and waits until it stands still.
func stopped(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process to stop", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err == nil && strings.Contains(string(stat), ") T ")
	})
}

var lost = regexp.MustCompile(`packets were not captured: (\d+), because`)

// lostIn is how many packets records say were not fetched in time.
func lostIn(out string) (n int) {
	for _, m := range lost.FindAllStringSubmatch(out, -1) {
		var k int
		_, _ = fmt.Sscan(m[1], &k)
		n += k
	}
	return n
}

// flood sends frames of a kilobyte, of no protocol, on an interface.
func (p *place) flood(name string, n int) {
	p.t.Helper()
	frame := make([]byte, 1000)
	copy(frame, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5") // an EtherType for experiments
	for range n {
		p.send(name, frame)
	}
}

// send sends a frame on an interface.
func (p *place) send(name string, frame []byte) {
	p.t.Helper()
	if p.raw == 0 {
		p.inside(func() { p.raw, p.index = rawSocket(p.t, name) })
		p.t.Cleanup(func() { _ = unix.Close(p.raw) })
	}
	for {
		err := unix.Sendto(p.raw, frame, 0, &unix.SockaddrLinklayer{Ifindex: p.index, Halen: 6})
		if err == nil {
			return
		}
		if err != unix.ENOBUFS && err != unix.EAGAIN && err != unix.EINTR {
			p.t.Fatal(err)
		}
	}
}

func rawSocket(t *testing.T, name string) (fd, index int) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		t.Error(err)
		return -1, 0
	}
	ifr, err := unix.NewIfreq(name)
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, ifr)
	}
	if err != nil {
		t.Error(err)
		return fd, 0
	}
	return fd, int(ifr.Uint32())
}
