package http

import (
	"bytes"

	"example.com/wirewatch/event"
)

// scanner finds the end of a head, or of a trailer section, in bytes that are
// offered again and again as they grow. It looks at each byte once.
type scanner struct {
	seen    int              // bytes that were searched
	first   int              // length of the first line, with its LF; 0 while it is not whole
	line    int              // where the line in progress begins
	lines   int              // lines that have ended
	size    int              // of the head, once its end was found
	start   startLine        // the first line, once it was found good
	checked bool             // it was
	cut     event.Incomplete // why the head will not be whole
	before  before           // what precedes it
}

// find returns the length of the lines that p begins with, up to and with the
// first empty one; 0 if that has not come yet.
func (s *scanner) find(p []byte) int {
	for s.size == 0 {
		i := bytes.IndexByte(p[s.seen:], '\n')
		if i < 0 {
			s.seen = len(p)
			return 0
		}
		i += s.seen
		s.seen = i + 1
		if s.first == 0 {
			s.first = i + 1
		}
		if isEmpty(p[s.line:i]) {
			s.size = i + 1
			break
		}
		s.line = i + 1
		s.lines++
	}
	return s.size
}

// next is the line that p begins with, without its LF, once that is there.
func (s *scanner) next(p []byte) (line []byte, found bool) {
	i := bytes.IndexByte(p[s.seen:], '\n')
	if i < 0 {
		s.seen = len(p)
		return nil, false
	}
	line = p[:s.seen+i]
	s.seen = 0
	return line, true
}

// isEmpty reports whether a line, without its LF, ends a head. We allow a
// second CR: recipients that skip CR before LF do.
func isEmpty(line []byte) bool {
	switch len(line) {
	case 0:
		return true
	case 1:
		return line[0] == '\r'
	case 2:
		return line[0] == '\r' && line[1] == '\r'
	}
	return false
}

// before is what precedes a start-line.
type before uint8

const (
	nothing before = iota
	emptyLines
	oddities // more than that
)

// report names it, as an anomaly of the exchange x, nil for none.
func (b before) report(f *feed, x *exchange) {
	switch b {
	case nothing:
	case emptyLines:
		f.report(emptyLine, x, "")
	case oddities:
		f.report(startLinePreceded, x, "")
	}
}

// blank is the length of what may precede a start-line and means nothing, and
// whether it is anything but empty lines. CR at the end of p may become one.
func blank(p []byte) (n int, odd bool) {
	for n < len(p) {
		switch c := p[n]; {
		case c == '\n':
		case c == '\r' && n+1 < len(p) && p[n+1] == '\n':
		case c == '\r' && n+1 == len(p):
			return n, odd
		case c == '\r' || isSpace(c):
			odd = true
		default:
			return n, odd
		}
		n++
	}
	return n, odd
}
