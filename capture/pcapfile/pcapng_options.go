package pcapfile

import (
	"bytes"
	"iter"
)

// Options of pcapng blocks (draft-ietf-opsawg-pcapng §3.5) that are read.
const (
	optEnd        = 0
	optIfName     = 2  // if_name, §4.2
	optIfTsresol  = 9  // if_tsresol
	optIfTsoffset = 14 // if_tsoffset
	optIsbIfdrop  = 5  // isb_ifdrop, §4.6
	optIsbOsdrop  = 7  // isb_osdrop
)

// maxName bounds the name of an interface, in bytes.
const maxName = 256

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
	desc := Interface{File: s.file, Link: s.order.Uint16(body), Snaplen: s.order.Uint32(body[4:])}
	resolution, offset := byte(defaultTsresol), int64(0)
	for code, v := range s.options(body[8:]) {
		switch {
		case code == optIfName:
			name, _, _ := bytes.Cut(v, []byte{0}) // some writers end it like a C string
			desc.Name = string(name[:min(len(name), maxName)])
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

// statistics reads an Interface Statistics Block (§4.6), whose counts are since
// the capture began: of several the last one holds.
func (s *ngScanner) statistics(body []byte) pause {
	iface := s.order.Uint32(body)
	if int64(iface) >= int64(len(s.ifaces)) {
		return pause{} // it counts nothing that we have seen
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
	s.meta.dropped(f.dropped, now)
	f.dropped = now
	return pause{}
}
