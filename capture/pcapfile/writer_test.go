package pcapfile

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"example.com/wirewatch/packet"
)

func TestWriter(t *testing.T) {
	large := strings.Repeat("x", maxFrame+1)
	for _, nanos := range []bool{false, true} {
		var buf bytes.Buffer
		w := NewWriter(&buf, 276, nanos)
		for _, f := range []packet.Frame{
			{Nanos: 1500000000_123456789, Link: 276, WireLen: 4, Data: []byte("data")},
			{Nanos: 0, Link: 276, WireLen: 1500},
			{Nanos: lastNanos, Link: 276, WireLen: 1, Data: []byte("more than the wire had")},
			{Nanos: -1, Link: 276, WireLen: len(large), Data: []byte(large)},
			{Nanos: math.MaxInt64, Link: 276, WireLen: 1, Data: []byte("x")},
		} {
			if err := w.WriteFrame(&f); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.WriteFrame(&packet.Frame{Number: 7, Link: 1}); err == nil ||
			err.Error() != "capture: write frame 7: its link type is 1, the file's is 276" {
			t.Errorf("another link type: %v", err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		got, err := readAll(t, buf.Bytes())
		if !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		cut := int64(1000)
		if nanos {
			cut = 1
		}
		wantFrames(t, got, []frame{
			{nanos: 1500000000_123456789 / cut * cut, wire: 4, link: 276, data: "data"},
			{wire: 1500, link: 276},
			{nanos: lastNanos / cut * cut, wire: 22, link: 276, data: "more than the wire had"},
			{wire: maxFrame + 1, link: 276, data: large[:maxFrame]},
			{nanos: lastNanos / cut * cut, wire: 1, link: 276, data: "x"},
		})
	}
}

// A file without frames is a file all the same, for tcpdump and others too.
func TestWriterHeader(t *testing.T) {
	var buf bytes.Buffer
	if err := NewWriter(&buf, 1, false).Flush(); err != nil {
		t.Fatal(err)
	}
	want := "\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x01\x00\x00\x00"
	if buf.String() != want {
		t.Errorf("the header is %x", buf.Bytes())
	}
}

// failing fails after so many bytes, once.
type failing struct {
	left int
	err  error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left >= 0 || f.err == nil {
		return len(p), nil
	}
	err := f.err
	f.err = nil
	return 0, err
}

// The first error stays, and nothing is written after it.
func TestWriterError(t *testing.T) {
	full := errors.New("no space left on device")
	out := &failing{left: writeBuffer, err: full}
	w := NewWriter(out, 1, false)
	f := packet.Frame{Link: 1, Data: make([]byte, 1500)}
	frames := 0
	for ; w.WriteFrame(&f) == nil; frames++ {
		if frames > 1000 {
			t.Fatal("no error")
		}
	}
	if err := w.Flush(); !errors.Is(err, full) {
		t.Errorf("Flush returns %v", err)
	}
	if err := w.WriteFrame(&f); !errors.Is(err, full) || err.Error() != "capture: write: no space left on device" {
		t.Errorf("WriteFrame returns %v", err)
	}
	small := NewWriter(&failing{err: full}, 1, false)
	if err := small.Flush(); !errors.Is(err, full) {
		t.Errorf("Flush returns %v", err)
	}
}
