package http

import (
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
)

// exchange is an Exchange in the making, in one piece of memory with the two
// heads that it points to. A head does not change once it is there.
type exchange struct {
	Exchange
	req Request
	res Response

	num      uint32 // ordinal in the flow, from 1
	at       int64  // where in the stream of requests its request begins
	acked    int64  // how much of the responses the client had received by then
	stalled  time.Duration
	first    [2]event.Mark // by role
	last     [2]event.Mark
	done     [2]bool
	reason   event.Incomplete
	simple   bool // HTTP/0.9
	crowded  bool // there were more interim responses than the limit
	expects  bool // its client may be waiting for 100 (Continue) before it sends the content
	upgrade  bool // the request may turn the connection into something else
	answered bool // a final response has begun, or none can come
}

// number is the ordinal, 0 for no exchange.
func (x *exchange) number() uint32 {
	if x == nil {
		return 0
	}
	return x.num
}

// contentOf is the content of one of the messages.
func (x *exchange) contentOf(r role) *Content {
	if r == request {
		return &x.Sent
	}
	return &x.Received
}

// addInterim adds an interim response, and reports the first that is over the
// limit and left out.
func (x *exchange) addInterim(r *Response, most int) (over bool) {
	if len(x.Interim) < most {
		x.Interim = append(x.Interim, r)
		return false
	}
	over = !x.crowded
	x.crowded = true
	return over
}

// miss notes why something is missing. The first reason counts.
func (x *exchange) miss(why event.Incomplete) {
	if x.reason == event.Complete {
		x.reason = why
	}
}

// gap appends a hole of n bytes, and reports that the list was full. The last
// range of a full list reaches over everything up to the last hole.
func (b *Content) gap(n uint64, most int) (full bool) {
	at := b.Size
	b.Size += n
	last := len(b.Gaps) - 1
	switch {
	case last >= 0 && b.Gaps[last].Off+b.Gaps[last].Len == at:
		b.Gaps[last].Len += n
	case len(b.Gaps) < most || last < 0:
		b.Gaps = append(b.Gaps, event.Range{Off: at, Len: n})
	default:
		full = b.Gaps[last].Off+b.Gaps[last].Len < at
		b.Gaps[last].Len = at + n - b.Gaps[last].Off
	}
	return full
}

// settle emits an exchange of which both messages have ended.
func (x *exchange) settle(c *dissect.Conn) {
	if !x.done[request] || !x.done[response] {
		return
	}
	x.time(c)
	first := x.first[request]
	if x.Request == nil {
		first = x.first[response]
	}
	c.Emit(dissect.Fact{Body: &x.Exchange, First: first, Exchange: x.num, NoDir: true, Incomplete: x.reason})
}

// time fills in how long the parts took.
func (x *exchange) time(c *dissect.Conn) {
	const unknown = -1
	t := &x.Timing
	*t = Timing{unknown, unknown, unknown, unknown, unknown, unknown}
	from, to := x.first[request], x.last[response]
	if x.Request == nil {
		from = x.first[response]
	} else {
		t.Send = x.last[request].Sub(x.first[request])
	}
	if x.Response == nil {
		to = x.last[request]
	} else {
		t.Receive = x.last[response].Sub(x.first[response])
	}
	if x.Request != nil && x.Response != nil {
		t.Wait = max(0, x.first[response].Sub(x.last[request]))
		if x.last[request].Nanos > to.Nanos {
			to = x.last[request]
		}
	}
	t.Total = to.Sub(from)
	t.Stalled = min(stalled(c)-x.stalled, t.Total) // what stalls after the last byte delays none
	if rtt, ok := c.Connect(); ok && x.num == 1 {
		t.Connect = rtt
	}
}
