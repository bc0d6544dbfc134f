package inflate_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"example.com/wirewatch/content/inflate"
)

// provenance is a decoder that knows for each byte whether it comes, by any
// number of copies, from before the start: the truth about what is unknown. It
// decodes the whole conversation and is told where the loss ended.
//
// It is made of a Decoder that saw everything and one that saw history in which
// each byte is replaced by another: a byte is known if no replacement changes it.
func provenance(t *testing.T, payloads, messages [][]byte, lost int) (known [][]bool) {
	t.Helper()
	history := bytes.Join(messages[:lost], nil)
	d := inflate.New(15)
	for at := 0; at < len(history); at += 0x8000 { // the same history, each byte inverted
		part := history[at:min(len(history), at+0x8000)]
		if _, err := message(d, storedBlocks(inverted(part)), whole, whole, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range payloads[lost:] {
		got, err := message(d, p, whole, whole, nil)
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, make([]bool, len(got)))
		for j := range got {
			known[i][j] = got[j] == messages[lost+i][j]
		}
	}
	return known
}

func inverted(p []byte) []byte {
	p = bytes.Clone(p)
	for i := range p {
		p[i] = ^p[i]
	}
	return p
}

// storedBlocks is p as the payload of a message that is not compressed.
func storedBlocks(p []byte) []byte {
	n := len(p)
	b := append([]byte{0, byte(n), byte(n >> 8), ^byte(n), ^byte(n >> 8)}, p...)
	return append(b, 0)
}

// TestLostHistory drops a prefix of a conversation. What follows must have its
// true sizes, every byte that is said to be known must be true, and exactly
// those must be said to be unknown that copy what was lost.
func TestLostHistory(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	unknown, all := 0, 0
	for name, open := range compressors(t) {
		messages := messagesOf(r, 30)
		for range 100 {
			messages = append(messages, text(r, 200))
		}
		payloads := conversation(t, open, messages)
		for _, lost := range []int{1, 5, 40} {
			d := inflate.New(15)
			if lost == 5 { // some history that must not be mistaken for the one lost
				if _, err := message(d, storedBlocks([]byte("before the loss")), whole, whole, nil); err != nil {
					t.Fatal(err)
				}
			}
			d.Forget()
			truth := provenance(t, payloads, messages, lost)
			for i, p := range payloads[lost:] {
				n := checkKnown(t, d, p, messages[lost+i], truth[i], random(r, 5000), random(r, 5000))
				if t.Failed() {
					t.Fatalf("%s: %d messages lost, message %d after them", name, lost, i)
				}
				unknown, all = unknown+n, all+len(messages[lost+i])
			}
		}
	}
	t.Logf("%d of %d bytes unknown", unknown, all)
	if unknown == 0 || unknown > all/2 {
		t.Errorf("%d of %d bytes unknown: the test does not test", unknown, all)
	}
}

// checkKnown decodes a message and compares it, and what is unknown of it, with
// the truth; it returns how much is unknown.
func checkKnown(t *testing.T, d *inflate.Decoder, payload, want []byte, known []bool, in, out sizer) (n int) {
	t.Helper()
	got := make([]bool, len(want))
	for i := range got {
		got[i] = true
	}
	text, err := message(d, payload, in, out, func(from, to int) {
		for i := from; i < to; i++ {
			got[i] = false
		}
		n += to - from
	})
	if err != nil || len(text) != len(want) {
		t.Errorf("%d bytes of %d, %v", len(text), len(want), err)
		return n
	}
	for i := range want {
		if got[i] && text[i] != want[i] || !got[i] && text[i] != 0 {
			t.Errorf("byte %d: %#x, known %v; want %#x", i, text[i], got[i], want[i])
			break
		}
	}
	if !slices.Equal(got, known) {
		t.Error("known and unknown are not where they should be")
	}
	if d.Unknown() != uint64(n) {
		t.Errorf("Unknown: %d, ranges: %d", d.Unknown(), n)
	}
	return n
}

// TestHistoryHeals: a window full of known bytes is as good as one that was
// never lost; then a distance beyond the data is none, and there are no ranges.
func TestHistoryHeals(t *testing.T) {
	d := inflate.New(8)
	d.Forget()
	reach := fixed().copyOf(256).code(0, 7).put(0, 3).b
	ranges := 0
	count := func(from, to int) { ranges++ }
	for i, want := range []uint64{3, 0, 3, 0} {
		switch i {
		case 1, 3: // known bytes, all but the whole window, then the whole
			if _, err := message(d, storedBlocks(bytes.Repeat([]byte("x"), 250+i)), whole, whole, count); err != nil {
				t.Fatal(err)
			}
		default:
			if _, err := message(d, reach, whole, whole, count); err != nil {
				t.Fatal(err)
			}
		}
		if d.Unknown() != want {
			t.Errorf("message %d: %d unknown, want %d", i, d.Unknown(), want)
		}
	}
	for range 2 {
		if _, err := message(d, storedBlocks(bytes.Repeat([]byte("y"), 128)), whole, whole, count); err != nil {
			t.Fatal(err)
		}
	}
	ranges = 0
	if got, err := message(d, reach, whole, whole, count); err != nil || string(got) != "yyy" || ranges > 0 || d.Unknown() > 0 {
		t.Errorf("after a window of known bytes: %q, %v, %d ranges", got, err, ranges)
	}
}

// TestForgetAfterError: a decoder goes on after what it could not decode.
func TestForgetAfterError(t *testing.T) {
	d := inflate.New(15)
	if _, err := message(d, []byte{6}, whole, whole, nil); err == nil {
		t.Fatal("a reserved block type was taken")
	}
	d.Forget()
	if got, err := message(d, storedBlocks([]byte("x")), whole, whole, nil); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestEvicted: a decoder that gives up its history between messages goes on as
// after Forget, whatever it knew.
func TestEvicted(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	messages := [][]byte{text(r, 20_000), text(r, 300), text(r, 300), text(r, 3000), text(r, 300)}
	payloads := conversation(t, compressors(t)["std 6"], messages)
	const lost = 2
	p := new(inflate.Pool)
	d, other := p.New(15), p.New(15)
	for _, payload := range payloads[:lost] {
		if _, err := message(d, payload, whole, whole, nil); err != nil {
			t.Fatal(err)
		}
	}
	if d.Evicted() {
		t.Error("evicted, though there is no limit")
	}
	p.Limit = 1
	if _, err := message(other, storedBlocks([]byte("x")), whole, whole, nil); err != nil {
		t.Fatal(err)
	}
	if !d.Evicted() || d.Evicted() || other.Evicted() {
		t.Error("not evicted, or more than once")
	}
	truth, unknown := provenance(t, payloads, messages, lost), 0
	for i, payload := range payloads[lost:] {
		unknown += checkKnown(t, d, payload, messages[lost+i], truth[i], random(r, 100), random(r, 100))
	}
	if unknown == 0 {
		t.Error("nothing was unknown: the test does not test")
	}
}
