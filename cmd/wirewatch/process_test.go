package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is wirewatch as a program of its own.
type program struct {
	*exec.Cmd
	out *os.File
	err bytes.Buffer
}

// start starts one whose stdout is a pipe that only program.out reads.
func start(t *testing.T, stdin *os.File, args ...string) *program {
	t.Helper()
	r, w := newPipe(t)
	return startWith(t, stdin, r, w, args...)
}

func newPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// startWith starts one whose stdout is w, which it closes here; r is the other
// end.
func startWith(t *testing.T, stdin, r, w *os.File, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{Cmd: exec.Command(self, args...), out: r}
	p.Env = append(os.Environ(), runMain+"=1")
	p.Stdin, p.Stdout, p.Stderr = stdin, w, &p.err
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// end waits for the end and returns how it came.
func (p *program) end(t *testing.T) syscall.WaitStatus {
	t.Helper()
	within(t, "the end of the process", func() { _ = p.Wait() })
	return p.ProcessState.Sys().(syscall.WaitStatus)
}

// mustEndWell checks for exit code 0 and nothing on stderr.
func (p *program) mustEndWell(t *testing.T) {
	t.Helper()
	if s := p.end(t); !s.Exited() || s.ExitStatus() != exitOK || p.err.Len() > 0 {
		t.Errorf("it ended with %v, stderr %q", p.ProcessState, p.err.String())
	}
}

// often is the arguments for the demo so often that what they write does not fit
// into a pipe.
func often() []string {
	args := []string{"--json", "--body-limit", "all"}
	for range 100 {
		args = append(args, demo)
	}
	return args
}

func TestExitCodesOfProcess(t *testing.T) {
	for _, c := range []struct {
		code int
		args []string
	}{
		{exitOK, []string{"-V"}}, {exitFailure, []string{"no such capture"}}, {exitUsage, []string{"--nonsense"}}, {exitUsage, nil},
		{exitDamaged, []string{temp(t, "cut.pcap", readDemo(t).header[:10])}},
	} {
		p := start(t, nil, c.args...)
		if s := p.end(t); s.ExitStatus() != c.code {
			t.Errorf("%q: %v, want %d; stderr %q", c.args, p.ProcessState, c.code, p.err.String())
		}
	}
}

// As in: wirewatch capture.pcap | head -1.
func TestReaderGoesAway(t *testing.T) {
	p := start(t, nil, often()...)
	if _, err := bufio.NewReader(p.out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	p.out.Close()
	p.mustEndWell(t)
}

// An interrupt while the input keeps us waiting ends the capture, well.
func TestInterrupt(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			c := readDemo(t)
			stdin, w := newPipe(t)
			p := start(t, stdin, "--json", "-")
			stdin.Close()
			if _, err := w.Write(c.bytes(c.records[:firstExchange]...)); err != nil {
				t.Fatal(err)
			}
			out := bufio.NewReader(p.out)
			var first string
			within(t, "a record", func() { first, _ = out.ReadString('\n') })
			if err := p.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			var rest []byte
			within(t, "the rest", func() { rest, _ = io.ReadAll(out) })
			p.mustEndWell(t)
			if n := kinds(t, first+string(rest)); n["capture.summary"] != 1 || n["tcp.flow"] != 1 {
				t.Errorf("wrote %v", n)
			}
		})
	}
}

// opened returns the writing end of a named pipe once p has opened it, by when it
// has long set its signal handler.
func opened(t *testing.T, fifo string) *os.File {
	t.Helper()
	var w *os.File
	within(t, "the pipe to be opened", func() {
		for {
			var err error
			if w, err = os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
				return
			}
			time.Sleep(time.Millisecond) // ENXIO: it is not open for reading yet
		}
	})
	t.Cleanup(func() { w.Close() })
	return w
}

// A named pipe that nothing comes out of can be interrupted, too.
func TestInterruptBeforeInput(t *testing.T) {
	fifo := newFIFO(t)
	p := start(t, nil, "--json", fifo)
	opened(t, fifo)
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var out []byte
	within(t, "the summary", func() { out, _ = io.ReadAll(p.out) })
	p.mustEndWell(t)
	if n := kinds(t, string(out)); len(n) != 1 || n["capture.summary"] != 1 {
		t.Errorf("wrote %v", n)
	}
}

// fill writes to a pipe until nothing more fits.
func fill(t *testing.T, w *os.File) {
	t.Helper()
	raw, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 4096)
	err = raw.Write(func(fd uintptr) bool {
		for len(p) > 0 {
			if _, err := syscall.Write(int(fd), p); err != nil {
				p = p[:len(p)/2]
			}
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The second interrupt ends a process that the first one cannot, since nobody
// takes its output.
func TestSecondInterrupt(t *testing.T) {
	r, w := newPipe(t)
	fill(t, w)
	fifo := newFIFO(t)
	p := startWith(t, nil, r, w, "--json", fifo)
	opened(t, fifo)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Wait()
	}()
	within(t, "the end by a second interrupt", func() {
		for {
			_ = p.Process.Signal(os.Interrupt)
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	if s := p.ProcessState.Sys().(syscall.WaitStatus); !s.Signaled() || s.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v, stderr %q", p.ProcessState, p.err.String())
	}
}

// What is not a terminal gets neither colour nor a bar.
func TestNoTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	p := start(t, nil, demo)
	out, _ := io.ReadAll(p.out)
	p.mustEndWell(t)
	if strings.ContainsRune(string(out), '\x1b') {
		t.Errorf("escape sequences in %q", out)
	}
	if string(out) != succeeds(t, demo) {
		t.Error("a process writes other lines than execute")
	}
}
