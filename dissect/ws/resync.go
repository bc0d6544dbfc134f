package ws

import (
	"math"
	"unicode/utf8"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// Evidence that bytes are frames is counted in bits: n bits are what one in 2^n
// places in random bytes would show. It comes from each of the headers in a row,
// from text, and from a header where its sender goes on after it has received
// something, as who answers does. Where segments begin is none: it is not the
// sender's doing, and changes from capture to capture.
const (
	enough     = 30 // to go on after a hole, or to take a flow for a WebSocket
	headerBits = 5  // 9 of 256 first bytes, and the mask bit
	looseBits  = 2  // the same, where an extension may use any reserved bit
	turnBits   = 10 // a header where its sender begins anew, or a frame that ends with the stream
	longBits   = 40 // a length in eight bytes, of which the upper five are 0
)

const (
	maxSample = 32       // bytes of text that are looked at
	maxSought = 1 << 20  // no longer frame is believed in
	maxHeld   = 16 << 10 // bytes to hold until they are proved to be frames
	maxChains = 32       // chains to follow at once; in random bytes there are about eight
	doubts    = 6        // headers to look at twice, once frames were found
)

// search is a direction that looks for frames, at each of its bytes.
type search struct {
	begun  bool
	seen   int64 // stream offset of the first byte at which none was looked for
	chains []chain
}

// chain is what may be frames in a row.
type chain struct {
	first int64 // stream offset of the first of them
	next  int64 // of the header to come
	bits  int   // of evidence so far
}

// seek makes the direction look for a frame, beginning with what comes next.
func (h *half) seek() {
	h.state, h.search = searching, new(search)
}

// join makes both directions look for frames: the flow was joined in its middle.
// Whether messages are compressed is not known; RSV1 has no other use.
func (d *dissector) join(c *dissect.Conn) {
	d.mid = true
	c.SetProtocol("websocket")
	c.Emit(dissect.Fact{Body: &Open{Opened: "midstream", Version: -1}, Exchange: d.exchange, NoDir: true})
	for r := range d.half {
		h := &d.half[r]
		h.deflate.agree(Deflate{WindowBits: maxWindow, Takeover: true})
		d.lose(&feed{c: c, dir: d.dirOf(h.role)}, h, event.Gap)
		h.pings().forget(math.MinInt64) // all before it
		h.seek()
	}
}

// seek consumes what cannot be the beginning of a frame, and reports that one
// was found.
func (d *dissector) seek(f *feed, h *half) (found bool) {
	s, off := h.search, f.offset()
	if !s.begun {
		s.begun, s.seen = true, off
	}
	r := d.rules(h.role)
	for int(s.seen-off) < len(f.rest()) {
		switch first, m := s.look(f, r, int(s.seen-off)); m {
		case dissect.Yes:
			h.resume(f, first)
			return true
		case dissect.Maybe:
			s.hold(f, off)
			return false
		case dissect.No:
			s.seen++
		}
	}
	if f.end {
		if first, ok := s.last(f); ok {
			h.resume(f, first)
			return true
		}
	}
	s.hold(f, off)
	return false
}

// resume goes on with the frame at a stream offset, or where that is no longer
// held, with the one that proved it.
func (h *half) resume(f *feed, first int64) {
	if first < f.offset() {
		first = h.search.seen
	}
	f.take(int(first - f.offset()))
	h.state, h.search, h.doubt = atHeader, nil, doubts
}

// look looks at byte i of the rest. Yes comes with the stream offset of the first
// frame of the chain that was proved.
func (s *search) look(f *feed, r rules, i int) (first int64, m dissect.Match) {
	p := f.rest()[i:]
	if !r.first(p[0]) {
		s.end(s.seen)
		return 0, dissect.No
	}
	x := r.frame(p, f.end)
	switch x.match {
	case dissect.Maybe:
		return 0, dissect.Maybe
	case dissect.No:
		s.end(s.seen)
		return 0, dissect.No
	case dissect.Yes:
	}
	c := s.end(s.seen)
	c.bits += x.bits
	if f.turns(i) {
		c.bits += turnBits
	}
	if c.bits >= enough {
		return c.first, dissect.Yes
	}
	c.next = s.seen + int64(x.size)
	s.follow(c)
	return 0, dissect.No
}

// end takes away the chains that were to go on at a stream offset, and returns
// the best of them, or one that begins there.
func (s *search) end(at int64) chain {
	best := chain{first: at}
	for i := 0; i < len(s.chains); {
		c := s.chains[i]
		if c.next != at {
			i++
			continue
		}
		if c.bits > best.bits {
			best = c
		}
		last := len(s.chains) - 1
		s.chains[i], s.chains = s.chains[last], s.chains[:last]
	}
	return best
}

// follow adds a chain. Where there are too many, that with the least evidence
// goes.
func (s *search) follow(c chain) {
	if len(s.chains) < maxChains {
		s.chains = append(s.chains, c)
		return
	}
	least := 0
	for i := range s.chains {
		if s.chains[i].bits < s.chains[least].bits {
			least = i
		}
	}
	if s.chains[least].bits < c.bits {
		s.chains[least] = c
	}
}

// last is the first frame of a chain that ends where the bytes do, at the end of
// the stream or before a hole. It takes that chain away.
func (s *search) last(f *feed) (first int64, ok bool) {
	end := f.offset() + int64(len(f.rest()))
	c := s.end(end)
	return c.first, c.bits+turnBits >= enough && c.first < end
}

// hold lets go of what is not needed, which is all but the bytes of chains that
// are not too long, from stream offset off on.
func (s *search) hold(f *feed, off int64) {
	keep := s.seen
	for i := range s.chains {
		if first := s.chains[i].first; first >= s.seen-maxHeld {
			keep = min(keep, first)
		}
	}
	f.take(int(max(0, keep-off)))
}

// rules are what frames of one sender may look like.
type rules struct {
	role   role
	rsv1   bool // messages may be compressed
	anyRSV bool // an extension may use every reserved bit
}

func (d *dissector) rules(r role) rules {
	return rules{role: r, rsv1: d.half[r].deflate.agreed, anyRSV: d.opaque}
}

// proof is what bytes say about being a frame.
type proof struct {
	match dissect.Match
	bits  int
	size  uint64 // of the whole frame
}

// frame judges the bytes that a frame may begin with. end says that there will
// be no more.
func (r rules) frame(p []byte, end bool) proof {
	hd, n := parseHeader(p)
	if n == 0 {
		if end || len(p) > 0 && !r.first(p[0]) || len(p) > 1 && (p[1]&0x80 != 0) != (r.role == client) {
			return proof{}
		}
		return proof{match: dissect.Maybe}
	}
	if !r.plausible(&hd) {
		return proof{}
	}
	x := proof{match: dissect.Yes, bits: headerBits, size: uint64(n) + hd.length}
	if r.anyRSV {
		x.bits = looseBits
	}
	if hd.length >= 1<<16 {
		x.bits += longBits
	}
	if hd.opcode != opText || hd.rsv != 0 {
		return x
	}
	sample := p[n:][:min(uint64(len(p)-n), hd.length, maxSample)]
	if len(sample) < int(min(hd.length, maxSample)) && !end {
		return proof{match: dissect.Maybe}
	}
	return x.text(&hd, sample)
}

// first reports whether a frame may begin with this byte.
func (r rules) first(b byte) bool {
	hd := header{fin: b&bitFIN != 0, rsv: b & rsvBits, opcode: opcode(b & 0xf), masked: r.role == client}
	return r.plausible(&hd)
}

// plausible reports a header that is right to the letter.
func (r rules) plausible(hd *header) bool {
	switch {
	case !hd.opcode.known(), hd.padded, hd.length > maxSought, hd.masked != (r.role == client):
		return false
	case hd.opcode.control() && (!hd.fin || hd.length > maxControl):
		return false
	case r.anyRSV:
		return true
	case hd.opcode.control() || hd.opcode == opContinuation || !r.rsv1:
		return hd.rsv == 0
	}
	return hd.rsv&^bitRSV1 == 0
}

// text adds what the beginning of a text message says.
func (x proof) text(hd *header, sample []byte) proof {
	var buf [maxSample]byte
	if hd.masked {
		sample = hd.unmask(buf[:], sample, 0)
	}
	if !utf8.Valid(sample[:len(sample)-partial(sample)]) {
		return proof{}
	}
	// In the middle of a text, all of it is text; but there no byte has its
	// upper bit set, unless it is a part of a character.
	if hd.masked || hd.fin {
		for _, c := range sample {
			if c < ' ' && c != '\n' && c != '\r' && c != '\t' {
				return x
			}
		}
		x.bits += len(sample)
	}
	return x
}

// join looks at bytes from the middle of a stream, whose sender plays a role:
// frames in a row must show that they are some.
func join(dir flow.Dir, p []byte) dissect.Match {
	r := rules{role: role(dir), rsv1: true}
	for bits := 0; ; {
		x := r.frame(p, false)
		if x.match != dissect.Yes {
			return x.match
		}
		if bits += x.bits; bits >= enough {
			return dissect.Yes
		}
		if x.size >= uint64(len(p)) {
			return dissect.Maybe
		}
		p = p[x.size:]
	}
}
