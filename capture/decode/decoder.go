package decode

import (
	"iter"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/packet"
)

// Options are the bounds of a Decoder. Zero values mean the defaults.
type Options struct {
	// FragmentBytes bounds what is held of incomplete datagrams, in bytes, for
	// each of IPv4 and IPv6. Default 8 MiB. The oldest datagram goes first.
	FragmentBytes int
	// Datagrams bounds how many incomplete datagrams are held, for each of IPv4
	// and IPv6. Default 4096.
	Datagrams int
}

func (o Options) withDefaults() Options {
	if o.FragmentBytes <= 0 {
		o.FragmentBytes = 8 << 20
	}
	if o.Datagrams <= 0 {
		o.Datagrams = 4096
	}
	return o
}

// How long the fragments of a datagram are waited for, in nanoseconds of the
// capture's clock: Linux's 30 s for IPv4, and 60 s for IPv6 (RFC 8200 §4.5).
const (
	wait4 = 30e9
	wait6 = 60e9
)

// maxLayers is how many headers of one frame are read. A TCP segment in VXLAN
// in two VLANs needs nine.
const maxLayers = 32

// Decoder is a capture.Decoder. One goroutine uses it.
type Decoder struct {
	counters
	frags4, frags6 defragmenter
}

var _ capture.Decoder = (*Decoder)(nil)

// New makes a Decoder.
func New(o Options) *Decoder {
	o = o.withDefaults()
	return &Decoder{
		frags4: newDefragmenter("ipv4.fragment", 0, wait4, o),
		frags6: newDefragmenter("ipv6.fragment", 1, wait6, o),
	}
}

// Decode fills s with the TCP segment in f, or returns capture.ErrNotTCP,
// leaves s alone and counts what f was. The slices of s borrow from f.Data, or
// from memory made for a reassembled datagram and never touched again.
func (d *Decoder) Decode(f *packet.Frame, s *packet.Segment) error {
	c := cursor{b: f.Data, cut: max(0, f.WireLen-len(f.Data))}
	p := d.walk(&c, f)
	if p == tcp {
		p = c.tcp(s)
	}
	if p == segment {
		s.Frame, s.Nanos = f.Number, f.Nanos
		d.frags4.fates[joined] -= c.parts[0]
		d.frags6.fates[joined] -= c.parts[1]
		return nil
	}
	d.count(p, c.odd)
	return capture.ErrNotTCP
}

// Counts yields how many frames were neither TCP segments nor parts of one, by
// what they were, in a fixed order, and leaves out what never occurred.
func (d *Decoder) Counts() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for _, counts := range []iter.Seq2[string, uint64]{d.frags4.counts(), d.frags6.counts(), d.all()} {
			for name, n := range counts {
				if !yield(name, n) {
					return
				}
			}
		}
	}
}

// walk reads headers until one is TCP's or cannot be read on.
func (d *Decoder) walk(c *cursor, f *packet.Frame) proto {
	p := c.link(f.Link)
	for range maxLayers {
		switch p {
		case ethernet:
			p = c.ethernet()
		case ip:
			p = c.ip()
		case vlan:
			p = c.vlan()
		case vntag:
			p = c.vntag()
		case fabricPath:
			p = c.fabricPath()
		case llc:
			p = c.llc()
		case sll:
			p = c.sll()
		case sll2:
			p = c.sll2()
		case null:
			p = c.null()
		case ppp:
			p = c.ppp()
		case pppoe:
			p = c.pppoe()
		case chdlc:
			p = c.chdlc()
		case arcnet:
			p = c.arcnet()
		case arcnetLinux:
			p = c.arcnetLinux()
		case fddi:
			p = c.fddi()
		case ppi:
			p = c.ppi()
		case radiotap:
			p = c.radiotap()
		case prism:
			p = c.prism()
		case avs:
			p = c.avs()
		case wifi:
			p = c.wifi()
		case nflog:
			p = c.nflog()
		case netlink:
			p = c.netlink()
		case mpls:
			p = c.mpls()
		case hopByHop:
			p = c.hopByHop()
		case extension:
			p = c.extension()
		case routing:
			p = c.routing()
		case authentication:
			p = c.authentication()
		case fragmented4:
			p = d.frags4.fragment(c, f.Nanos)
		case fragmentHeader:
			p = c.fragmentHeader()
		case fragmented6:
			p = d.frags6.fragment(c, f.Nanos)
		case udp:
			p = c.udp()
		case gre:
			p = c.gre()
		case erspan:
			p = c.erspan()
		case etherIP:
			p = c.etherIP()
		case vxlan:
			p = c.vxlan()
		case vxlanGPE:
			p = c.vxlanGPE()
		case geneve:
			p = c.geneve()
		case gtp:
			p = c.gtp()
		case l2tp:
			p = c.l2tp()
		default:
			return p
		}
	}
	if p < tcp {
		return tooDeep
	}
	return p
}
