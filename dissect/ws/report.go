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

// judge reports what is wrong with the header of the frame that begins.
func (d *dissector) judge(f *feed, h *half) {
	hd := &h.frame
	if h.closing.seen {
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
		d.report(f, h, lengthNotMinimal, lengthOf(hd))
	}
	if hd.opcode.control() && hd.opcode.known() {
		if !hd.fin {
			d.report(f, h, controlFragmented, hd.opcode.String())
		}
		if hd.length > maxControl {
			d.report(f, h, controlTooLong, hd.opcode.String()+", "+lengthOf(hd))
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
		d.report(f, h, opcodeReserved, opcodeDetail(hd))
	}
	extra := hd.rsv
	if h.deflate.agreed {
		extra &^= bitRSV1
	}
	switch {
	case extra != 0:
		d.report(f, h, rsvUnexpected, rsvDetail(extra))
	case hd.rsv != 0 && (hd.opcode.control() || hd.opcode == opContinuation):
		d.report(f, h, rsv1Misplaced, "")
	}
}
