package rpc

import "example.com/wirewatch/flow"

// graphQLType is what a message of a type does.
type graphQLType struct {
	name  string
	kind  Kind
	role  role
	space space // of what it pairs; worded stands for the member "id"
}

// graphQLTypes are those of both protocols of GraphQL over WebSocket, which have
// other names for the same, and start_ack, of AWS AppSync. A client's complete is
// not this one: it cancels.
//
//	graphql-transport-ws  subscribe  next  complete
//	graphql-ws            start      data  stop
var graphQLTypes = []graphQLType{
	{"next", Response, answers, worded},
	{"data", Response, answers, worded},
	{"start_ack", Response, answers, worded},
	{"error", Response, finishes, worded},
	{"complete", Response, finishes, worded},
	{"subscribe", Request, asks, worded},
	{"start", Request, asks, worded},
	{"stop", Cancel, cancels, worded},
	{"ping", Control, asks, heartbeat},
	{"pong", Control, finishes, heartbeat},
	{"ka", Control, none, noSpace},
	{"connection_init", Control, asks, session},
	{"connection_ack", Control, finishes, session},
	{"connection_error", Control, finishes, session},
	{"connection_terminate", Control, none, noSpace},
}

// graphQL reads an object of GraphQL over WebSocket. What proves it is the
// subprotocol, which both protocols demand; or, where the handshake was not seen,
// a client's operation: an id, the type subscribe or start, and a payload with a
// query. connection_init would not tell which of the two it is. A type that is
// not listed is shown as it is.
func (c *Conn) graphQL(dir flow.Dir, e *envelope) (s said, ok bool) {
	if c.spoken == Unknown && dir == flow.ClientToServer && isString(e.id) {
		c.provesGraphQL(e)
	}
	if c.spoken != GraphQLTransportWS && c.spoken != GraphQLWS || !isString(e.typ) {
		return s, false
	}
	s.Protocol = c.spoken
	var buf [maxText]byte
	name := plain(e.typ[1:len(e.typ)-1], buf[:0])
	for _, t := range graphQLTypes {
		if t.name == name {
			s.graphQL(t, dir, e)
			return s, true
		}
	}
	s.Type, _ = str(e.typ)
	return s, true
}

// provesGraphQL sees whether an object is an operation.
func (c *Conn) provesGraphQL(e *envelope) {
	var p Protocol
	switch {
	case is(e.typ, "subscribe"):
		p = GraphQLTransportWS
	case is(e.typ, "start"):
		p = GraphQLWS
	default:
		return
	}
	if _, query := operation(e.payload); query {
		c.proves(p)
	}
}

// graphQL completes a message of a type that is listed.
func (s *said) graphQL(t graphQLType, dir flow.Dir, e *envelope) {
	if t.name == "complete" && dir == flow.ClientToServer {
		t.kind, t.role = Cancel, cancels
	}
	s.Type, s.Kind, s.role = t.name, t.kind, t.role
	s.Error = t.name == "error" || t.name == "connection_error"
	if s.key.space = t.space; t.space == worded {
		s.key = identifier(e.id)
		s.ID = s.key.id
	}
	if t.kind == Request {
		s.Method, _ = operation(e.payload)
	}
}

// operation is the name of the operation that a payload asks for, "" if it has
// none or the rest of it may yet tell; query reports that it has a query at all.
func operation(payload string) (name string, query bool) {
	var source string
	var buf [24]byte
	o := members{p: payload}
	for o.next() {
		switch plain(o.name, buf[:0]) {
		case "operationName":
			name, _ = str(known(o.value, o.end))
		case "query":
			source = known(o.value, o.end)
		}
	}
	if name == "" && o.end == whole {
		name = operationName(source)
	}
	return name, isString(source)
}

// operationName is the name of the first operation of a document, if it stands
// near the beginning (GraphQL §2.3):
//
//	OperationDefinition : OperationType Name? VariablesDefinition? Directives? SelectionSet
func operationName(raw string) string {
	if !isString(raw) {
		return ""
	}
	var buf [2 * maxText]byte
	p := plain(raw[1:len(raw)-1], buf[:0])
	p = skipIgnored(p[:min(len(p), len(buf))])
	n := nameLen(p)
	switch p[:n] {
	case "query", "mutation", "subscription":
	default:
		return ""
	}
	p = skipIgnored(p[n:])
	if n = nameLen(p); n == len(p) {
		return "" // it may go on
	}
	name, _ := clip(p[:n])
	return name
}

// skipIgnored is p after white space, commas and comments (GraphQL §2.1).
func skipIgnored(p string) string {
	comment := false
	for i := range len(p) {
		switch c := p[i]; {
		case c == '\n' || c == '\r':
			comment = false
		case c == '#':
			comment = true
		case !comment && c != ' ' && c != '\t' && c != ',':
			return p[i:]
		}
	}
	return ""
}

// nameLen is the length of the name that p begins with:
//
//	Name = ( Letter / "_" ) *( Letter / Digit / "_" )
func nameLen(p string) int {
	for i := range len(p) {
		c := p[i]
		if letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'; !letter && (i == 0 || !isDigit(c)) {
			return i
		}
	}
	return len(p)
}
