package rpc

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxText is how many bytes of a string are kept. Names and ids are shorter; what
// is longer is clipped, and does not pair a response with its request.
const maxText = 128

// clip copies p, at most maxText bytes of it and no half of a character.
func clip(p string) (s string, all bool) {
	if len(p) <= maxText {
		return strings.Clone(p), true
	}
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(p[n]) {
		n--
	}
	return strings.Clone(p[:n]), false
}

// str is what a value says if it is a string, clipped; all reports that it is a
// string and nothing was clipped. Of a string that the text's end cuts, nothing
// is known.
func str(raw string) (s string, all bool) {
	if !isString(raw) {
		return "", false
	}
	var buf [maxText + utf8.UTFMax]byte
	return clip(plain(raw[1:len(raw)-1], buf[:0]))
}

// isString reports whether a member's value is a whole string.
func isString(raw string) bool { return len(raw) > 1 && raw[0] == '"' }

// is reports whether a value is a string that says s, which is short.
func is(raw, s string) bool {
	if !isString(raw) {
		return false
	}
	p := raw[1 : len(raw)-1]
	if strings.IndexByte(p, '\\') < 0 {
		return p == s
	}
	var buf [32]byte
	return string(unescape(buf[:0], p)) == s
}

// plain is the inside of a string without its escapes, of which it reads as many
// as fit into buf.
func plain(p string, buf []byte) string {
	if strings.IndexByte(p[:min(len(p), cap(buf))], '\\') < 0 {
		return p
	}
	return string(unescape(buf, p))
}

// unescape appends what the inside of a string stands for, while dst has room
// for another character.
func unescape(dst []byte, p string) []byte {
	for len(p) > 0 && len(dst)+utf8.UTFMax <= cap(dst) {
		if p[0] != '\\' {
			dst, p = append(dst, p[0]), p[1:]
			continue
		}
		r, n := escape(p)
		dst, p = utf8.AppendRune(dst, r), p[n:]
	}
	return dst
}

// escape reads an escape (RFC 8259 §7). Half of a surrogate pair stands for no
// character; a character that need not be escaped stands for itself.
func escape(p string) (r rune, n int) {
	if len(p) < 2 {
		return utf8.RuneError, len(p)
	}
	switch p[1] {
	case 'u':
		return surrogates(p)
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	return rune(p[1]), 2
}

// surrogates reads one \uXXXX, or the two that make one character.
func surrogates(p string) (r rune, n int) {
	r, ok := hex4(p)
	if !ok {
		return utf8.RuneError, 2
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low, ok := hex4(p[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// hex4 reads \uXXXX.
func hex4(p string) (r rune, ok bool) {
	if len(p) < 6 || p[0] != '\\' || p[1] != 'u' {
		return 0, false
	}
	for i := 2; i < 6; i++ {
		c := p[i]
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
