package dissect_test

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"weak"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/dissecttest"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

const (
	c2s = flow.ClientToServer
	s2c = flow.ServerToClient
)

// scripted is a dissector that does what its functions say, and writes down
// what it was told.
type scripted struct {
	log  *[]string
	name string
	data func(c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict)
	gap  func(c *dissect.Conn, dir flow.Dir, n uint64) dissect.Verdict
}

func (s *scripted) note(format string, args ...any) {
	*s.log = append(*s.log, s.name+fmt.Sprintf(format, args...))
}

func (s *scripted) Data(c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
	mark := ""
	if end {
		mark = "$"
	}
	s.note(" %s %q%s", dir, p, mark)
	if s.data == nil {
		return len(p), dissect.More
	}
	return s.data(c, dir, p, end)
}

func (s *scripted) Gap(c *dissect.Conn, dir flow.Dir, n uint64) dissect.Verdict {
	s.note(" %s gap %d after %q (%s)", dir, n, c.Rest(dir), c.Missing())
	if s.gap == nil {
		return dissect.More
	}
	return s.gap(c, dir, n)
}

func (s *scripted) Close() { s.note(" close") }

// driver is a Conn with a scripted dissector, "a", and whatever else it is given.
type driver struct {
	dissect.Conn
	t    *testing.T
	host dissecttest.Host
	env  dissect.Env
	log  []string
	a    scripted
}

func newDriver(t *testing.T, mid bool, others ...dissect.Spec) *driver {
	d := &driver{t: t, host: dissecttest.Host{Firm: true}}
	d.env.Limits = dissect.DefaultLimits()
	d.a = scripted{log: &d.log, name: "a"}
	d.env.Specs = append([]dissect.Spec{{
		Name:  "a",
		Probe: func(flow.Dir, []byte) dissect.Match { return dissect.Yes },
		Join:  func(flow.Dir, []byte) dissect.Match { return dissect.Yes },
		New: func(o dissect.Offer) dissect.Dissector {
			s := d.a
			return &s
		},
	}}, others...)
	d.Init(&d.env, &d.host, mid)
	return d
}

// send delivers a segment of its own.
func (d *driver) send(dir flow.Dir, s string) {
	d.host.Mark.Frame++
	d.host.Mark.Nanos += int64(time.Millisecond)
	p := []byte(s)
	d.Data(dir, p)
	for i := range p {
		p[i] = '#'
	}
}

// heard compares what the dissectors were told since the last call.
func (d *driver) heard(want ...string) {
	d.t.Helper()
	if got, want := strings.Join(d.log, "\n"), strings.Join(want, "\n"); got != want {
		d.t.Errorf("heard\n%s\nwant\n%s", got, want)
	}
	d.log = nil
}

// told compares the anomalies and other facts.
func (d *driver) told(want ...string) {
	d.t.Helper()
	var got []string
	for _, f := range d.host.Facts {
		switch b := f.Body.(type) {
		case *event.Anomaly:
			got = append(got, f.Dir.String()+" "+b.Name)
		case *said:
			got = append(got, f.Dir.String()+" "+b.text)
		}
	}
	if got, want := strings.Join(got, "\n"), strings.Join(want, "\n"); got != want {
		d.t.Errorf("told\n%s\nwant\n%s", got, want)
	}
}

// other is a Spec that is reached by handoff, unless probe is given.
func (d *driver) other(name string, probe func(flow.Dir, []byte) dissect.Match) dissect.Spec {
	return dissect.Spec{Name: name, Probe: probe, New: func(o dissect.Offer) dissect.Dissector {
		d.log = append(d.log, fmt.Sprintf("%s new swapped=%t mid=%t exchange=%d token=%q", name, o.Swapped, o.Mid, o.Exchange, o.Token))
		return &scripted{log: &d.log, name: name}
	}}
}

func TestBytesPassThrough(t *testing.T) {
	d := newDriver(t, false)
	d.send(c2s, "abc")
	d.send(s2c, "x")
	d.send(c2s, "def")
	d.heard(`a client "abc"`, `a server "x"`, `a client "def"`)
	d.End(c2s, dissect.FIN)
	d.heard(`a client ""$`)
	d.End(c2s, dissect.RST) // counts once
	d.End(s2c, dissect.FIN)
	d.heard(`a server ""$`)
	d.Close()
	d.heard("a close")
	d.told()
}

func TestNothingComesAfterAnEnd(t *testing.T) {
	d := newDriver(t, false)
	d.send(c2s, "abc")
	d.End(c2s, dissect.FIN)
	d.send(c2s, "def")
	d.Gap(c2s, 9)
	d.send(s2c, "x")
	d.heard(`a client "abc"`, `a client ""$`, `a server "x"`)
}

func TestUnconsumedBytesAreOfferedAgain(t *testing.T) {
	d := newDriver(t, false)
	d.a.data = func(c *dissect.Conn, dir flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
		return len(p) / 3 * 3, dissect.More
	}
	d.send(c2s, "abcd")
	d.send(c2s, "e")
	d.send(c2s, "f")
	d.send(c2s, "g")
	d.heard(`a client "abcd"`, `a client "de"`, `a client "def"`, `a client "g"`)
	if d.Offset(c2s) != 6 || string(d.Rest(c2s)) != "g" {
		t.Errorf("offset %d, rest %q", d.Offset(c2s), d.Rest(c2s))
	}
	d.End(c2s, dissect.FIN)
	d.heard(`a client "g"$`)
	if len(d.Rest(c2s)) != 0 {
		t.Errorf("%q is held after the end", d.Rest(c2s))
	}
}

// TestMarks checks where bytes came from, while some of them are held.
func TestMarks(t *testing.T) {
	d := newDriver(t, false)
	frames := func(c *dissect.Conn, dir flow.Dir, p []byte) (s string) {
		for i := range p {
			s += fmt.Sprint(c.At(dir, i).Frame)
		}
		return s
	}
	consume := 0
	var at string
	d.a.data = func(c *dissect.Conn, dir flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
		at = frames(c, dir, p)
		return min(consume, len(p)), dissect.More
	}
	for _, step := range []struct {
		send    string
		consume int
		want    string
	}{
		{"abc", 0, "111"},
		{"de", 1, "11122"},
		{"f", 0, "11223"}, // but for the one consumed
		{"ghi", 3, "11223444"},
		{"j", 0, "234445"},
		{"k", 5, "2344456"},
		{"l", 2, "567"},
		{"m", 0, "78"},
	} {
		consume = step.consume
		d.send(c2s, step.send)
		if at != step.want {
			t.Errorf("after %q: bytes of frames %s, want %s", step.send, at, step.want)
		}
	}
}

func TestProbing(t *testing.T) {
	never := func(flow.Dir, []byte) dissect.Match { return dissect.No }
	late := func(n int) func(flow.Dir, []byte) dissect.Match {
		return func(role flow.Dir, p []byte) dissect.Match {
			switch {
			case role == s2c:
				return dissect.No
			case len(p) < n:
				return dissect.Maybe
			}
			return dissect.Yes
		}
	}
	t.Run("the first that matches", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Specs = []dissect.Spec{d.other("n", never), d.other("x", late(3)), d.other("y", late(5))}
		d.send(c2s, "ab")
		d.heard()
		d.send(c2s, "cd")
		d.heard(`x new swapped=false mid=false exchange=0 token=""`, `x client "abcd"`)
		d.send(s2c, "u")
		d.heard(`x server "u"`)
	})
	t.Run("bytes of the other direction that nobody knows", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Specs = []dissect.Spec{d.other("x", func(role flow.Dir, p []byte) dissect.Match {
			if role == c2s && p[0] == 'c' {
				return dissect.Yes
			}
			return dissect.No
		})}
		d.send(s2c, "z")
		d.send(c2s, "c")
		d.heard(`x new swapped=false mid=true exchange=0 token=""`, `x client "c"`)
	})
	t.Run("both directions wait", func(t *testing.T) {
		d := newDriver(t, false)
		both := func(role flow.Dir, p []byte) dissect.Match {
			if role == c2s && len(p) >= 3 {
				return dissect.Yes
			}
			return dissect.Maybe
		}
		d.env.Specs = []dissect.Spec{d.other("x", both)}
		d.send(s2c, "12")
		d.send(c2s, "ab")
		d.heard()
		d.send(c2s, "c")
		d.heard(`x new swapped=false mid=false exchange=0 token=""`, `x client "abc"`, `x server "12"`)
	})
	t.Run("bytes that answer what is yet to come", func(t *testing.T) {
		asked := func(role flow.Dir, p []byte) dissect.Match {
			if role == c2s && p[0] == 'c' {
				return dissect.Yes
			}
			return dissect.No
		}
		d := newDriver(t, false)
		d.env.Specs = []dissect.Spec{d.other("x", asked)}
		d.host.Lacks[c2s] = true
		d.send(s2c, "12")
		d.send(s2c, "3")
		d.heard()
		d.host.Lacks[c2s] = false
		d.send(c2s, "c")
		d.heard(`x new swapped=false mid=false exchange=0 token=""`, `x client "c"`, `x server "123"`)
	})
	t.Run("bytes that answer what never comes", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Specs = []dissect.Spec{d.other("x", late(20))}
		d.env.Limits.Carry = 5
		d.host.Lacks[c2s] = true
		for range 12 {
			if d.send(s2c, "zz"); len(d.Rest(s2c)) > 5 {
				t.Fatalf("%d bytes are held", len(d.Rest(s2c)))
			}
		}
		d.heard()
		if n := d.Offset(s2c) + int64(len(d.Rest(s2c))); n != 24 {
			t.Errorf("offset %d", n)
		}
	})
	t.Run("the limit", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Limits.Probe = 10
		d.env.Specs = []dissect.Spec{d.other("x", late(20))}
		for i := range 11 {
			if d.send(c2s, "z"); len(d.Rest(c2s)) > 10 {
				t.Fatalf("%d bytes are held after %d", len(d.Rest(c2s)), i+1)
			}
		}
		d.send(c2s, strings.Repeat("z", 40))
		d.heard() // the beginning was missed
		if d.Offset(c2s) != 51 {
			t.Errorf("offset %d", d.Offset(c2s))
		}
	})
	t.Run("never", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Specs = []dissect.Spec{d.other("n", never)}
		d.send(c2s, "abc")
		d.Gap(c2s, 5)
		d.End(c2s, dissect.FIN)
		d.End(s2c, dissect.FIN)
		d.heard()
		if d.Offset(c2s) != 8 || d.Protocol() != "" {
			t.Errorf("offset %d, protocol %q", d.Offset(c2s), d.Protocol())
		}
	})
	t.Run("an end while nothing is known", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Specs = []dissect.Spec{d.other("x", late(3))}
		d.send(c2s, "ab")
		d.End(c2s, dissect.FIN)
		d.End(s2c, dissect.FIN)
		d.heard()
		if d.Offset(c2s) != 2 {
			t.Errorf("offset %d", d.Offset(c2s))
		}
	})
	t.Run("an end before the bytes", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Specs = []dissect.Spec{d.other("x", late(1))}
		d.End(s2c, dissect.FIN)
		d.send(c2s, "a")
		d.heard(`x new swapped=false mid=false exchange=0 token=""`, `x client "a"`, `x server ""$`)
	})
}

func TestRoles(t *testing.T) {
	asClient := func(role flow.Dir, p []byte) dissect.Match {
		if role == c2s && p[0] == 'C' || role == s2c && p[0] == 'S' {
			return dissect.Yes
		}
		return dissect.No
	}
	t.Run("exchanged by the host", func(t *testing.T) {
		d := newDriver(t, false)
		d.host.Firm = false
		d.env.Specs = []dissect.Spec{d.other("x", asClient)}
		d.send(c2s, "S1")
		if !d.host.Flipped {
			t.Fatal("not flipped")
		}
		d.send(c2s, "C1") // from here on, directions are exchanged
		d.heard(`x new swapped=false mid=false exchange=0 token=""`, `x server "S1"`, `x client "C1"`)
	})
	t.Run("refused by the host", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Specs = []dissect.Spec{d.other("x", asClient)}
		d.send(c2s, "S1")
		d.send(s2c, "C1")
		d.heard(`x new swapped=true mid=false exchange=0 token=""`, `x client "S1"`, `x server "C1"`)
	})
	t.Run("with bytes held both ways", func(t *testing.T) {
		d := newDriver(t, false)
		d.host.Firm = false
		slow := func(role flow.Dir, p []byte) dissect.Match {
			switch {
			case role == s2c && string(p) == "S12":
				return dissect.Yes
			case p[0] == 'C' || p[0] == 'S':
				return dissect.Maybe
			}
			return dissect.No
		}
		d.env.Specs = []dissect.Spec{d.other("x", slow)}
		d.send(s2c, "C1")
		d.send(c2s, "S1")
		d.send(c2s, "2")
		d.heard(`x new swapped=false mid=false exchange=0 token=""`, `x server "S12"`, `x client "C1"`)
		if d.Offset(c2s) != 2 || d.Offset(s2c) != 3 {
			t.Errorf("offsets %d %d", d.Offset(c2s), d.Offset(s2c))
		}
	})
}

func TestJoining(t *testing.T) {
	join := func(role flow.Dir, p []byte) dissect.Match {
		switch {
		case strings.HasPrefix(string(p), "GET"):
			return dissect.Yes
		case p[0] == 'G':
			return dissect.Maybe
		}
		return dissect.No
	}
	spec := func(d *driver) dissect.Spec {
		s := d.other("x", func(flow.Dir, []byte) dissect.Match { return dissect.Yes })
		s.Join = join
		return s
	}
	t.Run("midway", func(t *testing.T) {
		d := newDriver(t, true)
		d.env.Specs = []dissect.Spec{spec(d)}
		d.send(c2s, "rest of something")
		d.send(c2s, "GET") // its sender has received nothing since
		d.heard()
		d.host.Ack = 5
		d.send(c2s, "G")
		if string(d.Rest(c2s)) != "G" {
			t.Errorf("%q is held", d.Rest(c2s))
		}
		d.send(c2s, "ET")
		d.heard(`x new swapped=false mid=true exchange=0 token=""`, `x client "GET"`)
	})
	t.Run("at the second turn", func(t *testing.T) {
		d := newDriver(t, true)
		d.env.Specs, d.env.Limits.Probe = []dissect.Spec{spec(d)}, 3
		d.send(c2s, "G")
		d.host.Ack = 5
		d.send(c2s, "GET")
		d.heard(`x new swapped=false mid=true exchange=0 token=""`, `x client "GET"`)
		if d.Offset(c2s) != 4 {
			t.Errorf("offset %d", d.Offset(c2s))
		}
	})
	t.Run("not sure for too long", func(t *testing.T) {
		d := newDriver(t, true)
		d.env.Specs, d.env.Limits.Probe = []dissect.Spec{spec(d)}, 3
		d.send(c2s, "G.")
		d.send(c2s, ".")
		if len(d.Rest(c2s)) != 0 {
			t.Errorf("%q is held", d.Rest(c2s))
		}
	})
	t.Run("after a hole", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Specs = []dissect.Spec{spec(d)}
		d.Gap(s2c, 3)
		d.send(s2c, "rest")
		d.heard()
		d.send(c2s, "first") // of this direction nothing is missing
		d.heard(`x new swapped=false mid=true exchange=0 token=""`, `x client "first"`)
	})
	t.Run("never", func(t *testing.T) {
		d := newDriver(t, true)
		s := spec(d)
		s.Join = nil
		d.env.Specs = []dissect.Spec{s}
		d.send(c2s, "GET")
		d.heard()
	})
}

// waits says Wait for the server's bytes until the client has sent "go".
func (d *driver) waits() {
	going := false
	d.a.data = func(c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
		if dir == c2s {
			going = going || string(p) == "go"
			return len(p), dissect.More
		}
		if !going && c.Owed(c2s) {
			return 0, dissect.Wait
		}
		return len(p), dissect.More
	}
}

func TestWait(t *testing.T) {
	t.Run("until the other direction moves", func(t *testing.T) {
		d := newDriver(t, false)
		d.host.Lacks[c2s] = true
		d.waits()
		d.send(s2c, "12")
		d.send(s2c, "34") // held, and not offered
		d.heard(`a server "12"`)
		d.send(c2s, "x")
		d.heard(`a client "x"`, `a server "1234"`)
		d.send(s2c, "5")
		d.heard()
		d.send(c2s, "go")
		d.heard(`a client "go"`, `a server "12345"`)
		d.send(s2c, "6")
		d.heard(`a server "6"`)
		d.told()
	})
	t.Run("until nothing is owed any longer", func(t *testing.T) {
		d := newDriver(t, false)
		d.host.Lacks[c2s] = true
		d.waits()
		d.send(s2c, "12")
		d.Resume(s2c)
		d.heard(`a server "12"`, `a server "12"`)
		d.host.Lacks[c2s] = false
		d.Resume(c2s)
		d.heard()
		d.Resume(s2c)
		d.heard(`a server "12"`)
		d.Resume(s2c)
		d.heard()
	})
	t.Run("until the other direction ends", func(t *testing.T) {
		d := newDriver(t, false)
		d.host.Lacks[c2s] = true
		d.waits()
		d.send(s2c, "12")
		d.End(c2s, dissect.FIN)
		d.heard(`a server "12"`, `a client ""$`, `a server "12"`)
	})
	t.Run("until the other direction ends, which is skipped", func(t *testing.T) {
		d := newDriver(t, false)
		d.a.data = func(c *dissect.Conn, dir flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
			if dir == c2s {
				return len(p), dissect.Skip
			}
			return 0, dissect.Wait
		}
		d.send(c2s, "x")
		d.send(s2c, "12")
		d.End(c2s, dissect.FIN)
		d.heard(`a client "x"`, `a server "12"`, `a server "12"`)
	})
	t.Run("until the other direction has a gap", func(t *testing.T) {
		d := newDriver(t, false)
		d.host.Lacks[c2s] = true
		d.waits()
		d.send(s2c, "12")
		d.host.Lacks[c2s] = false
		d.Gap(c2s, 2)
		d.heard(`a server "12"`, `a client gap 2 after "" (gap)`, `a server "12"`)
	})
	t.Run("not beyond its own end", func(t *testing.T) {
		d := newDriver(t, false)
		d.host.Lacks[c2s] = true
		d.waits()
		d.send(s2c, "12")
		d.End(s2c, dissect.FIN)
		d.heard(`a server "12"`, `a server "12"$`)
		d.send(c2s, "go")
		d.heard(`a client "go"`, `a server "12"$`)
	})
	t.Run("and what comes behind a gap too", func(t *testing.T) {
		d := newDriver(t, false)
		d.host.Lacks[c2s] = true
		d.waits()
		d.send(s2c, "12")
		d.host.Why = event.Snaplen
		d.Gap(s2c, 7)
		d.Gap(s2c, 1)
		d.host.Why = event.Gap
		d.send(s2c, "3")
		d.send(s2c, "4")
		d.Gap(s2c, 2)
		d.End(s2c, dissect.FIN)
		d.End(s2c, dissect.RST)
		d.send(s2c, "after the end")
		d.heard(`a server "12"`)
		if d.EndOf(s2c) != dissect.Open {
			t.Error("it has ended before what it ends was offered")
		}
		d.send(c2s, "go")
		d.heard(`a client "go"`, `a server "12"`, `a server gap 7 after "" (snaplen)`, `a server gap 1 after "" (snaplen)`,
			`a server "34"`, `a server gap 2 after "" (gap)`, `a server ""$`)
		if d.Offset(s2c) != 14 {
			t.Errorf("offset %d", d.Offset(s2c))
		}
	})
	t.Run("again, behind a gap", func(t *testing.T) {
		d := newDriver(t, false)
		d.host.Lacks[c2s] = true
		d.waits()
		d.send(s2c, "12")
		d.Gap(s2c, 7)
		d.send(s2c, "3")
		d.host.Lacks[c2s] = false
		d.send(c2s, "x")
		d.heard(`a server "12"`, `a client "x"`, `a server "12"`, `a server gap 7 after "" (gap)`, `a server "3"`)
	})
	t.Run("not with more gaps than the limit", func(t *testing.T) {
		d := newDriver(t, false)
		d.host.Lacks[c2s] = true
		d.waits()
		d.send(s2c, "1")
		for range 64 {
			d.Gap(s2c, 1)
		}
		d.heard(`a server "1"`)
		d.Gap(s2c, 1)
		if d.host.Lacks[c2s] = false; len(d.log) != 66 {
			t.Errorf("%d calls", len(d.log))
		}
	})
	t.Run("not with more behind a gap than the limit", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Limits.Carry = 5
		d.host.Lacks[c2s] = true
		d.waits()
		d.send(s2c, "12")
		d.Gap(s2c, 7)
		d.send(s2c, "345")
		d.heard(`a server "12"`)
		d.send(s2c, "6")
		d.heard(`a server "12"`, `a server gap 7 after "" (gap)`, `a server "3456"`)
		d.told()
	})
	t.Run("for bytes that the other direction waits with", func(t *testing.T) {
		d := newDriver(t, false)
		d.a.data = func(c *dissect.Conn, dir flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
			if c.Owed(dir.Reverse()) {
				return 0, dissect.Wait
			}
			return len(p), dissect.More
		}
		d.host.Lacks = [2]bool{true, true}
		d.send(c2s, "x")
		d.send(s2c, "12")
		d.heard(`a client "x"`, `a server "12"`)
		d.host.Lacks[c2s] = false
		d.send(c2s, "y") // is what was owed
		d.heard(`a server "12"`, `a client "xy"`)
		d.Close()
	})
	t.Run("until it is closed", func(t *testing.T) {
		d := newDriver(t, false)
		d.host.Lacks[c2s] = true
		d.waits()
		d.send(s2c, "12")
		d.Gap(s2c, 7)
		d.send(s2c, "3")
		d.Close()
		if n, _, gaps := d.Queued(s2c); n != 0 || gaps != 0 {
			t.Errorf("%d bytes and %d gaps are held", n, gaps)
		}
	})
	t.Run("not beyond the limit", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Limits.Carry = 5
		d.host.Lacks[c2s] = true
		d.waits()
		d.send(s2c, "12")
		d.send(s2c, "345")
		d.heard(`a server "12"`)
		d.send(s2c, "6") // Owed is false now
		d.heard(`a server "123456"`)
		d.told()
	})
	t.Run("for ever", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Limits.Carry = 5
		d.a.data = func(_ *dissect.Conn, _ flow.Dir, _ []byte, _ bool) (int, dissect.Verdict) { return 0, dissect.Wait }
		d.send(s2c, "12345")
		d.send(s2c, "6")
		d.heard(`a server "12345"`, `a server "123456"`, `a server gap 0 after "123456" (limit)`)
		d.told("server dissect.carry_limit")
		if d.Offset(s2c) != 6 || len(d.Rest(s2c)) != 0 {
			t.Errorf("offset %d, rest %q", d.Offset(s2c), d.Rest(s2c))
		}
		d.send(s2c, "7")
		d.heard(`a server "7"`)
	})
	t.Run("both, for ever", func(t *testing.T) {
		d := newDriver(t, false)
		d.a.data = func(_ *dissect.Conn, _ flow.Dir, _ []byte, _ bool) (int, dissect.Verdict) { return 0, dissect.Wait }
		d.send(c2s, "ab")
		d.send(s2c, "12")
		d.End(c2s, dissect.FIN)
		d.End(s2c, dissect.FIN)
		for _, dir := range [2]flow.Dir{c2s, s2c} {
			if len(d.Rest(dir)) != 0 {
				t.Errorf("%q is held after the end", d.Rest(dir))
			}
		}
		d.told("client dissect.carry_limit", "server dissect.carry_limit")
	})
}

func TestCarryLimit(t *testing.T) {
	d := newDriver(t, false)
	d.env.Limits.Carry = 4
	d.a.data = func(_ *dissect.Conn, _ flow.Dir, _ []byte, _ bool) (int, dissect.Verdict) { return 0, dissect.More }
	d.send(c2s, "1234")
	d.heard(`a client "1234"`)
	d.send(c2s, "5")
	d.heard(`a client "12345"`, `a client gap 0 after "12345" (limit)`)
	d.told("client dissect.carry_limit")
	if d.Offset(c2s) != 5 || len(d.Rest(c2s)) != 0 || d.Missing() != event.Gap {
		t.Errorf("offset %d, rest %q, missing %q", d.Offset(c2s), d.Rest(c2s), d.Missing())
	}
}

// TestPiecesLimit checks that what is remembered of each segment is bounded too,
// however small the segments are.
func TestPiecesLimit(t *testing.T) {
	t.Run("of what is not consumed", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Limits.Pieces = 3
		d.a.data = func(*dissect.Conn, flow.Dir, []byte, bool) (int, dissect.Verdict) { return 0, dissect.More }
		d.send(c2s, "long enough")
		d.send(c2s, "1")
		d.send(c2s, "2")
		d.told()
		d.send(c2s, "3")
		d.told("client dissect.carry_limit")
		if d.Offset(c2s) != 14 || len(d.Rest(c2s)) != 0 {
			t.Errorf("offset %d, rest %q", d.Offset(c2s), d.Rest(c2s))
		}
	})
	t.Run("of what waits, behind a gap too", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Limits.Pieces = 3
		d.host.Lacks[c2s] = true
		d.waits()
		d.send(s2c, "1")
		d.send(s2c, "2")
		d.Gap(s2c, 7)
		d.send(s2c, "3")
		d.heard(`a server "1"`)
		d.send(s2c, "4")
		d.heard(`a server "12"`, `a server gap 7 after "" (gap)`, `a server "34"`)
		d.told()
	})
}

func TestGap(t *testing.T) {
	t.Run("after what was not consumed", func(t *testing.T) {
		d := newDriver(t, false)
		d.a.data = func(_ *dissect.Conn, _ flow.Dir, p []byte, _ bool) (int, dissect.Verdict) { return 1, dissect.More }
		d.host.Why = event.Snaplen
		d.send(c2s, "abc")
		d.Gap(c2s, 100)
		d.send(c2s, "d")
		d.heard(`a client "abc"`, `a client gap 100 after "bc" (snaplen)`, `a client "d"`)
		if d.Offset(c2s) != 104 {
			t.Errorf("offset %d", d.Offset(c2s))
		}
	})
	t.Run("skips what the dissector says", func(t *testing.T) {
		d := newDriver(t, false)
		d.a.gap = func(*dissect.Conn, flow.Dir, uint64) dissect.Verdict { return dissect.Skip }
		d.send(c2s, "abc")
		d.Gap(c2s, 1)
		d.send(c2s, "d")
		d.send(s2c, "e")
		d.heard(`a client "abc"`, `a client gap 1 after "" (gap)`, `a server "e"`)
	})
}

func TestHandoff(t *testing.T) {
	hand := func(d *driver, to string) {
		d.a.data = func(c *dissect.Conn, dir flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
			if i := strings.IndexByte(string(p), '!'); i >= 0 && dir == s2c {
				return i + 1, c.Handoff(to, dissect.Offer{Exchange: 7, Token: "tok"})
			}
			if dir == c2s {
				return 1, dissect.Wait
			}
			return len(p), dissect.More
		}
	}
	yes := func(role flow.Dir, p []byte) dissect.Match {
		if role == c2s && p[0] == 'c' || role == s2c && p[0] == 's' {
			return dissect.Yes
		}
		return dissect.No
	}
	t.Run("with bytes held both ways", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Specs = append(d.env.Specs, d.other("x", nil))
		hand(d, "x")
		d.send(c2s, "abc")
		d.send(s2c, "12!34")
		d.heard(`a client "abc"`, `a server "12!34"`, "a close",
			`x new swapped=false mid=false exchange=7 token="tok"`, `x client "bc"`, `x server "34"`)
		if d.Offset(c2s) != 3 || d.Offset(s2c) != 5 {
			t.Errorf("offsets %d %d", d.Offset(c2s), d.Offset(s2c))
		}
		d.send(c2s, "d")
		d.heard(`x client "d"`)
	})
	t.Run("with one direction ended", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Specs = append(d.env.Specs, d.other("x", nil))
		hand(d, "x")
		d.send(c2s, "ab")
		d.End(c2s, dissect.FIN)
		d.send(s2c, "!")
		d.heard(`a client "ab"`, `a client "b"$`, `a server "!"`, "a close",
			`x new swapped=false mid=false exchange=7 token="tok"`, `x client ""$`)
	})
	t.Run("to probing", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Specs = append([]dissect.Spec{d.env.Specs[0]}, d.other("x", yes))
		d.env.Specs[0].Probe = func(_ flow.Dir, p []byte) dissect.Match {
			if p[0] == 'a' || p[0] == '!' {
				return dissect.Yes
			}
			return dissect.No
		}
		hand(d, "")
		d.send(c2s, "ac1")
		d.send(s2c, "!s1")
		d.heard(`a client "ac1"`, `a server "!s1"`, "a close",
			`x new swapped=false mid=false exchange=7 token=""`, `x client "c1"`, `x server "s1"`)
	})
	t.Run("to probing, which changes the roles", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Specs = append([]dissect.Spec{d.env.Specs[0]}, d.other("x", yes), d.other("y", nil))
		d.env.Specs[0].Probe = func(_ flow.Dir, p []byte) dissect.Match {
			if p[0] == '!' {
				return dissect.Yes
			}
			return dissect.No
		}
		hand(d, "")
		d.send(s2c, "!c1")
		d.heard(`a server "!c1"`, "a close", `x new swapped=true mid=false exchange=7 token=""`, `x server "c1"`)
	})
	t.Run("to a name that nobody has", func(t *testing.T) {
		d := newDriver(t, false)
		hand(d, "nobody")
		d.send(c2s, "ab")
		d.send(s2c, "!34")
		d.send(c2s, "c")
		d.Gap(s2c, 4)
		d.End(c2s, dissect.FIN)
		d.End(s2c, dissect.FIN)
		d.heard(`a client "ab"`, `a server "!34"`, "a close")
		if !d.Opaque() || d.Offset(c2s) != 3 || d.Offset(s2c) != 7 {
			t.Errorf("opaque %t, offsets %d %d", d.Opaque(), d.Offset(c2s), d.Offset(s2c))
		}
	})
	t.Run("at a gap", func(t *testing.T) {
		d := newDriver(t, false)
		d.env.Specs = append(d.env.Specs, d.other("x", nil))
		d.a.gap = func(c *dissect.Conn, _ flow.Dir, _ uint64) dissect.Verdict {
			return c.Handoff("x", dissect.Offer{Mid: true})
		}
		d.send(c2s, "ab")
		d.Gap(c2s, 4)
		d.send(c2s, "c")
		d.heard(`a client "ab"`, `a client gap 4 after "" (gap)`, "a close",
			`x new swapped=false mid=true exchange=0 token=""`, `x client "c"`)
	})
}

// TestWhatWasAgreedOnIsNotKept checks that the driver lets go of an offer, whose
// strings are parts of the messages that it was made in.
func TestWhatWasAgreedOnIsNotKept(t *testing.T) {
	d := newDriver(t, false)
	d.env.Specs = append(d.env.Specs, d.other("x", nil))
	var terms weak.Pointer[event.Pair]
	d.a.data = func(c *dissect.Conn, _ flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
		params := []event.Pair{{Name: "a", Value: "b"}}
		terms = weak.Make(&params[0])
		return len(p), c.Handoff("x", dissect.Offer{Params: params})
	}
	d.send(c2s, "a")
	d.send(c2s, "b")
	d.heard(`a client "a"`, "a close", `x new swapped=false mid=false exchange=0 token=""`, `x client "b"`)
	runtime.GC()
	if terms.Value() != nil {
		t.Error("the terms are held, though their dissector has let go of them")
	}
	runtime.KeepAlive(d)
}

func TestSkipAndFail(t *testing.T) {
	t.Run("skip", func(t *testing.T) {
		d := newDriver(t, false)
		d.a.data = func(_ *dissect.Conn, dir flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
			if dir == c2s {
				return 1, dissect.Skip
			}
			return len(p), dissect.More
		}
		d.send(c2s, "abc")
		d.send(c2s, "def")
		d.Gap(c2s, 4)
		d.End(c2s, dissect.FIN)
		d.send(s2c, "x")
		d.heard(`a client "abc"`, `a server "x"`)
		if d.Opaque() || d.Offset(c2s) != 10 {
			t.Errorf("opaque %t, offset %d", d.Opaque(), d.Offset(c2s))
		}
	})
	t.Run("fail", func(t *testing.T) {
		d := newDriver(t, false)
		d.a.data = func(_ *dissect.Conn, dir flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
			if dir == c2s {
				return 0, dissect.Wait
			}
			return 1, dissect.Fail
		}
		d.env.Specs[0].Join = func(_ flow.Dir, p []byte) dissect.Match {
			if p[0] == 'j' {
				return dissect.Yes
			}
			return dissect.No
		}
		d.SetProtocol("a")
		d.send(c2s, "abc")
		d.send(s2c, "xyz")
		d.send(c2s, "d")
		d.heard(`a client "abc"`, `a server "xyz"`, "a close")
		if d.Protocol() != "" || d.Offset(c2s) != 4 || d.Offset(s2c) != 3 {
			t.Errorf("protocol %q, offsets %d %d", d.Protocol(), d.Offset(c2s), d.Offset(s2c))
		}
		d.host.Ack = 3
		d.send(c2s, "joined")
		d.heard(`a client "joined"`)
	})
}

// TestHostIsPassedOn checks what a dissector can ask about the segments below.
func TestHostIsPassedOn(t *testing.T) {
	d := newDriver(t, false)
	d.host.Ack, d.host.Second, d.host.Lost, d.host.Shake = 3, [2]bool{true, false}, [2]time.Duration{5, 6}, 7
	d.host.Lacks[s2c], d.host.Left[s2c], d.host.Resets = true, 8, new(s2c)
	by, reset := d.Resetter()
	shake, ok := d.Connect()
	if d.Acked(c2s, 0) != 3 || !d.Answers(c2s) || d.Answers(s2c) || d.Stalled(s2c) != 6 || d.AckedByFIN(s2c) != 8 || by != s2c || !reset || shake != 7 || !ok || !d.Owed(s2c) || d.Owed(c2s) {
		t.Error("the host says something else")
	}
	d.End(s2c, dissect.Expired)
	if d.Owed(s2c) || d.EndOf(s2c) != dissect.Expired || d.EndOf(c2s) != dissect.Open {
		t.Error("nothing is owed after the end")
	}
	d.Anomaly(c2s, &event.Code{Name: "x"}, 3, "detail")
	if f := d.host.Facts[0]; f.Exchange != 3 || f.Dir != c2s {
		t.Errorf("%+v", f)
	}
}

// TestWhereBytesCameFrom checks what is known of each byte that is held.
func TestWhereBytesCameFrom(t *testing.T) {
	d := newDriver(t, false)
	d.env.Specs[0].New = func(dissect.Offer) dissect.Dissector { return hoards{} }
	d.Begin(c2s, -7)
	for i, frame := range []uint64{5, 9, 6} {
		d.host.Mark.Frame, d.host.Ack = frame-1, int64(10*i)
		d.send(c2s, "ab")
		d.Begin(c2s, 100) // it has begun
	}
	if d.Offset(c2s) != -7 || d.At(c2s, 3).Frame != 9 || d.At(c2s, 4).Frame != 6 {
		t.Errorf("offset %d, frames %d %d", d.Offset(c2s), d.At(c2s, 3).Frame, d.At(c2s, 4).Frame)
	}
	for _, tc := range []struct {
		i, n int
		want uint64
	}{{0, 2, 5}, {0, 3, 9}, {0, 6, 9}, {4, 6, 6}, {1, 2, 5}} {
		if got := d.Latest(c2s, tc.i, tc.n).Frame; got != tc.want {
			t.Errorf("the latest of bytes %d to %d is of frame %d, want %d", tc.i, tc.n, got, tc.want)
		}
	}
	for i, want := range []int64{0, 0, 10, 10, 20, 20} {
		if got := d.Acked(c2s, i); got != want {
			t.Errorf("byte %d acknowledged %d, want %d", i, got, want)
		}
	}
	for i, want := range []int{0, 2, 2, 4, 4, 6} {
		if got := d.Turn(c2s, i, 6); got != want {
			t.Errorf("the turn from byte %d on is %d, want %d", i, got, want)
		}
	}
}

// hoards consumes nothing.
type hoards struct{}

func (hoards) Data(*dissect.Conn, flow.Dir, []byte, bool) (int, dissect.Verdict) {
	return 0, dissect.More
}
func (hoards) Gap(*dissect.Conn, flow.Dir, uint64) dissect.Verdict { return dissect.More }

// TestBuffersAreReused checks that carrying allocates only at first.
func TestBuffersAreReused(t *testing.T) {
	d := newDriver(t, false)
	d.env.Specs[0].New = func(dissect.Offer) dissect.Dissector { return pairs{} }
	p := []byte("x")
	d.Data(c2s, p)
	if n := testing.AllocsPerRun(1000, func() {
		d.Data(c2s, p)
		d.Data(c2s, p)
	}); n != 0 {
		t.Errorf("%v allocations for a carried byte", n)
	}
}

// pairs consumes bytes two by two.
type pairs struct{}

func (pairs) Data(_ *dissect.Conn, _ flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
	return len(p) &^ 1, dissect.More
}
func (pairs) Gap(*dissect.Conn, flow.Dir, uint64) dissect.Verdict { return dissect.More }

// starter speaks before the first byte, and counts with others of the shard.
type starter struct{ pairs }

func (starter) Start(c *dissect.Conn) {
	n := c.Shared("starter", func() any { return new(int) }).(*int)
	*n++
	c.Emit(dissect.Fact{Body: &said{kind: "start", text: strconv.Itoa(*n)}})
}

func TestStarterSpeaksBeforeTheFirstByte(t *testing.T) {
	other := dissect.Spec{Name: "starter", New: func(dissect.Offer) dissect.Dissector { return starter{} }}
	env := &dissect.Env{Limits: dissect.DefaultLimits(), Specs: []dissect.Spec{linesSpec, other}}
	for _, want := range []string{"1", "2"} { // in two flows of a shard
		h := &dissecttest.Host{}
		var c dissect.Conn
		c.Init(env, h, false)
		c.Data(flow.ClientToServer, []byte("HELLO a\nSWITCH starter\n"))
		c.Data(flow.ServerToClient, []byte("OK a\nOK SWITCH starter\n"))
		last := h.Facts[len(h.Facts)-1].Body.(*said)
		if last.kind != "start" || last.text != want {
			t.Errorf("the last fact is %s %q, want start %q", last.kind, last.text, want)
		}
	}
}
