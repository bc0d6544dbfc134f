//go:build unix

package pcapfile

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// fifo makes a FIFO.
func fifo(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Skip("no FIFOs here:", err)
	}
	return name
}

// wantEnd fails unless the goroutine of a closed source ends.
func wantEnd(t *testing.T, s *Source) {
	t.Helper()
	p, ok := s.readers[0].in.(*pump)
	if !ok {
		t.Fatalf("the input is a %T", s.readers[0].in)
	}
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		t.Error("the goroutine goes on")
	}
}

// soon is when a read that would wait for ever is cancelled: after it has begun.
const soon = 300 * time.Millisecond

func TestFIFO(t *testing.T) {
	o := binary.LittleEndian
	name := fifo(t)
	s, err := Open([]string{name}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(soon, cancel)
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("without a writer: %v", err)
	}
	w, err := os.OpenFile(name, os.O_RDWR, 0) // which waits for no reader
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range [][]byte{
		pcapRec(pcapHead(o, 0xa1b2c3d4, 65535, 1), o, 0, 0, 4, 4, "data"), pcapRec(nil, o, 1, 0, 4, 4, "more"),
	} {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		b, err := s.Next(context.Background())
		if err != nil || len(b.Frames) != 1 || b.Frames[0].Nanos != int64(i)*1e9 {
			t.Fatalf("block %d: %+v, %v", i, b, err)
		}
		b.Release()
	}
	ctx, cancel = context.WithCancel(context.Background())
	go cancel()
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("with a silent writer: %v", err)
	}
	closeSource(t, s)
	wantEnd(t, s) // although the writer has not gone
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// Close lets go of a FIFO that nobody has opened for writing, or read.
func TestFIFOWithoutWriter(t *testing.T) {
	for _, read := range []bool{false, true} {
		s, err := Open([]string{fifo(t)}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if read {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(soon, cancel)
			if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		closeSource(t, s)
		if read {
			wantEnd(t, s)
		}
	}
}
