package main

import (
	"os"
	"strings"

	"golang.org/x/term"
)

// terminal reports whether a stream is one, and how many columns it has, or 0 if
// it does not say.
func terminal(stream any) (columns int, ok bool) {
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, true
	}
	return columns, true
}

// dumb reports that the terminal takes nothing but lines of text.
func dumb() bool {
	t := os.Getenv("TERM")
	return t == "" || t == "dumb"
}

// asciiOnly reports that the terminal may show nothing but ASCII right.
func asciiOnly() bool { return dumb() || !utf8Locale() }

// utf8Locale reports whether the locale's encoding is UTF-8, or unknown, as it
// often is in containers, whose terminals are those of their hosts.
func utf8Locale() bool {
	for _, k := range []string{"LC_ALL", "LC_CTYPE", "LANG"} { // the order of POSIX, XBD 8.2
		if v := os.Getenv(k); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}
