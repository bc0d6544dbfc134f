package safe

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestAppendJSON(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{`say "a\b"`, `say \"a\\b\"`},
		{"\r\n\t\x00\x1b\x7f", `\r\n\t\u0000\u001b\u007f`},
		{"\u009b31m \u202e\u2028\ufeff\u00ad", `\u009b31m \u202e\u2028\ufeff\u00ad`},
		{"\U000e0041\U0010ffff\ue000", `\udb40\udc41\udbff\udfff\ue000`},
		{"größe 検索 👩 </script>", "größe 検索 👩 </script>"},
	} {
		got, ok := AppendJSON([]byte("x"), c.in)
		if !ok || string(got) != "x"+c.want {
			t.Errorf("AppendJSON(%+q) = %s, %v, want x%s", c.in, got, ok, c.want)
		}
	}
}

func TestAppendJSONRefusesWhatIsNotUTF8(t *testing.T) {
	for _, s := range []string{"\xff", "long enough for a word \x80", "\xed\xa0\x80", "a\xe2\x82"} {
		if got, ok := AppendJSON([]byte("x"), s); ok || string(got) != "x" {
			t.Errorf("AppendJSON(%q) = %q, %v, want x, false", s, got, ok)
		}
	}
}

// Every rune must come back from a JSON reader, and none may reach the output
// raw that is not graphic.
func TestAppendJSONEveryRune(t *testing.T) {
	for r := range runes {
		mustRoundTrip(t, "a"+string(r)+"b")
	}
}

func mustRoundTrip(t *testing.T, s string) {
	t.Helper()
	b, ok := AppendJSON([]byte(`"`), s)
	if ok != utf8.ValidString(s) {
		t.Fatalf("AppendJSON(%q) reports %v", s, ok)
	}
	if !ok {
		return
	}
	for _, r := range string(b) {
		if !unicode.IsGraphic(r) {
			t.Fatalf("%U reaches the output of %q: %q", r, s, b)
		}
	}
	var back string
	if err := json.Unmarshal(append(b, '"'), &back); err != nil || back != s {
		t.Fatalf("%q comes back as %q, %v", s, back, err)
	}
}

func FuzzAppendJSON(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Add(strings.Repeat("a", 7) + `"` + strings.Repeat(`\`, 9) + "\x1f\x20\x7e\x7f")
	f.Fuzz(mustRoundTrip)
}

func benchmarkJSON(b *testing.B, s string) {
	var buf []byte
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		buf, _ = AppendJSON(buf[:0], s)
	}
}

func BenchmarkJSONASCII(b *testing.B) {
	benchmarkJSON(b, strings.Repeat("GET /api/v1/users?id=1 ", 10))
}
func BenchmarkJSONShort(b *testing.B) { benchmarkJSON(b, "text/html") }
func BenchmarkJSONText(b *testing.B) {
	benchmarkJSON(b, strings.Repeat(`{"id":1,"näme":"検索"},`, 40))
}
