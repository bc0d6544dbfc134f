package ws

import (
	"fmt"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// settle tells that the WebSocket is over, once each end has sent a Close frame
// or ended its stream.
func (d *dissector) settle(c *dissect.Conn) {
	if d.over || !d.half[client].over() || !d.half[server].over() {
		return
	}
	d.over = true
	x := &Close{Code: abnormal, Duration: c.Now().Sub(d.began), Idle: c.Now().Sub(d.last)}
	by, known := d.first(c)
	if known {
		x.By = nameOf(by)
	}
	closed := d.half[client].closing != nil || d.half[server].closing != nil
	if closed {
		x.said(d.half[by].closing)
		x.Clean = d.half[client].closing != nil && d.half[server].closing != nil
	}
	for r := range d.half {
		h := &d.half[r]
		if x.Ends[r] = h.total; h.msg != nil { // what a Close frame has cut
			x.Ends[r].add(h.msg)
		}
		if h.closing == nil && !h.unsure && (closed || by == h.role) {
			d.unclosed(c, h, x)
		}
	}
	c.Emit(dissect.Fact{Body: x, First: d.began, Exchange: d.exchange, NoDir: true, Incomplete: d.lacks(c)})
}

// said takes the code and the reason of a Close frame.
func (x *Close) said(m *closing) {
	if x.Code, x.Reason = m.code, m.reason; x.Code < 0 {
		x.Code = noStatus
	}
}

// first is which end closed first. Of two Close frames, that one is second whose
// sender had received the other; if neither had, it is not known, and the
// client's stands for both. Without any, it is the end whose FIN did not answer
// one.
func (d *dissector) first(c *dissect.Conn) (by role, known bool) {
	a, b := d.half[client].closing, d.half[server].closing
	switch {
	case a != nil && b != nil:
		if a.acked >= b.end {
			return server, true
		}
		return client, b.acked >= a.end
	case a != nil || b != nil:
		if a != nil {
			return client, true
		}
		return server, true
	}
	left := [2]bool{d.leaves(c, client), d.leaves(c, server)}
	if left[server] && !left[client] {
		return server, true
	}
	return client, left[client] && !left[server]
}

// leaves reports that an end closed its stream, and not because its peer had.
func (d *dissector) leaves(c *dissect.Conn, r role) bool {
	dir := d.dirOf(r)
	return c.EndOf(dir) == dissect.FIN && !c.Answers(dir)
}

// over reports that nothing more is to come of a direction.
func (h *half) over() bool { return h.closing != nil || h.ended }

// unclosed reports that an end has left without a Close frame (RFC 6455 §7.1.1),
// if it has: an end of the capture is none of the connection.
func (d *dissector) unclosed(c *dissect.Conn, h *half, x *Close) {
	idle := fmt.Sprintf("%.1f s after the last frame", x.Idle.Seconds())
	switch how := c.EndOf(d.dirOf(h.role)); how {
	case dissect.FIN:
		if d.other(h).closing != nil {
			d.reportFrom(c, h, noCloseFrame, fmt.Sprintf("the %s did not answer that of its peer", nameOf(h.role)))
			return
		}
		d.reportFrom(c, h, noCloseFrame, fmt.Sprintf("the %s closed the connection %s", nameOf(h.role), idle))
	case dissect.RST:
		d.reportFrom(c, h, noCloseFrame, "the connection was reset "+idle)
	case dissect.Open, dissect.Expired, dissect.CaptureEnd:
	}
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
	}
	if d.mid {
		return event.Gap
	}
	return event.Complete
}
