package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"testing"
)

// As in: nohup wirewatch ... &, and then the terminal goes away. Interrupts are
// heard there all the same.
func TestNoHangup(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	fifo := newFIFO(t)
	cmd := exec.Command("/bin/sh", "-c", `trap "" HUP; exec "$0" --json "$1"`, self, fifo)
	cmd.Env = append(os.Environ(), runMain+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	opened(t, fifo)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	caught, ignored := signals(t, status, "SigCgt"), signals(t, status, "SigIgn")
	if caught(syscall.SIGHUP) || !ignored(syscall.SIGHUP) || !caught(syscall.SIGTERM) || !caught(syscall.SIGINT) {
		t.Errorf("%s", status)
	}
}

// signals is a set of them in /proc/PID/status.
func signals(t *testing.T, status []byte, name string) func(syscall.Signal) bool {
	t.Helper()
	m := regexp.MustCompile(name + `:\s*([0-9a-f]+)`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no %s in %s", name, status)
	}
	set, err := strconv.ParseUint(string(m[1]), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return func(s syscall.Signal) bool { return set>>(s-1)&1 != 0 }
}
