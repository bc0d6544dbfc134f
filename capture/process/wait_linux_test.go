package process

import (
	"bytes"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func testWaiter(t *testing.T) (w *waiter, bell int) {
	t.Helper()
	w, err := openWaiter()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	if bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(bell) })
	if err := w.add(bell); err != nil {
		t.Fatal(err)
	}
	return w, bell
}

// TestWait waits for a file: one that is readable already, one that becomes so, and
// one that is waited for no more.
func TestWait(t *testing.T) {
	w, bell := testWaiter(t)
	go wake(bell)
	for range 2 { // it stays readable until it is read
		if err := w.wait(-1); err != nil || !w.fired(bell) {
			t.Fatalf("%v, fired: %v", err, w.fired(bell))
		}
	}
	if _, err := read(bell, make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	wake(bell)
	if err := w.remove(bell); err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{shortly / 4, 2 * shortly} {
		began := time.Now()
		if err := w.wait(d); err != nil || w.fired(bell) || time.Since(began) < d {
			t.Errorf("%v: %v, fired: %v after %v", d, err, w.fired(bell), time.Since(began))
		}
	}
}

// TestPipe writes more than a pipe holds, until its reader is gone.
func TestPipe(t *testing.T) {
	r, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Dup(int(theirs.Fd()))
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	p, err := openPipe(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	want := bytes.Repeat([]byte("0123456789"), 50_000)
	got := make([]byte, len(want))
	read := make(chan error)
	go func() {
		_, err := io.ReadFull(r, got)
		read <- err
	}()
	if n, err := p.Write(want); n != len(want) || err != nil {
		t.Errorf("%d written: %v", n, err)
	}
	if err := <-read; err != nil || !bytes.Equal(got, want) {
		t.Errorf("read something else: %v", err)
	}
	r.Close()
	if _, err := p.Write(want); err == nil {
		t.Error("written to nobody")
	}
}
