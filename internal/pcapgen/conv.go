package pcapgen

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// maxSegment is the most data of one segment: with every header and all the
// options it still fits a datagram. With "tso" there is maxOffload.
const (
	maxSegment = 65000
	maxOffload = 250000
)

// conv is one flow: its two ends (client, server) as the generator keeps them.
type conv struct {
	ends [2]end
	mss  int
}

// end is one end of a flow.
type end struct {
	addr netip.AddrPort
	iss  uint32 // initial send sequence number
	nxt  uint32 // SND.NXT, from the start as if the SYN had been sent
	win  uint16
	sent []sent // segments with data, for "again"
}

type sent struct {
	seq  uint32
	data []byte
}

func newConv(client, server netip.AddrPort) *conv {
	f := &conv{mss: 1460}
	for i, a := range []netip.AddrPort{client, server} {
		f.ends[i] = end{addr: a, win: 64240}
		f.ends[i].start(uint32(1000 + 4000*i)) // 1000 and 5000
	}
	return f
}

func (e *end) start(iss uint32) { e.iss, e.nxt = iss, iss+1 }

// index is the place of an end in ends.
func index(server bool) int {
	if server {
		return 1
	}
	return 0
}

// send is a ">" or "<" line with those that continue it.
func (c *compiler) send(server bool, t *tokens, conts []string) error {
	m := newMods()
	data, err := c.content(t, m)
	if err != nil {
		return err
	}
	for _, l := range conts {
		p, err := c.continuation(l)
		if err != nil {
			return err
		}
		data = append(data, p...)
	}
	return c.transmit(index(server), data, m)
}

// content is what follows ">" on its own line: data and modifiers, mixed.
func (c *compiler) content(t *tokens, m *mods) ([]byte, error) {
	var data []byte
	for t.more() {
		if !c.starts(t) {
			if err := m.parse(t.take()); err != nil {
				return nil, err
			}
			continue
		}
		p, err := c.all(t)
		if err != nil {
			return nil, err
		}
		data = append(data, p...)
	}
	return data, nil
}

func (c *compiler) continuation(l string) ([]byte, error) {
	if l[0] == '|' {
		s, err := unescape(strings.TrimPrefix(l[1:], " "))
		return []byte(s + "\r\n"), err
	}
	list, err := lex(l[1:])
	if err != nil {
		return nil, err
	}
	t := &tokens{list}
	p, err := c.all(t)
	if err != nil {
		return nil, err
	}
	return p, t.none()
}

// transmit sends data, or a segment without any, from one end of the current
// flow, and the acknowledgment of the other.
func (c *compiler) transmit(from int, data []byte, m *mods) error {
	segs, err := c.segments(from, data, m)
	if err != nil {
		return err
	}
	if m.win >= 0 {
		c.cur.ends[from].win = uint16(m.win) // parsed as 16 bits
	}
	latest := c.now
	for i := range segs {
		delay := m.delayOf(i + 1)
		c.sendOne(from, &segs[i], i+1, m)
		if t := c.now.Add(delay); t.After(latest) {
			latest = t
		}
		c.tick()
	}
	if !c.wantsAck(segs, m) {
		return nil
	}
	if t := latest.Add(c.step); t.After(c.now) {
		c.now = t
	}
	c.acknowledge(1 - from)
	return nil
}

func (c *compiler) wantsAck(segs []segment, m *mods) bool {
	if m.noAck || c.noAcks {
		return false
	}
	for i := range segs {
		s := &segs[i]
		if s.flags&(syn|rst) != 0 {
			return false
		}
		if len(s.payload) > 0 || s.flags&fin != 0 || m.keepalive {
			return true
		}
	}
	return false
}

// acknowledge sends an empty segment that acknowledges all there is.
func (c *compiler) acknowledge(from int) {
	e, peer := &c.cur.ends[from], &c.cur.ends[1-from]
	s := segment{src: e.addr, dst: peer.addr, seq: e.nxt, ack: peer.nxt, flags: ack, win: e.win}
	c.sendOne(from, &s, 1, newMods())
	c.tick()
}

// segments are those that carry data as m says, in order.
func (c *compiler) segments(from int, data []byte, m *mods) ([]segment, error) {
	e := &c.cur.ends[from]
	if m.again > 0 {
		if len(data) > 0 || m.again > len(e.sent) {
			return nil, fmt.Errorf("again=%d: no such segment was sent", m.again)
		}
		old := e.sent[len(e.sent)-m.again]
		return []segment{c.segment(from, old.seq, old.data, psh|ack, m)}, nil
	}
	if len(data) == 0 && m.empty() {
		return nil, errors.New("nothing to send")
	}
	parts, err := m.cut(data, c.cur.mss)
	if err != nil {
		return nil, err
	}
	seq := c.firstSeq(e, m)
	var out []segment
	for i, p := range parts {
		s := c.segment(from, seq, p, m.flagsOf(i, len(parts), len(p) > 0), m)
		seq += s.space()
		out = append(out, s)
	}
	return out, nil
}

// firstSeq is the sequence number that a statement begins with.
func (c *compiler) firstSeq(e *end, m *mods) uint32 {
	seq := e.nxt
	switch {
	case m.bits&syn != 0:
		seq = e.iss
	case m.keepalive:
		seq--
	}
	return m.seq.resolve(seq, e.iss+1)
}

func (c *compiler) segment(from int, seq uint32, p []byte, flags byte, m *mods) segment {
	e, peer := &c.cur.ends[from], &c.cur.ends[1-from]
	s := segment{src: e.addr, dst: peer.addr, seq: seq, flags: flags, win: e.win, payload: p, badSum: m.badSum}
	if m.win >= 0 {
		s.win = uint16(m.win) // parsed as 16 bits
	}
	if flags&ack != 0 || m.ack.set {
		s.ack = m.ack.resolve(peer.nxt, peer.iss+1)
	}
	switch {
	case m.opts != nil:
		s.opts = m.opts(peer.iss + 1)
	case flags&syn != 0:
		s.opts = synOptions(c.cur.mss)
	}
	return s
}

// space is what the segment takes of sequence space (RFC 9293 §3.4).
func (s *segment) space() uint32 {
	n := uint32(len(s.payload)) // at most maxOffload
	if s.flags&syn != 0 {
		n++
	}
	if s.flags&fin != 0 {
		n++
	}
	return n
}

// sendOne sends the nth segment of a statement: it goes into the capture as
// often and as late as m says, and counts as sent.
func (c *compiler) sendOne(from int, s *segment, nth int, m *mods) {
	e := &c.cur.ends[from]
	if n := s.seq + s.space(); s.space() > 0 && int32(n-e.nxt) > 0 && !m.stay { // modulo 2^32
		e.nxt = n
	}
	if len(s.payload) > 0 && m.again == 0 {
		e.sent = append(e.sent, sent{s.seq, s.payload})
	}
	c.nextID[from]++
	if c.hidden[from] || m.lost.has(nth) {
		return
	}
	frames := c.frameUp(from, s, m)
	copies := 1
	if m.dup.has(nth) {
		copies = 2
	}
	for i := range copies {
		for _, p := range frames {
			c.emit(p, m.delayOf(nth)+time.Duration(i)*c.step/2, m.snap)
		}
	}
}

// frameUp is the segment in a frame, or in one for each fragment.
func (c *compiler) frameUp(from int, s *segment, m *mods) [][]byte {
	src, dst := s.src.Addr(), s.dst.Addr()
	d := datagram{src: src, dst: dst, id: c.nextID[from], payload: s.tcp(), noLength: m.tso}
	packets := [][]byte{d.packet()}
	if m.frag > 0 {
		packets = d.fragments(m.frag)
	}
	var out [][]byte
	for i, p := range packets {
		if i+1 != m.fragLost {
			out = append(out, c.link.wrap(p, src, dst, from == 1))
		}
	}
	if m.fragReverse {
		for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
			out[i], out[j] = out[j], out[i]
		}
	}
	return out
}

// handshake is SYN, SYN+ACK, ACK (RFC 9293 §3.5).
func (c *compiler) handshake() error {
	for i, bits := range []byte{syn, syn | ack, ack} {
		m := newMods()
		m.bits = bits
		if err := c.transmit(i%2, nil, m); err != nil {
			return err
		}
	}
	return nil
}

// teardown is FIN, ACK, FIN, ACK (RFC 9293 §3.6).
func (c *compiler) teardown(t *tokens) error {
	first := 0
	if t.more() {
		server, err := choice(t, "server", "client")
		if err != nil {
			return err
		}
		first = index(server)
	}
	for _, from := range []int{first, 1 - first} {
		m := newMods()
		m.bits = fin | ack
		if err := c.transmit(from, nil, m); err != nil {
			return err
		}
	}
	return nil
}
