//go:build linux && (!cgo || nolive)

package live

import (
	"cmp"
	"errors"
	"time"

	"example.com/wirewatch/capture/afpacket"
)

// packetHandle is an AF_PACKET socket of our own.
type packetHandle struct{ h *afpacket.Handle }

// immediately is how long a frame waits where none is to wait.
const immediately = time.Millisecond

func open(name string, set settings) (handle, error) {
	if set.filter != "" {
		return nil, errors.New("capture filters are libpcap's, which this build of wirewatch is without")
	}
	opt := afpacket.Options{Snaplen: set.snaplen, Promiscuous: set.promiscuous, Buffer: set.buffer, Timeout: retire}
	if set.immediate {
		opt.Timeout = immediately
	}
	h, err := afpacket.Open(name, opt)
	if err != nil {
		return nil, reason(cmp.Or(errors.Unwrap(err), err)) // whoever asked says what was to be opened
	}
	return packetHandle{h}, nil
}

func (p packetHandle) read() (frame, error) {
	data, nanos, wire, err := p.h.Read()
	if err != nil {
		return frame{}, reason(err)
	}
	return frame{data, nanos, wire}, nil
}

// reason is an error as lanes know it.
func reason(err error) error {
	switch {
	case errors.Is(err, afpacket.ErrTimeout):
		return errTimeout
	case errors.Is(err, afpacket.ErrDown):
		return ErrDown
	}
	return err
}

func (p packetHandle) stats() (counts, error) {
	received, kernel, iface, err := p.h.Stats()
	return counts{received, kernel, iface}, err
}

func (p packetHandle) link() uint16 { return p.h.Link() }
func (p packetHandle) close()       { _ = p.h.Close() } // it was only read from

func devices() ([]Interface, error) {
	list, err := afpacket.Interfaces()
	var out []Interface
	for _, i := range list {
		out = append(out, Interface{Name: i.Name, Description: i.Description})
	}
	return out, err
}
