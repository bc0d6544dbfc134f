package text

import (
	"strconv"
	"strings"

	"example.com/wirewatch/event"
)

// ends is what a note on a flow takes from its fields, one of each for the
// client and for the server.
type ends struct{ bytes, retransmissions, lost, conflicts [2]uint64 }

// closing says how a flow ended and by whom, and how it went: the bytes of
// either end, what was lost on the way, and the reason where the end was not an
// orderly one.
func (s *sink) closing(body event.Body, d *event.Digest) (verb, note string) {
	var n ends
	var opened, by, protocol string
	for name, v := range body.Fields() {
		switch name {
		case "tcp.opened":
			opened = v.Str()
		case "tcp.closed_by":
			by = v.Str()
		case "protocol":
			if protocol = v.Str(); protocol == "unknown" {
				protocol = "unknown protocol"
			}
		default:
			n.take(name, &v)
		}
	}
	parts := []string{
		s.sent(&n), plural(sum(n.retransmissions), "retransmission"), plural(sum(n.lost), "lost byte"),
		plural(sum(n.conflicts), "overlap conflict"), protocol,
	}
	if opened == "midstream" {
		parts = append(parts, "joined midstream")
	}
	verb = d.Result
	switch verb {
	case "fin":
		return closedBy("closed", by), s.list(parts)
	case "rst":
		verb = "reset"
	}
	return closedBy(verb, by), s.list(append(parts, d.Note))
}

func closedBy(verb, by string) string {
	if by == "" {
		return verb
	}
	return verb + " by " + by
}

// take keeps a counter that the note uses.
func (n *ends) take(name string, v *event.Value) {
	side, counter := 0, strings.TrimPrefix(name, "tcp.client.")
	if counter == name {
		if counter = strings.TrimPrefix(name, "tcp.server."); counter == name {
			return
		}
		side = 1
	}
	count := uint64(max(v.Int(), 0))
	switch counter {
	case "bytes":
		n.bytes[side] = count
	case "retransmissions":
		n.retransmissions[side] = count
	case "lost_bytes":
		n.lost[side] = count
	case "overlap_conflicts":
		n.conflicts[side] = count
	}
}

// sent is the bytes of either end.
func (s *sink) sent(n *ends) string {
	g := s.line.glyphs
	return g.right.String() + " " + size(n.bytes[0]) + " " + g.left.String() + " " + size(n.bytes[1])
}

func sum(n [2]uint64) uint64 { return n[0] + n[1] }

// plural is "1 thing", "2 things", and "" for none.
func plural(n uint64, what string) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 " + what
	}
	return strconv.FormatUint(n, 10) + " " + what + "s"
}

// list joins the parts that are not empty.
func (s *sink) list(parts []string) string {
	out := ""
	for _, p := range parts {
		if p != "" && out != "" {
			out += " " + s.line.glyphs.between.String() + " "
		}
		out += p
	}
	return out
}
