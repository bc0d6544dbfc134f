package inflate_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"example.com/wirewatch/content/inflate"
)

// window is what the oracle keeps between streams.
const window = 1 << 15

// standard decodes a payload with the standard library: streams one after
// another until all is read, each with the end of those before it as its
// dictionary.
func standard(wire []byte) (out []byte, ok bool) {
	r := bytes.NewReader(wire)
	for r.Len() > 0 {
		z := flate.NewReaderDict(r, out[max(0, len(out)-window):])
		p, err := io.ReadAll(z)
		out = append(out, p...)
		if err != nil {
			return out, false
		}
	}
	return out, true
}

// oracle is what a message is by the standard library, and whether it ends at
// the end of a block. The tail is followed by two different last blocks: only
// where both are taken for blocks did the tail end one.
func oracle(payload []byte) (out []byte, ok bool) {
	if out, ok := standard(payload); ok && len(payload) > 0 {
		return out, true // see EndMessage
	}
	tailed := append(bytes.Clone(payload), 0, 0, 0xff, 0xff)
	out, ok = standard(append(bytes.Clone(tailed), 1, 0, 0, 0xff, 0xff))
	marked, also := standard(append(tailed, 1, 1, 0, 0xfe, 0xff, 'x'))
	return out, ok && also && string(marked) == string(out)+"x"
}

// FuzzDecode: no input makes it panic; how it is cut does not matter; and what
// it says is what the standard library says. The two notice some errors in other
// places, as a block without a code for its end, or a precode of one symbol, but
// no stream that has them can be decoded to its end. With lost history, what it
// says is known is what any history would give.
func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, open := range compressors(f) {
		for i, p := range conversation(f, open, [][]byte{text(r, 200), text(r, 50), noise(r, 20)}) {
			f.Add(uint64(i), p)
		}
	}
	for _, e := range rfcExamples {
		f.Add(uint64(0), e.bytes(f))
	}
	f.Add(uint64(1), fixed().copyOf(300).b)
	f.Add(uint64(2), dynamic(258, 1).oneLength().length(1).code(0, 1).code(3, 2).code(0, 1).code(2, 2).put(0, 3).b)
	f.Fuzz(func(t *testing.T, seed uint64, payload []byte) {
		if len(payload) > 4<<10 {
			return // it takes the oracle longer than it is worth
		}
		got, err := message(inflate.New(15), payload, whole, whole, nil)
		want, ok := oracle(payload)
		switch {
		case ok != (err == nil):
			t.Errorf("%v; the standard library: %v", err, ok)
		case err == nil && !bytes.Equal(got, want):
			t.Errorf("%d bytes; the standard library: %d", len(got), len(want))
		}
		compareCuts(t, rand.New(rand.NewPCG(seed, 0)), payload, got, err)
		compareHistories(t, payload)
	})
}

// compareCuts: the same bytes and the same error, in whatever pieces, and with
// whatever can be given back given back between any two.
func compareCuts(t *testing.T, r *rand.Rand, payload, want []byte, wantErr error) {
	t.Helper()
	d := inflate.New(15)
	release := func(n sizer) sizer { return func() int { d.Release(); return n() } }
	in, out := random(r, 40), random(r, 600)
	for _, s := range [][2]sizer{{bytewise, whole}, {in, out}, {release(bytewise), whole}, {release(in), release(out)}} {
		d.Reset()
		got, err := message(d, payload, s[0], s[1], nil)
		if !errors.Is(err, wantErr) || !bytes.Equal(got, want) {
			t.Errorf("in pieces: %d bytes, %v; whole: %d bytes, %v", len(got), err, len(want), wantErr)
		}
	}
	if wantErr == nil {
		compareEvicted(t, payload, want, in)
	}
}

// compareEvicted: a decoder that is evicted at any point goes on to the same
// size, and what it still knows is right.
func compareEvicted(t *testing.T, payload, want []byte, in sizer) {
	t.Helper()
	p := &inflate.Pool{Limit: 1}
	d, other := p.New(15), p.New(15)
	evict := func() int {
		other.Reset()
		if _, err := message(other, storedBlocks([]byte("x")), whole, whole, nil); err != nil {
			t.Fatal(err)
		}
		return in()
	}
	known := bytes.Clone(want)
	got, err := message(d, payload, evict, whole, func(from, to int) { clear(known[from:to]) })
	if err != nil || !bytes.Equal(got, known) {
		t.Errorf("evicted: %d bytes, %v; before: %d bytes", len(got), err, len(want))
	}
}

// compareHistories decodes with a history of zeros, one of ones, and none. The
// bytes that do not depend on the history are those that are known.
func compareHistories(t *testing.T, payload []byte) {
	t.Helper()
	var out [2][]byte
	var err error
	for i := range out {
		d := inflate.New(15)
		for range 2 {
			if _, err := message(d, storedBlocks(bytes.Repeat([]byte{byte(i)}, window/2)), whole, whole, nil); err != nil {
				t.Fatal(err)
			}
		}
		out[i], err = message(d, payload, whole, whole, nil)
	}
	known := make([]bool, len(out[0]))
	for i := range known {
		known[i] = out[0][i] == out[1][i]
	}
	d := inflate.New(15)
	d.Forget()
	unknown := make([]bool, len(known))
	got, lostErr := message(d, payload, whole, whole, func(from, to int) {
		for i := from; i < to; i++ {
			unknown[i] = true
		}
	})
	if !bytes.Equal(got, out[0]) || !errors.Is(lostErr, err) {
		t.Errorf("%d bytes, %v; with a history: %d bytes, %v", len(got), lostErr, len(out[0]), err)
	}
	for i := range known {
		if known[i] == unknown[i] {
			t.Errorf("byte %d: known %v, unknown %v", i, known[i], unknown[i])
			break
		}
	}
}
