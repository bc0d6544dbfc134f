package pcapgen

import (
	"fmt"
	"strings"
)

// Error is a fault in a source: the line it is in, counted from 1, and what is
// wrong with it.
type Error struct {
	Line int
	Msg  string
}

func (e *Error) Error() string { return fmt.Sprintf("pcapgen: line %d: %s", e.Line, e.Msg) }

// Compile makes the capture that src describes, a classic pcap file. Its error
// is an *Error.
func Compile(src string) ([]byte, error) {
	c := newCompiler()
	for _, st := range statements(src) {
		if err := c.statement(st); err != nil {
			return nil, &Error{Line: st.line, Msg: err.Error()}
		}
	}
	return c.file(), nil
}

// statement is a line of the source with the lines that continue it.
type statement struct {
	line  int // of the first, counted from 1
	text  string
	conts []string // continuation lines, each beginning with "|" or "+"
}

func statements(src string) []statement {
	var out []statement
	for i, l := range strings.Split(src, "\n") {
		l = strings.TrimSpace(l)
		switch {
		case l == "" || l[0] == '#':
		case len(out) > 0 && continues(l):
			last := &out[len(out)-1]
			last.conts = append(last.conts, l)
		default:
			out = append(out, statement{line: i + 1, text: l})
		}
	}
	return out
}

// continues tells "+ DATA" from "+250ms".
func continues(l string) bool {
	return l[0] == '|' || l == "+" || strings.HasPrefix(l, "+ ")
}
