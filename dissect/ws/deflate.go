package ws

import (
	"example.com/wirewatch/content/inflate"
	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// deflate is permessage-deflate in one direction (RFC 7692 §7).
type deflate struct {
	decoder  *inflate.Decoder // nil until a message is compressed
	in, out  uint64           // bytes that it took and wrote, of all messages
	bits     uint8            // of the window
	agreed   bool
	takeover bool             // a message may refer to those before it
	lost     bool             // messages that later ones may refer to were not inflated
	why      event.Incomplete // why the bytes are not known that copy what is not
}

// agree takes what the handshake says.
func (x *deflate) agree(a Deflate) {
	x.agreed, x.takeover, x.bits = true, a.Takeover, uint8(a.WindowBits)
}

// lose notes that what later messages may refer to is not known, and that the
// one in progress is not inflated further. What the decoder holds is of no use.
func (x *deflate) lose() {
	x.lost = x.agreed && x.takeover
	if x.decoder != nil {
		x.decoder.Forget()
	}
}

// begin prepares for a message, and reports whether it is the first that may
// refer to what is not known.
func (x *deflate) begin(s *shared) (lost bool) {
	if x.decoder == nil {
		x.decoder = s.pool.New(int(x.bits))
	}
	switch {
	case x.lost:
		x.decoder.Forget()
		x.why = event.Gap
		lost, x.lost = true, false
	case !x.takeover:
		x.decoder.Reset()
	}
	return lost
}

// rest is for the time between messages.
func (x *deflate) rest() {
	if !x.takeover {
		x.decoder.Reset()
	}
	x.decoder.Release()
}

// close gives back what the decoder has borrowed.
func (x *deflate) close() {
	if x.decoder != nil {
		x.decoder.Reset()
	}
}

// resume comes before more is inflated: it reports that meanwhile the history was
// given up, for the limit that the decoders of the shard share.
func (d *dissector) resume(f *feed, h *half) {
	if x := &h.deflate; x.decoder.Evicted() {
		x.why = event.Limit
		d.report(f, h, windowLimit, "")
	}
}

// inflate takes the next bytes of a compressed message.
func (d *dissector) inflate(f *feed, h *half, p []byte) {
	d.resume(f, h)
	for m, x := h.msg, &h.deflate; !m.stopped; {
		// The output stops at multiples of piece, so that the limit is judged
		// at the same places however the input is cut.
		out := d.shared.inflated[:piece-m.size%piece]
		n, size, err := x.decoder.Decode(out, p)
		p = p[n:]
		x.in, x.out = x.in+uint64(n), x.out+uint64(size)
		d.inflated(f, h, out[:size])
		if err != nil {
			d.fail(f, h, inflateFailed, event.Malformed, err.Error())
			return
		}
		if size < len(out) {
			return // p is used up
		}
		if x.limited(f.c.Limits(), m.size, m.wire-uint64(len(p))) {
			d.fail(f, h, messageLimit, event.Limit, "")
		}
	}
}

// limited reports that a message of so many bytes in so many compressed ones is
// suspicious: by itself, or as one of many that are small enough, since it may be
// followed by a thousand more. Then it takes twice the ratio, of all and of this
// one: a snapshot that is sent again and again, and is the same each time, comes
// to 150, for DEFLATE needs 15 bits to copy 258 bytes from so far away (RFC 1951
// §3.2.5). What is shorter than a piece is never asked about.
func (x *deflate) limited(l *dissect.Limits, size, wire uint64) bool {
	most, ratio := uint64(max(0, l.Decoded)), uint64(max(1, l.Ratio))
	if size > most {
		return size/ratio > wire
	}
	return x.out > most && x.out/(2*ratio) > x.in && size/(2*ratio) > wire
}

// inflated takes the next bytes of a message, as they were before they were
// compressed. Those that copy what is not known are gaps.
func (d *dissector) inflated(f *feed, h *half, p []byte) {
	m, limit, from := h.msg, f.c.Limits().Body, 0
	for a, b := range h.deflate.decoder.UnknownRanges {
		m.take(p[from:a], limit)
		d.checked(f, h)
		m.miss(h.deflate.why)
		d.gap(f, h, uint64(b-a))
		from = b
	}
	m.take(p[from:], limit)
	d.checked(f, h)
}

// fail stops inflating a message.
func (d *dissector) fail(f *feed, h *half, code *event.Code, why event.Incomplete, detail string) {
	h.msg.stopped = true
	h.deflate.lose()
	d.report(f, h, code, detail)
	h.msg.miss(why)
}

// endInflate ends a compressed message as RFC 7692 §7.2.2 says, unless it was cut.
func (d *dissector) endInflate(f *feed, h *half) {
	d.resume(f, h)
	m := h.msg
	for done := false; !done && !m.stopped; {
		var (
			out  = d.shared.inflated[:]
			size int
			err  error
		)
		if size, done, err = h.deflate.decoder.EndMessage(out); err != nil {
			d.fail(f, h, inflateFailed, event.Malformed, err.Error())
		}
		h.deflate.out += uint64(size)
		d.inflated(f, h, out[:size])
	}
	h.deflate.rest()
}
