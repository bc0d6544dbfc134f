package http

import (
	"strconv"
	"strings"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// headOf reads the head that the rest begins with, size bytes of whole lines,
// and consumes it.
func (f *feed) headOf(h *half, x *exchange, size int) (text string, l startLine, fs fields) {
	p := f.rest()[:size]
	x.first[h.role], x.last[h.role] = f.at(0), event.Mark{}
	f.lasts(x, h.role, size)
	text = string(p)
	n := h.head.first - 1
	l = h.head.start
	h.head.before.report(f, x)
	f.complain(h.role, x, text[:n], l)
	s := section{pairs: make([]event.Pair, 0, max(0, h.head.lines-1))}
	s.parse(p, text, 1)
	s.report(f, x)
	f.take(size)
	h.begun, h.head = begun{}, scanner{}
	return text, l, fieldsOf(s.pairs)
}

// complain reports the flaws of a start-line.
func (f *feed) complain(r role, x *exchange, line string, l startLine) {
	if l.flaws == 0 {
		return
	}
	spacing := requestLineInvalid
	if r == response {
		spacing = statusLineInvalid
	}
	for _, c := range [...]struct {
		flaws
		code *event.Code
	}{{badSpacing, spacing}, {badVersion, versionInvalid}, {badTarget, targetInvalid}, {hasFragment, targetFragment},
		{badCode, statusCodeInvalid}, {badPhrase, phraseInvalid}} {
		if l.flaws&c.flaws != 0 {
			f.report(c.code, x, strings.TrimRight(line, "\r"))
		}
	}
}

// request reads the head of a request.
func (d *dissector) request(f *feed, h *half, size int) (dissect.Verdict, bool) {
	x := d.open(f)
	fs := d.requestHead(f, h, x, size)
	x.expects, h.over = fs.expects, fs.close
	x.upgrade = x.req.Method == "CONNECT" || len(fs.offers) > 0 && fs.upgrades
	if d.switching = 0; x.upgrade {
		d.switching, d.websocket = x.num, strings.EqualFold(joined(fs.offers), "websocket")
	}
	d.frame(f, h, x, &fs, x.simple)
	return dissect.More, true
}

// requestHead reads the head of a request into its exchange.
func (d *dissector) requestHead(f *feed, h *half, x *exchange, size int) fields {
	cut := h.head.cut
	text, l, fs := f.headOf(h, x, size)
	r := &x.req
	x.Exchange.Request, d.asked = r, true
	r.Method, r.Target, r.Version = l.method.in(text), l.target.in(text), l.version.in(text)
	if l.version.empty() && !l.cut {
		r.Version, x.simple = "0.9", true
	}
	r.Headers, r.Host, r.Length = fs.pairs, fs.host, fs.length
	if cut == event.Complete {
		f.hosts(x, &fs)
	}
	f.c.Emit(dissect.Fact{Body: r, First: x.first[request], Exchange: x.num, Dir: f.dir, Incomplete: cut})
	return fs
}

// response reads the head of a response, once it is known what it answers.
func (d *dissector) response(f *feed, h *half, size int) (dissect.Verdict, bool) {
	x, wait := d.answer(f, h)
	if wait {
		return dissect.Wait, false
	}
	r, fs := d.responseHead(f, h, x, size)
	f.declares(x, r.Code, &fs)
	if r != &x.res {
		h.x = x
		if x.addInterim(r, f.c.Limits().Exchanges) {
			f.report(interimLimit, x, "")
		}
		return dissect.More, true
	}
	d.accept(f, x)
	if d.switching == x.num {
		d.switching = 0
	}
	switch {
	case r.Code == 101:
		return d.switches(f, x, &fs), false
	case x.req.Method == "CONNECT" && r.Code/100 == 2:
		return d.tunnel(f, x), false
	}
	f.refused(x)
	h.last, h.over = fs.closes(r.Version), fs.close
	d.frame(f, h, x, &fs, emptyAnswer(x.req.Method, r.Code))
	return dissect.More, true
}

// responseHead reads the head of a response. Only that of a final one becomes
// part of its exchange.
func (d *dissector) responseHead(f *feed, h *half, x *exchange, size int) (*Response, fields) {
	before, cut := x.first[response], h.head.cut
	text, l, fs := f.headOf(h, x, size)
	first := x.first[response]
	r := &x.res
	n, _ := strconv.Atoi(l.code.in(text)) // no digit: 0
	if n/100 == 1 && n != 101 {
		r = new(Response)
		x.first[response] = before
	} else {
		x.Exchange.Response = r
	}
	r.Version, r.Code, r.Phrase = l.version.in(text), n, l.phrase.in(text)
	r.Headers, r.Length, r.kind = fs.pairs, fs.length, fs.kind
	if n != 0 && (n < 100 || n > 599) && l.flaws&badCode == 0 {
		f.report(statusCodeInvalid, x, l.code.in(text))
	}
	f.c.Emit(dissect.Fact{Body: r, First: first, Exchange: x.num, Dir: f.dir, Incomplete: cut})
	return r, fs
}

// unasked reports that a response without request answers nothing: not what is
// missing, nor what has begun; and not in a capture of one direction.
func (d *dissector) unasked() bool {
	b := &d.half[request].begun
	return d.asked && !d.lost && d.reached() == 0 && !(b.done && b.at < d.reach)
}

// accept takes the exchange of a final response off the queue.
func (d *dissector) accept(f *feed, x *exchange) {
	x.answered = true
	if d.front() == x {
		d.remove(1)
		return
	}
	if d.overflowed() {
		if d.queue[0].over--; d.queue[0].over == 0 {
			d.remove(1)
		}
		return
	}
	if d.unasked() && x.Exchange.Request == nil && x.res.Code != 408 { // RFC 9110 §15.5.9: that may come unasked
		f.report(responseUnasked, x, "")
	}
}
