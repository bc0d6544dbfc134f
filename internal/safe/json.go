package safe

import (
	"unicode"
	"unicode/utf8"
)

// AppendJSON appends s to b as the inside of a JSON string (RFC 8259 §7),
// without the quotes, and returns the extended b and true; if s is not valid
// UTF-8 it returns b as it was and false.
//
// Besides what JSON demands it escapes every character that is not graphic:
// DEL, the C1 controls, format characters such as the bidirectional ones, line
// and paragraph separators, private and unassigned ones. A line of output that
// is read in a terminal, or pasted into a page, is then as harmless as a Text,
// and a JSON reader gets back exactly s.
func AppendJSON(b []byte, s string) ([]byte, bool) {
	n := verbatimPrefix(s)
	if n == len(s) {
		return append(b, s...), true
	}
	return escapeRest(b, s, n)
}

// escapeRest is AppendJSON where s[i] is the first byte that may not stand for
// itself.
func escapeRest(b []byte, s string, i int) ([]byte, bool) {
	start, done := len(b), 0 // s[:done] is in b
	for ; i < len(s); i += verbatimPrefix(s[i:]) {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			if r, n = utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && n == 1 {
				return b[:start], false
			}
			if common(r) || unicode.IsGraphic(r) {
				i += n
				continue
			}
		}
		b = appendEscape(append(b, s[done:i]...), r)
		i += n
		done = i
	}
	return append(b, s[done:]...), true
}

// appendEscape appends a character that may not stand for itself: in two
// characters where JSON has such a form, else as \uXXXX, or as a surrogate pair
// of those (RFC 8259 §7).
func appendEscape(b []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(b, '\\', byte(r))
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	if r < 0x10000 {
		return appendUnit(b, r)
	}
	r -= 0x10000
	return appendUnit(appendUnit(b, 0xd800+r>>10), 0xdc00+r&0x3ff)
}

func appendUnit(b []byte, u rune) []byte {
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
}
