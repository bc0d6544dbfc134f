package ws

import (
	"crypto/sha1" //nolint:gosec // RFC 6455 §4.2.2 asks for SHA-1, and nothing is kept secret with it
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// version is the only one that RFC 6455 §4.1 knows.
const version = "13"

// handshake is the terms of an upgrade as they were sent.
type handshake struct {
	method, uri, status string
	fields              [2][]event.Pair // of the request and of the response
	asked               bool            // the request was seen
}

// handshakeOf sorts the terms of an offer: the request's come first, and the
// response's begin with ":status".
func handshakeOf(terms []event.Pair) (hs handshake) {
	side := client
	for _, t := range terms {
		switch t.Name {
		case ":method":
			hs.method, hs.asked = t.Value, true
		case ":uri":
			hs.uri = t.Value
		case ":status":
			hs.status, side = t.Value, server
		default:
			hs.fields[side] = append(hs.fields[side], t)
		}
	}
	return hs
}

// extended reports a WebSocket over HTTP/2, which has no Upgrade, no Connection and
// no key (RFC 8441 §5): a CONNECT, and no 101 to it.
func (hs *handshake) extended() bool { return hs.method == "CONNECT" && hs.status != "101" }

// values are those of a field of one side, in order.
func (hs *handshake) values(r role, name string) (list []string) {
	for _, f := range hs.fields[r] {
		if strings.EqualFold(f.Name, name) {
			list = append(list, f.Value)
		}
	}
	return list
}

// elements are the members of a field whose values are comma-separated lists.
func (hs *handshake) elements(r role, name string) (list []string) {
	for _, v := range hs.values(r, name) {
		for _, e := range split(v, ',') {
			if e != "" {
				list = append(list, e)
			}
		}
	}
	return list
}

func contains(list []string, option string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, option) })
}

// complaint is an anomaly of a handshake.
type complaint struct {
	code   *event.Code
	detail string
	from   role
}

// opening reads a handshake: what it says, what is wrong with it.
func (hs *handshake) opening() (o *Open, list []complaint) {
	o = &Open{Opened: "handshake", URI: hs.uri, Version: -1}
	say := func(from role, code *event.Code, detail string) { list = append(list, complaint{code, detail, from}) }
	if hs.asked {
		hs.request(o, say)
	}
	if !hs.extended() {
		hs.switching(server, say)
		hs.accept(o, say)
	}
	hs.subprotocol(o, say)
	hs.extensions(o, say)
	return o, list
}

type say = func(from role, code *event.Code, detail string)

// request checks what RFC 6455 §4.1 asks of a client.
func (hs *handshake) request(o *Open, say say) {
	if !hs.extended() {
		if hs.method != "GET" {
			say(client, methodInvalid, hs.method)
		}
		hs.switching(client, say)
		hs.key(say)
	}
	versions := hs.values(client, "Sec-WebSocket-Version")
	if len(versions) > 0 {
		if n, err := strconv.Atoi(versions[0]); err == nil && n >= 0 && n <= 255 {
			o.Version = n
		}
	}
	if len(versions) != 1 || versions[0] != version {
		say(client, versionUnsupported, strings.Join(versions, ", "))
	}
}

// switching wants the two fields that make a message an upgrade (RFC 6455 §4.1,
// items 5 and 6 of the client's requirements, 2 and 3 of the server's).
func (hs *handshake) switching(r role, say say) {
	if !contains(hs.elements(r, "Upgrade"), "websocket") {
		say(r, upgradeMissing, "")
	}
	if !contains(hs.elements(r, "Connection"), "upgrade") {
		say(r, connectionMissing, "")
	}
}

// keySize is what a Sec-WebSocket-Key stands for (RFC 6455 §4.1, item 7).
const keySize = 16

func (hs *handshake) key(say say) {
	keys := hs.values(client, "Sec-WebSocket-Key")
	if len(keys) == 0 {
		say(client, keyMissing, "")
		return
	}
	if nonce, err := base64.StdEncoding.DecodeString(keys[0]); err != nil || len(nonce) != keySize || len(keys) > 1 {
		say(client, keyInvalid, strings.Join(keys, ", "))
	}
}

// accept compares Sec-WebSocket-Accept with what the key asks for.
func (hs *handshake) accept(o *Open, say say) {
	keys, accepts := hs.values(client, "Sec-WebSocket-Key"), hs.values(server, "Sec-WebSocket-Accept")
	switch {
	case len(accepts) == 0:
		say(server, acceptMissing, "")
		o.Accept = &[]bool{false}[0]
	case len(keys) > 0:
		want := acceptOf(keys[0])
		valid := len(accepts) == 1 && accepts[0] == want
		o.Accept = &valid
		if !valid {
			say(server, acceptMismatch, strings.Join(accepts, ", ")+" instead of "+want)
		}
	}
}

// acceptOf is the Sec-WebSocket-Accept that answers a key: the base64 of the
// SHA-1 of the key with a fixed GUID behind it (RFC 6455 §4.2.2, item 5.4).
func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
	return base64.StdEncoding.EncodeToString(sum[:])
}

// subprotocol is the one that was chosen, and must have been offered (RFC 6455
// §4.1, item 6 of what the client validates).
func (hs *handshake) subprotocol(o *Open, say say) {
	offered, chosen := hs.elements(client, "Sec-WebSocket-Protocol"), hs.values(server, "Sec-WebSocket-Protocol")
	o.ProtocolsOffered = strings.Join(offered, ", ")
	o.Protocol = strings.Join(chosen, ", ")
	if len(chosen) > 0 && hs.asked && !slices.Contains(offered, o.Protocol) {
		say(server, protocolNotOffered, o.Protocol)
	}
}

// extensions are those that both ends use from now on (RFC 6455 §9.1).
func (hs *handshake) extensions(o *Open, say say) {
	const name = "Sec-WebSocket-Extensions"
	offered, asked := hs.values(client, name), hs.values(server, name)
	o.ExtensionsOffered, o.Extensions = strings.Join(offered, ", "), strings.Join(asked, ", ")
	offers, ok := parseExtensions(offered)
	if !ok {
		say(client, extensionInvalid, o.ExtensionsOffered)
	}
	for i := range offers {
		if _, badly := deflateOf(&offers[i], true); offers[i].name == deflateName && badly != "" {
			say(client, deflateInvalid, badly)
		}
	}
	agreed, ok := parseExtensions(asked)
	if !ok {
		say(server, extensionInvalid, o.Extensions)
	}
	for i := range agreed {
		hs.agree(o, &agreed[i], offers, say)
	}
}

// agree takes one extension of a response.
func (hs *handshake) agree(o *Open, x *extension, offers []extension, say say) {
	offered := slices.ContainsFunc(offers, func(e extension) bool { return e.name == x.name })
	if hs.asked && !offered {
		say(server, extensionNotOffered, x.name)
	}
	switch {
	case x.name != deflateName:
		o.unknown = true
		return
	case o.Deflate != nil:
		say(server, deflateInvalid, deflateName+" twice")
		return
	}
	ends, badly := deflateOf(x, false)
	if badly == "" && hs.asked && offered {
		badly = x.answers(offers)
	}
	if badly != "" {
		say(server, deflateInvalid, badly)
	}
	o.Deflate = &ends
}

// open tells how the WebSocket came about.
func (d *dissector) open(c *dissect.Conn, o dissect.Offer) {
	hs := handshakeOf(o.Params)
	body, list := hs.opening()
	d.opaque = body.unknown
	d.rpc.Handshake(body.Protocol, body.URI)
	d.ready = c.Offset(d.dirOf(server))
	if !hs.asked { // some of the request may yet come, before the client's frames
		d.half[client].seek()
	}
	if body.Deflate != nil && !d.opaque {
		for r := range d.half {
			d.half[r].deflate.agree(body.Deflate[r])
		}
	}
	c.Emit(dissect.Fact{Body: body, Exchange: d.exchange, NoDir: true})
	for _, x := range list {
		d.reportFrom(c, &d.half[x.from], x.code, x.detail)
	}
}

// clip bounds what is quoted from the wire.
func clip(s string) string {
	const most = 100
	return s[:min(len(s), most)]
}
