package track

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/tcp"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/packet"
)

// world is a table, and the flows that send it what a script says. A line of a
// script is a segment of a flow:
//
//	a> S            flow a's client sends SYN
//	a< PA hello     its server sends PSH and ACK, and "hello"
//
// after which may stand
//
//	seq=5   ack=5   offset in the stream, 0 being the first byte of data
//	isn=9           initial sequence number, with a SYN
//	cut=5           so many bytes more that the snaplen cut
//	lost            it is sent, and not captured
//	+20ms           so long after the segment before, rather than a millisecond
//
// or it is "tick 5s": the capture's clock moves on; or "finish".
type world struct {
	t     testing.TB
	tab   *Table
	frame uint64
	nanos int64
	flows map[byte]*talk
	seen  int // of the facts in Out
}

// talk is what a flow has sent.
type talk struct {
	isn  [2]packet.Seq
	next [2]packet.Seq
}

const epoch = int64(1_700_000_000) * int64(time.Second)

func newWorld(t testing.TB, l Limits, specs ...dissect.Spec) *world {
	if specs == nil {
		specs = []dissect.Spec{parrot}
	}
	w := &world{t: t, tab: New(specs, l, 1), nanos: epoch, flows: map[byte]*talk{}}
	return w
}

// ends of flow a are client 10.0.0.1:40001 and server 10.9.9.9:80, and so on.
func keyOf(name byte, dir flow.Dir) (flow.Key, bool) {
	n := uint16(name - 'a' + 1)
	client, server := []byte{10, 0, byte(n >> 8), byte(n)}, []byte{10, 9, 9, 9}
	if dir == flow.ClientToServer {
		return flow.MakeKey4(client, server, 40000+n, 80, 0)
	}
	return flow.MakeKey4(server, client, 80, 40000+n, 0)
}

func (w *world) play(script string) *world {
	w.t.Helper()
	for _, line := range strings.Split(script, "\n") {
		switch words := strings.Fields(line); {
		case len(words) == 0:
		case words[0] == "tick":
			w.tick(words[1])
		case words[0] == "finish":
			w.tab.Finish(event.Mark{Frame: w.frame, Nanos: w.nanos}, flow.ID(w.frame))
		default:
			w.segment(words)
		}
	}
	return w
}

func (w *world) tick(d string) {
	w.t.Helper()
	by, err := time.ParseDuration(d)
	if err != nil {
		w.t.Fatal(err)
	}
	w.nanos += int64(by)
	w.tab.Tick(w.frame, w.nanos-w.nanos%int64(time.Second)-epoch, epoch) // the clock begins at 0
}

var flagLetters = map[rune]packet.Flags{
	'S': packet.SYN, 'A': packet.ACK, 'F': packet.FIN, 'R': packet.RST, 'P': packet.PSH, '-': 0,
}

func (w *world) segment(words []string) {
	w.t.Helper()
	name, dir := words[0][0], flow.ClientToServer
	if words[0][1] == '<' {
		dir = flow.ServerToClient
	}
	f := w.flows[name]
	if f == nil {
		f = &talk{isn: [2]packet.Seq{0xfffffffd, 5000}, next: [2]packet.Seq{0xfffffffe, 5001}}
		w.flows[name] = f
	}
	s := packet.Segment{Window: 1000, Seq: f.next[dir], Ack: f.next[dir.Reverse()]}
	s.Key, s.Swapped = keyOf(name, dir)
	for _, r := range words[1] {
		s.Flags |= flagLetters[r]
	}
	if s.Flags.Any(packet.SYN) {
		s.Seq = f.isn[dir]
	}
	lost, wait := false, time.Millisecond
	for _, word := range words[2:] {
		lost = lost || word == "lost"
		wait = w.option(f, dir, &s, word, wait)
	}
	if !s.Flags.Any(packet.ACK) {
		s.Ack = 0
	}
	if n := s.Seq.Add(s.Space()); f.next[dir].Less(n) && !s.Flags.Any(packet.RST) {
		f.next[dir] = n
	}
	w.frame++
	w.nanos += int64(wait)
	if lost {
		return
	}
	s.Frame, s.Nanos = w.frame, w.nanos
	w.tab.Segment(&s)
	for i := range s.Payload {
		s.Payload[i] = '#' // borrowed: nobody may look at it now
	}
}

// option takes a word of a line that is not its direction or its flags.
func (w *world) option(f *talk, dir flow.Dir, s *packet.Segment, word string, wait time.Duration) time.Duration {
	w.t.Helper()
	name, value, ok := strings.Cut(word, "=")
	n, err := strconv.Atoi(value)
	switch {
	case word == "lost":
	case ok && err == nil && name == "seq":
		s.Seq = f.isn[dir].Add(1 + n)
	case ok && err == nil && name == "ack":
		s.Ack = f.isn[dir.Reverse()].Add(1 + n)
	case ok && err == nil && name == "isn":
		f.isn[dir], f.next[dir], s.Seq = packet.Seq(n), packet.Seq(n), packet.Seq(n)
	case ok && err == nil && name == "cut":
		s.Missing = uint32(n)
	case word[0] == '+':
		if wait, err = time.ParseDuration(word[1:]); err != nil {
			w.t.Fatal(err)
		}
	default:
		s.Payload = []byte(word)
	}
	return wait
}

// news are the facts since the last call, a line for each.
func (w *world) news() (lines []string) {
	for _, o := range w.tab.Out[w.seen:] {
		line := string(rune('a'+o.Ends.Client.Port()-40001)) + " "
		if p := o.Ends.Client.Port(); p == 80 {
			line = "server of " + string(rune('a'+o.Ends.Server.Port()-40001)) + " "
		}
		if o.HasDir {
			line += o.Dir.String() + " "
		}
		switch b := o.Body.(type) {
		case *squawk:
			line += b.text
		case *tcp.Open:
			line += "open"
		case *tcp.Flow:
			line += "flow " + b.Closed
		case *event.Anomaly:
			line += b.Name
			if b.Detail != "" {
				line += ": " + b.Detail
			}
		}
		lines = append(lines, line)
	}
	w.seen = len(w.tab.Out)
	return lines
}

// told compares the facts since the last call.
func (w *world) told(want ...string) *world {
	w.t.Helper()
	if got := w.news(); !slices.Equal(got, want) {
		w.t.Errorf("told\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	return w
}

// flowFact is the latest tcp.flow.
func (w *world) flowFact() *tcp.Flow {
	for i := len(w.tab.Out) - 1; i >= 0; i-- {
		if f, ok := w.tab.Out[i].Body.(*tcp.Flow); ok {
			return f
		}
	}
	w.t.Fatal("no tcp.flow")
	return nil
}

// squawk is what the parrot says.
type squawk struct{ text string }

func (s *squawk) Kind() string         { return "squawk" }
func (s *squawk) Progress() bool       { return false }
func (s *squawk) Digest() event.Digest { return event.Digest{} }
func (s *squawk) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) { yield("squawk.text", event.TextOf(s.text)) }
}

// parrot is a protocol that takes anything and says what it was told.
var parrot = dissect.Spec{
	Name:  "parrot",
	Probe: func(flow.Dir, []byte) dissect.Match { return dissect.Yes },
	Join:  func(flow.Dir, []byte) dissect.Match { return dissect.Yes },
	New:   func(dissect.Offer) dissect.Dissector { return bird{} },
}

type bird struct{}

func say(c *dissect.Conn, dir flow.Dir, format string, args ...any) {
	c.Emit(dissect.Fact{Body: &squawk{fmt.Sprintf(format, args...)}, Dir: dir})
}

var endNames = map[dissect.End]string{
	dissect.FIN: "fin", dissect.RST: "rst", dissect.Expired: "expired", dissect.CaptureEnd: "capture-end",
}

func (bird) Data(c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
	if len(p) > 0 {
		say(c, dir, "%q", p)
	}
	if end {
		say(c, dir, "end %s", endNames[c.EndOf(dir)])
	}
	return len(p), dissect.More
}

func (bird) Gap(c *dissect.Conn, dir flow.Dir, n uint64) dissect.Verdict {
	say(c, dir, "gap %d (%s)", n, c.Missing())
	return dissect.More
}
