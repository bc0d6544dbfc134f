package live

import (
	"context"
	"errors"
	"fmt"
	"io"

	"example.com/wirewatch/capture"
)

// Feed is a capture that somebody else makes, on another machine, say.
type Feed interface {
	capture.Source
	// Stop ends it: Next returns what is left, and then io.EOF. Any goroutine may
	// call it, more than once.
	Stop()
	// Describe returns an interface of it, by Record.Iface of a frame that has come.
	Describe(iface uint16) capture.Interface
}

// pump is the lane of a feed.
type pump struct {
	src    *Source
	name   string
	feed   Feed
	out    output
	ifaces []uint16 // of the source, by index in the feed
	drops  *counters
}

func (p *pump) to(out output) { p.out = out }
func (p *pump) abandon()      { _ = p.feed.Close() } // nothing was read yet that could be lost

// run passes on what the feed has, until it ends or the source is stopped.
func (p *pump) run() {
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-p.src.halted:
			p.feed.Stop()
		case <-ended:
		}
	}()
	for {
		b, err := p.feed.Next(context.Background())
		if err != nil {
			p.end(err)
			return
		}
		p.pass(b)
		b.Release()
	}
}

// pass copies a block's frames and notes.
func (p *pump) pass(b *capture.Block) {
	notes := b.Notes
	for i, rec := range b.Frames {
		for len(notes) > 0 && notes[0].At <= i {
			p.note(notes[0])
			notes = notes[1:]
		}
		rec.Iface = p.iface(rec.Iface)
		p.out.add(b.Buf[rec.Off:rec.Off+rec.Len], rec)
	}
	for _, n := range notes {
		p.note(n)
	}
	p.out.publish(0)
}

func (p *pump) note(n capture.Note) {
	n.Loss.Iface = p.iface(n.Loss.Iface)
	p.out.note(n)
}

// iface is the index in the source of an interface of the feed.
func (p *pump) iface(i uint16) uint16 {
	for n := uint16(len(p.ifaces)); n <= i; n++ { //nolint:gosec // as many as a uint16 has
		p.ifaces = append(p.ifaces, p.src.describe(p.feed.Describe(n)))
		if n == i {
			break // it may be the last there can be
		}
	}
	return p.ifaces[i]
}

// end accounts for the end of the feed.
func (p *pump) end(err error) {
	st := p.feed.Stats()
	p.drops.received.Store(st.Frames + st.DroppedKernel)
	p.drops.kernel.Store(st.DroppedKernel)
	p.drops.iface.Store(st.DroppedInterface)
	if !errors.Is(err, io.EOF) {
		p.src.fail(err)
	}
	if e := p.feed.Close(); e != nil && errors.Is(err, io.EOF) {
		p.src.fail(fmt.Errorf("%s: %w", p.name, e))
	}
	p.out.publish(0)
}
