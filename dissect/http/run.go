package http

import (
	"bytes"
	"strings"

	"example.com/wirewatch/dissect"
)

// run is messages that follow each other without a break, and end where their
// sender ends or goes on only after it has received something: that is how the
// messages of a pipeline lie, and not how a content quotes one, which goes on
// with something else. Each is framed as RFC 9112 §6.3 says; one of which the
// framing does not tell its length belongs to no run.
type run struct {
	next  int // in the rest: where what comes next begins
	stage stage
}

// stage is what comes next in a run.
type stage uint8

const (
	aHead  stage = iota
	aChunk       // or the last one
	anEnd        // of a message
)

const (
	longestRun  = 64 << 10 // bytes to hold before a run is given up
	longestLine = 200      // bytes of a status-line, or of a chunk's, in a run
	mostRuns    = 16       // to look at after a hole: a content that is full of messages is not messages
)

// inner finds where in p, none of whose bytes is a turn, a message may begin that
// only a run can prove. off is the offset of p, last says that what p ends with
// is all there is of it. It returns how much of p is of no use.
func (t *track) inner(p []byte, r role, off int64, last bool) (n int, found bool) {
	if t.runs >= mostRuns {
		return len(p), false
	}
	from := int(min(max(0, t.floor-off), int64(len(p))))
	prev := t.prev
	for n, c := range p {
		if n < from || !opens(r, prev, c) {
			prev = c
			continue
		}
		prev = c
		switch beginsInner(r, p[n:]) {
		case dissect.Yes:
			return n, true
		case dissect.Maybe:
			if !last {
				return n, false
			}
		case dissect.No:
		}
	}
	return len(p), false
}

// opens reports whether a message can begin with c, behind the byte prev: a method
// not in the middle of a word.
func opens(r role, prev, c byte) bool {
	if r == response {
		return c == 'H'
	}
	return 'A' <= c && c <= 'Z' && !tchar[prev]
}

// beginsInner reports whether p may begin a message that a content might quote.
func beginsInner(r role, p []byte) dissect.Match {
	if len(p) == 0 {
		return dissect.No
	}
	if r == request {
		method, _, spaced := bytes.Cut(p[:min(len(p), maxMethod+1)], []byte{' '})
		switch {
		case !known(string(method), spaced):
			return dissect.No
		case !spaced:
			return dissect.Maybe
		}
		return dissect.Yes
	}
	const form = "HTTP/1.d ddd" // RFC 9112 §4
	for i := range min(len(p), len(form)) {
		if c := form[i]; c != p[i] && !(c == 'd' && isDigit(p[i])) {
			return dissect.No
		}
	}
	switch {
	case len(p) < len(form):
		return dissect.Maybe
	case bytes.IndexByte(p[:min(len(p), longestLine)], '\n') >= 0:
		return dissect.Yes
	case len(p) < longestLine:
		return dissect.Maybe
	}
	return dissect.No
}

// follow looks at the messages of a run that begins at the rest.
func (t *track) follow(f *feed, r role) dissect.Match {
	limit := min(longestRun, f.c.Limits().Head)
	for {
		p := f.rest()
		if t.run.next > limit {
			return dissect.No
		}
		if len(p) < t.run.next {
			return dissect.Maybe
		}
		m := dissect.Yes
		switch t.run.stage {
		case aHead:
			m = t.head(r, p[t.run.next:], limit)
		case aChunk:
			m = t.run.chunk(p[t.run.next:], limit)
		case anEnd:
			switch at := f.n + t.run.next; {
			case len(p) > t.run.next && f.c.Turn(f.dir, at, at+1) == at, len(p) == t.run.next && f.end:
				return dissect.Yes
			case len(p) == t.run.next:
				return dissect.Maybe
			}
			t.run.stage = aHead
		}
		if m != dissect.Yes {
			return m
		}
	}
}

// head looks at the head of the run's next message.
func (t *track) head(r role, p []byte, limit int) dissect.Match {
	if beginsInner(r, p) == dissect.No {
		return dissect.No
	}
	if m := t.prove(r, p, limit); m != dissect.Yes {
		return m
	}
	size, chunked, ok := framed(r, p[:t.seen])
	if !ok || size > uint64(limit) {
		return dissect.No
	}
	t.run.next += t.seen + int(size)
	t.run.stage = anEnd
	if chunked {
		t.run.stage = aChunk
	}
	t.seen, t.line = 0, 0
	return dissect.Yes
}

// framed is how the content of a message is framed whose head is to the letter:
// its size, or chunked. It is not ok where that is in doubt.
func framed(r role, head []byte) (size uint64, chunked, ok bool) {
	first := bytes.IndexByte(head, '\n')
	l, _ := parseStart(r, withoutCR(head[:first]))
	var s section
	text := string(head)
	s.parse(head, text, 1)
	fs := fieldsOf(s.pairs)
	chunked = len(fs.coding) == 1 && strings.EqualFold(fs.coding[0], "chunked")
	switch {
	case fs.badly != nil, len(fs.coding) > 0 && (fs.declared || !chunked), r == request && fs.hosts != 1:
		return 0, false, false
	case r == response && emptyCode(l.code.in(text)):
		return 0, false, true
	case chunked, fs.length >= 0:
		return uint64(max(0, fs.length)), chunked, true
	}
	return 0, false, r == request
}

// emptyCode reports a status code whose response has no content, and is followed
// by another message.
func emptyCode(code string) bool {
	return code == "204" || code == "304" || code[0] == '1' && code != "101"
}

// chunk looks at the run's next chunk.
func (u *run) chunk(p []byte, limit int) dissect.Match {
	i := bytes.IndexByte(p[:min(len(p), longestLine)], '\n')
	switch {
	case i < 0 && len(p) < longestLine:
		return dissect.Maybe
	case i <= 0 || p[i-1] != '\r':
		return dissect.No
	}
	size, flaw, ok := chunkLine(p[:i-1])
	if !ok || flaw != nil || size > uint64(limit) {
		return dissect.No
	}
	end := i + 1 + int(size)
	switch {
	case len(p) < end+2:
		return dissect.Maybe
	case p[end] != '\r' || p[end+1] != '\n':
		return dissect.No
	case size == 0:
		u.stage = anEnd
	}
	u.next += end + 2
	return dissect.Yes
}
