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
	closed := d.half[client].closed || d.half[server].closed
	switch how := c.EndOf(d.dirOf(d.ender)); {
	case closed:
		if x.Code, x.Reason = d.code, d.reason; x.Code == 0 {
			x.Code = noStatus
		}
		x.Clean = d.half[client].closed && d.half[server].closed
		x.by(d.closer)
	case how == dissect.FIN:
		x.by(d.ender)
	}
	for r := range d.half {
		h := &d.half[r]
		x.Ends[r] = h.total
		if !h.closed && !h.unsure && (closed || d.ender == h.role) {
			d.unclosed(c, h, x)
		}
	}
	c.Emit(dissect.Fact{Body: x, First: d.began, Exchange: d.exchange, NoDir: true, Incomplete: d.lacks(c)})
}

// over reports that nothing more is to come of a direction.
func (h *half) over() bool { return h.closed || h.ended }

// unclosed reports that an end has left without a Close frame (RFC 6455 §7.1.1),
// if it has: an end of the capture is none of the connection.
func (d *dissector) unclosed(c *dissect.Conn, h *half, x *Close) {
	idle := fmt.Sprintf("%.1f s after the last frame", x.Idle.Seconds())
	switch how := c.EndOf(d.dirOf(h.role)); how {
	case dissect.FIN:
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
		if how := c.EndOf(d.dirOf(h.role)); !h.closed && (how == dissect.Expired || how == dissect.CaptureEnd) {
			return how.Incomplete()
		}
	}
	if d.mid || d.half[client].torn || d.half[server].torn {
		return event.Gap
	}
	return event.Complete
}
