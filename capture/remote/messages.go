package remote

import (
	"bufio"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"example.com/wirewatch/internal/safe"
)

// messages are the lines that ssh and the other side write to standard error.
type messages struct {
	listening chan struct{} // closed when tcpdump says that it captures
	ended     chan struct{} // closed when no more come
	pass      func(line string)

	kernel, iface atomic.Uint64 // frames lost, as tcpdump says when it ends

	mu    sync.Mutex
	cause string // the line that says best why there is no capture
	sure  bool   // it is a program's of the other side
}

// maxLine bounds a line, in bytes; what is longer is two.
const maxLine = 4 << 10

// read reads all lines.
func (m *messages) read(r io.Reader) {
	defer close(m.ended)
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if s := strings.TrimSpace(string(line)); s != "" {
			m.line(safe.Clean(s, safe.Detail).String())
		}
		if err != nil && err != bufio.ErrBufferFull { //nolint:errorlint // ReadSlice wraps nothing
			return
		}
	}
}

// losses are among what tcpdump says when it ends. Before that, it says what it
// listens on, and that the link type of "any" is a cooked one.
var losses = regexp.MustCompile(`^(\d+) packets? (captured|received by filter|dropped by (kernel|interface))`)

func (m *messages) line(s string) {
	switch n := losses.FindStringSubmatch(s); {
	case n != nil:
		m.lost(n[1], n[3])
	case strings.HasPrefix(s, "tcpdump: listening on "):
		m.begin()
	case strings.HasPrefix(s, "tcpdump: data link type "):
	default:
		m.remember(s)
		if m.pass != nil {
			m.pass(s)
		}
	}
}

func (m *messages) lost(number, by string) {
	n, err := strconv.ParseUint(number, 10, 64)
	switch {
	case err != nil:
	case by == "kernel":
		m.kernel.Store(n)
	case by == "interface":
		m.iface.Store(n)
	}
}

// begin notes that the capture has begun: what was said before is no reason for
// its end.
func (m *messages) begin() {
	m.mu.Lock()
	m.cause, m.sure = "", false
	m.mu.Unlock()
	select {
	case <-m.listening:
	default:
		close(m.listening)
	}
}

// remember keeps the first thing that tcpdump or sudo complain about, which may go
// on for lines, or else the last line of all: ssh says what it gave up for last.
func (m *messages) remember(s string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sure {
		return
	}
	m.cause = s
	for _, program := range []string{"tcpdump: ", "sudo: "} {
		if rest, ok := strings.CutPrefix(s, program); ok && !strings.HasPrefix(strings.ToLower(rest), "warning") {
			m.cause, m.sure = rest, true
			if program == "sudo: " {
				m.cause = s
			}
		}
	}
}

// reason returns why the capture ended, "" if nobody has said it.
func (m *messages) reason() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cause
}

// advice is what to try, by what messages say, in lower case.
var advice = []struct{ says, try string }{
	{"tcpdump: not found", "install tcpdump there"},
	{"tcpdump: command not found", "install tcpdump there"},
	{"a password is required", "let sudo run sh without one there, or log in as root"},
	{"permission to capture", "log in as root, or append ?sudo to the address"},
	{"no such device", "see `tcpdump -D` there"},
	{"host key verification failed", "connect with ssh once, and look at the key"},
	{"permission denied (", "see that `ssh` logs in there by itself"},
}

func advise(reason string) string {
	reason = strings.ToLower(reason)
	for _, a := range advice {
		if strings.Contains(reason, a.says) {
			return "; " + a.try
		}
	}
	return ""
}
