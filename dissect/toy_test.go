package dissect_test

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// said is a fact of a toy protocol: a kind and a text.
type said struct{ kind, text string }

func (s *said) Kind() string         { return s.kind }
func (s *said) Progress() bool       { return false }
func (s *said) Digest() event.Digest { return event.Digest{Proto: "toy", Result: s.text} }
func (s *said) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) { yield(s.kind+".text", event.TextOf(s.text)) }
}

// lines is a protocol of lines: the client's begin with "HELLO ", the server's
// with "OK ". A client's "SWITCH name" and a server's "OK SWITCH name" hand over
// to name. It waits with a reply until the line is there that it replies to.
type lines struct {
	swapped flow.Dir
	seen    [2]int // bytes looked at, by role
	lost    [2]bool
	asked   []string
	n       uint32
}

func newLines(o dissect.Offer) dissect.Dissector {
	l := &lines{n: o.Exchange, lost: [2]bool{o.Mid, o.Mid}}
	if o.Swapped {
		l.swapped = 1
	}
	return l
}

var openings = [2][]byte{[]byte("HELLO "), []byte("OK ")}

var linesSpec = dissect.Spec{
	Name: "lines",
	Probe: func(role flow.Dir, p []byte) dissect.Match {
		want := openings[role]
		switch n := min(len(p), len(want)); {
		case !bytes.Equal(p[:n], want[:n]):
			return dissect.No
		case n < len(want):
			return dissect.Maybe
		}
		return dissect.Yes
	},
	Join: func(role flow.Dir, p []byte) dissect.Match {
		if bytes.HasPrefix(p, openings[role]) {
			return dissect.Yes
		}
		return dissect.No
	},
	New: newLines,
}

func (l *lines) Data(c *dissect.Conn, dir flow.Dir, p []byte, end bool) (n int, v dissect.Verdict) {
	role := dir ^ l.swapped
	for {
		i := bytes.IndexByte(p[n+l.seen[role]:], '\n')
		if i < 0 {
			l.seen[role] = len(p) - n
			if end && l.seen[role] > 0 {
				c.Emit(dissect.Fact{Body: &said{"toy.cut", string(p[n:])}, Dir: dir, Incomplete: c.EndOf(dir).Incomplete()})
				return len(p), dissect.More
			}
			return n, dissect.More
		}
		line := string(p[n : n+l.seen[role]+i])
		size := l.seen[role] + i + 1
		if role == flow.ServerToClient && len(l.asked) == 0 && !l.lost[0] && c.EndOf(dir.Reverse()) == dissect.Open && !end {
			l.seen[role] = 0
			return n, dissect.Wait
		}
		l.seen[role] = 0
		first := c.At(dir, n)
		n += size
		if to, ok := l.line(c, dir, first, line); ok {
			return n, c.Handoff(to, dissect.Offer{Exchange: l.n, Token: "toy"})
		}
	}
}

// line takes a line; ok says that it hands over.
func (l *lines) line(c *dissect.Conn, dir flow.Dir, first event.Mark, line string) (to string, ok bool) {
	role := dir ^ l.swapped
	if l.lost[role] {
		l.lost[role] = false
		if !bytes.HasPrefix([]byte(line), bytes.TrimSpace(openings[role])) {
			return "", false
		}
	}
	if role == flow.ClientToServer {
		l.n++
		l.asked = append(l.asked, line)
		c.Emit(dissect.Fact{Body: &said{"toy.line", line}, Dir: dir, First: first, Exchange: l.n})
		return "", false
	}
	asked := ""
	if len(l.asked) > 0 {
		asked, l.asked = l.asked[0], l.asked[1:]
	}
	c.Emit(dissect.Fact{Body: &said{"toy.reply", asked + " / " + line}, Dir: dir, First: first, Exchange: l.n})
	return cutPrefix(line, "OK SWITCH ")
}

func cutPrefix(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):], true
	}
	return "", false
}

func (l *lines) Gap(c *dissect.Conn, dir flow.Dir, n uint64) dissect.Verdict {
	role := dir ^ l.swapped
	if l.seen[role] != len(c.Rest(dir)) && l.seen[role] != 0 {
		c.Emit(dissect.Fact{Body: &said{"toy.bug", fmt.Sprintf("looked at %d of %d bytes", l.seen[role], len(c.Rest(dir)))}, Dir: dir})
	}
	c.Emit(dissect.Fact{Body: &said{"toy.gap", fmt.Sprint(n)}, Dir: dir, Incomplete: c.Missing()})
	l.seen[role], l.lost[role] = 0, true
	return dissect.More
}

// packets is a binary protocol: a magic byte, a 16-bit length, and so many
// bytes, which are consumed as they come. "go:NAME" hands over.
type packets struct {
	swapped bool
	half    [2]struct {
		left int
		head bool // inside of a packet
		body []byte
	}
}

// magic begins a packet of either role.
var magic = [2]byte{0xb1, 0xb2}

var packetsSpec = dissect.Spec{
	Name: "packets",
	Probe: func(role flow.Dir, p []byte) dissect.Match {
		if p[0] != magic[role] {
			return dissect.No
		}
		if len(p) < 3 {
			return dissect.Maybe
		}
		return dissect.Yes
	},
	New: func(o dissect.Offer) dissect.Dissector { return &packets{swapped: o.Swapped} },
}

func (k *packets) Data(c *dissect.Conn, dir flow.Dir, p []byte, end bool) (n int, v dissect.Verdict) {
	h := &k.half[dir]
	role := dir
	if k.swapped {
		role = dir.Reverse()
	}
	for {
		rest := p[n:]
		if !h.head {
			if len(rest) < 3 {
				return n, dissect.More
			}
			if rest[0] != magic[role] {
				return n, dissect.Fail
			}
			h.head, h.left = true, int(binary.BigEndian.Uint16(rest[1:]))
			n += 3
			continue
		}
		m := min(len(rest), h.left)
		h.body = append(h.body, rest[:m]...)
		h.left -= m
		n += m
		if h.left > 0 {
			return n, dissect.More
		}
		h.head = false
		text := string(h.body)
		h.body = h.body[:0]
		c.Emit(dissect.Fact{Body: &said{"toy.packet", text}, Dir: dir})
		if to, ok := cutPrefix(text, "go:"); ok {
			return n, c.Handoff(to, dissect.Offer{})
		}
		if text == "skip" {
			return n, dissect.Skip
		}
	}
}

func (k *packets) Gap(c *dissect.Conn, dir flow.Dir, n uint64) dissect.Verdict {
	h := &k.half[dir]
	if h.head && n < uint64(h.left) {
		h.left -= int(n)
		return dissect.More
	}
	c.Emit(dissect.Fact{Body: &said{"toy.gap", "fatal"}, Dir: dir})
	return dissect.Fail
}

func packet(role flow.Dir, s string) string {
	return string(append(binary.BigEndian.AppendUint16([]byte{magic[role]}, uint16(len(s))), s...))
}

// ask and answer are packets of the client and of the server.
func ask(s string) string    { return packet(flow.ClientToServer, s) }
func answer(s string) string { return packet(flow.ServerToClient, s) }
