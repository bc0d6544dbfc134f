package rpc

import (
	"strings"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// Conn reads the text messages of one connection. The zero Conn is one of which
// no handshake was seen. It takes no memory before a request is seen, and then at
// most that of 256 requests of each end.
type Conn struct {
	spoken   Protocol // by the handshake, or by a message that proved it
	verbatim bool     // STOMP 1.0, whose header values have no escapes
	asked    [2]*pending
}

// Handshake tells what the handshake agreed on: the subprotocol, "" for none, and
// the request-target or URI. Neither is kept.
func (c *Conn) Handshake(subprotocol, uri string) {
	switch subprotocol {
	case "graphql-transport-ws":
		c.spoken = GraphQLTransportWS
	case "graphql-ws":
		c.spoken = GraphQLWS
	case "v10.stomp", "v11.stomp", "v12.stomp":
		c.spoken, c.verbatim = STOMP, subprotocol == "v10.stomp"
	default:
		if isEngineIO(uri) {
			c.spoken = EngineIO
		}
	}
}

// isEngineIO reports whether a URI is one that only Engine.IO's clients ask for.
// Its path is up to the application.
func isEngineIO(uri string) bool {
	_, query, _ := strings.Cut(uri, "?")
	var version, transport bool
	for parameter := range strings.SplitSeq(query, "&") {
		version = version || strings.HasPrefix(parameter, "EIO=")
		transport = transport || parameter == "transport=websocket"
	}
	return version && transport
}

// proves notes that the connection speaks p, unless it is known to speak
// something.
func (c *Conn) proves(p Protocol) {
	if c.spoken == Unknown {
		c.spoken = p
	}
}

// input is a text, and where it comes from.
type input struct {
	dir       flow.Dir
	text      string
	truncated bool // there was more of it
	at        event.Mark
}

// Text reads the next text message that dir sends: the beginning of it where
// truncated says that there was more. It ended at the mark. The Message is nil where the text is not known to be anything.
func (c *Conn) Text(dir flow.Dir, text string, truncated bool, at event.Mark) *Message {
	if len(text) == 0 {
		return nil
	}
	in := input{dir, text, truncated, at}
	switch b := text[0]; {
	case b == '{':
		return c.object(&in)
	case b == '[':
		return c.array(&in)
	case '0' <= b && b <= '6':
		return c.engineIO(&in)
	case 'A' <= b && b <= 'Z':
		return c.stomp(&in)
	case b == '\n' || b == '\r' || b == ' ' || b == '\t':
		return c.space(&in)
	}
	return nil
}

// space reads a text that begins with white space: JSON, or a heartbeat of STOMP.
func (c *Conn) space(in *input) *Message {
	in.text = skipSpace(in.text)
	switch {
	case len(in.text) == 0:
		return c.stompBeat(in)
	case in.text[0] == '{':
		return c.object(in)
	case in.text[0] == '[':
		return c.array(in)
	}
	return nil
}

// object reads a text that begins with an object. Only SignalR has something
// behind it.
func (c *Conn) object(in *input) *Message {
	var e envelope
	e.read(in.text)
	switch {
	case e.end == broken || e.end == cut && !(in.truncated && e.named):
		return nil
	case e.end == whole && len(e.rest) > 0:
		return c.signalR(in, &e)
	}
	if e.end == cut && c.spoken == SignalR {
		if m := c.signalR(in, &e); m != nil {
			return m
		}
	}
	if s, ok := c.graphQL(in.dir, &e); ok {
		return c.tell(in, s)
	}
	if s, ok := jsonRPC(&e); ok {
		return c.tell(in, s)
	}
	return &otherJSON
}

// otherJSON is said of all JSON that is nothing else, so that it costs nothing.
var otherJSON = Message{Protocol: JSON, Count: 1}

// array reads a text that is an array: a batch of JSON-RPC, or any other.
func (c *Conn) array(in *input) *Message {
	all := members{p: in.text}
	n := 0
	for all.next() {
		n++
	}
	if all.end == broken || all.end == cut && !(in.truncated && n > 0) || len(skipSpace(all.p)) > 0 {
		return nil
	}
	if m := c.jsonRPCBatch(in); m != nil {
		return m
	}
	return &otherJSON
}

// said is a message, and what it does to which request.
type said struct {
	Message
	role role
	key  key
}

// tell is the Message of a text that has one.
func (c *Conn) tell(in *input, s said) *Message {
	m := c.pair(in, s)
	return &m
}

// tellAnother is that of a text in which more messages than m precede.
func (c *Conn) tellAnother(in *input, m *Message, s said) *Message {
	if m == nil {
		return c.tell(in, s)
	}
	m.add(c.pair(in, s))
	return m
}

// pair finds the request that a message answers, or notes that it is one.
func (c *Conn) pair(in *input, s said) Message {
	s.Count = 1
	if s.key.space == noSpace {
		return s.Message
	}
	switch s.role {
	case none:
	case asks:
		if c.asked[in.dir] == nil {
			c.asked[in.dir] = new(pending)
		}
		c.asked[in.dir].ask(request{key: s.key, method: s.Method, at: in.at})
	case cancels:
		c.asked[in.dir].forget(s.key)
	case answers, finishes:
		r, found := c.asked[in.dir.Reverse()].answer(s.key, s.role == finishes)
		if !found {
			break
		}
		s.Asked, s.First = r.at.Frame, !r.answered
		if s.First {
			s.Latency = max(0, in.at.Sub(r.at))
		}
		if s.Method == "" {
			s.Method = r.method
		}
	}
	return s.Message
}
