package rpc

import "strings"

// envelope is those members of an object that one of the protocols goes by, as
// sent; "" for one that is absent. Of a value that the text's end cuts, an object
// or array is there as far as it goes, and any other is unknown. The strings are
// parts of the text.
type envelope struct {
	jsonrpc, id, method, result, err string // JSON-RPC; id, err and the next two are others' too
	typ, payload                     string // GraphQL
	invocation, target               string // SignalR: invocationId
	protocol, version                string // SignalR's handshake

	named bool // it has at least one member
	end   ending
	rest  string // what follows it, without white space
}

// read reads the object that p begins with. Where a name is repeated, the last
// counts: so JavaScript, Go and Python have it, and what counts is what those
// understand who receive it.
func (e *envelope) read(p string) {
	*e = envelope{end: broken}
	o := members{p: skipSpace(p)}
	if len(o.p) > 0 && o.p[0] != '{' {
		return
	}
	var buf [24]byte
	for o.next() {
		e.named = true
		v := e.member(o.name)
		if strings.IndexByte(o.name, '\\') >= 0 {
			v = e.member(string(unescape(buf[:0], o.name)))
		}
		if v != nil {
			*v = known(o.value, o.end)
		}
	}
	e.end, e.rest = o.end, skipSpace(o.p)
}

// member is where a member goes, nil for one that tells nothing.
func (e *envelope) member(name string) *string {
	switch name {
	case "jsonrpc":
		return &e.jsonrpc
	case "id":
		return &e.id
	case "method":
		return &e.method
	case "result":
		return &e.result
	case "error":
		return &e.err
	case "type":
		return &e.typ
	case "payload":
		return &e.payload
	case "invocationId":
		return &e.invocation
	case "target":
		return &e.target
	case "protocol":
		return &e.protocol
	case "version":
		return &e.version
	}
	return nil
}

// unknown stands for a value of which nothing is known but that it is there. No
// value looks like it.
const unknown = "?"

// known is what is known of a value.
func known(raw string, end ending) string {
	if end == cut && (len(raw) == 0 || raw[0] != '{' && raw[0] != '[') {
		return unknown
	}
	return raw
}

// identifier is an id: a string or a number. One that is clipped, or is neither,
// pairs nothing.
func identifier(raw string) key {
	if isString(raw) {
		id, all := str(raw)
		return keyOf(worded, id, all)
	}
	if len(raw) > 0 && (raw[0] == '-' || isDigit(raw[0])) {
		id, all := clip(raw)
		return keyOf(numeric, id, all)
	}
	return key{}
}

// failed reports whether a member that tells of an error does.
func failed(raw string) bool { return raw != "" && raw != "null" && raw != unknown }
