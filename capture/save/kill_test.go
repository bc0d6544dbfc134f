//go:build unix

package save

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/pcapfile"
)

// child is what a process of the tests' own writes to, without end.
const child = "WIREWATCH_SAVE_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(child); name != "" {
		if err := writeForever(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForever writes blocks and says so after each.
func writeForever(name string) error {
	s, err := Create(Options{Name: name})
	if err != nil {
		return err
	}
	for i, all := 0, blocks(100); ; i++ {
		if err := s.Write(all[i%len(all)], ifaces); err != nil {
			return err
		}
		if _, err := fmt.Println(i + 1); err != nil {
			return err
		}
	}
}

// What Write has written survives SIGKILL.
func TestKill(t *testing.T) {
	for _, suffix := range []string{".pcapng", ".pcap"} {
		name := filepath.Join(t.TempDir(), "x"+suffix)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+name)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, written := bufio.NewScanner(out), 0
		for lines.Scan() {
			if _, err := fmt.Sscan(lines.Text(), &written); err != nil {
				t.Error(err)
			}
			if written == 500 {
				_ = cmd.Process.Kill()
			}
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("the child ended with %v", err)
		}
		c, err := readAsFar(t, name)
		if damaged := new(capture.Damaged); len(c.frames) < 10*written || written < 500 || !errors.Is(err, io.EOF) && !errors.As(err, &damaged) {
			t.Errorf("%s: %d frames of %d blocks, %v", suffix, len(c.frames), written, err)
		}
	}
}

// A FIFO is written as it is.
func TestFIFO(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o644); err != nil {
		t.Fatal(err)
	}
	got := make(chan int)
	go func() {
		src, err := pcapfile.Open([]string{name}, pcapfile.Options{})
		frames := 0
		for err == nil {
			var b *capture.Block
			if b, err = src.Next(t.Context()); err == nil {
				frames += len(b.Frames)
				b.Release()
			}
		}
		_ = src.Close()
		got <- frames
	}()
	save(t, Options{Name: name, Made: func(*os.File) error { return errors.New("it was there") }}, blocks(5))
	if n := <-got; n != 50 {
		t.Errorf("%d frames came through", n)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
