package bpf

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxExpr bounds an expression, in bytes. libpcap's parser has a bound of its
// own on how deeply one is nested.
const maxExpr = 64 << 10

// SyntaxError is what is wrong with a capture filter, and where.
type SyntaxError struct {
	Expr string // the expression
	At   int    // offset in bytes of the word at fault; len(Expr) if the expression ends too early
	Msg  string // what is wrong, in libpcap's words
}

// Error returns one line.
func (e *SyntaxError) Error() string {
	msg := e.Msg
	if msg == syntaxError {
		if msg = "syntax error at the end"; e.At < len(e.Expr) {
			msg = fmt.Sprintf("syntax error at %q", e.word())
		}
	}
	return "capture filter: " + msg
}

// word is the token at fault.
func (e *SyntaxError) word() string {
	for _, t := range tokens(e.Expr) {
		if t.at == e.At {
			return e.Expr[t.at:t.end]
		}
	}
	return ""
}

// Caret returns two lines, the second without a newline: the expression, and a
// caret under the fault. Of a long expression it shows what is near.
func (e *SyntaxError) Caret() string {
	const before, behind = 60, 30 // columns shown
	head, tail := []rune(visible(e.Expr[:e.At])), []rune(visible(e.Expr[e.At:]))
	if len(head) > before {
		head = append([]rune("…"), head[len(head)-before:]...)
	}
	if len(tail) > behind {
		tail = append(tail[:behind:behind], '…')
	}
	return string(head) + string(tail) + "\n" + strings.Repeat(" ", len(head)) + "^"
}

// visible replaces what does not take exactly one column of a terminal, or could
// move its cursor.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r >= 0x1100 || !unicode.IsPrint(r) || unicode.Is(unicode.M, r):
			return '?'
		}
		return r
	}, s)
}

// bounded returns what is wrong with an expression that libpcap is not to see:
// it would end at a NUL.
func bounded(expr string) error {
	switch at := strings.IndexByte(expr, 0); {
	case len(expr) > maxExpr:
		return &SyntaxError{Expr: expr, At: maxExpr, Msg: fmt.Sprintf("longer than %d bytes", maxExpr)}
	case at >= 0:
		return &SyntaxError{Expr: expr, At: at, Msg: "a NUL byte"}
	}
	return nil
}

// How libpcap's messages begin and end.
const (
	wrapping    = "can't parse filter expression: "
	syntaxError = "syntax error"
	rejectsAll  = "expression rejects all packets"
)

// sentinel is a token that libpcap's lexer refuses, with a message of its own.
// The parser asks for a token only when it has taken those before. So an
// expression with the sentinel behind it tells how far the parser gets, and no
// time goes to the optimiser.
const sentinel = " 31415926535897932"

// Fault makes of libpcap's error about an expression one that says where the
// fault is. compile compiles an expression as the one at fault was compiled: for
// an interface, on its handle.
func Fault(expr string, err error, compile func(string) error) *SyntaxError {
	f := finder{expr: expr, msg: message(err), tokens: tokens(expr), compile: compile}
	at := len(expr)
	if i := f.find(); i < len(f.tokens) {
		at = f.tokens[i].at
	}
	return &SyntaxError{Expr: expr, At: at, Msg: f.msg}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimPrefix(err.Error(), wrapping)
}

// finder looks for the token that a message is about.
type finder struct {
	expr    string
	msg     string
	tokens  []token
	compile func(string) error
}

// find returns the index of the token, len(f.tokens) for the end.
func (f *finder) find() int {
	switch f.msg {
	case syntaxError:
		// A prefix of a prefix that the parser takes is taken.
		return sort.Search(len(f.tokens), func(i int) bool { return f.try(i, sentinel) == syntaxError })
	case rejectsAll: // said of a whole expression, so there must be one
		return f.first(func(i int) bool { return f.try(i, f.closers(i)) == f.msg })
	}
	if i, ok := f.named(); ok {
		return i // without looking up the name of a host again
	}
	return min(sort.Search(len(f.tokens), f.says), len(f.tokens)-1)
}

// says reports that the message comes when the parser has seen the token. It may
// have to see another one first: "and" can follow whatever is whole.
func (f *finder) says(i int) bool {
	return f.try(i, sentinel) == f.msg || f.try(i, " and"+sentinel) == f.msg
}

// try returns the message about the expression up to and with a token, with more
// behind it.
func (f *finder) try(i int, more string) string {
	return message(f.compile(f.expr[:f.tokens[i].end] + more))
}

// maxTries bounds how often a whole expression is compiled.
const maxTries = 200

// first returns the first token that is so, or the last that there is.
func (f *finder) first(is func(int) bool) int {
	for i := range min(len(f.tokens), maxTries) {
		if is(i) {
			return i
		}
	}
	return max(len(f.tokens)-1, 0)
}

// closers are the parentheses that are open after a token.
func (f *finder) closers(i int) string {
	open := 0
	for _, t := range f.tokens[:i+1] {
		switch f.expr[t.at] {
		case '(':
			open++
		case ')':
			open--
		}
	}
	return strings.Repeat(")", max(open, 0))
}

// named returns the only token that the message quotes, if it is the only one.
func (f *finder) named() (at int, ok bool) {
	i := strings.IndexAny(f.msg, `'"`)
	if i < 0 {
		return 0, false
	}
	name, _, _ := strings.Cut(f.msg[i+1:], f.msg[i:i+1])
	n := 0
	for j, t := range f.tokens {
		if strings.TrimPrefix(f.expr[t.at:t.end], `\`) == name {
			at, n = j, n+1
		}
	}
	return at, n == 1
}

// token is where a word or an operator of an expression lies.
type token struct{ at, end int }

// tokens cuts an expression up, nearly as libpcap's lexer does.
func tokens(expr string) (out []token) {
	for i := 0; i < len(expr); {
		r, size := utf8.DecodeRuneInString(expr[i:])
		n := size
		switch {
		case unicode.IsSpace(r):
			i += size
			continue
		case wordByte(expr[i]):
			for n = 0; i+n < len(expr) && wordByte(expr[i+n]); {
				n++
			}
		case strings.ContainsRune("<>=!&|", r) && i+1 < len(expr) && strings.ContainsRune("<>=&|", rune(expr[i+1])):
			n = 2
		}
		out = append(out, token{i, i + n})
		i += n
	}
	return out
}

// wordByte reports that a byte can be part of a name, a number or an address.
func wordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte(`-_.:\$`, b) >= 0
}
