package inflate

import (
	"bytes"
	"compress/flate"
	"slices"
	"testing"
	"unsafe"
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
// history, or use for it, the pool has the window too.
func TestIdle(t *testing.T) {
	var p Pool
	payload := dynamicMessage(t)
	out := make([]byte, 1000)
	d, e := p.New(15), p.New(9)
	d.Forget()
	if _, _, err := d.Decode(out, payload[:len(payload)-3]); err != nil {
		t.Fatal(err)
	}
	used, window := d.tables, d.win.buf
	if len(window) != minWindow || len(d.win.unknown) != minWindow/64 {
		t.Errorf("a window of %d bytes for 100", len(window))
	}
	if _, _, err := d.Decode(out, payload[len(payload)-3:]); err != nil {
		t.Fatal(err)
	}
	if m, done, err := d.EndMessage(out); !done || err != nil || d.win.filled != 100 {
		t.Fatal(m, done, err, d.win.filled)
	}
	d.Reset()
	if d.holds() != 0 || d.packed != nil || d.lit != nil || d.dist != nil || p.held != 0 || p.newest != nil {
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

// TestWindowOfThePool: a window is as long as is asked for, however long those
// are that were given back.
func TestWindowOfThePool(t *testing.T) {
	var p Pool
	for size := minWindow; size <= 1<<maxBits; size *= 2 {
		p.putWindow(make([]byte, size))
	}
	w := window{size: minWindow}
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
	if cap(w.buf) != minWindow || w.reaches(257) {
		t.Errorf("a window of %d bytes", cap(w.buf))
	}
}

// TestWindowHeals: once every marked byte is overwritten, in however small
// pieces, nothing is lost any more.
func TestWindowHeals(t *testing.T) {
	for _, piece := range []int{1, 100, 256, 300} {
		w, p := window{size: 1 << 8}, new(Pool)
		w.reset(p, true)
		w.append(p, make([]byte, 200), bytes.Repeat([]byte{1}, 200))
		w.append(p, make([]byte, 100), bytes.Repeat([]byte{1}, 100))
		for n := 0; n < 256; n += piece {
			if !w.lost || w.ones == 0 {
				t.Errorf("in pieces of %d: healed after %d bytes", piece, n)
			}
			w.append(p, make([]byte, piece), make([]byte, piece))
		}
		if w.lost || w.ones != 0 {
			t.Errorf("in pieces of %d: %d bytes still marked", piece, w.ones)
		}
	}
}

// TestCutMessage: a message that never goes on costs no tables, in whatever
// kind of block it was cut, and none where an error ended it.
func TestCutMessage(t *testing.T) {
	var p Pool
	d, out := p.New(15), make([]byte, 1000)
	for name, payload := range map[string][]byte{
		"header":  dynamicMessage(t)[:10],
		"symbols": dynamicMessage(t)[:len(dynamicMessage(t))-3],
		"error":   append(dynamicMessage(t), 0, 0, 0xff, 0xff, 6),
	} {
		d.Reset()
		if _, _, err := d.Decode(out, payload); (err != nil) != (name == "error") || d.tables == nil {
			t.Fatal(name, err)
		}
		d.Release()
		if d.tables != nil || p.held != d.win.holds() || (d.packed == nil) != (name == "error") {
			t.Errorf("%s: %d bytes held, of which %d are the window", name, p.held, d.win.holds())
		}
		if name == "error" && p.held != 0 {
			t.Errorf("after an error, %d bytes are held for what cannot go on", p.held)
		}
	}
}

// full decodes a message of so many bytes that are not compressed.
func (d *Decoder) full(t *testing.T, n int) {
	t.Helper()
	block := append([]byte{0, byte(n), byte(n >> 8), ^byte(n), ^byte(n >> 8)}, make([]byte, n+1)...)
	if _, m, err := d.Decode(make([]byte, n+1), block); m != n || err != nil {
		t.Fatal(m, err)
	}
	if _, done, err := d.EndMessage(make([]byte, 1)); !done || err != nil {
		t.Fatal(done, err)
	}
}

// TestPoolShrinks: when many connections end at once, the pool keeps what a few
// need.
func TestPoolShrinks(t *testing.T) {
	var p Pool
	all := make([]*Decoder, 100)
	for i := range all {
		all[i] = p.New(15)
		all[i].full(t, 40_000)
		if _, _, err := all[i].Decode(make([]byte, 1000), dynamicMessage(t)[:20]); err != nil {
			t.Fatal(err)
		}
	}
	if want := len(all) * (1<<15 + sizeOfTables); p.held != want {
		t.Errorf("%d bytes held, not %d", p.held, want)
	}
	for _, d := range all {
		d.Reset()
	}
	for _, rings := range p.windows {
		spare := 0
		for _, w := range rings {
			spare += cap(w)
		}
		if spare > spareWindows {
			t.Errorf("%d bytes of windows kept", spare)
		}
	}
	if kept := len(*p.rings(1 << 15)); kept != spareWindows>>15 || len(p.tables) != spareTables {
		t.Errorf("%d windows and %d tables kept", kept, len(p.tables))
	}
	if p.held != 0 || p.oldest != nil || p.newest != nil {
		t.Errorf("%d bytes held by nobody", p.held)
	}
}

// TestLimit: beyond the pool's limit those that were used longest ago give up
// their windows, no more of them than it takes, and never the one in use.
func TestLimit(t *testing.T) {
	p := Pool{Limit: 4 << 15}
	all := make([]*Decoder, 10)
	evicted := func(want ...int) {
		t.Helper()
		for i, d := range all {
			is := slices.Contains(want, i)
			if d.win.lost && d.win.buf != nil || d.evicted != is || d.Evicted() != is || d.Evicted() {
				t.Errorf("decoder %d: evicted is not %v once", i, is)
			}
		}
		if p.held > max(p.Limit, p.newest.holds()) {
			t.Errorf("%d bytes held; the limit is %d", p.held, p.Limit)
		}
	}
	for i := range all {
		all[i] = p.New(15)
		all[i].full(t, 1<<15)
	}
	evicted(0, 1, 2, 3, 4, 5)
	all[6].full(t, 1)
	all[8].Release() // is no use
	all[5].full(t, 1<<15)
	evicted(7)
	all[9].Reset() // makes room
	all[4].full(t, 1<<15)
	evicted()
	if p.Limit = 100; !all[4].win.reaches(1<<15) || all[4].win.lost {
		t.Error("a decoder has no history, though its window was full after it was evicted")
	}
	all[5].full(t, 1)
	evicted(4, 6, 8)
	if p.oldest != all[5] || p.held != 1<<15 {
		t.Errorf("%d bytes held beside the decoder in use", p.held-all[5].holds())
	}
}

// TestSizes: tables are counted as what they are, and a decoder, of which there
// are two to a connection for as long as it is open, has not grown.
func TestSizes(t *testing.T) {
	if size := unsafe.Sizeof(tables{}); size != sizeOfTables {
		t.Errorf("tables are counted as %d bytes, and have %d", sizeOfTables, size)
	}
	if size := unsafe.Sizeof(Decoder{}); size > 240 {
		t.Errorf("a decoder of %d bytes", size)
	}
}
