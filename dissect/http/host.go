package http

import "strings"

// hosts reports what is wrong with where a request says that it goes. The Host of
// a request with an absolute-form or an authority-form has to say the same as
// its target, which is what counts (RFC 9112 §3.2).
func (f *feed) hosts(x *exchange, fs *fields) {
	r := &x.req
	target, scheme := authority(r)
	switch {
	case fs.hosts > 1:
		f.report(hostRepeated, x, "")
	case fs.hosts == 0 && r.Version == "HTTP/1.1":
		f.report(hostMissing, x, "")
	case !isHost(fs.host):
		f.report(hostInvalid, x, fs.host)
	case fs.hosts == 1 && scheme != "" && !sameAuthority(target, fs.host, scheme):
		f.report(hostMismatch, x, fs.host+" is not "+target)
	}
}

// authority is the host and port in a request-target, with the scheme, "" for
// none; that of a CONNECT is its own.
func authority(r *Request) (host, scheme string) {
	if r.Method == "CONNECT" {
		return r.Target, "connect"
	}
	if !hasScheme(r.Target) {
		return "", ""
	}
	scheme, rest, _ := strings.Cut(r.Target, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return rest[strings.LastIndexByte(rest, '@')+1:], strings.ToLower(scheme)
}

// sameAuthority compares two hosts with their ports, of which those that the
// scheme implies need not be there. A CONNECT has a port, which many a client
// leaves out of its Host.
func sameAuthority(target, host, scheme string) bool {
	th, tp := splitPort(target)
	hh, hp := splitPort(host)
	switch scheme {
	case "http":
		tp, hp = orPort(tp, "80"), orPort(hp, "80")
	case "https":
		tp, hp = orPort(tp, "443"), orPort(hp, "443")
	case "connect":
		hp = orPort(hp, tp)
	}
	return strings.EqualFold(th, hh) && tp == hp
}

// splitPort cuts
//
//	authority = host [ ":" port ]   (RFC 3986 §3.2)
func splitPort(s string) (host, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.IndexByte(s[i:], ']') >= 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}

func orPort(port, implied string) string {
	if port == "" {
		return implied
	}
	return port
}

// isHost reports whether s is
//
//	Host = uri-host [ ":" port ]   (RFC 9110 §7.2)
//
// as far as its characters go, those of RFC 3986 §3.2.2. It may be empty.
func isHost(s string) bool {
	const chars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%!$&'()*+,;=:[]"
	host, port := splitPort(s)
	return strings.Trim(host, chars) == "" && strings.Trim(port, "0123456789") == ""
}
