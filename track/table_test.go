package track

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// testLimits are limits that do not change with the program's.
func testLimits() Limits {
	l := DefaultLimits()
	l.Opening, l.Idle = 5*time.Minute, 2*time.Hour
	l.Settle, l.Linger, l.Buried = time.Second, time.Minute, time.Minute
	l.Closed, l.Graves = 100, 100
	l.Patience = Patience{Segments: 10, Time: 500 * time.Millisecond}
	return l
}

func shake(name string) string {
	return strings.ReplaceAll("a> S\na< SA\na> A\n", "a", name)
}

// shut closes a flow, client first.
func shut(name string) string {
	return strings.ReplaceAll("a> FA\na< FA\na> A\n", "a", name)
}

func TestLifeOfAFlow(t *testing.T) {
	w := newWorld(t, testLimits())
	w.play(shake("a")).told("a open")
	w.play("a> PA hi\na< PA ho").told(`a client "hi"`, `a server "ho"`)
	w.play(shut("a")).told("a client end fin", "a server end fin")
	w.play("tick 1s").told() // what was in flight may still come
	w.play("tick 30s\na< FA seq=2").told()
	w.play("tick 59s").told()
	w.play("tick 1s").told("a flow fin")
	f := w.flowFact()
	if f.Ends[0].Bytes != 2 || f.Ends[1].Bytes != 2 || f.Ends[0].Packets != 5 || f.Ends[1].Packets != 4 || f.Ends[1].Retransmissions != 1 {
		t.Errorf("%+v", f)
	}
	w.play("a> A").told()
	if w.tab.Late != 1 || w.tab.index.n != 1 {
		t.Errorf("%d late segments, %d flows", w.tab.Late, w.tab.index.n)
	}
	w.play("tick 1m").told()
	if w.tab.index.n != 0 {
		t.Errorf("%d flows are remembered", w.tab.index.n)
	}
	if len(w.tab.Opened) != 1 || w.tab.Opened[0].ID != 1 {
		t.Errorf("opened %v", w.tab.Opened)
	}
	w.play("a> A\nfinish").told("a open", "a flow capture-end")
}

func TestLateSegmentsAreNotOneFlowMore(t *testing.T) {
	w := newWorld(t, testLimits())
	w.play(shake("a") + shut("a") + "tick 1s\ntick 1m")
	w.news()
	w.play("a> A\na< FA\na> R\ntick 30s\na> A").told()
	if w.tab.Late != 4 || len(w.tab.Opened) != 1 {
		t.Errorf("%d late segments, %d flows", w.tab.Late, len(w.tab.Opened))
	}
}

func TestPortReuse(t *testing.T) {
	for name, before := range map[string]string{
		"of an open flow":  "a> PA x\n",
		"of a closed flow": shut("a"),
		"of a buried flow": shut("a") + "tick 1s\ntick 1m\n",
		"of a reset flow":  "a> R\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, testLimits())
			w.play(shake("a") + before)
			w.play("a> S isn=77\na< SA isn=99\na> A\na> PA new\nfinish")
			if len(w.tab.Opened) != 2 {
				t.Fatalf("%d flows", len(w.tab.Opened))
			}
			got := w.news()
			if last := got[len(got)-3:]; last[0] != `a client end capture-end` || last[2] != "a flow capture-end" {
				t.Errorf("at last %q", last)
			}
			flows := 0
			for _, line := range got {
				if strings.HasPrefix(line, "a flow") {
					flows++
				}
			}
			if flows != 2 {
				t.Errorf("told\n%s", strings.Join(got, "\n"))
			}
		})
	}
	t.Run("not by the same SYN", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play("a> S\na> S\na< SA\na> S\na> A\nfinish")
		if len(w.tab.Opened) != 1 {
			t.Errorf("%d flows", len(w.tab.Opened))
		}
	})
}

func TestTimeouts(t *testing.T) {
	l := testLimits()
	l.Opening, l.Idle = 10*time.Second, 100*time.Second
	t.Run("opening", func(t *testing.T) {
		w := newWorld(t, l).play("a> S\ntick 9s\na> S\ntick 9s")
		w.told()
		w.play("tick 1s").told("a flow timeout")
		if w.tab.index.n != 0 {
			t.Error("not forgotten")
		}
	})
	t.Run("idle", func(t *testing.T) {
		w := newWorld(t, l).play(shake("a") + "tick 99s\na> PA x\ntick 99s")
		w.told("a open", `a client "x"`)
		w.play("tick 1s").told("a client end expired", "a server end expired", "a flow timeout")
		w.play("a> PA y").told("a open", `a client "y"`) // a flow of its own
		w.play("finish").told(`a client end capture-end`, `a server end capture-end`, "a flow capture-end")
	})
	t.Run("in the order of the flows, not of the table", func(t *testing.T) {
		w := newWorld(t, l)
		for name := byte('a'); name <= 'z'; name++ {
			w.play(string(name) + "> S")
		}
		w.play("tick 10s")
		var got string
		for _, line := range w.news() {
			got += line[:1]
		}
		if got != "abcdefghijklmnopqrstuvwxyz" {
			t.Errorf("order %s", got)
		}
	})
	t.Run("where the seconds no longer fit 32 bits", func(t *testing.T) {
		w := newWorld(t, l)
		w.nanos = (1<<32 - 5) * int64(time.Second)
		w.play("tick 0s\na> S\ntick 9s").told()
		w.play("tick 1s").told("a flow timeout")
	})
	t.Run("the clock does not go back", func(t *testing.T) {
		w := newWorld(t, l).play(shake("a") + "a> PA x +-1h")
		w.told("a open", `a client "x"`)
	})
}

func TestEviction(t *testing.T) {
	l := testLimits()
	l.Flows = 5
	w := newWorld(t, l)
	w.play(shake("a") + shut("a") + "tick 1s\ntick 1m\n") // buried
	w.play(shake("b") + "b> PA x\n")                      // open
	w.play("c> S\n")                                      // opening
	w.play(shake("d") + shut("d") + "tick 1s\n")          // closing
	w.play(shake("e") + shut("e"))                        // ending
	w.news()
	if w.tab.index.n != 5 {
		t.Fatalf("%d flows", w.tab.index.n)
	}
	w.play("f> S").told() // a's grave
	w.play("g> S").told("d flow fin")
	w.play("h> S").told("e flow fin")
	w.play("i> S").told("c flow evicted")
	w.play("f> S").told() // touched
	w.play("j> S").told("f flow evicted")
	for _, name := range []string{"g", "h", "i", "j"} {
		w.play(shake(name))
	}
	w.news()
	w.play("k> S").told("b client end expired", "b server end expired", "b flow evicted")
	w.play("l> S").told("k flow evicted")
	if w.tab.index.n != 5 {
		t.Errorf("%d flows", w.tab.index.n)
	}
}

func TestGraves(t *testing.T) {
	l := testLimits()
	l.Graves = 2
	w := newWorld(t, l)
	for _, name := range []string{"a", "b", "c"} {
		w.play(shake(name) + shut(name))
	}
	w.play("tick 1s\ntick 1m")
	if w.tab.index.n != 2 {
		t.Fatalf("%d graves", w.tab.index.n)
	}
	w.play("b> A\nc> A")
	if w.tab.Late != 2 || len(w.tab.Opened) != 3 {
		t.Errorf("%d late segments, %d flows", w.tab.Late, len(w.tab.Opened))
	}
	if w.play("a> A"); w.tab.Late != 2 || len(w.tab.Opened) != 4 {
		t.Error("the oldest grave is still there")
	}
}

func TestClosedLimit(t *testing.T) {
	l := testLimits()
	l.Closed = 1
	w := newWorld(t, l)
	w.play(shake("a") + shut("a") + "tick 1s\n" + shake("b") + shut("b"))
	w.news()
	w.play("tick 1s").told() // the limit is looked at with segments
	w.play("c> S").told("a flow fin")
}

func TestOneDirectionIsOneFlow(t *testing.T) {
	w := newWorld(t, testLimits())
	w.play("a> S\na< SA lost\na> A\na> PA hi\na> FA\nfinish").
		told("a open", `a client "hi"`, "a client end fin", "a server end capture-end", "a flow half-closed")
}

// guess is a protocol that knows its client by a "C".
var guess = dissect.Spec{
	Name: "guess",
	Probe: func(role flow.Dir, p []byte) dissect.Match {
		if (role == flow.ClientToServer) == (p[0] == 'C') {
			return dissect.Yes
		}
		return dissect.No
	},
	Join: func(role flow.Dir, p []byte) dissect.Match {
		if role == flow.ClientToServer && p[0] == 'C' {
			return dissect.Yes
		}
		return dissect.No
	},
	New: func(o dissect.Offer) dissect.Dissector { return bird{} },
}

func TestRoles(t *testing.T) {
	t.Run("certain after a SYN", func(t *testing.T) {
		w := newWorld(t, testLimits(), guess)
		w.play(shake("a")+"a< PA Client").told("a open", `a server "Client"`)
	})
	t.Run("guessed by the ports", func(t *testing.T) {
		w := newWorld(t, testLimits(), guess)
		w.play("a> PA Client").told("a open", `a client "Client"`)
	})
	t.Run("corrected, with what was held", func(t *testing.T) {
		w := newWorld(t, testLimits(), guess)
		w.play("a< PA nothing cut=2\na> PA seq=10 nothing\na< PA Client").
			told("server of a open", "server of a client tcp.snaplen", `server of a client "Client"`)
		w.play("finish")
		if f := w.flowFact(); f.Ends[0].Packets != 2 || f.Ends[1].Packets != 1 {
			t.Errorf("packets %d %d", f.Ends[0].Packets, f.Ends[1].Packets)
		}
	})
	t.Run("settled by what is held", func(t *testing.T) {
		w := newWorld(t, testLimits(), guess)
		w.play("a> PA abc")
		for range maxHeld + 1 {
			w.play("a> PA aXc seq=0")
		}
		w.play("a< PA Client")
		if got := w.news(); len(got) < maxHeld || strings.HasPrefix(got[len(got)-1], "server of") {
			t.Errorf("%d facts, at last %q", len(got), got[len(got)-1])
		}
	})
	t.Run("settled by the end", func(t *testing.T) {
		w := newWorld(t, testLimits(), guess)
		w.play("a< PA nothing\nfinish").told("a open", "a flow capture-end")
	})
}

func TestReset(t *testing.T) {
	t.Run("with bytes in flight", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play(shake("a")+"a> PA hello\na< RA ack=0").
			told("a open", `a client "hello"`, "a server tcp.rst_after_data: 5 bytes")
		w.play("a> PA more").told(`a client "more"`)
		w.play("tick 1s").told("a client end rst", "a server end rst")
		w.play("tick 1m").told("a flow rst")
	})
	t.Run("after what was acknowledged", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play(shake("a")+"a> PA hello\na< A\na> R").told("a open", `a client "hello"`)
	})
	t.Run("then data of its sender", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play(shake("a") + "a< R\na< PA x\na< PA y")
		w.told("a open", "a server tcp.data_after_rst: 1 bytes", `a server "x"`, `a server "y"`)
	})
	t.Run("beyond what is expected", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play(shake("a")+"a< R seq=9000\na> PA x\na< A\ntick 2s").told("a open", `a client "x"`)
		w.play("finish").told("a client end capture-end", "a server end capture-end", "a flow capture-end")
	})
	t.Run("beyond what is expected, and nothing after it", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play(shake("a")+"a> PA x\na< R seq=9000\nfinish").
			told("a open", `a client "x"`, "a client end rst", "a server end rst", "a flow rst")
	})
	t.Run("beyond a hole", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play(shake("a") + "a< PA x lost\na< PA y\na< R\ntick 1s")
		w.told("a open", "a server tcp.gap: 1 bytes at offset 0 of what the server sent",
			`a server "y"`, "a client end rst", "a server end rst")
	})
	t.Run("behind a FIN", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play(shake("a")+"a> FA\na< A\na< PA x\na> R\ntick 1s").
			told("a open", `a server "x"`, "a client end fin", "a client tcp.rst_after_data: 1 bytes", "a server end rst")
	})
	t.Run("behind a FIN that a hole precedes", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play(shake("a") + "a< PA x\na> A\na> PA y lost\na> FA\na> R\ntick 1s")
		w.told("a open", `a server "x"`, "a client tcp.gap: 1 bytes at offset 0 of what the client sent",
			"a client gap 1 (gap)", "a client end fin", "a server end rst")
	})
	t.Run("beyond what is expected behind a FIN", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play(shake("a")+"a> FA\na< A\na> R seq=2\na< PA x\na> A\ntick 2s").
			told("a open", `a server "x"`, "a client end fin")
	})
	t.Run("of an attempt that is repeated", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play("a> S\na< RA seq=-5001 ack=0\na> S\na< SA\na> A\na> PA hi\nfinish").
			told("a open", `a client "hi"`, "a client end capture-end", "a server end capture-end", "a flow capture-end")
	})
}

func TestRefusedAndTriedAgainLater(t *testing.T) {
	w := newWorld(t, testLimits())
	w.play("a> S\na< RA seq=-5001 ack=0\ntick 2s\na> S\na< SA\na> A\na> PA hi\nfinish").
		told("a open", `a client "hi"`, "a client end capture-end", "a server end capture-end", "a flow capture-end")
}

func TestDepartures(t *testing.T) {
	t.Run("data after the FIN", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play(shake("a")+"a> FA\na> PA seq=1 x\na> PA seq=2 y").
			told("a open", "a client tcp.data_after_fin: 1 bytes")
	})
	t.Run("copies that differ", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play(shake("a") + "a> PA abc\na> PA aXc seq=0\nfinish")
		got := w.news()
		if !strings.HasPrefix(got[2], "a client tcp.overlap_conflict: 3 bytes at offset 0: XXH64 ") || w.flowFact().Ends[0].Conflicts != 1 {
			t.Errorf("%q", got)
		}
	})
	t.Run("a segment far away", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play(shake("a") + "a> PA abc\na> PA x seq=200000000\na> PA y seq=300000000")
		w.told("a open", `a client "abc"`, "a client tcp.sequence_jump: 199999997 bytes ahead")
	})
	t.Run("snaplen, said once", func(t *testing.T) {
		w := newWorld(t, testLimits())
		w.play(shake("a")+"a> PA ab cut=3\na> PA cd cut=4\nfinish").told("a open",
			`a client "ab"`, "a client tcp.snaplen", "a client gap 3 (snaplen)", `a client "cd"`, "a client gap 4 (snaplen)",
			"a client end capture-end", "a server end capture-end", "a flow capture-end")
		if f := w.flowFact(); f.Ends[0].Lost != 7 || f.Ends[0].Bytes != 4 {
			t.Errorf("%d bytes, %d lost", f.Ends[0].Bytes, f.Ends[0].Lost)
		}
	})
}

func TestFactsOfTheClockAreMarked(t *testing.T) {
	w := newWorld(t, testLimits())
	w.play("a> S\ntick 5m")
	if o := w.tab.Out[0]; !o.Ticked || o.Told != 1 || o.Clock != int64(5*time.Minute) {
		t.Errorf("%+v", o)
	}
}

// TestFramesOfFacts checks which frames a fact is said to begin and to be
// complete with: those of its flow, however much later it is told.
func TestFramesOfFacts(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		want   string // of each fact, what it is, its frames, and when it was told
	}{
		"a handshake and bytes": {shake("a") + "a> PA hi", `
			a open | 1-3 | 3
			a client "hi" | 4-4 | 4`},
		"nothing for long": {"a> S\nb> S\nb> S\ntick 5m", `
			a flow timeout | 1-1 | 3
			b flow timeout | 2-3 | 3`},
		"FINs": {shake("a") + shut("a") + "b> S\ntick 1s\ntick 1m", `
			a open | 1-3 | 3
			a flow fin | 1-6 | 7`},
		"a RST": {shake("a") + "a> PA hi\na< R\nb> S\nb> S\ntick 1s\ntick 1m", `
			a open | 1-3 | 3
			a client "hi" | 4-4 | 4
			a server tcp.rst_after_data: 2 bytes | 5-5 | 5
			a client end rst | 5-5 | 7
			a server end rst | 5-5 | 7
			a flow rst | 1-5 | 7`},
		"a RST, and an answer to it": {shake("a") + "a> PA hi\na< R\na> R\ntick 1s\ntick 1m", `
			a open | 1-3 | 3
			a client "hi" | 4-4 | 4
			a server tcp.rst_after_data: 2 bytes | 5-5 | 5
			a client end rst | 5-5 | 6
			a server end rst | 5-5 | 6
			a flow rst | 1-6 | 6`},
		"a RST, and bytes in flight": {shake("a") + "a> PA hi\na< R\na> PA ho\na< R\ntick 1s\ntick 1m", `
			a open | 1-3 | 3
			a client "hi" | 4-4 | 4
			a server tcp.rst_after_data: 2 bytes | 5-5 | 5
			a client "ho" | 6-6 | 6
			a client end rst | 6-6 | 7
			a server end rst | 6-6 | 7
			a flow rst | 1-7 | 7`},
		"a RST that need not be believed": {shake("a") + "a> PA hi\na< R seq=9000\nb> S\nfinish", `
			a open | 1-3 | 3
			a client "hi" | 4-4 | 4
			a client end rst | 5-5 | 6
			a server end rst | 5-5 | 6
			a flow rst | 1-5 | 6
			b flow capture-end | 6-6 | 6`},
		"the end of the capture": {shake("a") + "a> PA hi\na< A\nb> S\nfinish", `
			a open | 1-3 | 3
			a client "hi" | 4-4 | 4
			a client end capture-end | 5-5 | 6
			a server end capture-end | 5-5 | 6
			a flow capture-end | 1-5 | 6
			b flow capture-end | 6-6 | 6`},
		"another SYN": {shake("a") + "b> S\na> S isn=99\nfinish", `
			a open | 1-3 | 3
			a flow evicted | 1-3 | 5
			b flow capture-end | 4-4 | 5
			a flow capture-end | 5-5 | 5`},
		"a gap, by the clock": {shake("a") + "a< PA x lost\na< PA y\na> A\nb> S\ntick 2s", `
			a open | 1-3 | 3
			a server tcp.gap: 1 bytes at offset 0 of what the server sent | 6-6 | 7
			a server "y" | 6-6 | 7`},
		"joined midway, the roles settled late": {"a< PA nothing cut=2\na> PA seq=10 nothing\na> A\na< PA Client", `
			server of a open | 1-1 | 4
			server of a client tcp.snaplen | 1-1 | 4
			server of a client "Client" | 4-4 | 4`},
	} {
		t.Run(name, func(t *testing.T) {
			specs := []dissect.Spec{parrot}
			if strings.HasPrefix(name, "joined") {
				specs = []dissect.Spec{guess}
			}
			w := newWorld(t, testLimits(), specs...).play(tc.script)
			var got strings.Builder
			for i, line := range w.news() {
				o := w.tab.Out[i]
				fmt.Fprintf(&got, "\n\t\t\t%s | %d-%d | %d", line, o.First, o.Frame, o.Told)
				if o.Nanos != epoch+int64(o.Frame)*int64(time.Millisecond) {
					t.Errorf("%s: its time is not that of its frame", line)
				}
			}
			if got.String() != tc.want {
				t.Errorf("told%s\nwant%s", got.String(), tc.want)
			}
		})
	}
}

func TestFinishInShares(t *testing.T) {
	w := newWorld(t, testLimits())
	w.play("a> S\nb> S\nc> S")
	w.tab.Finish(event.Mark{Frame: 3}, 2)
	w.told("a flow capture-end", "b flow capture-end")
	w.tab.Finish(event.Mark{Frame: 3}, 3)
	w.told("c flow capture-end")
}

// asker says what its host says of the segments below.
type asker struct{}

func (asker) Data(c *dissect.Conn, dir flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
	if len(p) > 0 {
		shake, ok := c.Connect()
		say(c, dir, "%s: acked %d, owed %t, stalled %v, connect %v %t, frame %d", p,
			c.Acked(dir, 0), c.Owed(dir.Reverse()), c.Stalled(dir), shake, ok, c.Now().Frame)
	}
	return len(p), dissect.More
}

func (asker) Gap(*dissect.Conn, flow.Dir, uint64) dissect.Verdict { return dissect.More }

func TestWhatADissectorMayKnow(t *testing.T) {
	spec := dissect.Spec{
		Name:  "asker",
		Probe: func(flow.Dir, []byte) dissect.Match { return dissect.Yes },
		Join:  func(flow.Dir, []byte) dissect.Match { return dissect.Yes },
		New:   func(dissect.Offer) dissect.Dissector { return asker{} },
	}
	w := newWorld(t, testLimits(), spec)
	w.play(shake("a")+"a> PA abc\na< PA de").told("a open",
		"a client abc: acked 0, owed false, stalled 0s, connect 2ms true, frame 4",
		"a server de: acked 3, owed false, stalled 0s, connect 2ms true, frame 5")
	w.play("a> PA fg lost\na< PA h\na> PA fg seq=3 +300ms").told(
		"a server h: acked 5, owed true, stalled 0s, connect 2ms true, frame 7",
		"a client fg: acked 3, owed false, stalled 0s, connect 2ms true, frame 8")
	w.play("a> PA jk\na> PA jk seq=5 +200ms\na> PA l").told(
		"a client jk: acked 3, owed false, stalled 0s, connect 2ms true, frame 9",
		"a client l: acked 3, owed false, stalled 200ms, connect 2ms true, frame 11")
	w.play("b> PA xy").told("b open", "b client xy: acked 0, owed false, stalled 0s, connect 0s false, frame 12")
}

func TestRolesOfASynAck(t *testing.T) {
	t.Run("answered", func(t *testing.T) {
		w := newWorld(t, testLimits(), guess)
		w.play("a< SA\na> A").told("a open")
		w.play("a< PA Client").told(`a server "Client"`)
	})
	t.Run("again, then answered", func(t *testing.T) {
		w := newWorld(t, testLimits(), guess)
		w.play("a< SA\na< SA\na> A").told("a open")
	})
	t.Run("before its SYN", func(t *testing.T) {
		w := newWorld(t, testLimits(), guess)
		w.play("a< SA\na> S seq=-1").told()
		w.play("a> A").told("a open")
		w.play("a< PA Client").told(`a server "Client"`)
	})
	t.Run("of one direction", func(t *testing.T) {
		w := newWorld(t, testLimits(), guess)
		w.play("a< SA\na< PA Client").told("a open", `a server "Client"`)
	})
	t.Run("of both ends", func(t *testing.T) {
		w := newWorld(t, testLimits(), guess)
		w.play("a> SA\na< SA\na> A\na< A").told()
		w.play("a> PA Client").told("a open", `a client "Client"`)
	})
	t.Run("of both ends, the other way round", func(t *testing.T) {
		w := newWorld(t, testLimits(), guess)
		w.play("a> SA\na< SA\na< PA Client").told("server of a open", `server of a client "Client"`)
	})
	t.Run("never answered", func(t *testing.T) {
		w := newWorld(t, testLimits(), guess)
		w.play("a< SA\nfinish").told("a flow capture-end")
	})
}
