package http

import (
	"encoding/base64"
	"strconv"
	"strings"

	"example.com/wirewatch/event"
)

// refused reports that a final response does not grant the WebSocket that its
// request asked for.
func (f *feed) refused(x *exchange) {
	if x.Exchange.Request == nil || x.res.Code == 101 || x.res.Code == 0 || !asksForWebSocket(&x.req) {
		return
	}
	f.report(upgradeRefused, x, refusal(&x.req, &x.res))
}

// asksForWebSocket reports the request of a WebSocket handshake (RFC 6455 §4.1),
// also where something on the way has removed the fields that say so to its
// recipient.
func asksForWebSocket(r *Request) bool {
	return lists(r.Headers, "Upgrade", "websocket") || has(r.Headers, "Sec-WebSocket-Key")
}

// refusal says why a handshake came to nothing, as far as the messages tell.
func refusal(req *Request, res *Response) string {
	status := strconv.Itoa(res.Code)
	if flaw := handshakeFlaw(req); flaw != "" {
		return status + ", where " + flaw
	}
	switch res.Code / 100 {
	case 2:
		return status + ", as if it were no handshake"
	case 3:
		return status + ", Location: " + first(res.Headers, "Location")
	}
	switch res.Code {
	case 401, 407:
		return status + ", where the server asks for authentication"
	case 403:
		if has(req.Headers, "Origin") {
			return status + ", Origin: " + first(req.Headers, "Origin")
		}
	case 426:
		if has(res.Headers, "Sec-WebSocket-Version") {
			return status + ", Sec-WebSocket-Version: " + first(res.Headers, "Sec-WebSocket-Version")
		}
	case 502, 503, 504:
		return status + ", where the server behind a proxy cannot be reached, or is not ready"
	}
	return status
}

// handshakeFlaw is what the request of a handshake lacks that RFC 6455 §4.1 asks
// for, "" if it is right.
func handshakeFlaw(r *Request) string {
	switch {
	case !lists(r.Headers, "Upgrade", "websocket"):
		return "the request has no Upgrade: websocket, which something on its way may have removed"
	case !lists(r.Headers, "Connection", "upgrade"):
		return "the request has no Connection: Upgrade, which something on its way may have removed"
	case r.Method != "GET":
		return "the method is " + r.Method + " and not GET"
	case isOld(r.Version):
		return "the version is " + r.Version + " and not HTTP/1.1"
	case !has(r.Headers, "Sec-WebSocket-Key"):
		return "the request has no Sec-WebSocket-Key"
	case !has(r.Headers, "Sec-WebSocket-Version"):
		return "the request has no Sec-WebSocket-Version"
	}
	const keySize = 16
	if nonce, err := base64.StdEncoding.DecodeString(first(r.Headers, "Sec-WebSocket-Key")); err != nil || len(nonce) != keySize {
		return "the Sec-WebSocket-Key is not 16 bytes in base64"
	}
	if v := first(r.Headers, "Sec-WebSocket-Version"); v != "13" {
		return "the Sec-WebSocket-Version is " + v + " and not 13"
	}
	return ""
}

// has reports a field of that name.
func has(headers []event.Pair, name string) bool {
	for i := range headers {
		if strings.EqualFold(headers[i].Name, name) {
			return true
		}
	}
	return false
}

// first is the value of the first field of that name, "" without one.
func first(headers []event.Pair, name string) string {
	for i := range headers {
		if strings.EqualFold(headers[i].Name, name) {
			return headers[i].Value
		}
	}
	return ""
}

// lists reports that a field of that name, a list, has the element.
func lists(headers []event.Pair, name, element string) (found bool) {
	for i := range headers {
		if strings.EqualFold(headers[i].Name, name) {
			elements(headers[i].Value, func(e string) bool {
				found = found || strings.EqualFold(e, element)
				return true
			})
		}
	}
	return found
}
