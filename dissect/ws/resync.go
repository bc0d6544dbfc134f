package ws

import (
	"sort"
	"unicode/utf8"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/flow"
)

// Evidence that bytes are frames is counted in bits: n bits are what one in 2^n
// runs of random bytes would show. It comes from each header in a row, from a
// frame that ends where a segment does, and from text.
const (
	enough     = 20 // to go on after a hole, in what is known to be a WebSocket
	plenty     = 30 // to take a flow for a WebSocket
	headerBits = 5  // 9 of 256 first bytes, and the mask bit
	looseBits  = 2  // the same, where an extension may use any reserved bit
	edgeBits   = 10 // a header at the start of a segment of the usual size
	longBits   = 40 // a length in eight bytes, of which the upper five are 0
)

const (
	maxSample = 32       // bytes of text that are looked at
	maxSought = 1 << 20  // no longer frame is believed in
	maxHeld   = 16 << 10 // bytes to hold until they are proved to be frames
)

// search is a direction that looks for frames: at the start of each segment, as
// senders mostly write whole frames. The frames behind that must prove it.
type search struct {
	here   bool   // the rest begins where a frame may begin
	gone   bool   // the first frame in question is no longer held
	before uint64 // the capture's frame of the byte before the rest, 0 after a hole
	ahead  uint64 // bytes from the start of the rest to the header to look at next
	bits   int    // of evidence so far
}

// seek makes the direction look for a frame, beginning with what comes next.
func (h *half) seek() {
	h.state, h.search = searching, search{here: true}
}

// join makes both directions look for frames: the flow was joined in its middle.
// Whether messages are compressed is not known; RSV1 has no other use.
func (d *dissector) join(c *dissect.Conn) {
	d.mid, d.fresh = true, true
	c.SetProtocol("websocket")
	c.Emit(dissect.Fact{Body: &Open{Opened: "midstream", Version: -1}, Exchange: d.exchange, NoDir: true})
	for r := range d.half {
		h := &d.half[r]
		h.deflate.agree(Deflate{WindowBits: maxWindow, Takeover: true})
		h.lose()
		h.seek()
	}
}

// seek consumes what cannot be the beginning of a frame, and reports that one
// was found.
func (d *dissector) seek(f *feed, h *half) (found bool) {
	s := &h.search
	if d.fresh && len(f.rest()) > 0 { // the bytes that join has judged
		d.fresh = false
		if join(flow.Dir(h.role), f.rest()) == dissect.Yes {
			h.state = atHeader
			return true
		}
	}
	for len(f.rest()) > 0 {
		if !s.here && !s.skip(f) {
			return false
		}
		switch d.follow(f, h) {
		case dissect.Yes:
			if s.gone {
				f.take(int(s.ahead))
			}
			h.state = atHeader
			return true
		case dissect.Maybe:
			s.hold(f)
			return false
		case dissect.No:
			if !s.gone {
				s.pass(f, 1)
			}
			s.here = false
		}
	}
	return false
}

// skip consumes the rest up to the start of a segment, and reports whether there
// is one.
func (s *search) skip(f *feed) bool {
	n := len(f.rest())
	if f.at(n-1).Frame != s.before {
		// Frames do not come back, so that the first byte of another is found
		// by halves.
		n = sort.Search(n, func(i int) bool { return f.at(i).Frame != s.before })
	}
	if n > 0 {
		s.pass(f, n)
	}
	*s = search{here: true, before: s.before}
	return len(f.rest()) > 0
}

// pass consumes n bytes, of which no frame begins at the first.
func (s *search) pass(f *feed, n int) {
	s.before = f.at(n - 1).Frame
	f.take(n)
}

// hold lets go of frames that are too long to be held until they are proved.
func (s *search) hold(f *feed) {
	n := len(f.rest())
	if n <= maxHeld || s.ahead < uint64(n) {
		return
	}
	s.pass(f, n)
	s.ahead, s.gone = s.ahead-uint64(n), true
}

// follow goes from header to header for as long as they may be some.
func (d *dissector) follow(f *feed, h *half) dissect.Match {
	s, p := &h.search, f.rest()
	for s.ahead < uint64(len(p)) {
		at := int(s.ahead)
		x := d.rules(h.role).frame(p[at:], f.end)
		if x.match != dissect.Yes {
			return x.match
		}
		if s.bits += x.bits; s.edge(f, at) {
			s.bits += edgeBits
		}
		if s.bits >= enough {
			return dissect.Yes
		}
		s.ahead += x.size
	}
	if f.end && s.ahead == uint64(len(p)) && s.bits+edgeBits >= enough {
		s.ahead, s.gone = 0, false
		return dissect.Yes
	}
	return dissect.Maybe
}

// edge reports that a segment begins at byte i of the rest, and another frame
// was to end there.
func (s *search) edge(f *feed, i int) bool {
	switch {
	case i > 0:
		return f.at(i-1).Frame != f.at(i).Frame
	case s.gone:
		return s.before != f.at(0).Frame
	}
	return false
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
		if len(p) > 0 && !r.first(p[0]) || len(p) > 1 && (p[1]&0x80 != 0) != (r.role == client) {
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
		if bits += x.bits; bits >= plenty {
			return dissect.Yes
		}
		if x.size >= uint64(len(p)) {
			return dissect.Maybe
		}
		p = p[x.size:]
	}
}
