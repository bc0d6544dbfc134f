package rpc

import "example.com/wirewatch/flow"

// recordSeparator ends every message of SignalR. It cannot be in JSON, where a
// control character is escaped.
const recordSeparator = 0x1e

// signalRTypes are the types of hub messages, by their numbers.
var signalRTypes = [...]string{
	"", "Invocation", "StreamItem", "Completion", "StreamInvocation", "CancelInvocation", "Ping", "Close", "Ack", "Sequence",
}

const (
	hubInvocation = 1 + iota
	hubStreamItem
	hubCompletion
	hubStreamInvocation
	hubCancelInvocation
	hubPing
	hubClose
)

// signalR reads a text of one or more messages of SignalR's JSON hub protocol, of
// which e is the first; nil if that is none. What proves it is the separator,
// behind an object with what its type must have. Of a text that was cut before
// the first separator, messages that came before prove it.
func (c *Conn) signalR(in *input, e *envelope) (m *Message) {
	for {
		separated := len(e.rest) > 0 && e.rest[0] == recordSeparator
		if e.end == broken || e.end == whole && !separated || e.end == cut && !in.truncated {
			return m
		}
		s, ok := hubMessage(e)
		if !ok {
			s, ok = c.hubHandshake(in.dir, e)
		}
		if !ok {
			return m
		}
		c.proves(SignalR)
		m = c.tellAnother(in, m, s)
		if e.end == cut || len(e.rest) == 1 {
			return m
		}
		e.read(e.rest[1:])
	}
}

// hubMessage reads one message. In what was cut, the invocation's id may yet have
// come.
func hubMessage(e *envelope) (s said, ok bool) {
	if len(e.typ) != 1 || e.typ[0] < '1' || e.typ[0] > '9' {
		return s, false
	}
	n := e.typ[0] - '0'
	s.Protocol, s.Type, s.Kind = SignalR, signalRTypes[n], Control
	s.key = identifier(e.invocation)
	s.ID = s.key.id
	named := isString(e.invocation) || e.end == cut
	switch n {
	case hubInvocation, hubStreamInvocation:
		s.Method, _ = str(e.target)
		s.hubCall(e)
		return s, (isString(e.target) || e.end == cut) && (named || n == hubInvocation)
	case hubStreamItem:
		s.Kind, s.role = Response, answers
	case hubCompletion:
		s.Kind, s.role, s.Error = Response, finishes, failed(e.err)
	case hubCancelInvocation:
		s.Kind, s.role = Cancel, cancels
	case hubClose:
		s.Error = failed(e.err)
		return s, true
	default:
		return s, true
	}
	return s, named
}

// hubCall is a request where the invocation has an id, which is what asks for a
// completion.
func (s *said) hubCall(e *envelope) {
	switch {
	case isString(e.invocation):
		s.Kind, s.role = Request, asks
	case e.end == whole:
		s.Kind = Notification
	default:
		s.Kind = NoKind
	}
}

// hubHandshake reads the client's first message, which says how the others are
// encoded, or the server's answer to it: an object that is empty, or has an error.
func (c *Conn) hubHandshake(dir flow.Dir, e *envelope) (s said, ok bool) {
	s.Protocol, s.Kind, s.key.space = SignalR, Control, session
	if dir == flow.ClientToServer {
		s.Type, s.role = "HandshakeRequest", asks
		s.Method, _ = str(e.protocol)
		return s, isString(e.protocol) && len(e.version) > 0 && isDigit(e.version[0])
	}
	s.Type, s.role, s.Error = "HandshakeResponse", finishes, failed(e.err)
	return s, c.asked[flow.ClientToServer].find(s.key) >= 0 && (isString(e.err) || !e.named)
}
