package dissecttest

import (
	"fmt"
	"strings"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// word is the fact of a toy protocol of words that end in a space; the client's
// first is "HI".
type word struct{ text string }

func (w *word) Kind() string         { return "toy.word" }
func (w *word) Progress() bool       { return false }
func (w *word) Digest() event.Digest { return event.Digest{} }
func (w *word) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) { yield("toy.text", event.TextOf(w.text)) }
}

// words is right; data and gap, where set, are what is wrong with a version.
type words struct {
	data func(w *words, c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict)
	gap  func(c *dissect.Conn, dir flow.Dir, n uint64) dissect.Verdict
	swap bool
	kept []byte
	note []string
}

func (w *words) Data(c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
	if w.data != nil {
		return w.data(w, c, dir, p, end)
	}
	return w.right(c, dir, p, end)
}

func (w *words) right(c *dissect.Conn, dir flow.Dir, p []byte, _ bool) (n int, v dissect.Verdict) {
	for {
		i := strings.IndexByte(string(p[n:]), ' ')
		if i < 0 {
			return n, dissect.More
		}
		c.Emit(dissect.Fact{Body: &word{string(p[n : n+i])}, Dir: dir})
		n += i + 1
	}
}

func (w *words) Gap(c *dissect.Conn, dir flow.Dir, n uint64) dissect.Verdict {
	if w.gap != nil {
		return w.gap(c, dir, n)
	}
	return dissect.More
}

func spec(broken words) dissect.Spec {
	return dissect.Spec{
		Name: "words",
		Probe: func(role flow.Dir, p []byte) dissect.Match {
			const hi = "HI "
			switch {
			case role != flow.ClientToServer || !strings.HasPrefix(hi, string(p[:min(len(p), len(hi))])):
				return dissect.No
			case len(p) < len(hi):
				return dissect.Maybe
			}
			return dissect.Yes
		},
		New: func(o dissect.Offer) dissect.Dissector {
			w := broken
			w.swap = o.Swapped
			return &w
		},
	}
}

var sample = Sample{Name: "words", Pieces: []Piece{
	Client("HI there, how are "), Server("I "), Client("you "), Server("am well, thank you"), Server(" "),
}}

func TestSuitePassesWhatIsRight(t *testing.T) {
	Run(t, spec(words{}), []Sample{sample})
}

func TestSuiteTakesHandoffOnlySpecs(t *testing.T) {
	s := spec(words{})
	s.Probe = nil
	token := ""
	made := s.New
	s.New = func(o dissect.Offer) dissect.Dissector {
		token = o.Token
		return made(o)
	}
	sample := sample
	sample.Offer = dissect.Offer{Token: "given"}
	Run(t, s, []Sample{sample})
	if token != "given" {
		t.Errorf("token %q", token)
	}
}

// TestSuiteFindsWhatIsWrong has the suite fail dissectors that break a rule.
func TestSuiteFindsWhatIsWrong(t *testing.T) {
	for name, broken := range map[string]words{
		"keeps what it was lent": {data: func(w *words, c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
			if w.kept != nil && dir == flow.ServerToClient {
				c.Emit(dissect.Fact{Body: &word{string(w.kept)}, Dir: dir})
			}
			w.kept = p
			return w.right(c, dir, p, end)
		}},
		"tells calls": {data: func(w *words, c *dissect.Conn, dir flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
			c.Emit(dissect.Fact{Body: &word{"call"}, Dir: dir})
			return len(p), dissect.More
		}},
		"consumes what is not there": {data: func(_ *words, _ *dissect.Conn, _ flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
			return len(p) + 1, dissect.More
		}},
		"writes": {data: func(w *words, c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
			n, v := w.right(c, dir, p, end)
			if n > 0 {
				p[0]++
			}
			return n, v
		}},
		"goes round in circles": {data: func(_ *words, c *dissect.Conn, _ flow.Dir, _ []byte, _ bool) (int, dissect.Verdict) {
			return 0, c.Handoff("words", dissect.Offer{})
		}},
		"panics at a gap": {gap: func(*dissect.Conn, flow.Dir, uint64) dissect.Verdict { panic("gap") }},
		"counts the gap":  {gap: func(c *dissect.Conn, d flow.Dir, n uint64) dissect.Verdict { return tell(c, d, int(min(n, 1000))) }},
		"panics at an end": {data: func(w *words, c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
			if end && len(p) > 0 {
				panic("end")
			}
			return w.right(c, dir, p, end)
		}},
		"is blind to roles": {data: func(w *words, c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
			if dir == flow.ServerToClient && len(p) > 0 {
				tell(c, dir, 1)
			}
			return w.right(c, dir, p, end)
		}},
		"answers nonsense": {data: func(_ *words, _ *dissect.Conn, _ flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
			return len(p), dissect.Fail + 1
		}},
		"wastes memory": {data: func(w *words, c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
			for i := range 9 {
				w.note = append(w.note, fmt.Sprint(i, len(w.note)))
			}
			return w.right(c, dir, p, end)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			found := false
			st := newTest(&player{spec: spec(broken)}, &sample)
			st.errorf = func(string, ...any) { found = true }
			for _, c := range checks {
				if st.base.err == "" && !found {
					c.run(st)
				}
			}
			if st.base.err == "" && !found {
				t.Error("the suite finds nothing wrong")
			}
		})
	}
}

// tell emits n facts.
func tell(c *dissect.Conn, dir flow.Dir, n int) dissect.Verdict {
	for range n {
		c.Emit(dissect.Fact{Body: &word{"gap"}, Dir: dir})
	}
	return dissect.More
}

func TestHostFlips(t *testing.T) {
	h := &Host{Lacks: [2]bool{true, false}}
	h.Emit(dissect.Fact{Dir: flow.ServerToClient})
	if !h.Flip() || h.Facts[0].Dir != flow.ClientToServer || !h.Owed(flow.ServerToClient) || h.Owed(flow.ClientToServer) {
		t.Errorf("after a flip: %+v", h)
	}
	h.Firm = true
	if h.Flip() || h.Dir(flow.ClientToServer) != flow.ServerToClient {
		t.Error("a firm host flipped")
	}
}
