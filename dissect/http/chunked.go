package http

import (
	"bytes"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// chunkLine parses
//
//	chunk      = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
//	chunk-size = 1*HEXDIG
//	chunk-ext  = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )   (RFC 9112 §7.1)
//
// up to its first CRLF, which line is without. Extensions are not looked at. We
// take the hexadecimal digits that a line begins with, whitespace aside, as
// recipients do that use strtol; but not what else strtol takes, a sign or a
// prefix. flaw names a departure; ok is false where there is no size.
func chunkLine(line []byte) (size uint64, flaw *event.Code, ok bool) {
	s := span{0, len(line)}.trimLeft(line)
	if s.from > 0 {
		flaw = chunkSizeInvalid
	}
	n := s.from
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
	rest := bytes.TrimLeft(line[n:], " \t")
	switch {
	case n == s.from:
		return 0, chunkSizeInvalid, false
	case len(rest) > 0 && rest[0] != ';':
		return size, chunkSizeInvalid, size > 0 // "0x4" is no last chunk
	}
	return size, flaw, true
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

// chunkSize reads the line before a chunk. An empty line is skipped, for it is
// what a sender leaves that ends chunk-data twice.
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
	f.take(len(line) + 1)
	text := line
	if n := len(line); n > 0 && line[n-1] == '\r' {
		text = line[:n-1]
	} else {
		h.complain(f, bareLF, "")
	}
	if len(text) == 0 {
		h.complain(f, chunkSizeInvalid, "an empty line")
		return dissect.More, true
	}
	size, flaw, ok := chunkLine(text)
	if flaw != nil {
		h.complain(f, flaw, string(text[:min(len(text), 100)]))
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
	for i, c := range [...]*event.Code{bareLF, chunkSizeInvalid, chunkSizeOverflow, chunkUnterminated} {
		if c == code && h.read.said&(1<<i) == 0 {
			h.read.said |= 1 << i
			f.report(code, h.x, detail)
		}
	}
}

// broken ends a message whose framing cannot be followed any further.
func (d *dissector) broken(f *feed, h *half) (dissect.Verdict, bool) {
	h.x.last[h.role] = f.c.At(f.dir, f.n-1)
	d.cut(f, h, event.Gap)
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

// chunkEnd expects the CRLF behind chunk-data. Where it is missing, what is
// there is taken for the next chunk.
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
	h.x.last[h.role] = f.at(size - 1)
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

// misplaced reports framing, routing and authentication in a trailer section,
// where they would be seen by some and not by others (RFC 9110 §6.5.1).
func (f *feed) misplaced(x *exchange, pairs []event.Pair) {
	fs := fieldsOf(pairs)
	if fs.declared || len(fs.coding) > 0 || fs.hosts > 0 || len(fs.content) > 0 {
		f.report(trailerInvalid, x, "")
	}
}
