package ws_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/talk"
)

// The cases of the Autobahn test suite, and others beside them (their numbers
// end in x), are talks in testdata/autobahn. What they expect comes from RFC 6455
// and RFC 7692. Where the suite wants an endpoint to fail the connection, an
// anomaly says why; we only watch, so that the facts go on.
//
// A talk named opening holds the handshake of the talks behind it. It is a case
// as well, of a WebSocket that says nothing; they expect what comes after
// websocket.open.

// autobahn is how many cases each section of the suite has. Sections 12 and 13
// are TestAutobahnDeflate's.
var autobahn = map[string]int{
	"1.1": 8, "1.2": 8, "2": 11, "3": 7, "4.1": 5, "4.2": 5, "5": 20,
	"6.1": 3, "6.2": 4, "6.3": 2, "6.4": 4, "6.5": 5, "6.6": 11, "6.7": 4, "6.8": 2, "6.9": 4, "6.10": 3, "6.11": 5, "6.12": 8,
	"6.13": 5, "6.14": 10, "6.15": 1, "6.16": 3, "6.17": 5, "6.18": 5, "6.19": 5, "6.20": 7, "6.21": 8, "6.22": 34, "6.23": 7,
	"7.1": 6, "7.3": 6, "7.5": 1, "7.7": 13, "7.9": 9, "7.13": 2, "9.1": 6, "9.2": 6, "9.3": 9, "9.4": 9, "10.1": 1,
}

func TestAutobahn(t *testing.T) {
	files, err := filepath.Glob("testdata/autobahn/*.talk")
	if err != nil || len(files) == 0 {
		t.Fatalf("no talks (%v)", err)
	}
	played := map[string]int{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".talk"), func(t *testing.T) {
			playFile(t, file, played)
		})
	}
	for section, n := range autobahn {
		for i := range n {
			if id := fmt.Sprintf("%s.%d", section, i+1); played[id] != 1 {
				t.Errorf("case %s was played %d times, want 1", id, played[id])
			}
		}
	}
}

// playFile plays the talks of a file, and counts them by their numbers.
func playFile(t *testing.T, file string, played map[string]int) {
	talks, err := talk.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	var opening *talk.Talk
	for i := range talks {
		c := &talks[i]
		id, _, _ := strings.Cut(c.Name, " ")
		played[id]++
		t.Run(c.Name, func(t *testing.T) {
			if id == "opening" {
				opening = c
				c.Compare(t, c.Play(specs))
				return
			}
			c.Compare(t, playCase(t, c, opening))
		})
	}
}

// playCase plays a case after its opening, whole and in pieces, and returns what
// was heard after the opening.
func playCase(t *testing.T, c, opening *talk.Talk) []talk.Heard {
	if opening == nil {
		return check(t, c, 3)
	}
	c.Prepend(opening)
	heard := check(t, c, 3)
	for i := range heard {
		if heard[i].Body.Kind() == "websocket.open" {
			return heard[i+1:]
		}
	}
	t.Fatal("the WebSocket was not opened")
	return nil
}

// mostCut is the size of talks beyond which they are not cut.
const mostCut = 200 << 10

// check plays a talk in whole segments, byte by byte, and cut at random.
func check(t *testing.T, c *talk.Talk, seeds uint64) (heard []talk.Heard) {
	t.Helper()
	size := len(c.Bytes())
	if size > mostCut {
		return c.Play(specs)
	}
	if size > mostCut/4 {
		seeds = 1
	}
	all := func() []dissect.Spec { return specs }
	for seed := range seeds {
		heard = c.Check(t, all, seed)
	}
	return heard
}
