package inflate

import (
	"bytes"
	"compress/flate"
	"testing"
)

// dynamicMessage is 100 bytes as a message with dynamic codes.
func dynamicMessage(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.HuffmanOnly)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(bytes.Repeat([]byte("abcab"), 20))
	w.Flush()
	return bytes.TrimSuffix(b.Bytes(), messageTail)
}

// TestIdle: between messages a decoder holds its window, no longer than what
// was decoded needs, and the pool the rest, which the next one borrows. Without
// history the pool has the window too.
func TestIdle(t *testing.T) {
	var p Pool
	payload := dynamicMessage(t)
	out := make([]byte, 1000)
	d, e := p.New(15), p.New(9)
	d.Forget()
	if _, _, err := d.Decode(out, payload[:len(payload)-3]); err != nil {
		t.Fatal(err)
	}
	if d.Release(); d.tables == nil || len(d.marks) == 0 || len(d.win.unknown) == 0 {
		t.Fatal("released in the middle of a block")
	}
	if _, _, err := d.Decode(out, payload[len(payload)-3:]); err != nil {
		t.Fatal(err)
	}
	if m, done, err := d.EndMessage(out); !done || err != nil || d.win.filled != 100 {
		t.Fatal(m, done, err, d.win.filled)
	}
	d.Reset()
	used, window := d.tables, d.win.buf
	if len(window) != minWindow {
		t.Errorf("a window of %d bytes for 100", len(window))
	}
	if d.Release(); d.tables != nil || d.lit != nil || d.dist != nil || d.marks != nil || d.win.buf != nil || d.win.unknown != nil {
		t.Error("an idle decoder without history holds what it does not need")
	}
	if _, _, err := e.Decode(out, payload); err != nil {
		t.Fatal(err)
	}
	if e.tables != used || &e.win.buf[0] != &window[0] {
		t.Error("the pool did not lend what was given back")
	}
	if _, done, err := e.EndMessage(out); !done || err != nil {
		t.Fatal(err)
	}
	if e.Release(); e.tables != nil || e.win.filled != 100 || len(e.win.buf) != minWindow {
		t.Error("history was given back, or tables were not")
	}
}

// TestWindowOfThePool: a window borrowed from a decoder with a longer one is
// cut to what was negotiated.
func TestWindowOfThePool(t *testing.T) {
	var p Pool
	p.putWindow(make([]byte, 1<<15))
	w := window{size: 1 << 8}
	for i := range 1000 {
		w.append(&p, []byte{byte(i)}, nil)
	}
	got := make([]byte, 256)
	w.read(got, nil, 256)
	for i, b := range got {
		if b != byte(1000-256+i) {
			t.Fatalf("byte %d of the window: %d", i, b)
		}
	}
	if len(w.buf) != 256 || w.reaches(257) {
		t.Errorf("a window of %d bytes", len(w.buf))
	}
}

// TestWindowHeals: once every marked byte is overwritten, in however small
// pieces, nothing is lost any more.
func TestWindowHeals(t *testing.T) {
	for _, piece := range []int{1, 100, 256, 300} {
		w := window{size: 1 << 8}
		w.reset(true)
		w.append(nil, make([]byte, 200), bytes.Repeat([]byte{1}, 200))
		w.append(nil, make([]byte, 100), bytes.Repeat([]byte{1}, 100))
		for n := 0; n < 256; n += piece {
			if !w.lost || w.ones == 0 {
				t.Errorf("in pieces of %d: healed after %d bytes", piece, n)
			}
			w.append(nil, make([]byte, piece), make([]byte, piece))
		}
		if w.lost || w.ones != 0 {
			t.Errorf("in pieces of %d: %d bytes still marked", piece, w.ones)
		}
	}
}
