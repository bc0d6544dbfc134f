package rpc

import (
	"strings"

	"example.com/wirewatch/flow"
)

// stompCommands are the commands, and who may send them.
var stompCommands = []struct {
	name string
	from flow.Dir
}{
	{"MESSAGE", flow.ServerToClient},
	{"SEND", flow.ClientToServer},
	{"ACK", flow.ClientToServer},
	{"NACK", flow.ClientToServer},
	{"RECEIPT", flow.ServerToClient},
	{"ERROR", flow.ServerToClient},
	{"SUBSCRIBE", flow.ClientToServer},
	{"UNSUBSCRIBE", flow.ClientToServer},
	{"BEGIN", flow.ClientToServer},
	{"COMMIT", flow.ClientToServer},
	{"ABORT", flow.ClientToServer},
	{"CONNECT", flow.ClientToServer},
	{"STOMP", flow.ClientToServer},
	{"CONNECTED", flow.ServerToClient},
	{"DISCONNECT", flow.ClientToServer},
}

// stompFrame is a frame's header, in parts of the text; "" for a header that is
// absent. Where one is repeated, the first counts (STOMP 1.2, Repeated Header
// Entries).
type stompFrame struct {
	command string
	// The headers.
	destination, id, subscription, receipt, receiptID string

	end  ending // of the frame
	open bool   // the end of the header was not seen
}

// readStomp reads a frame (STOMP 1.2, Augmented BNF):
//
//	frame   = command EOL *( header EOL ) EOL *OCTET NULL *( EOL )
//	header  = header-name ":" header-value
//	EOL     = [CR] LF
//
// A text holds one frame; what a sender may put behind it is not read.
func readStomp(dir flow.Dir, p string) (f stompFrame) {
	f.command = stompCommand(dir, p)
	if f.command == "" {
		f.end = broken
		return f
	}
	_, p, _ = stompLine(p)
	for {
		line, rest, found := stompLine(p)
		p = rest
		switch {
		case !found:
			f.end, f.open = cut, true
			return f
		case len(line) == 0:
			if p = strings.TrimRight(p, "\r\n"); len(p) == 0 || p[len(p)-1] != 0 {
				f.end = cut
			}
			return f
		}
		if !f.header(line) {
			f.end = broken
			return f
		}
	}
}

// stompCommand is the command that p begins with, "" if there is none that dir
// may send. It looks at no more bytes than a command has.
func stompCommand(dir flow.Dir, p string) string {
	line, _, found := stompLine(p[:min(len(p), len("UNSUBSCRIBE\r\n"))])
	if !found {
		return ""
	}
	for _, c := range stompCommands {
		if c.from == dir && c.name == line {
			return c.name
		}
	}
	return ""
}

// stompLine is the line that p begins with, and what follows it.
func stompLine(p string) (line, rest string, found bool) {
	i := strings.IndexByte(p, '\n')
	if i < 0 {
		return "", "", false
	}
	return strings.TrimSuffix(p[:i], "\r"), p[i+1:], true
}

// header takes one line of the header, and reports whether it is one.
func (f *stompFrame) header(line string) bool {
	name, value, found := strings.Cut(line, ":")
	var to *string
	switch name {
	case "destination":
		to = &f.destination
	case "id":
		to = &f.id
	case "subscription":
		to = &f.subscription
	case "receipt":
		to = &f.receipt
	case "receipt-id":
		to = &f.receiptID
	}
	if to != nil && *to == "" {
		*to = value
	}
	return found && len(name) > 0
}

// stomp reads a text that may be a frame of STOMP. What proves it is the
// subprotocol, or a whole frame: a command that this end may send, lines that are
// headers, and the NULL at its end. Where STOMP is spoken, a frame may go on in
// the next text, as clients split large ones.
func (c *Conn) stomp(in *input) *Message {
	f := readStomp(in.dir, in.text)
	if f.end == broken || f.end == cut && c.spoken != STOMP {
		return nil
	}
	c.proves(STOMP)
	s := said{Message: Message{Protocol: STOMP, Type: f.command}}
	s.Method, _ = c.header(f.destination)
	if !f.open {
		c.complete(&s, &f)
	}
	return c.tell(in, s)
}

// complete says what a frame does, once its header is known.
func (c *Conn) complete(s *said, f *stompFrame) {
	s.Kind = Notification
	switch f.command {
	case "CONNECT", "STOMP":
		s.Kind, s.role, s.key.space = Control, asks, session
	case "CONNECTED":
		s.Kind, s.role, s.key.space = Control, finishes, session
	case "DISCONNECT":
		s.Kind = Control
	case "ERROR":
		s.Kind, s.role, s.key.space, s.Error = Control, finishes, session, true
	}
	c.receipt(s, f)
}

// receipt is what pairs a frame of the client with the server's receipt, or with
// its error. Without one, the id is that of a subscription or a message.
func (c *Conn) receipt(s *said, f *stompFrame) {
	var all bool
	switch {
	case f.receipt != "":
		s.ID, all = c.header(f.receipt)
		s.Kind, s.role, s.key = Request, asks, keyOf(worded, s.ID, all)
	case f.receiptID != "":
		s.ID, all = c.header(f.receiptID)
		s.Kind, s.role, s.key = Response, finishes, keyOf(worded, s.ID, all)
	case f.subscription != "":
		s.ID, _ = c.header(f.subscription)
	default:
		s.ID, _ = c.header(f.id)
	}
}

// header is what a header's value stands for (STOMP 1.2, Value Encoding). STOMP
// 1.0 has no escapes; what is none elsewhere is left as it is.
func (c *Conn) header(p string) (s string, all bool) {
	i := strings.IndexByte(p, '\\')
	if i < 0 || c.verbatim {
		return clip(p)
	}
	var buf [maxText + 1]byte
	out := append(buf[:0], p[:min(i, len(buf))]...)
	for p = p[len(out):]; len(p) > 0 && len(out) < len(buf); {
		b, n := stompEscape(p)
		out, p = append(out, b), p[n:]
	}
	return clip(string(out))
}

func stompEscape(p string) (b byte, n int) {
	if len(p) > 1 && p[0] == '\\' {
		switch p[1] {
		case 'r':
			return '\r', 2
		case 'n':
			return '\n', 2
		case 'c':
			return ':', 2
		case '\\':
			return '\\', 2
		}
	}
	return p[0], 1
}

// stompBeat reads a text that is nothing but ends of lines: a heartbeat, if STOMP
// is spoken.
func (c *Conn) stompBeat(in *input) *Message {
	if c.spoken != STOMP || in.truncated {
		return nil
	}
	return c.tell(in, said{Message: Message{Protocol: STOMP, Type: "heart-beat", Kind: Control}})
}
