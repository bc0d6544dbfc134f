package http

import (
	"slices"
	"strings"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// tunnel ends the exchange of a CONNECT that succeeded (RFC 9110 §9.3.6): what
// follows in both directions is looked at afresh.
func (d *dissector) tunnel(f *feed, x *exchange) dissect.Verdict {
	d.complete(f, x)
	return f.c.Handoff("", dissect.Offer{Exchange: x.num, Token: "connect"})
}

// switches ends the exchange of a 101 (RFC 9110 §15.2.2): what follows in both
// directions is the protocol that was agreed on.
func (d *dissector) switches(f *feed, x *exchange, fs *fields) dissect.Verdict {
	if !x.upgrade && x.Exchange.Request != nil {
		f.report(switchUnasked, x, joined(fs.offers))
	}
	d.complete(f, x)
	token := chosen(x, fs)
	o := dissect.Offer{Exchange: x.num, Token: token, Params: terms(x)}
	switch token {
	case "websocket":
		f.c.SetProtocol("websocket")
		return f.c.Handoff("ws", o)
	case "h2c":
		f.c.SetProtocol("http/2")
		return f.c.Handoff("h2", o)
	}
	f.c.SetProtocol("unknown")
	return f.c.Handoff("", o)
}

// switched ends HTTP where something else follows a request that asked for it, and
// the response was not captured: what the client goes on with says that it was a
// 101, or a 2xx to CONNECT.
func (d *dissector) switched(f *feed) dissect.Verdict {
	d.abandon(f.c, event.NoResponse)
	if !d.websocket {
		return dissect.Fail
	}
	return f.c.Handoff("ws", dissect.Offer{Exchange: d.switching, Token: "websocket", Mid: true})
}

// chosen is the protocol that a 101 goes on with: what its Upgrade says (RFC 9110
// §7.8). One that names "websocket" twice or beside others, or has
// Sec-WebSocket-Accept and no Upgrade, is wrong, and means a WebSocket all the
// same: there are clients that take it.
func chosen(x *exchange, fs *fields) string {
	token := strings.ToLower(joined(fs.offers))
	for _, e := range strings.Split(token, ",") {
		if strings.TrimSpace(e) == "websocket" {
			return "websocket"
		}
	}
	accept := func(h event.Pair) bool { return strings.EqualFold(h.Name, "sec-websocket-accept") }
	if token == "" && slices.ContainsFunc(x.res.Headers, accept) {
		return "websocket"
	}
	return token
}

// complete ends both messages of an exchange, and gives up every other: no
// further message can come.
func (d *dissector) complete(f *feed, x *exchange) {
	x.done[request], x.done[response] = true, true
	x.settle(f.c)
	d.abandon(f.c, event.NoResponse)
}

// terms are what was agreed on by both sides: the fields of the request and
// then those of the response that say so. Like a field block of HTTP/2, each
// begins with pseudo-fields: ":method" and ":uri", the whole of it; ":status".
func terms(x *exchange) []event.Pair {
	var list []event.Pair
	if x.Exchange.Request != nil {
		list = append(list, event.Pair{Name: ":method", Value: x.req.Method}, event.Pair{Name: ":uri", Value: x.req.FullURI()})
		list = appendTerms(list, x.req.Headers)
	}
	list = append(list, event.Pair{Name: ":status", Value: x.res.status()})
	return appendTerms(list, x.res.Headers)
}

func appendTerms(list, headers []event.Pair) []event.Pair {
	for _, h := range headers {
		const prefix = "sec-websocket-"
		if strings.EqualFold(h.Name, "upgrade") || strings.EqualFold(h.Name, "connection") ||
			strings.EqualFold(h.Name, "http2-settings") || hasPrefixFold([]byte(h.Name), prefix) {
			list = append(list, h)
		}
	}
	return list
}

// simple reports whether the response that comes next answers an HTTP/0.9
// request.
func (d *dissector) simple(h *half) bool {
	return h.role == response && d.trusted() && d.front().simple
}

// simpleResponse reads what answers an HTTP/0.9 request:
//
//	Simple-Response = [ Entity-Body ]   (RFC 1945 §6)
//
// until the connection closes. A server that has never heard of HTTP/0.9
// answers with a status-line; then raw is false.
func (d *dissector) simpleResponse(f *feed, h *half) (v dissect.Verdict, raw bool) {
	p := f.rest()
	const start = "HTTP/"
	switch n := min(len(p), len(start)); {
	case n < len(start) && !f.end && hasPrefixFold(p, start[:n]):
		return dissect.More, true
	case n == len(start) && hasPrefixFold(p, start):
		return dissect.More, false
	}
	x := d.front()
	h.x = x
	x.Exchange.Response = &x.res
	x.res.Version = "0.9"
	x.first[response] = f.at(0)
	d.accept(f, x)
	f.c.Emit(dissect.Fact{Body: &x.res, First: x.first[response], Exchange: x.num, Dir: f.dir})
	h.begun, h.state = begun{}, inClosed
	h.read.begin(f, h, &fields{})
	return dissect.More, true
}
