package ws

import (
	"cmp"
	"fmt"
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// leaving is how a direction ended.
type leaving struct {
	at     event.Mark
	last   event.Mark // of the latest frame by then
	unsure bool       // a Close frame may have been missing
}

// settle tells that the WebSocket is over, once its connection is closed in both
// directions (RFC 6455 §7.1.4), or nothing more is to come of it.
func (d *dissector) settle(c *dissect.Conn) {
	if d.half[client].leaving == nil || d.half[server].leaving == nil {
		return
	}
	x := &Close{Code: -1, Duration: max(0, d.now(c).Sub(d.began)), Idle: max(0, d.now(c).Sub(d.last))}
	by, known := d.first(c)
	if known {
		x.By = nameOf(by)
	}
	d.verdict(c, x, by)
	for r := range d.half {
		if h := &d.half[r]; d.blamed(c, h) {
			d.unclosed(c, h)
		}
	}
	for r := range d.half {
		h := &d.half[r]
		x.Ends[r], x.Beats[r] = h.total, h.pings().heartbeat(h.total.Pings, d.other(h).blind)
	}
	c.Emit(dissect.Fact{Body: x, First: d.began, Exchange: d.exchange, NoDir: true, Incomplete: d.lacks(c)})
}

// now is the latest that was seen: directions are not read in the order of the
// capture.
func (d *dissector) now(c *dissect.Conn) event.Mark { return later(d.last, c.Now()) }

// later is the later of two marks in the capture.
func later(a, b event.Mark) event.Mark {
	if a.Frame > b.Frame {
		return a
	}
	return b
}

// verdict says how the WebSocket was closed, as far as that is known: what was
// open when the capture ended was not closed.
func (d *dissector) verdict(c *dissect.Conn, x *Close, by role) {
	a, b := &d.half[client], &d.half[server]
	switch {
	case a.closing != nil || b.closing != nil:
		x.said(cmp.Or(d.half[by].closing, d.half[by^1].closing))
	case d.closedWithout(c, a) && d.closedWithout(c, b):
		x.Code = abnormal
	case !d.gone(c, a) && !d.gone(c, b):
		x.Open = true
	}
	switch {
	case a.closing != nil && b.closing != nil:
		x.Clean = new(true)
	case d.closedWithout(c, a) || d.closedWithout(c, b):
		x.Clean = new(false)
	}
}

// gone reports that the connection was closed or reset in the direction of what
// h sends.
func (d *dissector) gone(c *dissect.Conn, h *half) bool {
	how := c.EndOf(d.dirOf(h.role))
	return how == dissect.FIN || how == dissect.RST
}

// closedWithout reports that an end has left, and certainly had sent no Close
// frame.
func (d *dissector) closedWithout(c *dissect.Conn, h *half) bool {
	return h.closing == nil && h.leaving != nil && !h.leaving.unsure && d.gone(c, h)
}

// said takes the code and the reason of a Close frame. Only one of which nothing
// is missing has none.
func (x *Close) said(m *closing) {
	if x.Code, x.Reason = m.code, m.reason; x.Code < 0 && m.why == event.Complete {
		x.Code = noStatus
	}
}

// first is which end closed first. Of two Close frames, that one is second whose
// sender had received the other; if neither had, it is not known, and the
// client's stands for both. An end that had left before its peer's Close frame is
// first. Without any, it is the end whose FIN did not answer one, or if there is no
// FIN, that reset the connection: a reset may be the answer to a FIN.
func (d *dissector) first(c *dissect.Conn) (by role, known bool) {
	a, b := d.half[client].closing, d.half[server].closing
	switch {
	case a != nil && b != nil:
		if a.acked >= b.end {
			return server, true
		}
		return client, b.acked >= a.end
	case a != nil:
		return d.closer(c, client), d.sure(client)
	case b != nil:
		return d.closer(c, server), d.sure(server)
	}
	left := [2]bool{d.leaves(c, client), d.leaves(c, server)}
	switch dir, ok := c.Resetter(); {
	case left[client] && !left[server]:
		return client, true
	case left[server] && !left[client]:
		return server, true
	case ok && !left[client]:
		return role(dir ^ d.swapped), true
	}
	return client, false
}

// sure reports that the Close frame of r, which alone was seen, answers none that
// is missing: its sender had received nothing of where that could be.
func (d *dissector) sure(r role) bool {
	peer := &d.half[r^1]
	return !peer.leaving.unsure || d.half[r].closing.acked <= peer.tear
}

// closer is which end closed first, where only r sent a Close frame.
func (d *dissector) closer(c *dissect.Conn, r role) role {
	if d.late(c, r) {
		return r ^ 1
	}
	return r
}

// late reports that the peer of r had closed its stream without having received
// the Close frame of r.
func (d *dissector) late(c *dissect.Conn, r role) bool {
	peer := d.dirOf(r ^ 1)
	if c.EndOf(peer) != dissect.FIN {
		return false
	}
	acked := c.AckedByFIN(peer)
	return acked != dissect.Unacknowledged && acked < d.half[r].closing.end
}

// leaves reports that an end closed its stream, and not because its peer had.
func (d *dissector) leaves(c *dissect.Conn, r role) bool {
	dir := d.dirOf(r)
	return c.EndOf(dir) == dissect.FIN && !c.Answers(dir)
}

// blamed reports that an end should have sent a Close frame: it was asked to by
// that of its peer, or closed the connection by itself. Who was reset had no time
// to answer, and who resets what its peer has left was not the first.
func (d *dissector) blamed(c *dissect.Conn, h *half) bool {
	if !d.closedWithout(c, h) {
		return false
	}
	asked, dir := d.other(h).closing != nil, d.dirOf(h.role)
	if c.EndOf(dir) == dissect.RST {
		by, ok := c.Resetter()
		return ok && by == dir && (asked || !d.leaves(c, h.role^1))
	}
	return asked || d.leaves(c, h.role)
}

// unclosed reports that an end has left without a Close frame.
func (d *dissector) unclosed(c *dissect.Conn, h *half) {
	other, idle := d.other(h).closing, span(h.leaving.at.Sub(h.leaving.last))+" after the last frame"
	if h.leaving.last == d.began {
		idle = span(h.leaving.at.Sub(d.began)) + " after the handshake, without a frame"
	}
	switch {
	case c.EndOf(d.dirOf(h.role)) == dissect.RST:
		d.reportFrom(c, h, noCloseFrame, fmt.Sprintf("the %s reset the connection %s", nameOf(h.role), idle))
	case other != nil && d.late(c, h.role^1):
		before := span(other.at.Sub(h.leaving.at))
		d.reportFrom(c, h, noCloseFrame, fmt.Sprintf("the %s closed the connection %s before that of its peer", nameOf(h.role), before))
	case other != nil:
		d.reportFrom(c, h, noCloseFrame, fmt.Sprintf("the %s did not answer that of its peer", nameOf(h.role)))
	default:
		d.reportFrom(c, h, noCloseFrame, fmt.Sprintf("the %s closed the connection %s", nameOf(h.role), idle))
	}
}

// span is a duration for people.
func span(t time.Duration) string {
	if t < time.Second {
		return fmt.Sprintf("%d ms", max(0, t.Milliseconds()))
	}
	return fmt.Sprintf("%.1f s", t.Seconds())
}

// lacks is why the account of a WebSocket is not complete.
func (d *dissector) lacks(c *dissect.Conn) event.Incomplete {
	for r := range d.half {
		h := &d.half[r]
		if how := c.EndOf(d.dirOf(h.role)); h.closing == nil && (how == dissect.Expired || how == dissect.CaptureEnd) {
			return how.Incomplete()
		}
	}
	for r := range d.half {
		if why := d.half[r].torn; why != event.Complete {
			return why
		}
		if m := d.half[r].closing; m != nil && m.why != event.Complete {
			return m.why
		}
	}
	if d.mid {
		return event.Gap
	}
	return event.Complete
}
