package remote

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

const scheme = "ssh://"

// IsURL reports that the name of an interface means one of another machine.
func IsURL(name string) bool { return strings.HasPrefix(name, scheme) }

// Target is an interface of another machine.
type Target struct {
	User  string // to log in as; "" leaves it to ssh
	Host  string // a name that ssh knows, or an address
	Port  uint16 // of sshd; 0 leaves it to ssh
	Iface string // as tcpdump there knows it; "any" for all
	Sudo  bool   // run tcpdump with sudo, which must not ask for a password
}

// Parse reads ssh://[user@]host[:port]/interface[?sudo]. An IPv6 address stands
// in brackets; user and interface may be percent-encoded (RFC 3986 §2.1). What
// ssh could take for an option is refused.
func Parse(s string) (Target, error) {
	t, err := parse(s)
	if err != nil {
		return Target{}, fmt.Errorf("capture: interface %q: %w", s, err)
	}
	return t, nil
}

func parse(s string) (t Target, err error) {
	rest, ok := strings.CutPrefix(s, scheme)
	if !ok {
		return t, fmt.Errorf("want ssh://[user@]host[:port]/interface[?sudo]")
	}
	rest, query, asked := strings.Cut(rest, "?")
	if asked && query != "sudo" {
		return t, fmt.Errorf("the only option is ?sudo, not %q", query)
	}
	t.Sudo = asked
	authority, iface, ok := strings.Cut(rest, "/")
	if t.Iface, err = url.PathUnescape(iface); err != nil || !ok || !plain(t.Iface, "/") {
		return t, fmt.Errorf("the interface is missing or no name: ssh://host/eth0")
	}
	host := authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		host = authority[at+1:]
		if t.User, err = url.PathUnescape(authority[:at]); err != nil || !plain(t.User, ":/") {
			return t, fmt.Errorf("the user is no name; a password is for ssh to ask for")
		}
	}
	return t, t.hostPort(host)
}

// hostPort reads host, host:port or [address]:port.
func (t *Target) hostPort(s string) error {
	var host, port string
	var ok bool
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return fmt.Errorf("a bracket is open")
		}
		host = strings.Replace(s[1:end], "%25", "%", 1) // RFC 6874 §2
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() || !plain(a.Zone(), nothing) && a.Zone() != "" {
			return fmt.Errorf("%q is no IPv6 address", host)
		}
		port, ok = strings.CutPrefix(s[end+1:], ":")
		if !ok && s[end+1:] != "" {
			return fmt.Errorf("%q stands behind the address", s[end+1:])
		}
	} else if host, port, ok = strings.Cut(s, ":"); !hostname(host) {
		return fmt.Errorf("%q is no name of a host", host)
	}
	t.Host = host
	if !ok {
		return nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("%q is no port", port)
	}
	t.Port = uint16(n)
	return nil
}

// nothing is a set of no characters.
const nothing = ""

// maxName bounds a name, in bytes.
const maxName = 255

// plain reports that a name is one, holds no control and none of some characters,
// and does not look like an option.
func plain(name, but string) bool {
	return name != "" && len(name) <= maxName && name[0] != '-' &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(but, r) })
}

// hostname reports that a name can be one of DNS or of ssh's configuration.
func hostname(name string) bool {
	return plain(name, nothing) && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_", r)
	})
}

// String returns the target as Parse reads it.
func (t Target) String() string {
	s := t.Host
	if strings.Contains(s, ":") {
		s = "[" + s + "]"
	}
	if t.User != "" {
		s = url.PathEscape(t.User) + "@" + s
	}
	if t.Port != 0 {
		s += ":" + strconv.Itoa(int(t.Port))
	}
	s = scheme + s + "/" + url.PathEscape(t.Iface)
	if t.Sudo {
		s += "?sudo"
	}
	return s
}
