package engine

import (
	"fmt"
	"net/netip"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// What a capture has to say of itself.
var (
	PacketsLost = event.Code{
		Name: "capture.packets_lost", Level: event.Warn,
		Text: "packets were not captured",
	}
	PacketsShed = event.Code{
		Name: "capture.packets_shed", Level: event.Warn,
		Text: "packets were captured but not looked at, because the records of earlier ones were not taken in time",
	}
)

// Codes are the anomalies that a capture can have.
func Codes() []*event.Code { return []*event.Code{&PacketsLost, &PacketsShed} }

// note has an epoch know what a capture says between its frames.
func (r *reader) note(e *epoch, n *capture.Note) {
	if offset, ticked := r.clock.advance(n.Nanos); ticked {
		r.tick(e, offset)
	}
	if l := n.Loss; l.Kernel > 0 || l.Interface > 0 {
		r.tell(e, n.Nanos, r.sum.number, &event.Anomaly{Code: &PacketsLost, Detail: lost(l)})
	}
	if n.Owner != nil {
		r.own(e, n.Owner)
	}
}

// lost says how many packets were lost, and why.
func lost(l capture.Loss) string {
	const kernel, iface = "because they were not fetched in time", "by the interface"
	switch {
	case l.Interface == 0:
		return fmt.Sprintf("%d, %s", l.Kernel, kernel)
	case l.Kernel == 0:
		return fmt.Sprintf("%d, %s", l.Interface, iface)
	}
	return fmt.Sprintf("%d, %s, and %d %s", l.Kernel, kernel, l.Interface, iface)
}

// skip counts the frames before a block that are not in any.
func (r *reader) skip(e *epoch, b *capture.Block) {
	if b.Skipped == 0 {
		return
	}
	nanos := r.sum.last.Nanos
	if len(b.Frames) > 0 {
		nanos = b.Frames[0].Nanos
	}
	first := r.sum.number + 1
	r.sum.number += b.Skipped
	r.tell(e, nanos, first, &event.Anomaly{Code: &PacketsShed, Detail: fmt.Sprint(b.Skipped)})
}

// tell has a fact of the capture told at this point.
func (r *reader) tell(e *epoch, nanos int64, first uint64, body event.Body) {
	e.steps = append(e.steps, step{pos: len(e.segs), at: &aside{fact: event.Event{
		Frame: r.sum.number, First: first, Nanos: nanos, Body: body,
	}}})
}

// own has a flow told whose process one of its ends is.
func (r *reader) own(e *epoch, o *capture.Owner) {
	local, remote := o.Local.Addr().Unmap(), o.Remote.Addr().Unmap()
	if !local.IsValid() || local.Is4() != remote.Is4() || !remote.IsValid() {
		return
	}
	a := &aside{owner: &flow.Owner{PID: o.PID, Name: o.Name}}
	var swapped bool
	if a.key, swapped = keyOf(local, remote, o); swapped {
		a.side = 1
	}
	e.steps = append(e.steps, step{pos: len(e.segs), at: a})
}

func keyOf(local, remote netip.Addr, o *capture.Owner) (flow.Key, bool) {
	if local.Is4() {
		l, r := local.As4(), remote.As4()
		return flow.MakeKey4(l[:], r[:], o.Local.Port(), o.Remote.Port(), 0)
	}
	l, r := local.As16(), remote.As16()
	return flow.MakeKey6(l[:], r[:], o.Local.Port(), o.Remote.Port(), 0)
}
