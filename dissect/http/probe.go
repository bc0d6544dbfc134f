package http

import (
	"bytes"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/flow"
)

// Spec registers HTTP/1.x. Other versions are found by their own packages.
var Spec = dissect.Spec{Name: "http", Probe: probe, Join: join, New: newDissector}

// methods are those that a message may begin with and be taken for HTTP before
// its version is seen: the IANA registry, UPnP, and what Microsoft, Subversion
// and caches use. Those that SIP and RTSP share are false: they need the
// version.
var methods = map[string]bool{
	"GET": true, "HEAD": true, "POST": true, "PUT": true, "DELETE": true, "CONNECT": true, "TRACE": true, "PATCH": true,
	"PROPFIND": true, "PROPPATCH": true, "MKCOL": true, "COPY": true, "MOVE": true, "LOCK": true, "UNLOCK": true,
	"MKACTIVITY": true, "CHECKOUT": true, "MERGE": true, "REPORT": true, "SEARCH": true, "VERSION-CONTROL": true,
	"CHECKIN": true, "UNCHECKOUT": true, "MKWORKSPACE": true, "UPDATE": false, "LABEL": true, "BASELINE-CONTROL": true,
	"MKCALENDAR": true, "ACL": true, "BIND": true, "UNBIND": true, "REBIND": true, "LINK": true, "UNLINK": true,
	"ORDERPATCH": true, "MKREDIRECTREF": true, "UPDATEREDIRECTREF": true, "QUERY": true, "PURGE": true,
	"SUBSCRIBE": false, "UNSUBSCRIBE": true, "NOTIFY": false, "M-SEARCH": true, "POLL": true, "BMOVE": true, "BCOPY": true,
	"BDELETE": true, "BPROPFIND": true, "BPROPPATCH": true, "X-MS-ENUMATTS": true, "RPC_IN_DATA": true, "RPC_OUT_DATA": true,
	"RPC_CONNECT": true, "CCM_POST": true, "BITS_POST": true, "SSTP_DUPLEX_POST": true, "PATCHFILE": true,
	"OPTIONS": false,
}

// preface begins an HTTP/2 connection (RFC 9113 §3.4). It is a request-line of
// HTTP/1.x on purpose.
const preface = "PRI * HTTP/2.0\r\n"

// probe looks at the first bytes of a direction.
func probe(dir flow.Dir, p []byte) dissect.Match {
	if dir == flow.ServerToClient {
		return probeStatus(p)
	}
	return probeRequest(bytes.TrimLeft(p, "\r\n"))
}

// probeStatus wants "HTTP/" DIGIT, which no other protocol answers with.
func probeStatus(p []byte) dissect.Match {
	for _, start := range [...]string{"HTTP/", "ICY "} {
		switch n := min(len(p), len(start)); {
		case !hasPrefixFold(p, start[:n]):
		case n < len(start) || len(p) == n:
			return dissect.Maybe
		case isDigit(p[n]):
			return dissect.Yes
		}
	}
	return dissect.No
}

// probeRequest wants a method that only HTTP has and a target that HTTP could
// have, or a whole request-line.
func probeRequest(p []byte) dissect.Match {
	sp := bytes.IndexByte(p, ' ')
	if sp < 0 {
		if len(p) > maxMethod || len(p) > 0 && !isToken(p) {
			return dissect.No
		}
		return dissect.Maybe
	}
	if sp == 0 || sp > maxMethod || !isToken(p[:sp]) {
		return dissect.No
	}
	if methods[string(p[:sp])] {
		return probeTarget(p[:sp], p[sp+1:])
	}
	return probeVersion(p)
}

// probeTarget looks at what follows a method that only HTTP has.
func probeTarget(method, p []byte) dissect.Match {
	switch {
	case len(p) == 0:
		return dissect.Maybe
	case p[0] == '/' || hasPrefixFold(p, "http") || string(method) == "CONNECT" && isTarget(p[:1]):
		return dissect.Yes
	}
	return probeVersion(p)
}

// probeVersion wants a line that ends in an HTTP version.
func probeVersion(p []byte) dissect.Match {
	line, _, whole := bytes.Cut(p, []byte{'\n'})
	if !whole {
		if bytes.IndexByte(line, 0) >= 0 {
			return dissect.No
		}
		return dissect.Maybe
	}
	line = bytes.TrimRight(line, " \t\r")
	if i := bytes.LastIndexAny(line, " \t"); hasPrefixFold(line[i+1:], "HTTP/") {
		return dissect.Yes
	}
	return dissect.No
}

// join looks at bytes from the middle of a stream: only a start-line to the
// letter will do.
func join(dir flow.Dir, p []byte) dissect.Match {
	n, _ := blank(p)
	p = p[n:]
	line, _, whole := bytes.Cut(p, []byte{'\n'})
	switch {
	case whole && proves(role(dir), bytes.TrimSuffix(line, []byte{'\r'})):
		return dissect.Yes
	case !whole && (plausible(role(dir), p) || len(p) == 1 && p[0] == '\r'):
		return dissect.Maybe
	}
	return dissect.No
}

// proves reports whether a line is a start-line to the letter.
func proves(r role, line []byte) bool {
	if r == response {
		l, ok := statusLine(line)
		return ok && l.flaws&^(badSpacing|badPhrase) == 0 && !l.code.empty()
	}
	l, ok := requestLine(line)
	return ok && l.flaws&^hasFragment == 0 && !l.version.empty()
}

// takesUp reports whether a line proves that a message begins where nothing but
// the line says so: it is a start-line to the letter, and the method of a request
// is a known one, for the end of a content may stand before it ("abcGET").
func takesUp(r role, line []byte) bool {
	if !proves(r, line) {
		return false
	}
	method, _, _ := bytes.Cut(line, []byte{' '})
	return r == response || known(string(method), true)
}

// plausible reports whether p, the beginning of a line, can become a start-line
// that requestLine or statusLine accepts. It looks at a bounded part of it.
func plausible(r role, p []byte) bool {
	if r == response {
		return probeStatus(p) != dissect.No
	}
	p = p[:min(len(p), maxMethod+1)]
	if sp := indexSpace(p); sp >= 0 {
		p = p[:sp]
	}
	return len(p) <= maxMethod && isToken(p)
}
