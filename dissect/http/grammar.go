package http

import (
	"bytes"
	"encoding/binary"
	"strings"

	"example.com/wirewatch/dissect"
)

// span is a part of a line, by its offsets.
type span struct{ from, to int }

func (s span) of(line []byte) []byte { return line[s.from:s.to] }
func (s span) in(text string) string { return text[s.from:s.to] }
func (s span) empty() bool           { return s.from == s.to }
func (s span) trim(line []byte) span { return s.trimRight(line).trimLeft(line) }
func (s span) trimLeft(l []byte) span {
	for s.from < s.to && isSpace(l[s.from]) {
		s.from++
	}
	return s
}
func (s span) trimRight(l []byte) span {
	for s.from < s.to && isSpace(l[s.to-1]) {
		s.to--
	}
	return s
}

// flaws are departures from the grammar of a start-line.
type flaws uint8

const (
	badSpacing flaws = 1 << iota
	badVersion
	badTarget
	badMethod
	badCode
	badPhrase
	hasFragment
)

// startLine is a request-line or a status-line, without its line terminator.
type startLine struct {
	method, target span // of a request-line
	code, phrase   span // of a status-line
	version        span // empty: HTTP/0.9
	flaws          flaws
	cut            bool // the rest of it will not come
}

// requestLine parses
//
//	request-line = method SP request-target SP HTTP-version   (RFC 9112 §3)
//
// It allows any whitespace around and between the parts, and inside of the
// target, because RFC 9112 §3.2 knows recipients that do; and it allows the
// version to be absent:
//
//	Simple-Request = "GET" SP Request-URI CRLF   (RFC 1945 §5)
func requestLine(line []byte) (l startLine, ok bool) {
	all := span{0, len(line)}.trimRight(line)
	if all.to != len(line) {
		l.flaws |= badSpacing
	}
	l.method.to = indexSpace(line[:all.to])
	if l.method.to <= 0 || l.method.to > maxMethod {
		return l, false
	}
	if !isToken(l.method.of(line)) {
		l.flaws |= badMethod
	}
	rest := span{l.method.to, all.to}.trimLeft(line)
	last := rest.from + bytes.LastIndexAny(rest.of(line), " \t") + 1
	switch {
	case hasPrefixFold(line[last:all.to], "HTTP/"):
		l.version = span{last, all.to}
		l.target = span{rest.from, last}.trimRight(line)
	case string(l.method.of(line)) == "GET":
		l.target = rest
	default:
		return l, false
	}
	if line[l.method.to] != ' ' || rest.from != l.method.to+1 ||
		!l.version.empty() && l.target.to+1 != l.version.from {
		l.flaws |= badSpacing
	}
	if !isVersion(l.version.of(line)) && !l.version.empty() {
		l.flaws |= badVersion
	}
	if l.target.empty() || !isTarget(l.target.of(line)) {
		l.flaws |= badTarget
	}
	if bytes.IndexByte(l.target.of(line), '#') >= 0 {
		l.flaws |= hasFragment
	}
	simple := l.version.empty() && (l.flaws&^hasFragment != 0 || l.target.empty())
	return l, !simple && l.flaws&badMethod == 0
}

// maxMethod bounds what is taken for a method: the longest registered one has
// 17 bytes.
const maxMethod = 64

// statusLine parses
//
//	status-line = HTTP-version SP status-code SP [ reason-phrase ]   (RFC 9112 §4)
//
// It allows any whitespace between the parts, a missing SP before an absent
// phrase (many servers), and a code that is not three digits, of which it takes
// those that it begins with. "ICY" is a version: SHOUTcast servers send it.
func statusLine(line []byte) (l startLine, ok bool) {
	l.version.to = indexSpace(line)
	if l.version.to < 0 {
		l.version.to = len(line)
	}
	version := l.version.of(line)
	if !isVersion(version) {
		l.flaws |= badVersion
		if !(hasPrefixFold(version, "HTTP/") && len(version) > 5 && isDigit(version[5])) && string(version) != "ICY" {
			return l, false
		}
	}
	rest := span{l.version.to, len(line)}.trimLeft(line)
	l.code = span{rest.from, rest.from}
	for l.code.to < rest.to && l.code.to-l.code.from < 3 && isDigit(line[l.code.to]) {
		l.code.to++
	}
	if rest.from != l.version.to+1 || line[l.version.to] != ' ' {
		l.flaws |= badSpacing
	}
	l.phrase = span{l.code.to, rest.to}
	switch {
	case l.code.to-l.code.from != 3 || !l.phrase.empty() && !isSpace(line[l.code.to]):
		l.flaws |= badCode
		l.phrase = l.phrase.trimLeft(line)
	case l.phrase.empty() || line[l.code.to] != ' ':
		l.flaws |= badSpacing
		l.phrase = l.phrase.trimLeft(line)
	default:
		l.phrase.from++
	}
	if hasControl(l.phrase.of(line)) {
		l.flaws |= badPhrase
	}
	return l, true
}

// cutLine reads what there is of a start-line of which the rest will not come, if
// that cannot be anything else: a method of HTTP and the beginning of a target,
// or a version and a status code.
func cutLine(r role, p []byte) (l startLine, ok bool) {
	l.cut = true
	if r == response {
		l.version, l.code = span{0, 8}, span{9, 12}
		ok = len(p) >= l.code.to && isVersion(l.version.of(p)) && p[8] == ' ' && isStatus(l.code.of(p))
		l.phrase = span{l.code.to, l.code.to}
		return l, ok
	}
	sp := bytes.IndexByte(p, ' ')
	if sp < 0 || !methods[string(p[:sp])] || probeTarget(p[:sp], p[sp+1:]) != dissect.Yes {
		return l, false
	}
	l.method, l.target = span{0, sp}, span{sp + 1, len(p)}
	if i := bytes.IndexByte(l.target.of(p), ' '); i >= 0 {
		l.target.to = sp + 1 + i
		if v := (span{l.target.to + 1, len(p)}); isVersion(v.of(p)) {
			l.version = v
		}
	}
	return l, isTarget(l.target.of(p))
}

// isStatus reports whether b is a status-code (RFC 9110 §15).
func isStatus(b []byte) bool { return '1' <= b[0] && b[0] <= '5' && isDigit(b[1]) && isDigit(b[2]) }

// fieldLine parses
//
//	field-line = field-name ":" OWS field-value OWS   (RFC 9112 §5)
//
// It allows whitespace before the colon, as RFC 9112 §5.1 has proxies remove it
// from responses, and any name. ok is false without a colon.
func fieldLine(line []byte) (name, value span, ok bool) {
	colon := tokenLen(line)
	if colon == len(line) || line[colon] != ':' {
		colon = bytes.IndexByte(line, ':')
	}
	if colon < 0 {
		return name, span{0, len(line)}.trim(line), false
	}
	name = span{0, colon}.trimRight(line)
	return name, span{colon + 1, len(line)}.trim(line), true
}

// isVersion reports whether b is
//
//	HTTP-version = HTTP-name "/" DIGIT "." DIGIT   (RFC 9112 §2.3)
//
// of the major version that has this syntax.
func isVersion(b []byte) bool {
	return len(b) == 8 && string(b[:7]) == "HTTP/1." && isDigit(b[7])
}

// isTarget reports whether b can be a request-target (RFC 9112 §3.2): all of
// its forms consist of visible ASCII (RFC 3986 §2).
func isTarget(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// isToken reports whether b is
//
//	token = 1*tchar   (RFC 9110 §5.6.2)
func isToken(b []byte) bool { return len(b) > 0 && tokenLen(b) == len(b) }

// tokenLen is how many tchar b begins with.
func tokenLen(b []byte) int {
	for i, c := range b {
		if !tchar[c] {
			return i
		}
	}
	return len(b)
}

// tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_"
// / "`" / "|" / "~" / DIGIT / ALPHA   (RFC 9110 §5.6.2)
var tchar = func() (t [256]bool) {
	const all = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for _, c := range []byte(all) {
		t[c] = true
	}
	return t
}()

// isSpace reports SP or HTAB, which are OWS and BWS (RFC 9110 §5.6.3).
func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// isControl reports what neither
//
//	field-value   = *field-content, of VCHAR / obs-text / SP / HTAB   (RFC 9110 §5.5)
//	reason-phrase = 1*( HTAB / SP / VCHAR / obs-text )   (RFC 9112 §4)
//
// may hold.
func isControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// hasControl reports whether p holds a control character, CR aside, of which
// bareCR tells.
func hasControl(p []byte) bool {
	for len(p) >= 8 && !mayHaveControl(binary.LittleEndian.Uint64(p)) {
		p = p[8:]
	}
	for _, c := range p {
		if isControl(c) && c != '\r' {
			return true
		}
	}
	return false
}

// mayHaveControl reports whether any of eight bytes is below SP or is DEL: a
// field value is looked at for what it hardly ever holds.
func mayHaveControl(eight uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	del := eight ^ 0x7f*ones
	return ((eight-' '*ones)&^eight|(del-ones)&^del)&tops != 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// indexSpace is the index of the first SP or HTAB, -1 without one.
func indexSpace(b []byte) int {
	for i, c := range b {
		if isSpace(c) {
			return i
		}
	}
	return -1
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && strings.EqualFold(string(b[:len(prefix)]), prefix)
}

// hasScheme reports whether a request-target is in absolute-form, which begins
// with
//
//	scheme "://"   (RFC 3986 §3, for the schemes of HTTP)
func hasScheme(target string) bool {
	i := strings.Index(target, "://")
	return i > 0 && strings.IndexByte(target[:i], '/') < 0
}

// elements calls yield for each element of a comma-separated list, trimmed;
// empty elements are ignored (RFC 9110 §5.6.1.2).
func elements(list string, yield func(string) bool) {
	for list != "" {
		var e string
		e, list, _ = strings.Cut(list, ",")
		if e = strings.Trim(e, " \t"); e != "" && !yield(e) {
			return
		}
	}
}
