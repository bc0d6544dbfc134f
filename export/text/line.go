package text

import (
	"math"
	"strconv"
	"unicode/utf8"

	"example.com/wirewatch/internal/safe"
)

// style is a Select Graphic Rendition sequence (ECMA-48 §8.3.117), without its
// introducer and final byte. Only the 16 colours of the terminal's own palette
// are used, so that a line can be read on a dark and on a light background.
type style string

// The styles.
const (
	plain   style = ""
	dim     style = "2"
	strong  style = "1"
	blue    style = "34"
	magenta style = "35"
	green   style = "32"
	cyan    style = "36"
	yellow  style = "33"
	red     style = "1;31"
)

// glyphs are the signs of a charset, one cell each.
type glyphs struct{ left, right, both, over, open, alarm, other, between, rule, dash, cut safe.Text }

var unicodeGlyphs = glyphs{
	left: safe.Literal("←"), right: safe.Literal("→"), both: safe.Literal("⇄"), over: safe.Literal("×"),
	open: safe.Literal("+"), alarm: safe.Literal("!"), other: safe.Literal("·"), between: safe.Literal("·"),
	rule: safe.Literal("──"), dash: safe.Literal("–"), cut: safe.Literal("…"),
}

var asciiGlyphs = glyphs{
	left: safe.Literal("<"), right: safe.Literal(">"), both: safe.Literal("="), over: safe.Literal("x"),
	open: safe.Literal("+"), alarm: safe.Literal("!"), other: safe.Literal("-"), between: safe.Literal("|"),
	rule: safe.Literal("--"), dash: safe.Literal("-"), cut: safe.Literal("~"),
}

// line gathers lines, the last of which is being written. It takes safe.Text
// only, and puts nothing past its width.
type line struct {
	buf    []byte
	cells  int // taken in the current line, with those of blanks
	blanks int // cells left free that something may still follow
	max    int // the width; 0 for none
	color  bool
	mode   safe.Mode
	glyphs *glyphs

	streams int // width of the column of flows
}

// space leaves n cells free, if anything follows.
func (l *line) space(n int) { l.cells, l.blanks = l.cells+n, l.blanks+n }

// put writes t, cut to what is left of the width.
func (l *line) put(st style, t safe.Text) {
	if t = t.Clip(l.room(), l.mode); t == (safe.Text{}) {
		return
	}
	for ; l.blanks > 0; l.blanks-- {
		l.buf = append(l.buf, ' ')
	}
	l.cells += t.Width()
	if !l.color || st == plain {
		l.buf = append(l.buf, t.String()...)
		return
	}
	l.buf = append(append(append(l.buf, "\x1b["...), st...), 'm')
	l.buf = append(append(l.buf, t.String()...), "\x1b[0m"...)
}

// right writes t at the right end of a column of n cells.
func (l *line) right(st style, t safe.Text, n int) {
	l.space(max(n-t.Width(), 0))
	l.put(st, t)
}

// end ends the line; blanks at its end are not written.
func (l *line) end() {
	l.buf = append(l.buf, '\n')
	l.cells, l.blanks = 0, 0
}

// room is how many cells of the width are left.
func (l *line) room() int {
	if l.max <= 0 {
		return math.MaxInt
	}
	return l.max - l.cells
}

// stream writes #N in its column, which grows with the numbers.
func (l *line) stream(st style, n uint64) {
	t := safe.Clean("#"+strconv.FormatUint(n, 10), safe.ASCII)
	l.streams = max(l.streams, t.Width())
	l.put(st, t)
	l.space(l.streams - t.Width())
}

// maxWord is how many bytes of one value are shown.
const maxWord = 4 << 10

// word is a value that may hold anything, made safe.
func (l *line) word(s string) safe.Text { return safe.Clean(head(s, maxWord), l.mode) }

// head is s, or its first bytes, up to n, and dots; it cuts no character of
// UTF-8.
func head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := n
	for cut > 0 && n-cut < utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}
