package ws

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// beginControl begins a control frame (RFC 6455 §5.5), which is at a stream offset.
func (d *dissector) beginControl(off int64, h *half, first event.Mark) {
	h.control = &Control{Opcode: h.frame.opcode.String(), opcode: h.frame.opcode, off: off, first: first, Code: -1, RTT: -1}
}

// write takes the next bytes of the payload; no more is kept than a control
// frame may have.
func (x *Control) write(p []byte) {
	x.Size += uint64(len(p))
	if x.why == event.Complete {
		room := maxControl - len(x.payload)
		x.Truncated = x.Truncated || len(p) > room
		x.payload += string(p[:min(len(p), room)])
	}
}

// miss notes that n bytes of the payload are missing.
func (x *Control) miss(why event.Incomplete, n uint64) {
	x.Size += n
	if n > 0 {
		x.cut(why)
	}
}

// cut notes why something is missing. The first reason counts.
func (x *Control) cut(why event.Incomplete) {
	if x.why == event.Complete {
		x.why = why
	}
}

// endControl ends a control frame.
func (d *dissector) endControl(f *feed, h *half) {
	x := h.control
	h.control = nil
	switch x.opcode {
	case opPing:
		h.total.Pings++
		d.pinged(f, h, x)
	case opPong:
		h.total.Pongs++
		d.answer(f, h, x)
	case opClose:
		d.readClose(f, h, x)
	case opContinuation, opText, opBinary:
	}
	if !x.opcode.known() {
		return // RFC 6455 says nothing about what it is
	}
	x.show()
	f.c.Emit(dissect.Fact{Body: x, First: x.first, Dir: f.dir, Exchange: d.exchange, Incomplete: x.why})
	if x.opcode == opClose {
		d.closes(f, h, x)
	}
}

// show sorts the payload by what it is. That of a Close frame is its code and
// reason.
func (x *Control) show() {
	switch {
	case x.opcode == opClose || x.why != event.Complete:
	case utf8.ValidString(x.payload):
		x.Text = x.payload
	default:
		x.Binary = []byte(x.payload)
	}
}

// readClose reads the payload of a Close frame (RFC 6455 §5.5.1): nothing, or a
// code in two bytes and a reason in UTF-8.
func (d *dissector) readClose(f *feed, h *half, x *Control) {
	if len(x.payload) < 2 {
		if x.Size == 1 && x.why == event.Complete {
			d.report(f, h, closePayloadShort, "")
		}
		return
	}
	x.Code = int(binary.BigEndian.Uint16([]byte(x.payload)))
	if ok, reserved := mayClose(uint16(x.Code)); reserved {
		d.report(f, h, closeCodeReserved, fmt.Sprintf("%d", x.Code))
	} else if !ok {
		d.report(f, h, closeCodeInvalid, fmt.Sprintf("%d", x.Code))
	}
	x.Reason = x.payload[2:]
	if x.Size > maxControl || x.why != event.Complete {
		x.Reason = x.Reason[:len(x.Reason)-partialString(x.Reason)]
	}
	if !utf8.ValidString(x.Reason) {
		d.report(f, h, closeReasonInvalid, "")
	}
}

// closing is a Close frame.
type closing struct {
	code   int // negative: it has none, or it was not seen
	reason string
	why    event.Incomplete // what is missing of it
	at     event.Mark
	end    int64 // stream offset behind it
	acked  int64 // of the other direction, what its sender had received
}

// closes notes that the sender has closed the WebSocket. A frame that its
// sender itself has cut before the code closes nothing: its receiver never had it.
func (d *dissector) closes(f *feed, h *half, x *Control) {
	if h.closing != nil || x.Code < 0 && (x.why == event.Closed || x.why == event.Reset) {
		return
	}
	h.closing = &closing{
		code: x.Code, reason: x.Reason, why: x.why,
		at: f.stamp, end: f.offset(), acked: f.c.Acked(f.dir, f.n-1),
	}
}
