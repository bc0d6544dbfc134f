package ws

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"example.com/wirewatch/dissect/ws/rpc"
	"example.com/wirewatch/event"
)

// proto is what a digest calls the protocol.
const proto = "ws"

// Open is the beginning of a WebSocket: the body of websocket.open.
type Open struct {
	Opened            string // "handshake", or "midstream" where that was not captured
	URI               string // of the request, "" if it was not seen
	Version           int    // Sec-WebSocket-Version, -1 without a valid one
	Protocol          string // the subprotocol that was chosen, "" for none
	ProtocolsOffered  string
	Extensions        string // agreed on, as sent
	ExtensionsOffered string
	Deflate           *[2]Deflate // of the WebSocket's client and server; nil: not agreed on
	Accept            *bool       // whether Sec-WebSocket-Accept is right; nil: it does not apply, or the key was not seen
	unknown           bool        // an extension was agreed on that is not known here
}

// Message is a data message: the body of websocket.message.
type Message struct {
	Opcode     string // "text" or "binary"; "" if its first frame was not seen
	Size       int64  // bytes of the message, those of gaps included; -1 where that is not known
	WireSize   uint64 // bytes of payload on the wire
	Frames     uint64 // that carried it
	Compressed bool   // by permessage-deflate
	Masked     bool
	Opaque     bool   // an extension may have changed it: what is kept is what was sent
	Text       string // what is kept of a text message
	Binary     []byte // what is kept of any other
	Truncated  bool   // there is more than is kept
	Gaps       []event.Range
	RPC        *rpc.Message // what the text means in its sub-protocol; nil where that is not known
	isText     bool
}

// Control is a control frame: the body of websocket.control.
type Control struct {
	Opcode string // "ping", "pong" or "close"
	Size   uint64 // bytes of payload
	Text   string // the payload of a ping or pong that is UTF-8
	Binary []byte // the payload of one that is not
	Code   int    // of a Close frame; negative if it has none
	Reason string
	RTT    time.Duration // of a pong: since the ping that it answers; negative if there is none

	Truncated   bool // it has more payload than a control frame may have, and than is shown
	Unsolicited bool // a pong that answers no ping, which is no fault (RFC 6455 §5.5.3); false if that is not known

	opcode  opcode
	off     int64 // stream offset of its first byte
	first   event.Mark
	payload string // as much of it as a control frame may have
	why     event.Incomplete
}

// Close is the end of a WebSocket: the body of websocket.close.
type Close struct {
	Code     int // of the first Close frame; 1005 if that has none, 1006 if the connection was closed without such a frame (RFC 6455 §7.1.5); negative if it is not known
	Reason   string
	By       string // "client" or "server" of the WebSocket: who closed first; "" if that is not known, or both did at once
	Clean    *bool  // whether both ends sent a Close frame; nil if it is not known, or neither end has left
	Open     bool   // neither end had closed it when it was last seen
	Duration time.Duration
	Idle     time.Duration // from the last frame to the end
	Ends     [2]Total      // of the WebSocket's client and server
	Beats    [2]Heartbeat  // likewise
}

// Total is what one end of a WebSocket sent.
type Total struct {
	Messages  uint64 // whole or not
	Bytes     uint64 // of messages
	WireBytes uint64 // of their payload
	Frames    uint64
	Pings     uint64
	Pongs     uint64
	Anomalies uint64
	deflated  uint64 // payload of messages that were compressed,
	inflated  uint64 // and their sizes
}

func nameOf(r role) string { return [...]string{client: "client", server: "server"}[r] }

// Kind is "websocket.open".
func (o *Open) Kind() string { return "websocket.open" }

// Progress is false.
func (o *Open) Progress() bool { return false }

// Digest has the URI and what was agreed on.
func (o *Open) Digest() event.Digest {
	note := o.Extensions
	if o.Protocol != "" {
		note = o.Protocol
		if o.Extensions != "" {
			note += ", " + o.Extensions
		}
	}
	if o.URI == "" && note == "" {
		note = o.Opened
	}
	if o.Protocol == "" && o.ProtocolsOffered != "" {
		note = also("none of the subprotocols offered was chosen: "+o.ProtocolsOffered, note)
	}
	return event.Digest{Proto: proto, Verb: "open", Target: wsURI(o.URI), Note: note}
}

// wsURI is a WebSocket's URI of that of its handshake (RFC 6455 §3).
func wsURI(uri string) string {
	if rest, ok := strings.CutPrefix(uri, "http"); ok {
		return "ws" + rest
	}
	return uri
}

// Fields is everything.
func (o *Open) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) {
		_ = yield("http.request.full_uri", event.SomeTextOf(o.URI)) &&
			yield("websocket.opened", event.StringOf(o.Opened)) &&
			yield("websocket.version", event.NaturalOf(o.Version)) &&
			yield("websocket.protocol", event.SomeTextOf(o.Protocol)) &&
			yield("websocket.protocols_offered", event.SomeTextOf(o.ProtocolsOffered)) &&
			yield("websocket.extensions", event.SomeTextOf(o.Extensions)) &&
			yield("websocket.extensions_offered", event.SomeTextOf(o.ExtensionsOffered)) &&
			o.deflate(yield) &&
			yield("websocket.accept_valid", judged(o.Accept))
	}
}

func (o *Open) deflate(yield func(string, event.Value) bool) bool {
	if o.Deflate == nil {
		return true
	}
	c, s := &o.Deflate[client], &o.Deflate[server]
	return yield("websocket.deflate.client_window_bits", event.IntOf(c.WindowBits)) &&
		yield("websocket.deflate.client_context_takeover", event.BoolOf(c.Takeover)) &&
		yield("websocket.deflate.server_window_bits", event.IntOf(s.WindowBits)) &&
		yield("websocket.deflate.server_context_takeover", event.BoolOf(s.Takeover))
}

// Kind is "websocket.message".
func (m *Message) Kind() string { return "websocket.message" }

// Progress is false.
func (m *Message) Progress() bool { return false }

// Digest has the opcode, or what the text is in its sub-protocol, the size and
// the text.
func (m *Message) Digest() event.Digest {
	d := event.Digest{Proto: proto, Verb: m.Opcode, Note: m.Text, Bytes: m.WireSize}
	if m.Opcode == "" {
		d.Verb = "message"
	}
	if m.Size >= 0 {
		d.Bytes = uint64(m.Size)
	}
	if m.RPC != nil && m.RPC.Protocol != rpc.JSON {
		m.RPC.Digest(&d)
	}
	return d
}

// Fields is everything.
func (m *Message) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) {
		_ = yield("websocket.opcode", event.StringOf(m.Opcode)) &&
			yield("websocket.size", event.NaturalOf(m.Size)) &&
			yield("websocket.wire_size", event.IntOf(m.WireSize)) &&
			yield("websocket.frames", event.IntOf(m.Frames)) &&
			yield("websocket.compressed", event.BoolOf(m.Compressed)) &&
			yield("websocket.masked", event.BoolOf(m.Masked)) &&
			yield("websocket.opaque", event.FlagOf(m.Opaque)) &&
			yield("websocket.text", m.text()) &&
			yield("websocket.base64", event.BytesOf(&m.Binary)) &&
			yield("websocket.truncated", event.FlagOf(m.Truncated)) &&
			yield("websocket.gaps", event.RangesOf(&m.Gaps)) &&
			m.RPC.Yield(yield)
	}
}

func (m *Message) text() event.Value {
	if !m.isText {
		return event.Value{}
	}
	return event.TextOf(m.Text)
}

// Kind is "websocket.control".
func (x *Control) Kind() string { return "websocket.control" }

// Progress is false.
func (x *Control) Progress() bool { return false }

// Digest has the opcode, the Close code, and what the frame says.
func (x *Control) Digest() event.Digest {
	d := event.Digest{Proto: proto, Verb: x.Opcode, Note: x.Text, Bytes: x.Size, Took: max(0, x.RTT)}
	if x.Code >= 0 {
		d.Result, d.Note, d.Level = strconv.Itoa(x.Code), meaning(x.Code, x.Reason), levelOf(x.Code)
	}
	if x.Unsolicited {
		d.Note = also("unsolicited", d.Note)
	}
	return d
}

// meaning is a reason, or in its place what its code stands for.
func meaning(code int, reason string) string {
	if reason != "" {
		return reason
	}
	return closeNames[uint16(code)]
}

// levelOf is how much a Close code should alarm: not when all went well, and not
// when an end went away.
func levelOf(code int) event.Level {
	switch {
	case code <= 1001 || code == noStatus || code >= 3000 || code == 1012 || code == 1013:
		return event.Normal
	case code == 1011:
		return event.Error
	}
	return event.Warn
}

// Fields is everything.
func (x *Control) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) {
		_ = yield("websocket.opcode", event.StringOf(x.Opcode)) &&
			yield("websocket.size", event.IntOf(x.Size)) &&
			yield("websocket.text", event.SomeTextOf(x.Text)) &&
			yield("websocket.base64", event.BytesOf(&x.Binary)) &&
			(x.Code < 0 || closeFields(x.Code, x.Reason, yield)) &&
			yield("websocket.truncated", event.FlagOf(x.Truncated)) &&
			yield("websocket.rtt_ms", event.SpanOf(x.RTT)) &&
			yield("websocket.unsolicited", event.FlagOf(x.Unsolicited))
	}
}

// closeFields are the fields of a Close code and its reason.
func closeFields(code int, reason string, yield func(string, event.Value) bool) bool {
	return yield("websocket.close.code", event.IntOf(code)) &&
		yield("websocket.close.name", event.StringOf(closeNames[uint16(code)])) &&
		yield("websocket.close.reason", event.SomeTextOf(reason))
}

// Kind is "websocket.close".
func (x *Close) Kind() string { return "websocket.close" }

// Progress is false.
func (x *Close) Progress() bool { return false }

// Digest has the code, who closed, and how much was sent.
func (x *Close) Digest() event.Digest {
	c, s := &x.Ends[client], &x.Ends[server]
	d := event.Digest{Proto: proto, Verb: "closed", Bytes: c.Bytes + s.Bytes, Took: x.Duration}
	switch {
	case x.Open:
		d.Verb, d.Note = "end", "still open when last seen"
	case x.Code < 0:
		d.Note = "whether by a Close frame is not known"
	default:
		d.Result, d.Note, d.Level = strconv.Itoa(x.Code), meaning(x.Code, x.Reason), levelOf(x.Code)
	}
	if x.By != "" {
		d.Note = "by " + x.By + ", " + d.Note
	}
	if x.Idle >= time.Second { // who closes an idle WebSocket is why
		d.Note = "after " + span(x.Idle) + " of silence " + d.Note
	}
	if x.Clean != nil && !*x.Clean && x.Code != abnormal {
		d.Note, d.Level = also(d.Note, "not answered"), max(d.Level, event.Warn)
	}
	for r := range x.Beats {
		if n := x.Beats[r].Unanswered; n > 0 {
			d.Note = fmt.Sprintf("%s; pings of the %s left unanswered: %d", d.Note, nameOf(role(r)), n)
		}
	}
	return d
}

// Fields is everything.
func (x *Close) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) {
		_ = (x.Code < 0 || closeFields(x.Code, x.Reason, yield)) &&
			yield("websocket.close.by", event.StringOf(x.By)) &&
			yield("websocket.close.clean", judged(x.Clean)) &&
			yield("websocket.duration_ms", event.MillisOf(x.Duration)) &&
			yield("websocket.idle_ms", event.MillisOf(x.Idle)) &&
			x.Ends[client].fields(&clientNames, x.Duration, yield) &&
			x.Beats[client].fields(&clientNames, yield) &&
			x.Ends[server].fields(&serverNames, x.Duration, yield) &&
			x.Beats[server].fields(&serverNames, yield)
	}
}

// totalNames are the names of the fields of a Total, and of a Heartbeat.
type totalNames [14]string

var clientNames, serverNames = namesOf("websocket.client."), namesOf("websocket.server.")

func namesOf(prefix string) totalNames {
	return totalNames{
		prefix + "messages", prefix + "bytes", prefix + "wire_bytes", prefix + "frames", prefix + "pings", prefix + "pongs",
		prefix + "anomalies", prefix + "deflated_percent", prefix + "bytes_per_s",
		prefix + "ping_interval_ms", prefix + "pings_unanswered", prefix + "rtt_ms", prefix + "rtt_min_ms", prefix + "rtt_max_ms",
	}
}

func (t *Total) fields(n *totalNames, took time.Duration, yield func(string, event.Value) bool) bool {
	return yield(n[0], event.IntOf(t.Messages)) &&
		yield(n[1], event.IntOf(t.Bytes)) &&
		yield(n[2], event.IntOf(t.WireBytes)) &&
		yield(n[3], event.IntOf(t.Frames)) &&
		yield(n[4], event.IntOf(t.Pings)) &&
		yield(n[5], event.IntOf(t.Pongs)) &&
		yield(n[6], event.IntOf(t.Anomalies)) &&
		yield(n[7], quotient(t.deflated, 100, t.inflated)) &&
		yield(n[8], quotient(t.Bytes, uint64(time.Second), uint64(max(0, took))))
}

func (b *Heartbeat) fields(n *totalNames, yield func(string, event.Value) bool) bool {
	return yield(n[9], event.SpanOf(b.Interval)) &&
		yield(n[10], event.NaturalOf(b.Unanswered)) &&
		yield(n[11], event.SpanOf(b.RTT)) &&
		yield(n[12], event.SpanOf(b.Least)) &&
		yield(n[13], event.SpanOf(b.Most))
}

// quotient is a*b/c rounded down, absent where that makes no sense.
func quotient(a, b, c uint64) event.Value {
	if c == 0 {
		return event.Value{}
	}
	hi, lo := bits.Mul64(a, b)
	if hi >= c {
		return event.Value{}
	}
	q, _ := bits.Div64(hi, lo, c)
	return event.IntOf(q)
}

// judged is absent when it is not known.
func judged(b *bool) event.Value {
	if b == nil {
		return event.Value{}
	}
	return event.BoolOf(*b)
}
