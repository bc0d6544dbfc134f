package http

import (
	"bytes"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// chunkLine parses
//
//	chunk      = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
//	chunk-size = 1*HEXDIG   (RFC 9112 §7.1)
//
// up to its first CRLF, which line is without. A line that begins with anything
// but a hexadecimal digit (whitespace, a sign), or whose digits are followed by
// anything but whitespace and extensions (an x, as in "0x4"), has no size:
// recipients that read one all the same read different ones. flaw names a
// departure; ok is false where there is no size.
func chunkLine(line []byte) (size uint64, flaw *event.Code, ok bool) {
	n := 0
	for ; n < len(line); n++ {
		v, hex := hexDigit(line[n])
		if !hex {
			break
		}
		if size >= 1<<59 { // a content of 2^63 bytes and more
			return 0, chunkSizeOverflow, false
		}
		size = size<<4 | uint64(v)
	}
	switch ext := line[n:]; {
	case n == 0 || len(ext) > 0 && ext[0] != ';' && !isSpace(ext[0]):
		return 0, chunkSizeInvalid, false
	case !isChunkExt(ext):
		return size, chunkExtInvalid, true
	}
	return size, nil, true
}

// isChunkExt reports whether p is
//
//	chunk-ext     = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//	chunk-ext-val = token / quoted-string   (RFC 9112 §7.1.1)
func isChunkExt(p []byte) bool {
	for len(p) > 0 {
		p = trimSpace(p)
		if len(p) == 0 || p[0] != ';' {
			return false
		}
		p = trimSpace(p[1:])
		name := tokenLen(p)
		if name == 0 {
			return false
		}
		p = p[name:]
		if v := trimSpace(p); len(v) > 0 && v[0] == '=' {
			v = trimSpace(v[1:])
			n := max(tokenLen(v), quotedLen(v))
			if n == 0 {
				return false
			}
			p = v[n:]
		}
	}
	return true
}

// trimSpace is p without the whitespace that it begins with.
func trimSpace(p []byte) []byte { return p[span{0, len(p)}.trimLeft(p).from:] }

// quotedLen is the length of the
//
//	quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE   (RFC 9110 §5.6.4)
//
// that p begins with, 0 if it does not.
func quotedLen(p []byte) int {
	if len(p) == 0 || p[0] != '"' {
		return 0
	}
	for i := 1; i < len(p); i++ {
		switch c := p[i]; {
		case c == '"':
			return i + 1
		case isControl(c):
			return 0
		case c == '\\':
			i++
			if i < len(p) && isControl(p[i]) {
				return 0
			}
		}
	}
	return 0
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case isDigit(c):
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// chunkSize reads the line before a chunk. A line that has no size ends the
// message: where the next chunk begins, nobody knows.
func (d *dissector) chunkSize(f *feed, h *half) (dissect.Verdict, bool) {
	p, limit := f.rest(), f.c.Limits().Head
	line, found := h.head.next(p[:min(len(p), limit)])
	switch {
	case found:
	case len(p) >= limit:
		return d.tooLong(f, h, headLimit, limit)
	default:
		return dissect.More, false
	}
	f.lasts(h.x, h.role, len(line)+1)
	f.take(len(line) + 1)
	text := line
	if n := len(line); n > 0 && line[n-1] == '\r' {
		text = line[:n-1]
	} else {
		h.complain(f, bareLF, "")
	}
	if bytes.IndexByte(text, '\r') >= 0 {
		h.complain(f, bareCR, "")
	}
	size, flaw, ok := chunkLine(text)
	if flaw != nil {
		h.complain(f, flaw, quote(text))
	}
	switch {
	case !ok:
		return d.broken(f, h)
	case size == 0:
		h.state = inTrailers
	default:
		h.state, h.left = inChunkData, size
	}
	return dissect.More, true
}

// complain reports a departure once for each content.
func (h *half) complain(f *feed, code *event.Code, detail string) {
	for i, c := range [...]*event.Code{bareLF, bareCR, chunkSizeInvalid, chunkSizeOverflow, chunkExtInvalid, chunkUnterminated} {
		if c == code && h.read.said&(1<<i) == 0 {
			h.read.said |= 1 << i
			f.report(code, h.x, detail)
		}
	}
}

// quote is the beginning of a line, as a detail of what is wrong with it.
func quote(line []byte) string {
	if len(line) == 0 {
		return "an empty line"
	}
	return string(line[:min(len(line), maxQuote)])
}

// broken ends a message whose framing cannot be followed any further, in front
// of the rest.
func (d *dissector) broken(f *feed, h *half) (dissect.Verdict, bool) {
	d.cut(f, h, event.Malformed)
	d.lose(h, f.offset())
	h.search(false, nil)
	return dissect.More, true
}

// chunkData consumes chunk-data.
func (d *dissector) chunkData(f *feed, h *half) (dissect.Verdict, bool) {
	h.data(f)
	if h.left > 0 {
		return dissect.More, false
	}
	h.state = atChunkEnd
	return dissect.More, true
}

// chunkEnd expects the CRLF behind chunk-data. Where something else stands, the
// size was wrong, and with it the framing.
func (d *dissector) chunkEnd(f *feed, h *half) (dissect.Verdict, bool) {
	p := f.rest()
	switch {
	case len(p) == 0 || len(p) == 1 && p[0] == '\r':
		return dissect.More, false
	case p[0] == '\r' && p[1] == '\n':
		f.take(2)
	case p[0] == '\n':
		h.complain(f, bareLF, "")
		f.take(1)
	default:
		h.complain(f, chunkUnterminated, "")
		return d.broken(f, h)
	}
	h.state, h.head = atChunkSize, scanner{}
	return dissect.More, true
}

// trailers reads
//
//	trailer-section = *( field-line CRLF )   (RFC 9112 §7.1.2)
//
// and the CRLF that ends the chunked body.
func (d *dissector) trailers(f *feed, h *half) (dissect.Verdict, bool) {
	p, limit := f.rest(), f.c.Limits()
	size := h.head.find(p[:min(len(p), limit.Head)])
	switch {
	case size == 0 && len(p) >= limit.Head:
		return d.tooLong(f, h, headLimit, limit.Head)
	case size == 0:
		return dissect.More, false
	case h.head.lines > limit.Lines:
		return d.tooLong(f, h, linesLimit, size)
	}
	f.lasts(h.x, h.role, size)
	if lines := h.head.lines; lines > 0 {
		s := section{pairs: make([]event.Pair, 0, lines)}
		s.parse(p[:size], string(p[:size]), 0)
		s.report(f, h.x)
		h.x.contentOf(h.role).Trailers = s.pairs
		f.misplaced(h.x, s.pairs)
	}
	f.take(size)
	d.finish(f, h)
	return dissect.More, true
}

// misplaced reports framing, routing and content codings in a trailer section,
// where they would be seen by some and not by others (RFC 9110 §6.5.1).
func (f *feed) misplaced(x *exchange, pairs []event.Pair) {
	for i := range pairs {
		fs := fieldsOf(pairs[i : i+1])
		if fs.declared || len(fs.coding) > 0 || fs.hosts > 0 || len(fs.content) > 0 {
			f.report(trailerInvalid, x, pairs[i].Name)
			return
		}
	}
}
