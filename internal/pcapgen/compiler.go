package pcapgen

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

const maxSnaplen = 262144

// compiler runs a source, statement by statement.
type compiler struct {
	exprs
	now     time.Time
	step    time.Duration
	nanos   bool
	snaplen int
	link    link
	hidden  [2]bool // sides whose frames are not captured
	noAcks  bool
	flows   map[string]*conv
	cur     *conv
	nextID  [2]uint16 // IP identification
	frames  []frame
}

func newCompiler() *compiler {
	c := &compiler{
		exprs:   exprs{vars: map[string][]byte{}},
		now:     time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		step:    time.Millisecond,
		snaplen: maxSnaplen,
		link:    link{kind: "ethernet"},
		flows:   map[string]*conv{},
		nextID:  [2]uint16{0x1000, 0x2000},
	}
	c.cur = newConv(netip.MustParseAddrPort("192.0.2.1:40000"), netip.MustParseAddrPort("198.51.100.2:80"))
	return c
}

func (c *compiler) statement(st statement) error {
	list, err := lex(st.text)
	if err != nil {
		return err
	}
	t := &tokens{list}
	if name, ok := strings.CutSuffix(t.peek().text, ":"); ok && t.peek().kind == word {
		t.take()
		f := c.flows[name]
		if f == nil {
			return fmt.Errorf("flow %q is not declared", name)
		}
		defer func(was *conv) { c.cur = was }(c.cur)
		c.cur = f
	}
	k := t.take()
	if k.text == ">" || k.text == "<" {
		return c.send(k.text == "<", t, st.conts)
	}
	if len(st.conts) > 0 {
		return fmt.Errorf("only > and < can be continued, not %q", k.text)
	}
	if err := c.directive(k.text, t); err != nil {
		return err
	}
	return t.none()
}

// directive is any statement but a sending.
func (c *compiler) directive(name string, t *tokens) (err error) {
	switch name {
	case "start":
		c.now, err = time.Parse(time.RFC3339Nano, t.take().text)
	case "step":
		c.step, err = duration(t.take().text)
	case "precision":
		c.nanos, err = choice(t, "ns", "us")
	case "snaplen":
		c.snaplen, err = t.number(name)
	case "link":
		c.link, err = parseLink(t)
	case "capture":
		err = c.capture(t.take().text)
	case "acks":
		c.noAcks, err = choice(t, "off", "on")
	case "let":
		err = c.let(t)
	case "frame":
		err = c.anyFrame(t)
	case "flow":
		err = c.flow(t)
	case "handshake":
		err = c.handshake()
	case "close":
		err = c.teardown(t)
	default:
		return c.pass(name)
	}
	return err
}

// choice is true for the one word, false for the other.
func choice(t *tokens, yes, no string) (bool, error) {
	k := t.take().text
	if k != yes && k != no {
		return false, fmt.Errorf("%q or %q expected, not %q", yes, no, k)
	}
	return k == yes, nil
}

func duration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("bad duration %q", s)
	}
	return d, nil
}

func (c *compiler) pass(s string) error {
	rest, ok := strings.CutPrefix(s, "+")
	if !ok {
		return fmt.Errorf("unknown statement %q", s)
	}
	d, err := duration(rest)
	c.now = c.now.Add(d)
	return err
}

func (c *compiler) capture(s string) error {
	modes := map[string][2]bool{"both": {false, false}, "client": {false, true}, "server": {true, false}, "off": {true, true}}
	m, ok := modes[s]
	if !ok {
		return fmt.Errorf("capture both, client, server or off, not %q", s)
	}
	c.hidden = m
	return nil
}

func (c *compiler) let(t *tokens) error {
	name := t.take().text
	if err := t.expect(word, "=", "let "+name); err != nil {
		return err
	}
	p, err := c.all(t)
	c.vars[name] = p
	return err
}

func (c *compiler) anyFrame(t *tokens) error {
	p, err := c.all(t)
	if err != nil {
		return err
	}
	c.emit(p, 0, c.snaplen)
	c.tick()
	return nil
}

// emit adds a frame to the capture, later than now by delay.
func (c *compiler) emit(p []byte, delay time.Duration, snap int) {
	c.frames = append(c.frames, frame{at: c.now.Add(delay), data: p, snap: min(snap, c.snaplen)})
}

func (c *compiler) tick() { c.now = c.now.Add(c.step) }

// flow declares a flow and makes it the current one.
func (c *compiler) flow(t *tokens) error {
	name := t.take().text
	client, err := netip.ParseAddrPort(t.take().text)
	if err != nil {
		return fmt.Errorf("flow %s: client: %w", name, err)
	}
	if err := t.expect(word, ">", "flow "+name); err != nil {
		return err
	}
	server, err := netip.ParseAddrPort(t.take().text)
	if err != nil {
		return fmt.Errorf("flow %s: server: %w", name, err)
	}
	if client.Addr().Is4() != server.Addr().Is4() {
		return errors.New("client and server are not of one address family")
	}
	c.cur = newConv(client, server)
	c.flows[name] = c.cur
	for t.more() {
		if err := c.cur.option(t.take().text); err != nil {
			return err
		}
	}
	return nil
}

// option is one NAME=VALUE of a flow line.
func (f *conv) option(s string) error {
	name, val, _ := strings.Cut(s, "=")
	first, second, pair := strings.Cut(val, ",")
	a, err := strconv.ParseUint(first, 10, 32)
	if err != nil {
		return fmt.Errorf("bad flow option %q", s)
	}
	switch {
	case name == "isn" && pair:
		b, err := strconv.ParseUint(second, 10, 32)
		if err != nil {
			return fmt.Errorf("bad flow option %q", s)
		}
		f.ends[0].start(uint32(a))
		f.ends[1].start(uint32(b))
	case name == "mss" && !pair && a > 0 && a <= maxSegment:
		f.mss = int(a)
	case name == "win" && !pair && a <= 0xffff:
		f.ends[0].win, f.ends[1].win = uint16(a), uint16(a)
	default:
		return fmt.Errorf("bad flow option %q", s)
	}
	return nil
}
