package rpc

import (
	"strings"

	"example.com/wirewatch/flow"
)

// engineTypes are the packet types of Engine.IO 3 and 4, by their digits.
var engineTypes = [...]string{"open", "close", "ping", "pong", "message", "upgrade", "noop"}

const (
	engineOpen = iota
	engineClose
	enginePing
	enginePong
	engineMessage
)

// engineIO reads a packet of Engine.IO: the digit of its type, and data. What
// proves it is the URI of the handshake, the parameters EIO and transport; or one
// of the packets that nothing else looks like:
//
//	0{"sid":"…","pingInterval":25000,…}   the server's handshake
//	2probe, 3probe                        the change from polling to WebSocket
//	42["event",…]                         an event of Socket.IO, as its only JSON
func (c *Conn) engineIO(in *input) *Message {
	var s said
	digit, data := in.text[0]-'0', in.text[1:]
	if digit == engineMessage {
		if s, ok := c.socketIO(in, data); ok {
			return c.tell(in, s)
		}
	}
	if c.spoken != EngineIO && !(c.spoken == Unknown && provesEngineIO(in, digit, data)) {
		return nil
	}
	c.proves(EngineIO)
	s.Protocol, s.Type, s.Kind = EngineIO, engineTypes[digit], Control
	switch digit {
	case enginePing:
		s.role, s.key.space = asks, heartbeat
	case enginePong:
		s.role, s.key.space = finishes, heartbeat
	case engineMessage:
		s.Kind = Notification
		if in.truncated {
			s.Kind = NoKind // it may have become Socket.IO's
		}
	}
	return c.tell(in, s)
}

// provesEngineIO reports whether a packet that is not of Socket.IO is of Engine.IO
// whatever came before.
func provesEngineIO(in *input, digit byte, data string) bool {
	switch digit {
	case engineOpen:
		return in.dir == flow.ServerToClient && isEngineOpen(data)
	case enginePing:
		return in.dir == flow.ClientToServer && data == "probe"
	case enginePong:
		return in.dir == flow.ServerToClient && data == "probe"
	}
	return false
}

// isEngineOpen reports whether p is the data of an open packet.
func isEngineOpen(p string) bool {
	var sid, interval bool
	o := members{p: p}
	for o.next() {
		switch o.name {
		case "sid":
			sid = isString(o.value)
		case "pingInterval":
			interval = len(o.value) > 0 && isDigit(o.value[0])
		}
	}
	return sid && interval && o.end == whole
}

// socketTypes are the packet types of Socket.IO 5, by their digits. Socket.IO 4
// has ERROR for CONNECT_ERROR.
var socketTypes = [...]string{"CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"}

const (
	socketConnect = iota
	socketDisconnect
	socketEvent
	socketAck
	socketConnectError
	socketBinaryEvent
	socketBinaryAck
)

// socketPacket is a packet of Socket.IO, in parts of the text.
type socketPacket struct {
	digit     byte
	namespace string // "" for the main one
	id        string // digits
	address   string // namespace, comma and id: what an acknowledgement repeats
	payload   string // JSON
}

// readSocketPacket takes a packet apart:
//
//	<packet type>[<# of binary attachments>-][<namespace>,][<acknowledgment id>][JSON]
func readSocketPacket(p string) (k socketPacket, ok bool) {
	if len(p) == 0 || p[0] < '0' || p[0] > '0'+socketBinaryAck {
		return k, false
	}
	k.digit, p = p[0]-'0', p[1:]
	if k.digit >= socketBinaryEvent {
		n := digits(p)
		if n == 0 || n == len(p) || p[n] != '-' {
			return k, false
		}
		p = p[n+1:]
	}
	start := p
	if len(p) > 0 && p[0] == '/' {
		i := strings.IndexByte(p, ',')
		if i < 0 {
			return k, false
		}
		k.namespace, p = p[:i], p[i+1:]
	}
	n := digits(p)
	k.id, k.payload = p[:n], p[n:]
	k.address = start[:len(start)-len(k.payload)]
	return k, true
}

// digits is how many digits p begins with.
func digits(p string) (n int) {
	for n < len(p) && isDigit(p[n]) {
		n++
	}
	return n
}

// fits reports whether the payload is one that the type may have, by its first
// byte. The protocol's own objects may be absent (Socket.IO 4).
func (k *socketPacket) fits() bool {
	p := k.payload
	switch k.digit {
	case socketDisconnect:
		return len(p) == 0
	case socketConnect, socketConnectError:
		return len(p) == 0 || p[0] == '{' || p[0] == '"'
	}
	return len(p) > 0 && p[0] == '['
}

// event is the name of an event: a string, or, in later versions, a number.
func (k *socketPacket) event() string {
	list := members{p: k.payload}
	if !list.next() {
		return ""
	}
	return known(list.value, list.end)
}

// proves reports whether the packet can be nothing else: an event of which all is
// JSON and the first a string.
func (k *socketPacket) proves() bool {
	if k.digit != socketEvent && k.digit != socketBinaryEvent || !isString(k.event()) {
		return false
	}
	list := members{p: k.payload}
	for list.next() {
	}
	return list.end == whole && len(skipSpace(list.p)) == 0
}

// socketIO reads a packet of Socket.IO, the data of a message of Engine.IO.
func (c *Conn) socketIO(in *input, data string) (s said, ok bool) {
	k, ok := readSocketPacket(data)
	if !ok || !k.fits() {
		return s, false
	}
	if c.spoken == Unknown && k.proves() {
		c.proves(EngineIO)
	}
	if c.spoken != EngineIO {
		return s, false
	}
	s.Protocol, s.Type = SocketIO, socketTypes[k.digit]
	switch k.digit {
	case socketEvent, socketBinaryEvent:
		s.socketEvent(&k)
	case socketAck, socketBinaryAck:
		s.socketAddress(&k)
		s.Kind, s.role = Response, finishes
	default:
		s.socketSession(&k, in.dir)
	}
	return s, true
}

// socketEvent completes an event. With an id it asks to be acknowledged.
func (s *said) socketEvent(k *socketPacket) {
	s.Method = identifier(k.event()).id
	s.Kind = Notification
	if len(k.id) > 0 {
		s.socketAddress(k)
		s.Kind, s.role = Request, asks
	}
}

// socketAddress is the id of a packet. It counts in its namespace.
func (s *said) socketAddress(k *socketPacket) {
	address, all := clip(k.address)
	s.key = keyOf(worded, address, all)
	s.ID = address[max(0, min(len(address), len(k.address)-len(k.id))):]
}

// socketSession completes what begins and ends the use of a namespace. The client
// asks to be connected, and the server says yes or no.
func (s *said) socketSession(k *socketPacket, dir flow.Dir) {
	var all bool
	s.Method, all = clip(k.namespace)
	s.Kind, s.Error = Control, k.digit == socketConnectError
	s.key = keyOf(session, s.Method, all)
	switch {
	case k.digit == socketDisconnect:
	case dir == flow.ServerToClient:
		s.role = finishes
	case k.digit == socketConnect:
		s.role = asks
	}
}
