package content_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"example.com/wirewatch/content"
)

var fuzzCodings = [][]string{{"gzip"}, {"deflate"}, {"br"}, {"zstd"}, {"gzip", "deflate"}, {"br", "gzip"}}

// FuzzContent: no input makes it panic or give more than the limit allows; how
// the input is cut does not matter; and what the standard library decodes, it
// decodes.
func FuzzContent(f *testing.F) {
	for i, c := range fuzzCodings {
		f.Add(byte(i), uint16(3), encode(f, []byte("the quick brown fox"), c...))
		f.Add(byte(i), uint16(1000), encode(f, sample(), c...))
		f.Add(byte(i), uint16(1), append(encode(f, make([]byte, 300_000), c...), "tail"...))
	}
	f.Fuzz(func(t *testing.T, which byte, n uint16, wire []byte) {
		codings := fuzzCodings[int(which)%len(fuzzCodings)]
		l := content.Limits{Decoded: 64 << 10, Ratio: 20}
		whole, err := decode(t, wire, len(wire)+1, l, codings...)
		most := max(l.Decoded, l.Ratio*(uint64(len(wire))+4095)/4096*4096)
		if uint64(len(whole.out)) > most {
			t.Errorf("%d bytes from %d", len(whole.out), len(wire))
		}
		for _, n := range []int{int(n) + 1, 1} {
			got, gotErr := decode(t, wire, n, l, codings...)
			if gotErr != nil && err != nil && slices.Contains(codings, "br") && strings.HasPrefix(got.out, whole.out) {
				continue // see the package comment
			}
			if gotErr != nil && err != nil && len(codings) > 1 && got.out == whole.out {
				continue // which of two broken codings is noticed first goes by the cuts
			}
			if got != whole {
				t.Errorf("%v in pieces of %d: %d bytes, %q, %v; whole: %d bytes, %q, %v", codings, n,
					len(got.out), got.err, got.trailing, len(whole.out), whole.err, whole.trailing)
			}
		}
		if codings[0] == "gzip" && len(codings) == 1 && !errors.Is(err, content.ErrLimit) {
			compareStandard(t, wire, whole, err)
		}
	})
}

func compareStandard(t *testing.T, wire []byte, got result, err error) {
	t.Helper()
	if len(wire) > 3 && wire[3]&0xe0 != 0 {
		return // reserved bits "must be zero" (RFC 1952 §2.3.1); the standard library does not look
	}
	r, stdErr := gzip.NewReader(bytes.NewReader(wire))
	if stdErr != nil {
		return
	}
	want, stdErr := io.ReadAll(r)
	if stdErr == nil && (err != nil || got.out != string(want)) {
		t.Errorf("%d bytes, %v; the standard library: %d bytes", len(got.out), err, len(want))
	}
}
