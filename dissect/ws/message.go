package ws

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// message is a data message in progress (RFC 6455 §5.4).
type message struct {
	opcode     opcode // of its first frame; opContinuation where that was not seen
	compressed bool
	masked     bool
	opaque     bool // what its payload means is not known here
	stopped    bool // nothing more of it is inflated, and its size will not be known
	full       bool // no more of it can be kept
	crowded    bool // the list of gaps is full
	said       bool // that it is not UTF-8
	why        event.Incomplete
	first      event.Mark
	frames     uint64
	wire       uint64 // bytes of payload, on the wire
	size       uint64 // bytes of the message, those of gaps included
	kept       uint64
	text       strings.Builder // what is kept of text
	data       []byte          // what is kept of anything else
	gaps       []event.Range
	check      checker
}

// miss notes why something is missing. The first reason counts.
func (m *message) miss(why event.Incomplete) {
	if m.why == event.Complete {
		m.why = why
	}
}

// beginData begins a data frame, and a message unless the frame goes on with
// one.
func (d *dissector) beginData(f *feed, h *half, first event.Mark) {
	hd := &h.frame
	switch {
	case hd.opcode != opContinuation && h.msg != nil:
		d.report(f, h, continuationMissing, "")
		d.cut(f, h, event.Malformed)
		h.state = inPayload
		d.start(f, h, first)
	case hd.opcode != opContinuation:
		d.start(f, h, first)
	case h.msg == nil:
		d.startLate(f, h, first)
	}
	h.headless = false
	h.msg.frames++
}

// start begins a message with its first frame.
func (d *dissector) start(f *feed, h *half, first event.Mark) {
	hd := &h.frame
	m := d.shared.message(message{opcode: hd.opcode, masked: hd.masked, first: first, opaque: d.opaque})
	h.msg = m
	if hd.rsv&bitRSV1 == 0 || d.opaque {
		return
	}
	if !h.deflate.agreed { // something was done to it, nobody said what
		m.opaque = true
		return
	}
	m.compressed = true
	if h.deflate.begin(d.shared) {
		d.report(f, h, contextLost, "")
	}
}

// startLate begins a message with a frame that is not its first. Where frames
// are missing that is no surprise; but then whether it is compressed was said in
// one of those.
func (d *dissector) startLate(f *feed, h *half, first event.Mark) {
	m := d.shared.message(message{masked: h.frame.masked, first: first, opaque: d.opaque})
	h.msg = m
	if h.headless {
		m.why = event.Gap
		m.opaque = d.opaque || h.deflate.agreed
		return
	}
	m.why = event.Malformed
	d.report(f, h, continuationUnexpected, "")
}

// write takes the next bytes of a message's payload.
func (d *dissector) write(f *feed, h *half, p []byte) {
	m := h.msg
	m.wire += uint64(len(p))
	if m.compressed {
		d.inflate(f, h, p)
		return
	}
	m.take(p, f.c.Limits().Body)
	d.checked(f, h)
}

// take takes the next bytes of a message. limit is how many are kept, any number
// if negative.
func (m *message) take(p []byte, limit int64) {
	if m.checks() {
		m.check.write(p)
	}
	m.size += uint64(len(p))
	if m.full || len(p) == 0 {
		return
	}
	if room := uint64(limit) - m.kept; limit >= 0 && uint64(len(p)) > room {
		m.full = true
		p = p[:room]
	}
	m.kept += uint64(len(p))
	if m.opcode == opText && !m.opaque {
		m.text.Write(p)
	} else {
		m.data = append(m.data, p...)
	}
}

// checks reports that what comes has to be UTF-8 (RFC 6455 §8.1): text of which
// nothing is missing so far.
func (m *message) checks() bool {
	return m.opcode == opText && !m.opaque && m.why == event.Complete
}

// checked reports what the check of a text message found.
func (d *dissector) checked(f *feed, h *half) {
	if m := h.msg; m.check.bad && !m.said {
		m.said = true
		d.report(f, h, textInvalid, fmt.Sprintf("at byte %d of the message", m.check.off))
	}
}

// missData notes that n bytes of a message's payload are missing.
func (d *dissector) missData(f *feed, h *half, n uint64) {
	m := h.msg
	m.miss(missing(f.c))
	m.wire += n
	if m.compressed { // codes cannot be found again within a block
		m.stopped = true
		h.deflate.lose()
		return
	}
	d.gap(f, h, n)
}

// gap lists n bytes of the message that are not known. Beyond the limit nothing
// is kept any more: what is kept can only be placed with the list.
func (d *dissector) gap(f *feed, h *half, n uint64) {
	m := h.msg
	at := m.size
	m.size += n
	last := len(m.gaps) - 1
	switch {
	case m.crowded:
	case last >= 0 && m.gaps[last].Off+m.gaps[last].Len == at:
		m.gaps[last].Len += n
	case len(m.gaps) < f.c.Limits().Ranges:
		m.gaps = append(m.gaps, event.Range{Off: at, Len: n})
	default:
		m.full, m.crowded = true, true
		d.report(f, h, gapsLimit, "")
	}
}

// endMessage ends a message with its last frame.
func (d *dissector) endMessage(f *feed, h *half) {
	m, t := h.msg, &h.total
	if m.compressed {
		d.endInflate(f, h)
	}
	if m.checks() && !m.check.end() && !m.said {
		d.report(f, h, textInvalid, "it ends within a character")
	}
	if m.compressed && !m.stopped && m.why == event.Complete {
		t.deflated, t.inflated = t.deflated+m.wire, t.inflated+m.size
	}
	d.tell(f, h)
}

// cutMessage ends a message whose last frame will not come.
func (d *dissector) cutMessage(f *feed, h *half) {
	if h.msg.compressed {
		h.deflate.lose()
		h.deflate.rest()
	}
	d.tell(f, h)
}

// tell tells the message, of which no more will come.
func (d *dissector) tell(f *feed, h *half) {
	m := h.msg
	h.total.add(m)
	b := m.body(f.c.Limits())
	d.means(f, h, b)
	f.c.Emit(dissect.Fact{
		Body: b, First: m.first, Dir: f.dir, Exchange: d.exchange, Incomplete: m.why,
	})
	d.shared.free(m)
	h.msg = nil
}

// means says what a text message that was told means in its sub-protocol, as far
// as it is kept. Behind the first gap there is no telling.
func (d *dissector) means(f *feed, h *half, b *Message) {
	m := h.msg
	if !b.isText || m.opcode != opText {
		return
	}
	text, all := b.Text, m.why == event.Complete && !m.full
	if len(m.gaps) > 0 {
		text, all = text[:min(uint64(len(text)), m.gaps[0].Off)], false
	}
	b.RPC = d.rpc.Text(flow.Dir(h.role), text, !all, f.latest())
}

// add counts a message.
func (t *Total) add(m *message) {
	t.Messages++
	t.Bytes += m.size
	t.WireBytes += m.wire
}

// body is what is known of the message.
func (m *message) body(limits *dissect.Limits) *Message {
	b := &Message{
		Opcode: m.opcode.String(), Size: int64(m.size), WireSize: m.wire, Frames: m.frames,
		Compressed: m.compressed, Masked: m.masked, Opaque: m.opaque, Gaps: m.gaps,
	}
	if m.stopped {
		b.Size = -1
	}
	if !limits.KeepsBody() {
		return b
	}
	b.Truncated = m.full
	switch {
	case m.opcode == opText && !m.opaque:
		s := m.text.String()
		if m.full || m.why != event.Complete { // a part of a character at the end is no sign of binary data
			s = s[:len(s)-partialString(s)]
		}
		b.Text, b.isText = s, true
	case m.opcode == opContinuation && !m.opaque && utf8.Valid(m.data):
		b.Text, b.isText = string(m.data), true
	case m.data == nil:
		b.Binary = []byte{}
	default:
		b.Binary = m.data
	}
	return b
}
