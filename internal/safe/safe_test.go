package safe

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

var modes = []Mode{List, Detail, ASCII}

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, list, detail, ascii string }{
		{"", "", "", ""},
		{"GET /a?b=c", "GET /a?b=c", "GET /a?b=c", "GET /a?b=c"},
		{"\x1b]0;PWN\x07", "␛]0;PWN␇", "␛]0;PWN␇", "^[]0;PWN^G"},
		{"a\x00\x7f", "a␀␡", "a␀␡", "a^@^?"},
		{"tab\there\r\n", "tab␉here␍␊", "tab␉here␍␊", "tab^Ihere^M^J"},
		{"\u009b31m", "<U+009B>31m", "<U+009B>31m", "<U+009B>31m"},
		{"\x9b31m", `\x9B31m`, `\x9B31m`, `\x9B31m`},
		{"x\xffy\xe2\x82", `x\xFFy\xE2\x82`, `x\xFFy\xE2\x82`, `x\xFFy\xE2\x82`},
		{"\xed\xa0\x80", `\xED\xA0\x80`, `\xED\xA0\x80`, `\xED\xA0\x80`}, // a surrogate
		{"abc\u202edef", "abc<U+202E>def", "abc<U+202E>def", "abc<U+202E>def"},
		{"\u2066a\u2069\u200f\u061c", "<U+2066>a<U+2069><U+200F><U+061C>", "<U+2066>a<U+2069><U+200F><U+061C>", "<U+2066>a<U+2069><U+200F><U+061C>"},
		{"\ufeffa\u00adb\u2028\u2029", "<U+FEFF>a<U+00AD>b<U+2028><U+2029>", "<U+FEFF>a<U+00AD>b<U+2028><U+2029>", "<U+FEFF>a<U+00AD>b<U+2028><U+2029>"},
		{"\U000e0041\ue000\U0010ffff", "<U+0E0041><U+E000><U+10FFFF>", "<U+0E0041><U+E000><U+10FFFF>", "<U+0E0041><U+E000><U+10FFFF>"},
		{"a\u200db\ufe0f", "ab", "a<U+200D>b<U+FE0F>", "a<U+200D>b<U+FE0F>"},
		{"e\u0301\u0302\u0303", "e\u0301\u0302<U+0303>", "e\u0301\u0302<U+0303>", "e<U+0301><U+0302><U+0303>"},
		{"\u0301a", "<U+0301>a", "<U+0301>a", "<U+0301>a"},
		{"\x1b\u0301", "␛<U+0301>", "␛<U+0301>", "^[<U+0301>"},
		{"e\ufe0f\u0301\u0301\u0301", "e\u0301\u0301<U+0301>", "e<U+FE0F><U+0301><U+0301><U+0301>", "e<U+FE0F><U+0301><U+0301><U+0301>"},
		{"a\u00a0b\u3000c", "a b  c", "a b  c", "a<U+00A0>b<U+3000>c"},
		{"\u3164\u115f\u2800", "<U+3164><U+115F><U+2800>", "<U+3164><U+115F><U+2800>", "<U+3164><U+115F><U+2800>"}, // look like nothing
		{"検索 größe ✓", "検索 größe ✓", "検索 größe ✓", "<U+691C><U+7D22> gr<U+00F6><U+00DF>e <U+2713>"},
		{"\ufffd", "\ufffd", "\ufffd", "<U+FFFD>"},
	} {
		for m, want := range []string{c.list, c.detail, c.ascii} {
			if got := Clean(c.in, Mode(m)).String(); got != want {
				t.Errorf("Clean(%+q, %d) = %+q, want %+q", c.in, m, got, want)
			}
		}
	}
}

func TestAppendExtends(t *testing.T) {
	for _, s := range []string{"plain", "a\x1bb", "\u0301"} {
		if got, want := string(Append([]byte("x"), s, List)), "x"+Clean(s, List).String(); got != want {
			t.Errorf("Append(x, %q) = %q, want %q", s, got, want)
		}
	}
}

func TestCleanDoesNotCopyASCII(t *testing.T) {
	s := strings.Repeat("GET /index.html ", 8)
	if n := testing.AllocsPerRun(100, func() { sink = Clean(s, List) }); n != 0 {
		t.Errorf("%v allocations for printable ASCII, want 0", n)
	}
}

// The ranges that save time must say what the tables say.
func TestCommonAgreesWithTables(t *testing.T) {
	for r := rune(0xa1); r <= unicode.MaxRune; r++ {
		if common(r) && lookUp(r) != graphic {
			t.Fatalf("%U is in the common ranges, but its class is %d", r, lookUp(r))
		}
	}
}

func TestEveryRuneIsSafeInEveryMode(t *testing.T) {
	for r := range runes {
		for _, m := range modes {
			mustBeSafe(t, Clean(string(r), m).String(), m)
			mustBeSafe(t, Clean("a"+string(r), m).String(), m)
		}
	}
}

// runes yields every rune of the planes that hold assigned characters, and
// some of each of the others.
func runes(yield func(rune) bool) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !yield(r) {
			return
		}
		if r >= 0x33500 && r < 0xe0000 || r >= 0xe1000 {
			r += 0x3e
		}
	}
}

// mustBeSafe is what a terminal needs of a text, said without the code under
// test: no control, nothing that formats or is invisible, nothing that a parser
// of escape sequences would act on, one line.
func mustBeSafe(t *testing.T, s string, m Mode) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Fatalf("mode %d: %q is not UTF-8", m, s)
	}
	marks := 0
	for i, r := range s {
		if r != ' ' && (!unicode.IsGraphic(r) || unicode.Is(unicode.Zs, r) || unicode.Is(unicode.Variation_Selector, r)) ||
			unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Bidi_Control, r) {
			t.Fatalf("mode %d: %U is left in %q", m, r, s)
		}
		if m == ASCII && (r < 0x20 || r > 0x7e) {
			t.Fatalf("mode ASCII: %U is left in %q", r, s)
		}
		if marks++; !unicode.Is(unicode.M, r) {
			marks = 0
		}
		if marks > 2 || marks > 0 && i == 0 {
			t.Fatalf("mode %d: too many marks in %q", m, s)
		}
	}
	if ansi.Strip(s) != s {
		t.Fatalf("mode %d: a terminal would swallow part of %q", m, s)
	}
}

var hostile = []string{
	"", "plain", "\x1b]0;t\x07", "\x1b]52;c;aGk=\x1b\\", "\x1b[2J", "\x1bc", "\u009b6n", "\x9b31m", "\u202eabc", "\x1bP+q\x1b\\",
	"e\u0301\u0301\u0301\u0301", "👩\u200d👩\u200d👧", "🇩🇪🇫", "\xff\xfe", "\xed\xa0\x80", "a\tb\r\nc", "\u2028", "\U000e0041",
	"\u1100\u1161\u11a8", "\u0d4e\u0d15", "\u0600a", "⚠\ufe0f", "检索/一/二/三", "\u0e33", "한국어",
}

func FuzzClean(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, m := range modes {
			text := Clean(s, m)
			mustBeSafe(t, text.String(), m)
			if again := Clean(text.String(), m); again != text || again.Width() != text.Width() {
				t.Fatalf("mode %d: cleaning twice gives %q, once %q", m, again, text)
			}
			if b := Append(nil, s, m); string(b) != text.String() {
				t.Fatalf("mode %d: Append gives %q, Clean %q", m, b, text)
			}
			mustClip(t, text, m)
		}
	})
}

func mustClip(t *testing.T, text Text, m Mode) {
	t.Helper()
	if w := ansi.StringWidth(text.String()); text.Width() != w {
		t.Fatalf("width of %q is %d, the terminal library says %d", text, text.Width(), w)
	}
	for _, n := range []int{-1, 0, 1, 2, 3, 7, 20} {
		for i, clip := range []func(int, Mode) Text{text.Clip, text.ClipMiddle} {
			got := clip(n, m)
			mustBeSafe(t, got.String(), m)
			if got.Width() > max(n, 0) {
				t.Fatalf("%q clipped to %d takes %d cells: %q", text, n, got.Width(), got)
			}
			if text.Width() <= n && got != text {
				t.Fatalf("%q fits in %d and was clipped to %q", text, n, got)
			}
			if text.Width() > n && n > 0 && !mustBeCut(text.String(), got.String(), ellipsis(m), i == 1) {
				t.Fatalf("%q clipped to %d is %q", text, n, got)
			}
		}
	}
}

// mustBeCut reports that got is whole with one run replaced by the ellipsis, at
// its end unless middle.
func mustBeCut(whole, got, ellipsis string, middle bool) bool {
	for i := range got {
		head, tail, found := got[:i], got[i:], strings.HasPrefix(got[i:], ellipsis)
		if !found || !strings.HasPrefix(whole, head) {
			continue
		}
		tail = strings.TrimPrefix(tail, ellipsis)
		if strings.HasSuffix(whole, tail) && (middle || tail == "") {
			return true
		}
	}
	return false
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		in       string
		n        int
		end, mid string
	}{
		{"abcdef", 6, "abcdef", "abcdef"},
		{"abcdef", 5, "abcd…", "ab…ef"},
		{"abcdef", 4, "abc…", "ab…f"},
		{"abcdef", 1, "…", "…"},
		{"abcdef", 0, "", ""},
		{"検索検索", 7, "検索検…", "検…検索"[:len("検…検索")]},
		{"検索検索", 4, "検…", "検…"},
	} {
		text := Clean(c.in, List)
		if got := text.Clip(c.n, List).String(); got != c.end {
			t.Errorf("Clip(%q, %d) = %q, want %q", c.in, c.n, got, c.end)
		}
		if got := text.ClipMiddle(c.n, List).String(); got != c.mid {
			t.Errorf("ClipMiddle(%q, %d) = %q, want %q", c.in, c.n, got, c.mid)
		}
	}
}

var sink Text

func benchmarkClean(b *testing.B, s string) {
	var buf []byte
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		buf = Append(buf[:0], s, List)
	}
}

func BenchmarkASCII(b *testing.B) { benchmarkClean(b, strings.Repeat("GET /api/v1/users?id=1 ", 10)) }
func BenchmarkCJK(b *testing.B)   { benchmarkClean(b, strings.Repeat("検索の結果", 16)) }
func BenchmarkBinary(b *testing.B) {
	p := make([]byte, 256)
	for i := range p {
		p[i] = byte(i * 7)
	}
	benchmarkClean(b, string(p))
}
func BenchmarkMarks(b *testing.B) { benchmarkClean(b, strings.Repeat("e\u0301\u0d4d", 50)) }
