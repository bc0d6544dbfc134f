package pcapfile

import (
	"bytes"
	"iter"

	"example.com/wirewatch/capture"
)

// Options of pcapng blocks (draft-ietf-opsawg-pcapng §3.5) that are read or
// written.
const (
	optEnd           = 0
	optComment       = 1
	optShbOS         = 3  // shb_os, §4.1
	optShbUserappl   = 4  // shb_userappl
	optIfName        = 2  // if_name, §4.2
	optIfDescription = 3  // if_description
	optIfTsresol     = 9  // if_tsresol
	optIfFilter      = 11 // if_filter
	optIfTsoffset    = 14 // if_tsoffset
	optIsbStart      = 2  // isb_starttime, §4.6
	optIsbEnd        = 3  // isb_endtime
	optIsbIfrecv     = 4  // isb_ifrecv
	optIsbIfdrop     = 5  // isb_ifdrop
	optIsbOsdrop     = 7  // isb_osdrop
)

// filterString is the code in if_filter of a filter in libpcap's language; the
// other is BPF's bytecode.
const filterString = 0

// Bounds on what is said about an interface, in bytes.
const (
	maxName   = 256 // of its name, and of its description
	maxFilter = 4 << 10
)

// drops are an interface's counts of frames lost since the capture began.
type drops struct{ iface, kernel uint64 }

// options yields the code and value of each option in p. It stops at the end
// option, at the end of p, and at an option that does not fit in there: what a
// block means does not hang on its options.
func (s *ngScanner) options(p []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(p) >= 4 {
			code, n := s.order.Uint16(p), int(s.order.Uint16(p[2:]))
			p = p[4:]
			if code == optEnd || n > len(p) || !yield(code, p[:n]) {
				return
			}
			p = p[min((n+3)&^3, len(p)):]
		}
	}
}

// addInterface reads an Interface Description Block (§4.2).
func (s *ngScanner) addInterface(body []byte) pause {
	if len(s.ifaces) >= maxInterfaces {
		return broken("a section describes more than %d interfaces", maxInterfaces)
	}
	desc := Interface{s.file, capture.Interface{Link: s.order.Uint16(body), Snaplen: s.order.Uint32(body[4:])}}
	resolution, offset := byte(defaultTsresol), int64(0)
	for code, v := range s.options(body[8:]) {
		switch {
		case code == optIfName:
			desc.Name = text(v, maxName)
		case code == optIfDescription:
			desc.Description = text(v, maxName)
		case code == optIfFilter && len(v) > 0 && v[0] == filterString:
			desc.Filter = text(v[1:], maxFilter)
		case code == optIfTsresol && len(v) == 1:
			resolution = v[0]
		case code == optIfTsoffset && len(v) == 8:
			offset = int64(s.order.Uint64(v)) //nolint:gosec // it is signed
		}
	}
	s.ifaces = append(s.ifaces, ngInterface{
		link: desc.Link, snaplen: desc.Snaplen,
		index: s.meta.addInterface(desc), clock: newClock(resolution, offset),
	})
	return pause{}
}

// text is what an option says, up to so many bytes. Some writers end it like a C
// string.
func text(v []byte, most int) string {
	v, _, _ = bytes.Cut(v, []byte{0})
	return string(v[:min(len(v), most)])
}

// statistics reads an Interface Statistics Block (§4.6), whose counts are since
// the capture began: of several the last one holds, and what it has more than
// the one before was lost between the two.
func (s *ngScanner) statistics(b *capture.Block, body []byte) {
	iface := s.order.Uint32(body)
	if int64(iface) >= int64(len(s.ifaces)) {
		return // it counts nothing that we have seen
	}
	f := &s.ifaces[iface]
	now := f.dropped
	for code, v := range s.options(body[12:]) {
		switch {
		case len(v) != 8:
		case code == optIsbIfdrop:
			now.iface = s.order.Uint64(v)
		case code == optIsbOsdrop:
			now.kernel = s.order.Uint64(v)
		}
	}
	loss := capture.Loss{Iface: f.index, Kernel: rise(f.dropped.kernel, now.kernel), Interface: rise(f.dropped.iface, now.iface)}
	if loss.Kernel > 0 || loss.Interface > 0 {
		units := uint64(s.order.Uint32(body[4:]))<<32 | uint64(s.order.Uint32(body[8:]))
		b.Notes = append(b.Notes, capture.Note{At: len(b.Frames), Nanos: f.clock.nanos(units), Loss: loss})
	}
	s.meta.dropped(f.dropped, now)
	f.dropped = now
}

// rise is by how much a count has grown. One that has fallen was begun anew, or
// is made up: nothing is known to be lost then.
func rise(was, now uint64) uint64 { return max(was, now) - was }
