package track

import (
	"fmt"
	"strings"
	"testing"
)

// gapOf is what is told of a gap in what a's client or server sends.
func gapOf(who string, n, off int) []string {
	return []string{
		fmt.Sprintf("a %s tcp.gap: %d bytes at offset %d of what the %s sent", who, n, off, who),
		fmt.Sprintf("a %s gap %d (gap)", who, n),
	}
}

func lines(parts ...any) (out []string) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out = append(out, p)
		case []string:
			out = append(out, p...)
		}
	}
	return out
}

func TestPatience(t *testing.T) {
	l := testLimits()
	l.Patience = Patience{Segments: 3, Time: 500_000_000}
	opened := lines("a open", `a client "1"`)
	begin := shake("a") + "a> PA 1\n"

	t.Run("data that comes after its ACK", func(t *testing.T) {
		w := newWorld(t, l)
		w.play(begin + "a> PA 234 lost\na< A\na> A 234 seq=1\na> PA 5").
			told(lines(opened, `a client "234"`, `a client "5"`)...)
	})
	t.Run("reordered data, no ACK", func(t *testing.T) {
		w := newWorld(t, l)
		w.play(begin + "a> PA 23 lost\na> PA 45\na> A\na> A\na> A\na> A\na< A ack=1\na> A 23 seq=1").
			told(lines(opened, `a client "23"`, `a client "45"`)...)
	})
	t.Run("given up after so many segments", func(t *testing.T) {
		w := newWorld(t, l)
		w.play(begin + "a> PA 23 lost\na> PA 45\na< A\na< A").told(opened...)
		w.play("a< A\na< A").told(lines(gapOf("client", 2, 1), `a client "45"`)...)
		w.play("a> A 23 seq=1").told() // too late
	})
	t.Run("given up after so long", func(t *testing.T) {
		w := newWorld(t, l)
		w.play(begin + "a> PA 23 lost\na> PA 45\na< A\na< A +499ms").told(opened...)
		w.play("a< A +1ms").told(lines(gapOf("client", 2, 1), `a client "45"`)...)
	})
	t.Run("given up while the other direction goes on", func(t *testing.T) {
		w := newWorld(t, l)
		w.play(begin + "a> PA 23 lost\na> PA 45\na< PA a\na< PA b\na< PA c").told(lines(opened, `a server "a"`, `a server "b"`, `a server "c"`)...)
		w.play("a< PA d").told(lines(`a server "d"`, gapOf("client", 2, 1), `a client "45"`)...)
	})
	t.Run("given up by the clock", func(t *testing.T) {
		w := newWorld(t, l)
		w.play(begin + "a> PA 23 lost\na> PA 45\na< A").told(opened...)
		w.play("tick 1s").told(lines(gapOf("client", 2, 1), `a client "45"`)...)
		if len(w.tab.waiting) != 1 { // until the next tick
			t.Errorf("%d flows wait", len(w.tab.waiting))
		}
		if w.play("tick 1s").told(); len(w.tab.waiting) != 0 {
			t.Errorf("%d flows still wait", len(w.tab.waiting))
		}
	})
	t.Run("given up by the clock, in the order of the flows", func(t *testing.T) {
		w := newWorld(t, l)
		for _, name := range []string{"a", "b", "c"} {
			w.play(shake(name))
		}
		for _, name := range []string{"c", "a", "b"} {
			w.play(strings.ReplaceAll("a> PA 1\na> PA 23 lost\na> PA 45\na< A\n", "a", name))
		}
		w.news()
		w.play("tick 2s")
		var got string
		for _, line := range w.news() {
			if strings.Contains(line, "tcp.gap") {
				got += line[:1]
			}
		}
		if got != "abc" {
			t.Errorf("order %s", got)
		}
	})
	t.Run("not while it moves on", func(t *testing.T) {
		w := newWorld(t, l)
		w.play(begin + "a> PA 23 lost\na> PA 45 lost\na> PA 67\na< A\na< A\na< A\na> PA 23 seq=1\na< A\na< A\na> PA 45 seq=3").
			told(lines(opened, `a client "23"`, `a client "45"`, `a client "67"`)...)
	})
	t.Run("only what was acknowledged", func(t *testing.T) {
		w := newWorld(t, l)
		w.play(begin + "a> PA 23 lost\na> PA 45 lost\na> PA 67\na< A ack=3\na< A ack=3\na< A ack=3\na< A ack=3").
			told(lines(opened, gapOf("client", 2, 1))...)
		w.play("a> PA 45 seq=3").told(`a client "45"`, `a client "67"`)
	})
	t.Run("the last bytes, acknowledged and never seen", func(t *testing.T) {
		w := newWorld(t, l)
		w.play(begin + "a> PA 2345 lost\na< A\ntick 2s").told(lines(opened, gapOf("client", 4, 1))...)
	})
	t.Run("a byte alone, which comes after its ACK", func(t *testing.T) {
		w := newWorld(t, l)
		w.play(begin + "a> PA 2 lost\na< A\na> A 2 seq=1\na> PA 345").told(lines(opened, `a client "2"`, `a client "345"`)...)
	})
	t.Run("an unseen FIN is no gap", func(t *testing.T) {
		w := newWorld(t, l)
		w.play(begin + "a> FA lost\na< A\na< A\na< A\na< A\na< A\ntick 2s\nfinish").
			told(lines(opened, "a client end capture-end", "a server end capture-end", "a flow capture-end")...)
	})
	t.Run("one direction only", func(t *testing.T) {
		w := newWorld(t, l)
		w.play("a> S\na> A\na> PA 1\na> PA 23 lost\na> PA 45\na> PA 67 +1ms").told(opened...)
		w.play("a> PA 89").told()
		w.play("a> A\na> A").told(lines(gapOf("client", 2, 1), `a client "45"`, `a client "67"`, `a client "89"`)...)
		w.play("finish")
		if f := w.flowFact(); f.Ends[1].Lost != 0 {
			t.Errorf("%d bytes of the server's are lost, where nothing of it was captured", f.Ends[1].Lost)
		}
	})
	t.Run("ended by the flow's end", func(t *testing.T) {
		w := newWorld(t, l)
		w.play(begin + "a> PA 23 lost\na> PA 45\na> FA\nfinish").told(lines(opened, gapOf("client", 2, 1), `a client "45"`,
			"a client end fin", "a server end capture-end", "a flow half-closed")...)
	})
	t.Run("ended by the limit of memory", func(t *testing.T) {
		l := l
		l.Reassembly.Segments = 2
		w := newWorld(t, l)
		w.play(begin + "a> PA 23 lost\na> PA 4\na> PA 5 lost\na> PA 6\na> PA 7 lost\na> PA 8").
			told(lines(opened, gapOf("client", 2, 1)[0], "a client gap 2 (limit)", `a client "4"`)...)
	})
	t.Run("a flow that is forgotten while it waits", func(t *testing.T) {
		l := l
		l.Flows = 1
		w := newWorld(t, l)
		w.play(begin + "a> PA 23 lost\na> PA 45\na< A\nb> S")
		w.news()
		w.play("tick 2s").told()
	})
}
