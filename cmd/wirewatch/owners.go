package main

import (
	"encoding/binary"
	"io"
	"net/netip"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/bpf"
	"example.com/wirewatch/capture/process"
	"example.com/wirewatch/event"
)

// ownersChild is what this program is called with as the process that looks for the
// owners of connections: it needs rights that the one that reads packets gives up.
const ownersChild = "--child-that-finds-the-owners-of-connections"

// findOwners is that process.
func findOwners() int {
	if err := process.Main(process.Options{Namespaces: true}); err != nil {
		return exitFailure
	}
	return exitOK
}

// owners finds whose the connections are that are captured; nil where that is not
// wanted, or not to be had, which is no reason not to capture.
func (o *options) owners(stderr io.Writer) *process.Watcher {
	if o.capture.noProcess || o.far() {
		return nil
	}
	w, err := process.Start("/proc/self/exe", ownersChild)
	if err != nil {
		if o.verbose {
			say(stderr, "wirewatch: no names of processes: %v\n", err)
		}
		return nil
	}
	return w
}

// closeOwners ends the search for owners.
func closeOwners(w *process.Watcher) {
	if w != nil {
		_ = w.Close() // it has nothing that could be lost
	}
}

// asker is a sink that has the owners looked for of connections that were open
// before the capture began.
type asker struct{ w *process.Watcher }

// Emit looks for such connections.
func (a asker) Emit(batch []event.Event) error {
	for i := range batch {
		e := &batch[i]
		if e.Ends == nil || e.Body.Kind() != "tcp.open" {
			continue
		}
		for name, v := range e.Body.Fields() {
			if name == "tcp.opened" && v.Str() == "midstream" {
				a.w.Ask(e.Ends.Client, e.Ends.Server)
			}
		}
	}
	return nil
}

// ownersOf are what a watcher finds, of connections that can pass the capture
// filter; nil without one.
func (o *options) ownersOf(w *process.Watcher) <-chan capture.Owner {
	if w == nil {
		return nil
	}
	if o.capture.filter == "" {
		return w.Owners()
	}
	p, err := bpf.Compile(o.capture.filter, linkRaw, 0)
	if err != nil { // it asks for what is below IP, and nobody can say what passes
		p = nil
	}
	return passing(w.Owners(), p)
}

// linkRaw is the LINKTYPE_ value of frames that begin with the IP header.
const linkRaw = 101

// passing are the owners whose connections a capture filter passes: of others the
// file that is saved is to say nothing, nor is memory to be spent on them.
func passing(in <-chan capture.Owner, p *bpf.Program) <-chan capture.Owner {
	out := make(chan capture.Owner, cap(in))
	go func() {
		defer close(out)
		for o := range in {
			if p == nil || !passes(p, o) {
				continue
			}
			select {
			case out <- o:
			default: // as a watcher does with what is not taken in time
			}
		}
	}()
	return out
}

// passes reports that a filter passes some segment between the ends: of either,
// short or long, that opens the connection or has data.
func passes(p *bpf.Program, o capture.Owner) bool {
	const syn, push, long = 0x02, 0x18, 1500
	local, remote := plainEnd(o.Local), plainEnd(o.Remote)
	for _, flags := range []byte{syn, push} {
		for _, data := range [][]byte{bareSegment(local, remote, flags), bareSegment(remote, local, flags)} {
			if p.Match(data, len(data)) || p.Match(data, long) {
				return true
			}
		}
	}
	return false
}

// plainEnd is an end as packets have it: IPv4 is not mapped into IPv6.
func plainEnd(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// bareSegment is an IP packet with a TCP segment that has ports and flags only: as
// much of one as filters look at.
func bareSegment(from, to netip.AddrPort, flags byte) []byte {
	const tcp, size = 6, 20
	var p []byte
	if from.Addr().Is4() {
		p = append([]byte{0x45, 0, 0, 20 + size, 0, 0, 0, 0, 64, tcp, 0, 0}, from.Addr().AsSlice()...)
	} else {
		p = append([]byte{0x60, 0, 0, 0, 0, size, tcp, 64}, from.Addr().AsSlice()...)
	}
	p = append(p, to.Addr().AsSlice()...)
	p = binary.BigEndian.AppendUint16(p, from.Port())
	p = binary.BigEndian.AppendUint16(p, to.Port())
	return append(p, 0, 0, 0, 0, 0, 0, 0, 0, size/4<<4, flags, 0, 0, 0, 0, 0, 0)
}
