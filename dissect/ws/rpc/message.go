package rpc

import (
	"slices"
	"strconv"
	"time"

	"example.com/wirewatch/event"
)

// Protocol is a sub-protocol.
type Protocol uint8

// The protocols, by what the package comment says of them.
const (
	Unknown Protocol = iota
	JSON
	JSONRPC
	GraphQLTransportWS
	GraphQLWS
	EngineIO
	SocketIO
	SignalR
	STOMP
)

var protocolNames = [...]string{
	"", "json", "json-rpc", "graphql-transport-ws", "graphql-ws", "engine.io", "socket.io", "signalr", "stomp",
}

// String is the protocol as the schema spells it; "" for Unknown.
func (p Protocol) String() string { return protocolNames[p] }

// Kind is what a message is to the one who receives it, whatever the protocol
// calls it.
type Kind uint8

// The kinds.
const (
	NoKind       Kind = iota // not known: the text was cut, or the type is none of the protocol's
	Request                  // asks for a response
	Response                 // answers a request, or is one of several that do
	Notification             // asks for nothing
	Cancel                   // takes a request back
	Control                  // is the protocol's own: a handshake, a heartbeat, an end
)

var kindNames = [...]string{"", "request", "response", "notification", "cancel", "control"}

// String is the kind as the schema spells it; "" for NoKind.
func (k Kind) String() string { return kindNames[k] }

// Message is what a text says in its sub-protocol. It is immutable, and may be
// kept: its strings are copies, of at most 128 bytes each.
type Message struct {
	Protocol Protocol
	Kind     Kind
	Type     string // as the protocol calls it: "next", "EVENT", "Completion"; "" if that is not known
	// Method is what is asked for: a method, an event, the name of an operation, a
	// destination; for Socket.IO's CONNECT and DISCONNECT a namespace. Of a
	// response, it is that of the request that it answers.
	Method string
	ID     string // what pairs a response with its request; "" if there is none
	Error  bool   // it says that something failed

	// Asked is the frame that completed the request that this answers, 0 if it
	// answers none that was seen.
	Asked uint64
	// First reports that nothing answered that request before, and Latency is the
	// time since.
	First   bool
	Latency time.Duration

	// Count is how many messages the text has, from 1; where it has more than one,
	// Batch is the first of them, at most 32, and the fields above are the first's.
	Count int
	Batch []Message
}

// maxBatch is how many messages of one text are told.
const maxBatch = 32

// Verb is the text in a word or two: "request eth_call", "EVENT chat", "next +3".
func (m *Message) Verb() string {
	verb := m.Protocol.String()
	if m.Type != "" {
		verb = m.Type
	}
	if m.Method != "" {
		verb += " " + m.Method
	}
	if m.Count > 1 {
		verb += " +" + strconv.Itoa(m.Count-1)
	}
	return verb
}

// Digest puts what the text means into the digest of the record that has it: its
// words, the latency, and whether it says that something failed.
func (m *Message) Digest(d *event.Digest) {
	d.Verb, d.Took = m.Verb(), m.Latency
	for i := range m.Batch {
		d.Took = max(d.Took, m.Batch[i].Latency)
	}
	if m.failed() {
		d.Result, d.Level = "failed", event.Warn
	}
}

// failed reports whether the message, or one of several, says that something
// failed.
func (m *Message) failed() bool {
	return m.Error || slices.ContainsFunc(m.Batch, func(one Message) bool { return one.Error })
}

// Yield gives the fields that a record of the text has beside its own, until
// yield is false, and returns what that last said. A nil Message has none.
func (m *Message) Yield(yield func(string, event.Value) bool) bool {
	if m == nil {
		return true
	}
	return yield("websocket.rpc.protocol", event.StringOf(m.Protocol.String())) &&
		m.yield(ofText, yield) &&
		yield("websocket.rpc.count", m.count()) &&
		yield("websocket.rpc.batch", m.batch())
}

// names are those of the fields that each message of a batch has, made once: a
// record has them all, and a capture has millions of records.
type names struct{ kind, typ, method, id, failed, asked, latency string }

var ofText, ofOne = namesIn("websocket.rpc."), namesIn("")

func namesIn(prefix string) *names {
	return &names{prefix + "kind", prefix + "type", prefix + "method", prefix + "id", prefix + "error", prefix + "request_in", prefix + "latency_ms"}
}

// yield gives the fields that each message of a batch has.
func (m *Message) yield(n *names, yield func(string, event.Value) bool) bool {
	return yield(n.kind, event.StringOf(m.Kind.String())) &&
		yield(n.typ, event.SomeTextOf(m.Type)) &&
		yield(n.method, event.SomeTextOf(m.Method)) &&
		yield(n.id, event.SomeTextOf(m.ID)) &&
		yield(n.failed, m.failure()) &&
		yield(n.asked, m.asked()) &&
		yield(n.latency, m.latency())
}

func (m *Message) failure() event.Value {
	if !m.Error {
		return event.Value{}
	}
	return event.BoolOf(true)
}

func (m *Message) asked() event.Value {
	if m.Asked == 0 {
		return event.Value{}
	}
	return event.IntOf(m.Asked)
}

func (m *Message) latency() event.Value {
	if !m.First {
		return event.Value{}
	}
	return event.MillisOf(m.Latency)
}

func (m *Message) count() event.Value {
	if m.Count < 2 {
		return event.Value{}
	}
	return event.IntOf(m.Count)
}

// batch is the fields of each message of several.
func (m *Message) batch() event.Value {
	if m.Count < 2 {
		return event.Value{}
	}
	list := make([]event.Fields, 0, len(m.Batch))
	for i := range m.Batch {
		one := &m.Batch[i]
		list = append(list, func(yield func(string, event.Value) bool) { one.yield(ofOne, yield) })
	}
	return event.ObjectsOf(&list)
}

// add takes in one more message of the same text.
func (m *Message) add(next Message) {
	if m.Count == 1 {
		first := *m
		m.Batch = append(make([]Message, 0, 4), first)
	}
	m.Count++
	if len(m.Batch) < maxBatch {
		m.Batch = append(m.Batch, next)
	}
}
