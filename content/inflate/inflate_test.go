package inflate_test

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	kflate "github.com/klauspost/compress/flate"

	"example.com/wirewatch/content/inflate"
)

// sizer says how many bytes the next call gets.
type sizer func() int

func whole() int    { return 1 << 16 }
func bytewise() int { return 1 }

func random(r *rand.Rand, most int) sizer { return func() int { return 1 + r.IntN(most) } }

// message decodes one message, with input and output in pieces, and checks what
// each call promises. The ranges that are unknown are given to unknown, if set.
func message(d *inflate.Decoder, payload []byte, in, out sizer, unknown func(from, to int)) ([]byte, error) {
	var got, space []byte
	room := func() []byte {
		n := out()
		if n > len(space) {
			space = make([]byte, n)
		}
		return space[:n]
	}
	took := func(buf []byte, m int) {
		for from, to := range d.UnknownRanges {
			if from >= to || to > m {
				panic("range beyond what was written")
			}
			unknown(len(got)+from, len(got)+to)
		}
		got = append(got, buf[:m]...)
	}
	for len(payload) > 0 {
		p, buf := payload[:min(in(), len(payload))], room()
		for {
			n, m, err := d.Decode(buf, p)
			took(buf, m)
			if p, payload = p[n:], payload[n:]; err != nil {
				return got, err
			}
			if m < len(buf) {
				if len(p) > 0 {
					panic("neither the input is used up nor the output full")
				}
				break
			}
		}
	}
	for {
		buf := room()
		m, done, err := d.EndMessage(buf)
		took(buf, m)
		if done || err != nil {
			return got, err
		}
	}
}

type example struct{ name, payload, want string }

// bytes are the payload, which is written in hexadecimal.
func (e example) bytes(t testing.TB) []byte {
	return must(hex.DecodeString(strings.ReplaceAll(e.payload, " ", "")))(t)
}

var rfcExamples = []example{
	{"7.2.3.1 one block", "f248cdc9c90700", "Hello"},
	{"7.2.3.2 sharing the window", "f200110000", "Hello"},
	{"7.2.3.3 no compression", "000500faff48656c6c6f00", "Hello"},
	{"7.2.3.4 BFINAL", "f348cdc9c9070000", "Hello"},
	{"7.2.3.5 two blocks", "f248050000 00ffffcac9c90700", "Hello"},
	{"7.2.3.6 empty", "00", ""},
	{"BFINAL without the empty block after it", "f348cdc9c90700", "Hello"},
	{"the second message after BFINAL", "f200110000", "Hello"},
}

func TestExamplesOfRFC7692(t *testing.T) {
	for _, out := range []sizer{whole, bytewise} {
		d := inflate.New(15)
		for _, e := range rfcExamples {
			if got, err := message(d, e.bytes(t), out, out, nil); err != nil || string(got) != e.want {
				t.Errorf("§%s: %q, %v", e.name, got, err)
			}
		}
	}
}

// text is n bytes of the kind that is compressed: words that return.
func text(r *rand.Rand, n int) []byte {
	var b []byte
	for len(b) < n {
		if r.IntN(3) > 0 && len(b) > 20 {
			at := r.IntN(len(b) - 10)
			b = append(b, b[at:at+3+r.IntN(7)]...)
		} else {
			b = fmt.Appendf(b, "%x,", r.Uint32()>>r.IntN(32))
		}
	}
	return b[:n]
}

// noise is n bytes that cannot be compressed.
func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

type flusher interface {
	io.Writer
	Flush() error
}

// compressors are all that make another kind of stream.
func compressors(t testing.TB) map[string]func(io.Writer) flusher {
	all := map[string]func(io.Writer) flusher{}
	for level := -2; level <= 9; level++ {
		all[fmt.Sprint("std ", level)] = func(w io.Writer) flusher { return must(flate.NewWriter(w, level))(t) }
		all[fmt.Sprint("klauspost ", level)] = func(w io.Writer) flusher { return must(kflate.NewWriter(w, level))(t) }
	}
	for _, size := range []int{256, 512, 1024, 4096} {
		all[fmt.Sprint("window ", size)] = func(w io.Writer) flusher { return must(kflate.NewWriterWindow(w, size))(t) }
	}
	return all
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// conversation is messages and the payloads that a compressor makes of them,
// with context takeover.
func conversation(t testing.TB, open func(io.Writer) flusher, messages [][]byte) (payloads [][]byte) {
	var buf bytes.Buffer
	w := open(&buf)
	for _, m := range messages {
		if _, err := w.Write(m); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		p, ok := bytes.CutSuffix(buf.Bytes(), []byte{0, 0, 0xff, 0xff})
		if !ok {
			t.Fatal("no empty stored block after a flush")
		}
		payloads = append(payloads, bytes.Clone(p))
		buf.Reset()
	}
	return payloads
}

func messagesOf(r *rand.Rand, count int) (all [][]byte) {
	for range count {
		switch r.IntN(10) {
		case 0:
			all = append(all, nil)
		case 1:
			all = append(all, noise(r, r.IntN(40_000)))
		case 2:
			all = append(all, bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(70_000)))
		case 3:
			all = append(all, text(r, r.IntN(100_000)))
		default:
			all = append(all, text(r, r.IntN(300)))
		}
	}
	return all
}

func TestConversations(t *testing.T) {
	for name, open := range compressors(t) {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			messages := messagesOf(r, 40)
			payloads := conversation(t, open, messages)
			for way, s := range map[string][2]sizer{
				"whole":  {whole, whole},
				"random": {random(r, 300), random(r, 2000)},
				"mixed":  {random(r, 40_000), random(r, 3)},
			} {
				d := new(inflate.Pool).New(15)
				for i, p := range payloads {
					got, err := message(d, p, s[0], s[1], nil)
					if err != nil || !bytes.Equal(got, messages[i]) {
						t.Fatalf("%s: message %d of %d bytes: %d bytes, %v", way, i, len(messages[i]), len(got), err)
					}
					if i%3 == 0 {
						d.Release()
					}
				}
			}
		})
	}
}

// TestBytewise is the same at the finest: each byte of input by itself, and of
// output.
func TestBytewise(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for name, open := range compressors(t) {
		messages := [][]byte{text(r, 3000), text(r, 100), noise(r, 1000), nil, bytes.Repeat([]byte("ab"), 700), text(r, 900)}
		d := inflate.New(15)
		for i, p := range conversation(t, open, messages) {
			if got, err := message(d, p, bytewise, bytewise, nil); err != nil || !bytes.Equal(got, messages[i]) {
				t.Errorf("%s: message %d: %d bytes, %v", name, i, len(got), err)
			}
		}
	}
}

// TestNegotiatedWindow: what was compressed within a window is decoded with it,
// and a smaller one is violated at the same byte whether symbols come one by one
// or, as in a long run, many at a time.
func TestNegotiatedWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	messages := [][]byte{text(r, 50_000), text(r, 1000), text(r, 30_000)}
	for _, bits := range []int{8, 9, 12, 15} {
		open := func(w io.Writer) flusher { return must(kflate.NewWriterWindow(w, 1<<bits))(t) }
		payloads := conversation(t, open, messages)
		for at := 8; at <= 15; at++ {
			fast, slow := inflate.New(at), inflate.New(at)
			for i, p := range payloads {
				got, err := message(fast, p, whole, whole, nil)
				want, wantErr := message(slow, p, bytewise, whole, nil)
				if !errors.Is(err, wantErr) || !bytes.Equal(got, want) || !bytes.HasPrefix(messages[i], got) {
					t.Errorf("%d of %d bits, message %d: %d bytes, %v; bytewise %d, %v", at, bits, i, len(got), err, len(want), wantErr)
				}
				if at >= bits && err != nil || at < bits && !errors.Is(err, inflate.ErrWindow) {
					t.Errorf("%d of %d bits, message %d: %v", at, bits, i, err)
				}
			}
		}
	}
}

// TestFinalIsOfItsMessage: that a message ended with BFINAL does not excuse the
// next one, which has no payload at all.
func TestFinalIsOfItsMessage(t *testing.T) {
	d := inflate.New(15)
	if got, err := message(d, []byte("\xf3\x48\xcd\xc9\xc9\x07\x00"), whole, whole, nil); err != nil || string(got) != "Hello" {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := message(d, nil, whole, whole, nil); !errors.Is(err, inflate.ErrUnfinished) {
		t.Error(err)
	}
}

// TestReset: without context takeover every message begins anew, after an error
// too.
func TestReset(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	d := new(inflate.Pool).New(15)
	for i := range 50 {
		want := text(r, 1+r.IntN(60_000))
		p := conversation(t, compressors(t)["std 6"], [][]byte{want})[0]
		if got, err := message(d, p, whole, whole, nil); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("message %d: %d bytes, %v", i, len(got), err)
		}
		if i%2 == 0 {
			if _, err := message(d, []byte{7}, whole, whole, nil); !errors.Is(err, inflate.ErrBlockType) {
				t.Fatal(err)
			}
			if _, err := message(d, p, whole, whole, nil); !errors.Is(err, inflate.ErrBlockType) {
				t.Fatalf("the error did not last: %v", err)
			}
		}
		d.Reset()
		d.Release()
	}
}

// bitString is a stream written bit by bit: fields of bits as numbers, lowest
// bit first.
type bitString struct {
	b []byte
	n int
}

func (s *bitString) put(v, n int) *bitString {
	for i := range n {
		if s.n%8 == 0 {
			s.b = append(s.b, 0)
		}
		s.b[len(s.b)-1] |= byte(v>>i&1) << (s.n % 8)
		s.n++
	}
	return s
}

// code is a Huffman code, whose first bit is the highest.
func (s *bitString) code(v, n int) *bitString {
	for i := n - 1; i >= 0; i-- {
		s.put(v>>i&1, 1)
	}
	return s
}

func fixed() *bitString { return new(bitString).put(0, 1).put(1, 2) }

// copyOf is a match of 3 bytes with a distance, in the fixed codes.
func (s *bitString) copyOf(distance int) *bitString {
	base := 1
	for i := range 30 {
		extra := max(0, i/2-1)
		if distance < base+1<<extra {
			return s.code(1, 7).code(i, 5).put(distance-base, extra)
		}
		base += 1 << extra
	}
	return s
}

// dynamic is the header of a block whose precode gives 0, 1, 2 and 18 two bits each.
func dynamic(lit, dist int) *bitString {
	s := new(bitString).put(0, 1).put(2, 2).put(lit-257, 5).put(dist-1, 5).put(14, 4)
	for _, sym := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1} {
		if sym == 18 || sym < 3 {
			s.put(2, 3)
		} else {
			s.put(0, 3)
		}
	}
	return s
}

func (s *bitString) zeros(n int) *bitString  { return s.code(3, 2).put(n-11, 7) }
func (s *bitString) length(n int) *bitString { return s.code(n, 2) }

// oneLiteral is lengths of 256 literals and the end of block: "a" and the end.
func (s *bitString) oneLiteral(a, end int) *bitString {
	return s.zeros(97).length(a).zeros(138).zeros(20).length(end)
}

func TestErrors(t *testing.T) {
	for name, test := range map[string]struct {
		stream *bitString
		bits   int
		want   error
	}{
		"block type":              {new(bitString).put(0, 1).put(3, 2), 15, inflate.ErrBlockType},
		"stored length":           {new(bitString).put(0, 8).put(5, 16).put(5, 16), 15, inflate.ErrStoredLength},
		"287 lengths":             {dynamic(287, 1), 15, inflate.ErrCounts},
		"31 distances":            {dynamic(257, 31), 15, inflate.ErrCounts},
		"precode over":            {new(bitString).put(4, 3).put(0, 10).put(0, 4).put(1, 3).put(1, 3).put(1, 3), 15, inflate.ErrOversubscribed},
		"precode incomplete":      {new(bitString).put(4, 3).put(0, 10).put(0, 4).put(2, 3).put(2, 3).put(2, 3).put(0, 3), 15, inflate.ErrIncomplete},
		"precode of one":          {new(bitString).put(4, 3).put(0, 10).put(0, 4).put(0, 9).put(1, 3), 15, inflate.ErrIncomplete},
		"precode of none":         {new(bitString).put(4, 3).put(0, 10).put(0, 4).put(0, 12), 15, inflate.ErrIncomplete},
		"repetition of nothing":   {new(bitString).put(4, 3).put(0, 10).put(0, 4).put(1, 3).put(0, 6).put(1, 3).code(1, 1).put(0, 2), 15, inflate.ErrRepeat},
		"repetition too long":     {dynamic(257, 1).zeros(138).zeros(138), 15, inflate.ErrRepeat},
		"one too many":            {dynamic(257, 1).zeros(138).zeros(121), 15, inflate.ErrRepeat},
		"no end of block":         {dynamic(257, 1).zeros(138).zeros(118).length(0).length(0), 15, inflate.ErrEndOfBlock},
		"literals over":           {dynamic(257, 1).length(1).length(1).zeros(138).zeros(116).length(1).length(0), 15, inflate.ErrOversubscribed},
		"literals incomplete":     {dynamic(257, 1).oneLiteral(2, 1).length(0), 15, inflate.ErrIncomplete},
		"literals of one, unused": {dynamic(257, 1).oneLiteral(0, 1).length(0).code(1, 1), 15, inflate.ErrLength},
		"distances over":          {dynamic(257, 3).oneLiteral(1, 1).length(1).length(1).length(1), 15, inflate.ErrOversubscribed},
		"distances incomplete":    {dynamic(257, 2).oneLiteral(1, 1).length(2).length(2), 15, inflate.ErrIncomplete},
		"length 286":              {fixed().code(0xc6, 8), 15, inflate.ErrLength},
		"length 287":              {fixed().code(0xc7, 8), 15, inflate.ErrLength},
		"distance 30":             {fixed().code(1, 7).code(30, 5), 15, inflate.ErrDistance},
		"distance 31":             {fixed().code(1, 7).code(31, 5), 15, inflate.ErrDistance},
		"nothing to copy":         {fixed().copyOf(1), 15, inflate.ErrHistory},
		"before the start":        {fixed().code(0x30, 8).copyOf(2), 15, inflate.ErrHistory},
		"beyond 8 bits":           {fixed().copyOf(257), 8, inflate.ErrWindow},
		"beyond 14 bits":          {fixed().copyOf(16385), 14, inflate.ErrWindow},
		"unfinished symbol":       {fixed().code(0x90, 8), 15, inflate.ErrUnfinished},
		"unfinished header":       {dynamic(257, 1), 15, inflate.ErrUnfinished},
		"no payload":              {new(bitString), 15, inflate.ErrUnfinished},
	} {
		for _, s := range []sizer{whole, bytewise} {
			if got, err := message(inflate.New(test.bits), test.stream.b, s, s, nil); !errors.Is(err, test.want) {
				t.Errorf("%s: %q, %v; want %v", name, got, err, test.want)
			}
		}
	}
}

// codes is the header of a block whose literals and distances have codes of the
// given lengths. The precode gives 4 bits to each length.
func codes(lit, dist []int) *bitString {
	s := new(bitString).put(0, 1).put(2, 2).put(len(lit)-257, 5).put(len(dist)-1, 5).put(15, 4)
	for _, sym := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15} {
		if sym < 16 {
			s.put(4, 3)
		} else {
			s.put(0, 3)
		}
	}
	for _, n := range append(lit[:len(lit):len(lit)], dist...) {
		s.code(n, 4)
	}
	return s
}

// ladder is lengths of a code for the given symbols: 1, 2, 3 bits and so on, and
// the last two equal. The code of the nth of them is n ones and a zero, that of
// the last all ones.
func ladder(size int, symbols ...int) []int {
	lens := make([]int, size)
	for i, sym := range symbols {
		lens[sym] = min(i+1, len(symbols)-1)
	}
	return lens
}

// ones is n ones and then a zero, if one is wanted.
func (s *bitString) ones(n int, zero bool) *bitString {
	s.put(1<<n-1, n)
	if zero {
		s.put(0, 1)
	}
	return s
}

// TestTrailing: the tail's ones end a block and two are left, which are no
// header. The end of the block is 14 ones.
func TestTrailing(t *testing.T) {
	s := codes(ladder(257, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 256), []int{0})
	want := strings.Repeat("a", 16)
	for s.n%8 != 0 {
		s.ones(0, true)
		want += "a"
	}
	for _, size := range []sizer{whole, bytewise} {
		got, err := message(inflate.New(15), s.b, size, size, nil)
		if string(got) != want || !errors.Is(err, inflate.ErrTrailing) {
			t.Errorf("%q, %v; want %q, %v", got, err, want, inflate.ErrTrailing)
		}
	}
}

// TestLongestSymbols: literals of 15 bits between matches of 48, as many as a
// symbol can have, and more than the bit buffer holds of both.
func TestLongestSymbols(t *testing.T) {
	s := codes(ladder(285, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 256, 'o', 284),
		ladder(30, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 29))
	r := rand.New(rand.NewPCG(19, 20))
	history := noise(r, 0x8000)
	want := bytes.Clone(history)
	for range 200 {
		length, distance := r.IntN(31), r.IntN(1<<13)
		s.ones(14, true).ones(15, false).put(length, 5).ones(15, false).put(distance, 13)
		want = append(want, 'o')
		from := len(want) - 24577 - distance
		want = append(want, want[from:from+227+length]...)
	}
	s.ones(13, true).put(0, 3)
	for _, size := range []sizer{whole, bytewise, random(r, 1000)} {
		d := inflate.New(15)
		for at := 0; at < len(history); at += 0x4000 {
			if _, err := message(d, storedBlocks(history[at:at+0x4000]), whole, whole, nil); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := message(d, s.b, size, whole, nil); err != nil || !bytes.Equal(got, want[len(history):]) {
			t.Errorf("%d bytes, %v; want %d", len(got), err, len(want)-len(history))
		}
	}
}

// TestErrorTexts: each says something of its own.
func TestErrorTexts(t *testing.T) {
	seen := map[string]bool{}
	for e := inflate.ErrBlockType; e <= inflate.ErrTrailing; e++ {
		if s := e.Error(); seen[s] || len(s) <= len("inflate: ") {
			t.Errorf("error %d: %q", e, s)
		} else {
			seen[s] = true
		}
	}
}

// TestCodesOfOne: a code of a single symbol leaves half of the bits without
// one, and a block without matches may have no distance code at all. zlib takes
// both, until the bits come that mean nothing.
func TestCodesOfOne(t *testing.T) {
	tail := func(s *bitString) *bitString { return s.put(0, 3) }
	for name, test := range map[string]struct {
		stream *bitString
		want   string
		err    error
	}{
		"only an end":           {tail(dynamic(257, 1).oneLiteral(0, 1).length(0).code(0, 1)), "", nil},
		"no distances":          {tail(dynamic(257, 1).oneLiteral(1, 1).length(0).code(0, 1).code(1, 1)), "a", nil},
		"one distance":          {tail(dynamic(258, 1).oneLength().length(1).code(0, 1).code(3, 2).code(0, 1).code(2, 2)), "aaaa", nil},
		"one distance, another": {dynamic(258, 1).oneLength().length(1).code(0, 1).code(3, 2).code(1, 1), "a", inflate.ErrDistance},
		"a distance of none":    {dynamic(258, 1).oneLength().length(0).code(0, 1).code(3, 2).code(0, 1), "a", inflate.ErrDistance},
	} {
		for _, s := range []sizer{whole, bytewise} {
			got, err := message(inflate.New(15), test.stream.b, s, s, nil)
			if !errors.Is(err, test.err) || string(got) != test.want {
				t.Errorf("%s: %q, %v; want %q, %v", name, got, err, test.want, test.err)
			}
		}
	}
}

// oneLength is lengths of 258 literals: 0 for "a", 10 for the end, 11 for three bytes.
func (s *bitString) oneLength() *bitString {
	return s.zeros(97).length(1).zeros(138).zeros(20).length(2).length(2)
}

// TestEndOfMessage: what the tail completes is a block, as a receiver sees it;
// what it leaves over is an error.
func TestEndOfMessage(t *testing.T) {
	for payload, test := range map[string]struct {
		want string
		err  error
	}{
		"\x00\x04\x00\xfb\xff":     {"\x00\x00\xff\xff", nil},
		"\x00\x05\x00\xfa\xff":     {"\x00\x00\xff\xff", inflate.ErrUnfinished},
		"\x00\x00\x00\xff\xff":     {"", inflate.ErrUnfinished}, // the empty block is whole already
		"\x00\x03\x00\xfc\xff":     {"\x00\x00\xff", inflate.ErrBlockType},
		"\x00\x00\x00\xff\xff\x00": {"", nil},
	} {
		d := inflate.New(15)
		got, err := message(d, []byte(payload), whole, whole, nil)
		if string(got) != test.want || !errors.Is(err, test.err) {
			t.Errorf("%q: %q, %v; want %q, %v", payload, got, err, test.want, test.err)
		}
	}
}

// TestAllocations: once the window has grown, a message costs none, with what
// is held within a message given back between any two, without history too.
func TestAllocations(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	messages := [][]byte{text(r, 50_000), text(r, 200), text(r, 20_000), noise(r, 300)}
	payloads := conversation(t, compressors(t)["std 6"], messages)
	reach := func(distance int) []byte { return fixed().copyOf(distance).code(0, 7).put(0, 3).b }
	again := reach(3)
	out := make([]byte, 64<<10)
	d := new(inflate.Pool).New(15)
	one := func(payload []byte, size int, unknown uint64) {
		_, n, err := d.Decode(out, payload)
		m, done, endErr := d.EndMessage(out[n:])
		if n += m; err != nil || endErr != nil || !done || n != size || d.Unknown() != unknown {
			t.Fatalf("%d bytes, %d unknown, %v, %v", n, d.Unknown(), err, endErr)
		}
		d.Release()
	}
	for name, all := range map[string]func(){
		"from the start": func() {
			d.Reset()
			for i, p := range payloads {
				one(p, len(messages[i]), 0)
			}
		},
		"history lost": func() {
			if d.Unknown() == 0 {
				d.Forget()
				one(storedBlocks(make([]byte, 32_763)), 32_763, 0)
				one(reach(1<<15), 3, 3)
			}
			one(again, 3, 3) // copies the last three
		},
	} {
		if n := testing.AllocsPerRun(20, all); n > 0 {
			t.Errorf("%s: %v allocations a run", name, n)
		}
	}
}
