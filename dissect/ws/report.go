package ws

import (
	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// mostTold is how often one anomaly is told of one end: who masks no frame masks
// none of a million. All of them are counted.
const mostTold = 10

// counts is how often each of Codes was told.
type counts [64]uint8

// report names an anomaly of what h sends.
func (d *dissector) report(f *feed, h *half, code *event.Code, detail string) {
	d.reportFrom(f.c, h, code, detail)
}

// reportFrame is report for what is wrong with the header of a frame, whose
// detail is made only if it is told.
func (d *dissector) reportFrame(f *feed, h *half, code *event.Code, detail func(*header) string) {
	if h.told != nil && h.told[indexOf(code)] == mostTold {
		h.total.Anomalies++
		return
	}
	d.report(f, h, code, detail(&h.frame))
}

func (d *dissector) reportFrom(c *dissect.Conn, h *half, code *event.Code, detail string) {
	h.total.Anomalies++
	if h.told == nil {
		h.told = new(counts)
	}
	n := &h.told[indexOf(code)]
	if *n == mostTold {
		return
	}
	if *n++; *n == mostTold {
		detail = also(detail, "more of these are only counted")
	}
	c.Anomaly(d.dirOf(h.role), code, d.exchange, clip(detail))
}

func indexOf(code *event.Code) int {
	for i, c := range Codes {
		if c == code {
			return i
		}
	}
	return len(counts{}) - 1
}

func also(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// early reports the client's first frame if it did not wait for the response.
func (d *dissector) early(f *feed, h *half) {
	if h.role != client || h.total.Frames != 1 || d.mid {
		return
	}
	if acked := f.c.Acked(f.dir, f.n); acked >= 0 && acked < d.ready {
		d.report(f, h, frameEarly, "")
	}
}

// judge reports what is wrong with the header of the frame that begins.
func (d *dissector) judge(f *feed, h *half) {
	hd := &h.frame
	if h.closing != nil && !hd.opcode.control() {
		d.report(f, h, dataAfterClose, "")
	}
	switch {
	case h.role == client && !hd.masked:
		d.report(f, h, maskMissing, "")
	case h.role == server && hd.masked:
		d.report(f, h, maskUnexpected, "")
	}
	d.judgeBits(f, h)
	switch {
	case hd.overlong():
		d.report(f, h, lengthInvalid, "")
	case hd.padded:
		d.reportFrame(f, h, lengthNotMinimal, lengthOf)
	}
	if hd.opcode.control() && hd.opcode.known() {
		if !hd.fin {
			d.report(f, h, controlFragmented, hd.opcode.String())
		}
		if hd.length > maxControl {
			d.reportFrame(f, h, controlTooLong, controlDetail)
		}
	}
}

// judgeBits reports reserved bits and opcodes that nobody has agreed on. An
// extension that is not known here may use any of them.
func (d *dissector) judgeBits(f *feed, h *half) {
	hd := &h.frame
	if d.opaque {
		return
	}
	if !hd.opcode.known() {
		d.reportFrame(f, h, opcodeReserved, opcodeDetail)
	}
	unused, detail := uint8(rsvBits), rsvDetail
	if h.deflate.agreed {
		unused, detail = rsvBits&^bitRSV1, rsv23Detail
	}
	switch {
	case hd.rsv&unused != 0:
		d.reportFrame(f, h, rsvUnexpected, detail)
	case hd.rsv != 0 && (hd.opcode.control() || hd.opcode == opContinuation):
		d.report(f, h, rsv1Misplaced, "")
	}
}
