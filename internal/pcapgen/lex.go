package pcapgen

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// token is a word, a string, or a brace. A string's text is its value.
type token struct {
	kind tokenKind
	text string
}

type tokenKind uint8

const (
	word tokenKind = iota
	str
	open
	shut
)

// lex splits a line into tokens, up to a comment.
func lex(s string) ([]token, error) {
	var out []token
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == '#' {
			return out, nil
		}
		t, n, err := next(s)
		if err != nil {
			return nil, err
		}
		out, s = append(out, t), s[n:]
	}
}

// next is the token that s begins with, and its length in the source.
func next(s string) (token, int, error) {
	switch s[0] {
	case '{':
		return token{open, "{"}, 1, nil
	case '}':
		return token{shut, "}"}, 1, nil
	case '"':
		v, n, err := quoted(s)
		return token{str, v}, n, err
	}
	n := strings.IndexAny(s, " \t{}\"#")
	if n < 0 {
		n = len(s)
	}
	return token{word, s[:n]}, n, nil
}

// quoted is the value of the string literal that s begins with.
func quoted(s string) (string, int, error) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			v, err := unescape(s[1:i])
			return v, i + 1, err
		}
	}
	return "", 0, errors.New("string does not end")
}

// unescape replaces the escapes of Go string literals.
func unescape(s string) (string, error) {
	var b strings.Builder
	for rest := s; rest != ""; {
		if rest[0] != '\\' { // not a rune at a time: the source may hold any bytes
			b.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		r, multibyte, tail, err := strconv.UnquoteChar(rest, '"')
		if err != nil {
			return "", fmt.Errorf("bad escape in %q", s)
		}
		if multibyte {
			b.WriteRune(r)
		} else {
			b.WriteByte(byte(r)) // below 256: UnquoteChar says it is one byte
		}
		rest = tail
	}
	return b.String(), nil
}

// tokens is a line being parsed.
type tokens struct{ list []token }

func (t *tokens) more() bool { return len(t.list) > 0 }

// peek is the next token, an empty word at the end.
func (t *tokens) peek() token {
	if !t.more() {
		return token{}
	}
	return t.list[0]
}

func (t *tokens) take() token {
	k := t.peek()
	if t.more() {
		t.list = t.list[1:]
	}
	return k
}

// number takes a decimal count that must be there.
func (t *tokens) number(what string) (int, error) {
	k := t.take()
	n, err := strconv.Atoi(k.text)
	if err != nil || k.kind != word || n < 0 {
		return 0, fmt.Errorf("%s needs a number, not %q", what, k.text)
	}
	if n > maxData {
		return 0, fmt.Errorf("%s: %d is over the limit of %d", what, n, maxData)
	}
	return n, nil
}

// expect takes a token of this kind.
func (t *tokens) expect(kind tokenKind, text, after string) error {
	if k := t.take(); k.kind != kind || k.text != text {
		return fmt.Errorf("%s needs %q, not %q", after, text, k.text)
	}
	return nil
}

// none says that the line ends here.
func (t *tokens) none() error {
	if t.more() {
		return fmt.Errorf("unexpected %q", t.peek().text)
	}
	return nil
}
