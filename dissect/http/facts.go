package http

import (
	"strconv"
	"time"

	"example.com/wirewatch/event"
)

// Bodies are examples of every fact that this package emits, for the reference
// of fields.
func Bodies() []event.Body {
	return []event.Body{&Request{}, &Response{}, &Exchange{}, &ServerSentEvent{}}
}

// Request is the head of a request: the body of http.request. All strings are
// slices of one copy of the head.
type Request struct {
	Method  string
	Target  string // request-target, as sent; its beginning, where the request-line was cut
	Version string // "HTTP/1.1"; "0.9" for a request-line without one; "" where it was cut
	Host    string // value of the first Host field, "" without one
	Headers []event.Pair
	Length  int64 // declared Content-Length, -1 without a valid one
}

// Response is the head of a response: the body of http.response.
type Response struct {
	Version string
	Code    int // status code; 0 where there is none (HTTP/0.9)
	Phrase  string
	Headers []event.Pair
	Length  int64 // declared Content-Length, -1 without a valid one
	kind    string
}

// Content is what became of a message's content.
type Content struct {
	Size      uint64 // bytes accounted for, after chunking is removed and before any other coding is
	Captured  uint64 // how many of them were seen
	Transfer  string // transfer codings but chunked, in lower case; "" without one
	Encoding  string // Content-Encoding, as sent
	Decoded   int64  // size after all codings are undone; -1: they were not, or not to their end
	Text      string // what is kept of the decoded content, where that is UTF-8
	Binary    []byte // the same, where it is not
	Truncated bool   // more was decoded than is kept
	Gaps      []event.Range
	Trailers  []event.Pair // nil without a trailer section
}

// Timing is how long the parts of an exchange took; a part that was not seen is
// negative. A byte comes with the frame that brought its first copy, so that the
// last byte of a message is the one that completed it: where bytes were lost on
// their way, that is one that was sent again.
type Timing struct {
	Connect time.Duration // from the client's first SYN to the ACK that ends the handshake, on the first exchange of a flow
	Send    time.Duration // first to last byte of the request
	Wait    time.Duration // last byte of the request to first of the final response; 0 if that was earlier
	Receive time.Duration // first to last byte of the final response
	Total   time.Duration // first to last byte of both
	Stalled time.Duration // of all this, time lost to retransmission and zero windows
}

// Exchange is a request and its final response: the body of http.exchange.
type Exchange struct {
	Request  *Request // nil: not seen
	Sent     Content
	Response *Response // nil: not seen
	Received Content
	Interim  []*Response // 1xx
	Timing   Timing
}

// Kind is "http.request".
func (r *Request) Kind() string { return "http.request" }

// Progress is true: the exchange repeats it.
func (r *Request) Progress() bool { return true }

// Digest has the method and the URI.
func (r *Request) Digest() event.Digest {
	return event.Digest{Proto: "http", Verb: r.Method, Target: r.place()}
}

// place is where the request goes, in short.
func (r *Request) place() string {
	if r.Host == "" || r.Target == "" || r.Target[0] != '/' {
		return r.Target
	}
	return r.Host + r.Target
}

// FullURI is the target URI (RFC 9110 §7.1): the request-target where that is
// absolute, the authority for CONNECT, else both put together. It is "" where
// the Host is unknown.
func (r *Request) FullURI() string {
	switch {
	case r.Method == "CONNECT" || hasScheme(r.Target):
		return r.Target
	case r.Host == "":
		return ""
	case r.Target == "*": // RFC 9112 §3.3: no path
		return "http://" + r.Host
	case r.Target == "" || r.Target[0] != '/':
		return "http://" + r.Host + "/" + r.Target
	}
	return "http://" + r.Host + r.Target
}

// Fields are those of the head.
func (r *Request) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) { _ = r.fields(yield) }
}

func (r *Request) fields(yield func(string, event.Value) bool) bool {
	return yield("http.host", event.SomeTextOf(r.Host)) &&
		yield("http.request.method", event.TextOf(r.Method)) &&
		yield("http.request.uri", event.TextOf(r.Target)) &&
		yield("http.request.version", event.SomeTextOf(r.Version)) &&
		yield("http.request.full_uri", event.SomeTextOf(r.FullURI())) &&
		yield("http.request.headers", event.PairsOf(&r.Headers)) &&
		yield("http.request.content_length", event.NaturalOf(r.Length))
}

// Kind is "http.response".
func (r *Response) Kind() string { return "http.response" }

// Progress is true: the exchange repeats it.
func (r *Response) Progress() bool { return true }

// Digest has the status code.
func (r *Response) Digest() event.Digest {
	return event.Digest{Proto: "http", Verb: "response", Result: r.status(), Note: r.kind, Level: r.level()}
}

// status is the code as text, "" without one.
func (r *Response) status() string {
	if r.Code == 0 {
		return ""
	}
	return strconv.Itoa(r.Code)
}

func (r *Response) level() event.Level {
	switch r.Code / 100 {
	case 4:
		return event.Warn
	case 5:
		return event.Error
	}
	return event.Normal
}

// Fields are those of the head.
func (r *Response) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) { _ = r.fields(yield) }
}

func (r *Response) fields(yield func(string, event.Value) bool) bool {
	return yield("http.response.code", code(r.Code)) &&
		yield("http.response.phrase", event.SomeTextOf(r.Phrase)) &&
		yield("http.response.version", event.TextOf(r.Version)) &&
		yield("http.response.headers", event.PairsOf(&r.Headers)) &&
		yield("http.response.content_length", event.NaturalOf(r.Length))
}

// interim are the fields of one element of http.response.interim.
func (r *Response) interim(yield func(string, event.Value) bool) {
	_ = yield("code", code(r.Code)) && yield("headers", event.PairsOf(&r.Headers))
}

// Kind is "http.exchange".
func (x *Exchange) Kind() string { return "http.exchange" }

// Progress is false.
func (x *Exchange) Progress() bool { return false }

// Digest is the exchange in a line.
func (x *Exchange) Digest() event.Digest {
	d := event.Digest{Proto: "http", Verb: "response", Took: max(0, x.Timing.Total)}
	if x.Request != nil {
		d.Verb, d.Target = x.Request.Method, x.Request.place()
		d.Level = event.Warn // unless there is a response
	}
	if x.Response != nil {
		d.Result, d.Note, d.Level = x.Response.status(), x.Response.kind, x.Response.level()
	}
	d.Bytes = x.Sent.Size + x.Received.Size
	return d
}

// Fields is everything.
func (x *Exchange) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) {
		_ = (x.Request == nil || x.Request.fields(yield) && x.Sent.fields(requestNames, yield)) &&
			(x.Response == nil || x.Response.fields(yield) && x.Received.fields(responseNames, yield)) &&
			yield("http.response.interim", x.interim()) &&
			x.Timing.fields(yield)
	}
}

func (x *Exchange) interim() event.Value {
	if len(x.Interim) == 0 {
		return event.Value{}
	}
	list := make([]event.Fields, len(x.Interim))
	for i, r := range x.Interim {
		list[i] = r.interim
	}
	return event.ObjectsOf(&list)
}

// names are the names of the fields of a content.
type names [10]string

var requestNames, responseNames = namesOf("http.request"), namesOf("http.response")

func namesOf(prefix string) *names {
	return &names{
		prefix + ".trailers", prefix + ".body.size", prefix + ".body.captured",
		prefix + ".body.transfer_encoding", prefix + ".body.encoding",
		prefix + ".body.decoded_size", prefix + ".body.text", prefix + ".body.base64",
		prefix + ".body.truncated", prefix + ".body.gaps",
	}
}

func (b *Content) fields(n *names, yield func(string, event.Value) bool) bool {
	return yield(n[0], event.PairsOf(&b.Trailers)) &&
		yield(n[1], event.IntOf(b.Size)) &&
		yield(n[2], event.IntOf(b.Captured)) &&
		yield(n[3], event.SomeTextOf(b.Transfer)) &&
		yield(n[4], event.SomeTextOf(b.Encoding)) &&
		yield(n[5], event.NaturalOf(b.Decoded)) &&
		yield(n[6], event.SomeTextOf(b.Text)) &&
		yield(n[7], event.BytesOf(&b.Binary)) &&
		yield(n[8], event.FlagOf(b.Truncated)) &&
		yield(n[9], event.RangesOf(&b.Gaps))
}

func (t *Timing) fields(yield func(string, event.Value) bool) bool {
	return yield("timing.connect_ms", event.SpanOf(t.Connect)) &&
		yield("timing.send_ms", event.SpanOf(t.Send)) &&
		yield("timing.wait_ms", event.SpanOf(t.Wait)) &&
		yield("timing.receive_ms", event.SpanOf(t.Receive)) &&
		yield("timing.total_ms", event.SpanOf(t.Total)) &&
		yield("timing.stalled_ms", event.SpanOf(t.Stalled))
}

// code is a status code, absent when 0.
func code(n int) event.Value {
	if n == 0 {
		return event.Value{}
	}
	return event.IntOf(n)
}

// ServerSentEvent is one event of a text/event-stream: the body of sse.event.
type ServerSentEvent struct {
	ID    string // as sent with this event, or since the one before
	HasID bool   // it was; an empty one resets the last event ID
	Type  string // "message" if none was sent
	Data  string // as much as the limit for bodies allows
	Retry int64  // reconnection time in milliseconds sent since the event before, else -1
	size  uint64 // of the data, kept or not
	kept  bool   // the limit allows to keep any
}

// Kind is "sse.event".
func (e *ServerSentEvent) Kind() string { return "sse.event" }

// Progress is false.
func (e *ServerSentEvent) Progress() bool { return false }

// Digest has the type and the size.
func (e *ServerSentEvent) Digest() event.Digest {
	return event.Digest{Proto: "sse", Verb: "event", Target: e.Type, Note: e.ID, Bytes: e.size}
}

// Fields are sse.id, .event, .data and .retry.
func (e *ServerSentEvent) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) {
		_ = yield("sse.id", e.id()) &&
			yield("sse.event", event.TextOf(e.Type)) &&
			yield("sse.data", e.data()) &&
			yield("sse.retry", event.NaturalOf(e.Retry))
	}
}

func (e *ServerSentEvent) id() event.Value {
	if !e.HasID {
		return event.Value{}
	}
	return event.TextOf(e.ID)
}

func (e *ServerSentEvent) data() event.Value {
	if !e.kept {
		return event.Value{}
	}
	return event.TextOf(e.Data)
}
