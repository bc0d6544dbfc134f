package http

import (
	"strings"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// frame goes from a head to its content, by the rules of RFC 9112 §6.3. empty
// says that the message has none, whatever its fields say.
func (d *dissector) frame(f *feed, h *half, x *exchange, fs *fields, empty bool) {
	h.x = x
	switch {
	case empty: // rule 1
		f.declares(h.role, x, fs)
		h.state, h.left = inCounted, 0
	default:
		h.state, h.left = f.length(h.role, x, fs)
	}
	if h.state == inCounted && h.left == 0 {
		x.contentOf(h.role).Encoding = joined(fs.encoded)
		d.finish(f, h)
		return
	}
	if h.role == response && x.res.Code == 205 && h.state != inClosed {
		f.report(bodyNotAllowed, x, "")
	}
	h.read.begin(f, h, fs)
}

// emptyAnswer reports a response that never has content: to HEAD, and any 204
// and 304 (RFC 9112 §6.3, rule 1; interim responses are dealt with before).
func emptyAnswer(method string, code int) bool {
	return method == "HEAD" || code == 204 || code == 304
}

// declares reports framing in a response that may not have any: a 204, while
// those to HEAD, and 304, say what a GET would have had (RFC 9110 §8.6).
func (f *feed) declares(r role, x *exchange, fs *fields) {
	if r != response || x.res.Code != 204 || x.req.Method == "HEAD" {
		return
	}
	if fs.declared {
		f.report(lengthNotAllowed, x, "")
	}
	if len(fs.coding) > 0 {
		f.report(codingNotAllowed, x, "")
	}
}

// length is how the content of a message that may have some is framed.
func (f *feed) length(r role, x *exchange, fs *fields) (state, uint64) {
	if fs.badly != nil {
		f.report(fs.badly, x, "")
	}
	if len(fs.coding) > 0 {
		if s, known := f.transfer(r, x, fs); known {
			return s, 0
		}
	}
	switch {
	case fs.length >= 0: // rule 6; of conflicting lengths (rule 5), the first
		return inCounted, uint64(fs.length)
	case r == request: // rule 7; an invalid length is refused, and not followed by content
		return inCounted, 0
	}
	return inClosed, 0 // rule 8
}

// transfer is how Transfer-Encoding frames a message (rules 3 and 4). known is
// false where it does not: in HTTP/1.0, which has no transfer codings, so that
// its recipients do not look for them (RFC 9112 §6.1 calls the framing faulty),
// and for "identity", which RFC 2616 had for none.
func (f *feed) transfer(r role, x *exchange, fs *fields) (s state, known bool) {
	version := x.req.Version
	if r == response {
		version = x.res.Version
	}
	if fs.declared {
		f.report(lengthWithCoding, x, "")
	}
	if isOld(version) {
		f.report(codingVersion, x, "")
		fs.coding = nil
		return 0, false
	}
	chunked, final, codings := 0, false, fs.coding
	fs.coding = nil
	for _, c := range codings {
		name := codingName(c)
		switch name {
		case "chunked":
			chunked++
			final = true
			continue
		case "gzip", "x-gzip", "deflate", "compress", "x-compress":
			fs.coding = append(fs.coding, name)
		case "identity":
			f.report(codingUnknown, x, c)
			continue
		default:
			f.report(codingUnknown, x, c)
			fs.coding = append(fs.coding, name)
		}
		known, final = true, false
	}
	switch {
	case final && chunked == 1:
		return atChunkSize, true
	case chunked > 0 || known && r == request:
		f.report(codingNotFinal, x, strings.Join(codings, ", "))
	}
	return inClosed, known || chunked > 0
}

// codingName is the name of
//
//	transfer-coding = token *( OWS ";" OWS transfer-parameter )   (RFC 9112 §7)
func codingName(coding string) string {
	name, _, _ := strings.Cut(coding, ";")
	return strings.ToLower(strings.TrimRight(name, " \t"))
}

// finish ends the message in progress: its bytes are consumed.
func (d *dissector) finish(f *feed, h *half) {
	x := h.x
	h.read.finish(f, h)
	h.x, h.state, h.left, h.begun, h.head = nil, atStart, 0, begun{}, scanner{}
	x.done[h.role] = true
	if h.role == request {
		d.requestEnded(f, h, x)
	} else {
		d.responded(f.offset())
	}
	x.settle(f.c)
}

// requestEnded decides what may follow a request.
func (d *dissector) requestEnded(f *feed, h *half, x *exchange) {
	res := &d.half[response]
	switch {
	case x.answered:
	case res.ended:
		if len(d.queue) > 0 && d.queue[len(d.queue)-1].x == x {
			d.queue = d.queue[:len(d.queue)-1]
		}
		x.miss(unanswered(f.c.EndOf(f.dir.Reverse())))
		x.answered, x.done[response] = true, true
	case x.upgrade:
		h.state, h.x = paused, x
	}
	h.last = x.simple
}

// pause holds back what follows a request that may turn the connection into
// something else, until its response decides.
func (d *dissector) pause(f *feed, h *half) (dissect.Verdict, bool) {
	switch {
	case h.x.answered || d.half[response].ended:
		h.state, h.x = atStart, nil
		return dissect.More, true
	case len(f.rest()) == 0:
		return dissect.More, false
	}
	return dissect.Wait, false
}

// cut ends the message in progress, of which the rest will not come, and
// whatever waits for more of it.
func (d *dissector) cut(f *feed, h *half, why event.Incomplete) {
	fin := h.ended && f.c.EndOf(f.dir) == dissect.FIN
	switch h.state {
	case atStart:
		d.cutHead(f, h, why, fin)
		return
	case searching:
		if h.found(f) {
			d.cutHead(f, h, why, false)
		}
		return
	case paused:
		h.x = nil
		return
	case inCounted, inClosed, atChunkSize, inChunkData, atChunkEnd, inTrailers:
	}
	if h.role == request && h.x.refused() {
		d.finish(f, h)
		return
	}
	if other := &d.half[h.role^1]; fin && !(other.ended && f.c.EndOf(f.dir.Reverse()) == dissect.FIN) {
		f.report(bodyShort, h.x, "") // who stops because the other end has closed is not at fault
	}
	h.x.miss(why)
	h.read.cut(f, h)
	d.finish(f, h)
}

// cutHead makes what it can of a head that is not whole: its start-line and
// those field lines that are. Without a start-line there is no message, though
// a response may have answered it, or interim ones announced it.
func (d *dissector) cutHead(f *feed, h *half, why event.Incomplete, fin bool) {
	if fin && h.begun.done {
		f.report(headIncomplete, h.x, "")
	}
	x := h.x
	switch {
	case h.head.checked && h.head.line > 0 && h.head.line <= len(f.rest()): // else the driver gave it up
		h.head.cut = why
		if x = d.partial(f, h); x == nil {
			return
		}
	case x == nil || h.role == response && x.Exchange.Request != nil:
		h.x, h.begun, h.head = nil, begun{}, scanner{}
		return
	}
	x.miss(why)
	h.x = x
	d.finish(f, h)
}

// partial reads a head that is not whole.
func (d *dissector) partial(f *feed, h *half) *exchange {
	size := h.head.line
	if h.role == request {
		x := d.open(f)
		d.requestHead(f, h, x, size)
		return x
	}
	x, _ := d.answer(f, h)
	if x == nil {
		x = d.orphan(h)
	}
	if r, _ := d.responseHead(f, h, x, size); r != &x.res {
		_ = x.addInterim(r, f.c.Limits().Exchanges)
		h.x = nil
		return nil
	}
	d.accept(f, x)
	return x
}
