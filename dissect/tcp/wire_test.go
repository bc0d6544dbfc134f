package tcp

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/packet"
)

// wire is a connection between two ends that send what a script says. A line of
// a script is a segment:
//
//	> PA 100   the client sends PSH and ACK, and 100 bytes
//	< SA       the server sends SYN and ACK; "-" is a segment without flags
//
// after which may stand
//
//	seq=-5 seq=@9    relative to what is next to send; or the number itself
//	ack=-5 ack=@9    likewise
//	win=0            window, now and from now on
//	mss=1460 ws=7 sackok             options
//	+20ms            so long after the segment before, rather than a millisecond
//	stray            its receiver does not expect its sequence number
//	lost             it is sent, and not captured
//
// and, after a bar, what has to be then: the states of the client and of the
// server, and any names of counters as NAME or NAME=2, an end's own with "<" or
// ">" before them.
type wire struct {
	t      testing.TB
	c      Conn
	next   [2]packet.Seq
	win    [2]uint16
	frame  uint64
	nanos  int64
	before [2]Counters
}

const start = int64(1_700_000_000) * int64(time.Second)

func newWire(t testing.TB) *wire {
	// Both streams cross the sequence wrap early.
	return &wire{t: t, next: [2]packet.Seq{0xffffffff, 0xfffffff0}, win: [2]uint16{1000, 1000}, nanos: start}
}

var flagLetters = map[rune]packet.Flags{
	'S': packet.SYN, 'A': packet.ACK, 'F': packet.FIN, 'R': packet.RST, 'P': packet.PSH, 'U': packet.URG,
	'E': packet.ECE, 'C': packet.CWR, '-': 0,
}

// play sends the lines of a script.
func (w *wire) play(script string) {
	w.t.Helper()
	for _, line := range strings.Split(script, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			w.line(line)
		}
	}
}

func (w *wire) line(line string) {
	w.t.Helper()
	send, want, _ := strings.Cut(line, "|")
	words := strings.Fields(send)
	dir := flow.ClientToServer
	if words[0] == "<" {
		dir = flow.ServerToClient
	}
	s := packet.Segment{Seq: w.next[dir], Window: w.win[dir]}
	for _, r := range words[1] {
		f, ok := flagLetters[r]
		if !ok {
			w.t.Fatalf("%s: flag %c", line, r)
		}
		s.Flags |= f
	}
	if s.Flags.Any(packet.ACK) {
		s.Ack = w.next[dir.Reverse()]
	}
	wait, valid, lost := time.Millisecond, true, false
	for _, word := range words[2:] {
		switch word {
		case "stray":
			valid = false
		case "lost":
			lost = true
		default:
			w.option(line, dir, &s, word, &wait)
		}
	}
	if n := s.Seq.Add(s.Space()); valid && w.next[dir].Less(n) {
		w.next[dir] = n
	}
	w.win[dir] = s.Window
	w.frame++
	w.nanos += int64(wait)
	if lost {
		return
	}
	s.Frame, s.Nanos = w.frame, w.nanos
	w.before = [2]Counters{w.c.ends[0].counters(), w.c.ends[1].counters()}
	w.c.Segment(dir, &s, valid)
	w.check(line, want)
}

// option takes a word of a line that is not its direction or its flags.
func (w *wire) option(line string, dir flow.Dir, s *packet.Segment, word string, wait *time.Duration) {
	w.t.Helper()
	name, value, _ := strings.Cut(word, "=")
	number := func() int {
		n, err := strconv.Atoi(strings.TrimPrefix(value, "@"))
		if err != nil {
			w.t.Fatalf("%s: %v", line, err)
		}
		return n
	}
	seq := func(base packet.Seq) packet.Seq {
		if value[0] == '@' {
			return packet.Seq(number())
		}
		return base.Add(number())
	}
	switch name {
	case "seq":
		s.Seq = seq(s.Seq)
	case "ack":
		s.Ack = seq(s.Ack)
	case "win":
		s.Window = uint16(number())
	case "mss":
		s.Options = append(s.Options, optMSS, 4, byte(number()>>8), byte(number()))
	case "ws":
		s.Options = append(s.Options, optNop, optScale, 3, byte(number()))
	case "sackok":
		s.Options = append(s.Options, optSACKOK, 2)
	default:
		if d, err := time.ParseDuration(strings.TrimPrefix(word, "+")); err == nil {
			*wait = d
			return
		}
		n, err := strconv.Atoi(word)
		if err != nil {
			w.t.Fatalf("%s: %q", line, word)
		}
		s.Payload = make([]byte, n)
	}
}

// names of counters, as scripts call them.
func counters(c Counters) map[string]uint32 {
	return map[string]uint32{
		"retransmission": c.Retransmissions, "fast": c.FastRetransmissions, "out-of-order": c.OutOfOrder,
		"duplicate-ack": c.DuplicateACKs, "zero-window": c.ZeroWindows, "window-update": c.WindowUpdates,
		"keep-alive": c.KeepAlives,
	}
}

// check compares the states, and what the segment was counted as.
func (w *wire) check(line, want string) {
	w.t.Helper()
	words := strings.Fields(want)
	if len(words) == 0 {
		return
	}
	if words[0] != "*" {
		if len(words) < 2 {
			w.t.Fatalf("%s: want two states", line)
		}
		got := [2]string{w.c.ends[0].state.String(), w.c.ends[1].state.String()}
		if got != [2]string{words[0], words[1]} {
			w.t.Errorf("%s: states %s %s", line, got[0], got[1])
		}
		words = words[1:]
	}
	var got []string
	for d := range w.before {
		now := counters(w.c.ends[d].counters())
		for name, n := range counters(w.before[d]) {
			if now[name] != n {
				got = append(got, name)
			}
		}
	}
	wanted := words[1:]
	slices.Sort(got)
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		w.t.Errorf("%s: counted as %v", line, got)
	}
}

// fields are those of the flow's record.
func (w *wire) fields(cause Cause) map[string]string {
	m := map[string]string{}
	for name, v := range w.c.Flow(cause, "").Fields() {
		switch v.Kind() {
		case event.None:
		case event.Int:
			m[name] = strconv.FormatInt(v.Int(), 10)
		case event.Millis:
			m[name] = v.Duration().String()
		default:
			m[name] = v.Str()
		}
	}
	return m
}
