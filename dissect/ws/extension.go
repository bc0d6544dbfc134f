package ws

import (
	"strings"

	"example.com/wirewatch/event"
)

// extension is one element of a Sec-WebSocket-Extensions field.
type extension struct {
	name   string       // in lower case
	params []event.Pair // a parameter without a value has ""
	bare   []bool       // of each parameter: it has no value
}

// parseExtensions reads the values of Sec-WebSocket-Extensions:
//
//	extension-list  = 1#extension
//	extension       = extension-token *( ";" extension-param )
//	extension-param = token [ "=" (token | quoted-string) ]   (RFC 6455 §9.1)
//
// ok is false where a value departs from that; what can be read is read.
func parseExtensions(values []string) (list []extension, ok bool) {
	ok = true
	for _, v := range values {
		for _, element := range split(v, ',') {
			parts := split(element, ';')
			x := extension{name: strings.ToLower(parts[0])}
			if x.name == "" && len(parts) == 1 { // RFC 9110 §5.6.1.2: empty elements are ignored
				continue
			}
			ok = ok && isToken(x.name)
			for _, part := range parts[1:] {
				p, bare, valid := parameter(part)
				ok = ok && valid
				x.params, x.bare = append(x.params, p), append(x.bare, bare)
			}
			list = append(list, x)
		}
	}
	return list, ok
}

// parameter reads an extension-param.
func parameter(s string) (p event.Pair, bare, ok bool) {
	name, value, found := strings.Cut(s, "=")
	name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = strings.ReplaceAll(value[1:n-1], `\`, "") // RFC 6455 §9.1: what it stands for is a token
	}
	p = event.Pair{Name: strings.ToLower(name), Value: value}
	return p, !found, isToken(name) && (!found || isToken(value))
}

// split cuts s at each sep that is not within quotes, and trims the parts.
func split(s string, sep byte) (parts []string) {
	quoted, from := false, 0
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts, from = append(parts, strings.Trim(s[from:i], " \t")), i+1
		}
	}
	return append(parts, strings.Trim(s[from:], " \t"))
}

// isToken reports 1*tchar (RFC 9110 §5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// deflateName is the extension of RFC 7692.
const deflateName = "permessage-deflate"

// The bits of an LZ77 sliding window (RFC 7692 §7.1.2).
const (
	minWindow = 8
	maxWindow = 15
)

// Deflate is how permessage-deflate compresses the messages of one end.
type Deflate struct {
	WindowBits int  // the base-2 logarithm of the window's size, 8 to 15
	Takeover   bool // a message may refer to those before it
}

// deflateOf reads the parameters of permessage-deflate (RFC 7692 §7.1), and
// returns what they say of each end, by role; badly is the first parameter that
// is unknown, repeated, or has a value that it may not have, "" if there is none.
// offer says that they are a client's offer, where client_max_window_bits needs
// no value.
func deflateOf(x *extension, offer bool) (ends [2]Deflate, badly string) {
	ends = [2]Deflate{{maxWindow, true}, {maxWindow, true}}
	seen := map[string]bool{}
	for i, p := range x.params {
		ok := !seen[p.Name]
		seen[p.Name] = true
		side, name, _ := strings.Cut(p.Name, "_")
		r := client
		if side == "server" {
			r = server
		} else if side != "client" {
			name = ""
		}
		switch name {
		case "no_context_takeover":
			ends[r].Takeover = false
			ok = ok && x.bare[i]
		case "max_window_bits":
			bits, valid := windowBits(p.Value)
			if valid {
				ends[r].WindowBits = bits
			}
			ok = ok && (valid || offer && r == client && x.bare[i])
		default:
			ok = false
		}
		if !ok && badly == "" {
			badly = p.Name
			if !x.bare[i] {
				badly += "=" + p.Value
			}
		}
	}
	return ends, badly
}

// windowBits reads a decimal from 8 to 15 without leading zeros (RFC 7692
// §7.1.2.1).
func windowBits(s string) (int, bool) {
	for bits := minWindow; bits <= maxWindow; bits++ {
		if s == [...]string{"8", "9", "10", "11", "12", "13", "14", "15"}[bits-minWindow] {
			return bits, true
		}
	}
	return 0, false
}

// answers reports what an agreed permessage-deflate has that none of the offers
// allows (RFC 7692 §7.1), "" if it fits one of them.
func (x *extension) answers(offers []extension) (what string) {
	for i := range offers {
		if offers[i].name != x.name {
			continue
		}
		if what = x.beyond(&offers[i]); what == "" {
			return ""
		}
	}
	return what
}

// beyond is what x has that one offer does not allow: a window for the client
// that it did not say it could limit (RFC 7692 §7.1.2.2), one for the server
// that is larger than asked for or not limited (§7.1.2.1), or a context that the
// server was asked not to take over and keeps (§7.1.1.1).
func (x *extension) beyond(offer *extension) string {
	asked, _ := deflateOf(offer, true)
	got, _ := deflateOf(x, false)
	switch {
	case x.has("client_max_window_bits") && !offer.has("client_max_window_bits"):
		return "client_max_window_bits was not offered"
	case got[server].WindowBits > asked[server].WindowBits:
		return "server_max_window_bits is larger than what was offered"
	case got[server].Takeover && !asked[server].Takeover:
		return "server_no_context_takeover was asked for"
	}
	return ""
}

func (x *extension) has(param string) bool {
	for _, p := range x.params {
		if p.Name == param {
			return true
		}
	}
	return false
}
