// Package safe turns untrusted bytes into text that cannot move, restyle or
// program a terminal, nor hide or reorder what stands beside it.
//
// Untrusted is whatever did not come from our source code: payloads, header
// lines, host names, file and interface names, error texts of the system.
// It becomes a Text exactly once, where data enters what a person looks at;
// drawing functions take a Text and never a string. The package allows what is
// known to be harmless and spells out all the rest. It does not look for escape
// sequences, because a parser of those can be led past one.
package safe

import "unicode/utf8"

// Text is one line that is safe to print: it holds graphic characters and plain
// spaces, and nothing else. Only this package makes one. The zero Text is
// empty. A Text is immutable; it may share the memory of the string that it was
// made from.
type Text struct{ s string }

// String is the text itself.
func (t Text) String() string { return t.s }

// literal is unexported so that only a constant of the caller's source code can
// become one.
type literal string

// Literal is a Text in our own words. It takes an untyped constant: a string
// that was computed does not compile.
func Literal(s literal) Text { return Text{string(s)} }

// Mode says how much of what cannot be printed is shown.
type Mode uint8

// The modes. Every one of them leaves a single line.
const (
	// List is for rows: controls are pictures of one cell, and characters
	// without a width of their own, on which terminals disagree (the
	// zero-width joiners and spaces, variation selectors), are dropped.
	List Mode = iota
	// Detail spells those out too, as <U+200D>.
	Detail
	// ASCII leaves nothing outside 0x20 to 0x7E: controls are in caret
	// notation, every other rune is spelled out.
	ASCII
)

// Clean makes s safe. Printable ASCII comes back as it is, without a copy.
// Otherwise: a byte that is not UTF-8 is spelled \xNN; C0 controls and DEL
// become control pictures, or caret notation; C1 controls, format characters
// (the bidirectional ones, the byte order mark, tags), line and paragraph
// separators, private, unassigned and invisible characters are spelled <U+XXXX>,
// and so is a combining mark that has no base or is the third on its base; any
// space is a plain one, or two where it is wide.
func Clean(s string, m Mode) Text {
	n := plainPrefix(s)
	if n == len(s) {
		return Text{s}
	}
	b := append(make([]byte, 0, len(s)+len(s)/4+16), s[:n]...)
	return Text{string(appendRest(b, s, n, m))}
}

// CleanBytes is Clean of a copy of p.
func CleanBytes(p []byte, m Mode) Text { return Clean(string(p), m) }

// Append appends what Clean makes of s to b, which may be nil, and returns it.
func Append(b []byte, s string, m Mode) []byte {
	n := plainPrefix(s)
	return appendRest(append(b, s[:n]...), s, n, m)
}

// cleaner is the state of one pass over a string.
type cleaner struct {
	mode  Mode
	marks int // combining marks that the last character may still take
}

// maxMarks is how many combining marks a base may carry: real orthographies
// rarely need more, and towers of them climb over the lines above.
const maxMarks = 2

// appendRest cleans s[i:]; all before it is printable ASCII and already in b.
func appendRest(b []byte, s string, i int, m Mode) []byte {
	c := cleaner{mode: m}
	if i > 0 {
		c.marks = maxMarks
	}
	for i < len(s) {
		if n := plainPrefix(s[i:]); n > 0 {
			b = append(b, s[i:i+n]...)
			c.marks, i = maxMarks, i+n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b, c.marks = append(b, '\\', 'x', hexDigits[s[i]>>4], hexDigits[s[i]&15]), 0
		} else {
			b = c.rune(b, r)
		}
		i += n
	}
	return b
}

// rune appends what r becomes; it is not printable ASCII.
func (c *cleaner) rune(b []byte, r rune) []byte {
	class := classOf(r)
	if c.mode == ASCII && class != control {
		class = hidden
	}
	left := c.marks
	c.marks = 0
	switch class {
	case hidden:
	case graphic:
		c.marks = maxMarks
		return utf8.AppendRune(b, r)
	case mark:
		if left > 0 {
			c.marks = left - 1
			return utf8.AppendRune(b, r)
		}
	case space:
		return append(b, ' ')
	case wideSpace:
		return append(b, ' ', ' ')
	case control:
		return appendControl(b, r, c.mode)
	case zeroWidth:
		if c.mode == List {
			c.marks = left
			return b
		}
	}
	return appendCode(b, r)
}

// appendControl appends a picture of a C0 control or DEL: from the block
// U+2400, or in caret notation, where the control's bit 6 is flipped.
func appendControl(b []byte, r rune, m Mode) []byte {
	switch {
	case m == ASCII:
		return append(b, '^', byte(r)^0x40)
	case r == 0x7f:
		return append(b, "␡"...)
	}
	return utf8.AppendRune(b, 0x2400+r)
}

const hexDigits = "0123456789ABCDEF"

// appendCode spells a rune out: <U+202E>, in six digits from U+10000.
func appendCode(b []byte, r rune) []byte {
	b = append(b, "<U+"...)
	digits := 4
	if r > 0xffff {
		digits = 6
	}
	for i := digits - 1; i >= 0; i-- {
		b = append(b, hexDigits[r>>(4*i)&15])
	}
	return append(b, '>')
}
