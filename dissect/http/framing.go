package http

import (
	"bytes"
	"slices"
	"strings"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// frame goes from a head to its content, by the rules of RFC 9112 §6.3. empty
// says that the message has none, whatever its fields say.
func (d *dissector) frame(f *feed, h *half, x *exchange, fs *fields, empty bool) {
	h.x = x
	known := true
	if empty { // rule 1
		h.state, h.left = inCounted, 0
	} else {
		h.state, h.left, known = f.length(h.role, x, fs)
	}
	if !known {
		x.miss(event.Malformed)
	}
	if h.state == inCounted && h.left == 0 {
		x.contentOf(h.role).Encoding = joined(fs.encoded)
		d.finish(f, h)
		if !known && h.state == atStart { // some recipient takes what hides in it for a request
			d.lose(h, f.offset())
			h.search(true, nil)
		}
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

// declares reports framing in a response that may not have any: interim ones, a
// 204, and what opens a tunnel. Those to HEAD, and 304, say what a GET would have
// had (RFC 9110 §8.6, RFC 9112 §6.1).
func (f *feed) declares(x *exchange, code int, fs *fields) {
	method := x.req.Method
	if code/100 != 1 && (code != 204 || method == "HEAD") && (code/100 != 2 || method != "CONNECT") {
		return
	}
	if fs.declared {
		f.report(lengthNotAllowed, x, "")
	}
	if len(fs.coding) > 0 {
		f.report(codingNotAllowed, x, "")
	}
}

// length is how the content of a message that may have some is framed. known is
// false where nobody can tell: of a request then no content is read, and what a
// response has goes on at most until the connection closes.
func (f *feed) length(r role, x *exchange, fs *fields) (s state, n uint64, known bool) {
	if fs.badly != nil {
		f.report(fs.badly, x, fs.bad)
	}
	if len(fs.coding) > 0 && f.transfers(r, x, fs) {
		s, known = f.transfer(r, x, fs)
		return s, 0, known
	}
	switch {
	case fs.unframed(): // rule 5
		return unframed(r), 0, false
	case fs.length >= 0: // rule 6
		return inCounted, uint64(fs.length), true
	case r == request: // rule 7
		return inCounted, 0, true
	}
	return inClosed, 0, true // rule 8
}

// unframed is how a message is read whose framing is broken.
func unframed(r role) state {
	if r == request {
		return inCounted // none of it
	}
	return inClosed
}

// transfers reports whether Transfer-Encoding frames a message (rule 3). It does
// not in HTTP/1.0, which has no transfer codings, so that its recipients do not
// look for them (RFC 9112 §6.1 calls the framing faulty); nor does "identity"
// alone, which RFC 2616 had for none.
func (f *feed) transfers(r role, x *exchange, fs *fields) bool {
	version := x.req.Version
	if r == response {
		version = x.res.Version
	}
	if fs.declared {
		f.report(lengthWithCoding, x, "")
	}
	switch {
	case isOld(version):
		f.report(codingVersion, x, "")
	case len(fs.coding) == 1 && codingName(fs.coding[0]) == "identity":
		f.report(codingUnknown, x, fs.coding[0])
	default:
		return true
	}
	fs.coding = nil
	return false
}

// transfer is how Transfer-Encoding frames a message (rule 4): by chunks where
// chunked is the final coding. It leaves those that are to be undone behind it.
// One that is named twice counts once: proxies that add a field do not look for
// one that is there.
func (f *feed) transfer(r role, x *exchange, fs *fields) (s state, known bool) {
	names := make([]string, len(fs.coding))
	chunked, final := 0, false
	for i, c := range fs.coding {
		names[i] = codingName(c)
		if final = names[i] == "chunked"; final {
			chunked++
		}
		registered := slices.Contains(transferCodings, names[i])
		fs.unknown = fs.unknown || !registered
		if !registered || !strings.EqualFold(names[i], c) {
			f.report(codingUnknown, x, c)
		}
	}
	if chunked > 1 || chunked == 1 && !final || !final && r == request {
		f.report(codingNotFinal, x, joined(fs.coding))
	}
	if final {
		names = slices.DeleteFunc(names, func(name string) bool { return name == "chunked" })
	}
	fs.coding, x.contentOf(r).Transfer = names, joined(names)
	switch {
	case final:
		return atChunkSize, true
	case r == request:
		return unframed(r), false
	}
	return inClosed, true
}

// transferCodings are the registered ones, in lower case, with the names that
// RFC 9112 §7.2 has recipients take for the same.
var transferCodings = []string{"chunked", "gzip", "x-gzip", "deflate", "compress", "x-compress"}

// codingName is the name, in lower case, of
//
//	transfer-coding = token *( OWS ";" OWS transfer-parameter )   (RFC 9112 §7)
//
// None of the registered ones has parameters.
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
		if d.astray(x) {
			x.miss(event.Gap)
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
		var fault *event.Code
		if fin {
			fault = headIncomplete
		}
		d.cutHead(f, h, why, fault)
		return
	case searching:
		if h.found(f) || why == event.Snaplen && d.glimpseSegment(f, h) {
			d.cutHead(f, h, why, nil)
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
	if fin && !f.c.Answers(f.dir) { // who stops because the other end has closed is not at fault
		f.report(bodyShort, h.x, "")
	}
	h.x.miss(why)
	h.read.cut(f, h)
	d.finish(f, h)
}

// cutHead makes what it can of a head that is not whole: its start-line, or the
// beginning of that, and those field lines that are. Without either there is no
// message, though a response may have answered it, or interim ones announced it.
// It reports fault, unless that is nil, if a head has begun.
func (d *dissector) cutHead(f *feed, h *half, why event.Incomplete, fault *event.Code) {
	x, started := h.x, h.begun.done
	known := x != nil && (h.role == request || x.Exchange.Request == nil)
	if !started {
		h.head.before.report(f, nil)
	}
	whole := h.head.checked && h.head.line > 0 && h.head.line <= len(f.rest()) // else the driver gave it up
	if whole || started && !h.head.checked && d.glimpse(f, h) {
		h.head.cut = why
		x, known = d.partial(f, h)
	}
	if fault != nil && started {
		f.report(fault, x, "")
	}
	if !known {
		h.x, h.begun, h.head = nil, begun{}, scanner{}
		return
	}
	x.miss(why)
	h.x = x
	d.finish(f, h)
}

// glimpse takes the rest for the beginning of a start-line of which no more will
// come, if it can be nothing else.
func (d *dissector) glimpse(f *feed, h *half) bool {
	p := f.rest()
	p = bytes.TrimSuffix(p[:min(len(p), f.c.Limits().Head)], []byte{'\r'})
	l, ok := cutLine(h.role, p)
	if !ok {
		return false
	}
	d.prove(f)
	h.head.start, h.head.checked, h.head.first, h.head.line = l, true, len(p)+1, len(p)
	return true
}

// glimpseSegment is glimpse for a direction that searches: there the rest has to
// begin where a segment does.
func (d *dissector) glimpseSegment(f *feed, h *half) bool {
	if !h.track.here || !d.glimpse(f, h) {
		return false
	}
	h.state, h.begun = atStart, f.begin()
	return true
}

// partial reads a head that is not whole. final is false for that of an interim
// response.
func (d *dissector) partial(f *feed, h *half) (x *exchange, final bool) {
	size := h.head.line
	if h.role == request {
		x = d.open(f)
		d.requestHead(f, h, x, size)
		return x, true
	}
	if x, _ = d.answer(f, h); x == nil {
		x = d.orphan(h)
	}
	if r, _ := d.responseHead(f, h, x, size); r != &x.res {
		_ = x.addInterim(r, f.c.Limits().Exchanges)
		return x, false
	}
	d.accept(f, x)
	return x, true
}
