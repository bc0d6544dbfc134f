package text

import (
	"slices"
	"strconv"
	"strings"

	"example.com/wirewatch/event"
)

// ends is what a note on a flow takes from its fields, one of each for the
// client and for the server.
type ends struct{ bytes, retransmissions, lost, conflicts [2]uint64 }

// closing says how a flow ended and by whom, and how it went: the bytes of
// either end, and what was lost on the way.
func (p *printer) closing(body event.Body, d *event.Digest) (verb, note string) {
	var n ends
	var opened, by, protocol string
	var procs [2]process
	for name, v := range body.Fields() {
		switch name {
		case "tcp.opened":
			opened = v.Str()
		case "tcp.closed_by":
			by = v.Str()
		case "protocol":
			protocol = v.Str()
		case "process.client.pid", "process.server.pid":
			procs[endOf(name)].pid = v.Int()
		case "process.client.name", "process.server.name":
			procs[endOf(name)].name = v.Str()
		default:
			n.take(name, &v)
		}
	}
	switch {
	case protocol == "unknown" && n.bytes == [2]uint64{}:
		protocol = "" // nobody spoke
	case protocol == "unknown":
		protocol = "unknown protocol"
	}
	parts := []string{
		p.processes(&procs), p.sent(&n), plural(sum(n.retransmissions), "retransmission"), plural(sum(n.lost), "lost byte"),
		plural(sum(n.conflicts), "overlap conflict"), protocol,
	}
	if opened == "midstream" {
		parts = append(parts, "joined midstream")
	}
	return manner(d, by), p.list(parts)
}

// process is one that had an end of a flow.
type process struct {
	pid  int64
	name string
}

func (p *process) String() string {
	switch {
	case p.pid == 0:
		return "?"
	case p.name == "":
		return "process " + strconv.FormatInt(p.pid, 10)
	}
	return p.name + "(" + strconv.FormatInt(p.pid, 10) + ")"
}

// endOf is 0 for a field of the client, 1 for one of the server.
func endOf(name string) int {
	if strings.Contains(name, ".server.") {
		return 1
	}
	return 0
}

// processes says whose the ends of a flow were, as far as that is known.
func (p *printer) processes(of *[2]process) string {
	if of[0].pid == 0 && of[1].pid == 0 {
		return ""
	}
	arrow := " → "
	if p.opt.ASCII {
		arrow = " -> "
	}
	return of[0].String() + arrow + of[1].String()
}

// manner is how a flow ended: in two words when both ends closed it, else the
// sentence that says why it ended.
func manner(d *event.Digest, by string) string {
	if d.Result != "fin" && d.Note != "" {
		return strings.TrimSuffix(d.Note, ".")
	}
	verb, ok := map[string]string{"fin": "closed", "rst": "reset"}[d.Result]
	if !ok {
		verb = d.Result
	}
	return closedBy(verb, by)
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
func (p *printer) sent(n *ends) string {
	if n.bytes == [2]uint64{} {
		return "no data"
	}
	g := p.line.glyphs
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
func (p *printer) list(parts []string) string {
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return strings.Join(parts, " "+p.line.glyphs.between.String()+" ")
}
