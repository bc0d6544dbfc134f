package rpc

import "strings"

// ending says how far the reading of a piece of JSON came.
type ending uint8

const (
	whole  ending = iota // to its end
	cut                  // to the end of the text, which came first
	broken               // to where it is no JSON
)

// members reads an object or an array member by member (RFC 8259 §4, §5):
//
//	object = begin-object [ member *( value-separator member ) ] end-object
//	member = string name-separator value
//	array  = begin-array [ value *( value-separator value ) ] end-array
//
// It looks at each byte once, and inside of values only as far as it must to
// find their ends: strings are skipped and brackets counted. So depth costs
// nothing, valid JSON is always read as it is meant, and some that is broken
// inside of a value is read too.
type members struct {
	p     string // what was not read; in the end, what follows the closing bracket
	close byte   // the bracket that ends it; 0 before the one that begins it
	over  bool   // there is no more to read
	end   ending // how the reading went so far
	found bool   // next found a member
	name  string // of an object's member: what is between the quotes, as sent
	value string // of the member, as sent; its beginning, where end is cut
}

// next reads one member. One whose value is cut is the last.
func (m *members) next() bool {
	if m.over {
		return false
	}
	m.found, m.name, m.value = false, "", ""
	m.end = m.member()
	m.over = m.over || m.end != whole
	return m.found
}

func (m *members) member() ending {
	if end := m.separator(); end != whole || m.over {
		return end
	}
	if m.close == '}' {
		if end := m.key(); end != whole {
			return end
		}
	}
	m.p = skipSpace(m.p)
	n, end := value(m.p)
	if end != broken {
		m.found, m.value, m.p = true, m.p[:n], m.p[n:]
	}
	return end
}

// separator reads what stands before a member, the opening bracket or a comma,
// or the closing bracket.
func (m *members) separator() ending {
	m.p = skipSpace(m.p)
	first := m.close == 0
	if first {
		if len(m.p) == 0 || m.p[0] != '{' && m.p[0] != '[' {
			return broken
		}
		m.close = m.p[0] + 2 // in ASCII, each closing bracket is two after its opening one
		m.p = skipSpace(m.p[1:])
	}
	switch {
	case len(m.p) == 0:
		return cut
	case m.p[0] == m.close:
		m.p, m.over = m.p[1:], true
	case first:
	case m.p[0] == ',':
		m.p = m.p[1:]
	default:
		return broken
	}
	return whole
}

// key reads a name and its colon.
func (m *members) key() ending {
	m.p = skipSpace(m.p)
	if len(m.p) > 0 && m.p[0] != '"' {
		return broken
	}
	n, end := quoted(m.p)
	if end != whole {
		return end
	}
	m.name, m.p = m.p[1:n-1], skipSpace(m.p[n:])
	switch {
	case len(m.p) == 0:
		return cut
	case m.p[0] != ':':
		return broken
	}
	m.p = m.p[1:]
	return whole
}

// value is the length of the value that p begins with.
func value(p string) (n int, end ending) {
	if len(p) == 0 {
		return 0, cut
	}
	switch c := p[0]; {
	case c == '"':
		return quoted(p)
	case c == '{' || c == '[':
		return nested(p)
	case c == '-' || isDigit(c):
		return number(p)
	case c == 't':
		return literal(p, "true")
	case c == 'f':
		return literal(p, "false")
	case c == 'n':
		return literal(p, "null")
	}
	return 0, broken
}

// quoted is the length of the string that p begins with. The backslashes before
// each quote are counted backwards, and so once.
func quoted(p string) (n int, end ending) {
	for n = 1; n < len(p); n++ {
		i := strings.IndexByte(p[n:], '"')
		if i < 0 {
			break
		}
		start := n
		n += i
		k := n
		for k > start && p[k-1] == '\\' {
			k--
		}
		if (n-k)%2 == 0 {
			return n + 1, whole
		}
	}
	return len(p), cut
}

// nested is the length of the object or array that p begins with.
func nested(p string) (n int, end ending) {
	depth := 0
	for n < len(p) {
		switch p[n] {
		case '"':
			k, end := quoted(p[n:])
			if end != whole {
				return len(p), end
			}
			n += k
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return n + 1, whole
			}
		}
		n++
	}
	return len(p), cut
}

// number is the length of the number that p begins with. One that the text ends
// in may go on.
func number(p string) (n int, end ending) {
	for n < len(p) {
		if c := p[n]; !isDigit(c) && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			return n, whole
		}
		n++
	}
	return n, cut
}

func literal(p string, word string) (n int, end ending) {
	n = min(len(p), len(word))
	switch {
	case p[:n] != word[:n]:
		return 0, broken
	case n < len(word):
		return n, cut
	}
	return n, whole
}

// skipSpace is p after its white space:
//
//	ws = *( %x20 / %x09 / %x0A / %x0D )
func skipSpace(p string) string {
	for len(p) > 0 && (p[0] == ' ' || p[0] == '\n' || p[0] == '\r' || p[0] == '\t') {
		p = p[1:]
	}
	return p
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
