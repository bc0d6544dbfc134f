package talk_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/talk"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// word is a protocol whose messages are lines: it tells each, with what
// surrounds it.
type word struct{}

type told struct {
	line string
	body []byte
	pair []event.Pair
}

func (t *told) Kind() string         { return "word" }
func (t *told) Progress() bool       { return strings.HasPrefix(t.line, "+") }
func (t *told) Digest() event.Digest { return event.Digest{} }
func (t *told) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) {
		_ = yield("word.line", event.TextOf(t.line)) && yield("word.raw", event.BytesOf(&t.body)) &&
			yield("word.pairs", event.PairsOf(&t.pair))
	}
}

func (word) Data(c *dissect.Conn, dir flow.Dir, p []byte, _ bool) (n int, v dissect.Verdict) {
	for {
		i := strings.IndexByte(string(p[n:]), '\n')
		if i < 0 {
			return n, dissect.More
		}
		line := string(p[n : n+i])
		c.Emit(dissect.Fact{Dir: dir, Body: &told{line, []byte(line), []event.Pair{{Name: "n", Value: line}}}})
		n += i + 1
	}
}

func (word) Gap(c *dissect.Conn, dir flow.Dir, n uint64) dissect.Verdict {
	c.Emit(dissect.Fact{Dir: dir, Body: &told{line: strings.Repeat("?", int(n))}, Incomplete: c.Missing()})
	return dissect.More
}

// hasty is word, but it tells what it is offered: cuts show.
type hasty struct{ word }

func (hasty) Data(c *dissect.Conn, dir flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
	if len(p) > 0 {
		c.Emit(dissect.Fact{Dir: dir, Body: &told{line: string(p)}})
	}
	return len(p), dissect.More
}

func specs(d dissect.Dissector) []dissect.Spec {
	return []dissect.Spec{{
		Name:  "word",
		Probe: func(flow.Dir, []byte) dissect.Match { return dissect.Yes },
		New:   func(dissect.Offer) dissect.Dissector { return d },
	}}
}

const good = `
== one
firm
> one\n
< two\x0a\
  \{2:three\n}
= word word.line=one from=client frame=1 word.raw=b25l complete=true
= word word.line="two" from=server frame=2 word.pairs=[["n", "two"]]
= word word.line=three
= word word.line=three !word.nothing

== two
firm
> +a\nb
!> 3
~< 2
= word word.line=??? incomplete=gap frame=2
= word word.line=?? incomplete=snaplen
+ word word.line=+a
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.talk")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRun(t *testing.T) {
	if n := len(talk.Run(t, write(t, good), specs(word{}))); n != 7 {
		t.Errorf("%d facts, want 7", n)
	}
}

func TestParseErrors(t *testing.T) {
	for _, text := range []string{
		"> before a talk", "== x\nnonsense", "== x\n> \\q", "== x\n> \\{3:open", "== x\n> \\{lzma:x}", "== x\n= word novalue",
		"== x\n= word a=\"open", "== x\n= word a=[1", "== x\nset nothing=1", "== x\nset head=x", "== x\n!> many", "== x\n> \\xzz1",
	} {
		if _, err := talk.Parse(write(t, text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

// failing counts the errors that a check reports.
type failing struct {
	testing.TB
	errors int
}

func (f *failing) Errorf(string, ...any) { f.errors++ }
func (f *failing) Helper()               {}

func TestDifferencesAreSeen(t *testing.T) {
	for _, change := range [][2]string{
		{"word.line=one", "word.line=other"}, {"frame=1", "frame=9"}, {"!word.nothing", "!word.line"}, {"from=client", "none=x"},
		{"= word word.line=three\n", ""}, {"= word word.line=three\n", "= word\n= word word.line=three\n"},
		{`[["n", "two"]]`, `[["n", "2"]]`}, {"incomplete=gap", "complete=true"}, {"word.line=+a", "word.line=-a"},
	} {
		talks, err := talk.Parse(write(t, strings.Replace(good, change[0], change[1], 1)))
		if err != nil {
			t.Fatal(err)
		}
		f := &failing{TB: t}
		for i := range talks {
			talks[i].Compare(f, talks[i].Play(specs(word{})))
		}
		if f.errors == 0 {
			t.Errorf("%q for %q was not noticed", change[1], change[0])
		}
	}
}

func TestCutsAreSeen(t *testing.T) {
	talks, err := talk.Parse(write(t, good))
	if err != nil {
		t.Fatal(err)
	}
	f := &failing{TB: t}
	talks[0].Check(f, func() []dissect.Spec { return specs(hasty{}) }, 1)
	if f.errors == 0 {
		t.Error("a dissector that shows how bytes were cut was not noticed")
	}
}

func TestBytes(t *testing.T) {
	talks, err := talk.Parse(write(t, good))
	if err != nil {
		t.Fatal(err)
	}
	again := talk.FromBytes(talks[0].Bytes())
	if a, b := len(talks[0].Play(specs(word{}))), len(again.Play(specs(word{}))); a != b {
		t.Errorf("%d facts after a round trip, %d before", b, a)
	}
}
