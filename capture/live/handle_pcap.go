//go:build cgo && !nolive

package live

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/google/gopacket/pcap"

	"example.com/wirewatch/capture/bpf"
)

// pcapHandle is one of libpcap's.
type pcapHandle struct {
	h    *pcap.Handle
	last pcap.Stats
	sum  counts
}

// leastBuffer is where asking for less memory for the ring ends.
const leastBuffer = 2 << 20

// open opens an interface. Where the kernel has not the memory for the ring, a
// smaller one has to do.
func open(name string, set settings) (handle, error) {
	for {
		h, err := activate(name, set)
		if err == nil {
			return withFilter(&pcapHandle{h: h}, set.filter)
		}
		switch {
		case set.promiscuous && errors.Is(err, errWarning):
			set.promiscuous = false // gopacket takes a warning for a failure: most often, that it cannot be
		case strings.Contains(err.Error(), "allocate memory") && set.buffer > leastBuffer:
			set.buffer /= 2
		default:
			return nil, err
		}
	}
}

var errWarning = errors.New("a warning")

func withFilter(h *pcapHandle, filter string) (handle, error) {
	if filter == "" {
		return h, nil
	}
	err := h.h.SetBPFFilter(filter)
	if err == nil {
		return h, nil
	}
	fault := bpf.Fault(filter, err, func(expr string) error { _, err := h.h.CompileBPFFilter(expr); return err })
	h.close()
	return nil, fault
}

func activate(name string, set settings) (*pcap.Handle, error) {
	in, err := pcap.NewInactiveHandle(name)
	if err != nil {
		return nil, err
	}
	defer in.CleanUp()
	err = errors.Join(in.SetSnapLen(set.snaplen), in.SetPromisc(set.promiscuous), in.SetTimeout(retire),
		in.SetBufferSize(set.buffer), in.SetImmediateMode(set.immediate))
	if err != nil {
		return nil, err
	}
	h, err := in.Activate()
	if err != nil {
		return nil, reason(err)
	}
	return h, nil
}

// reason gives an error of Activate, which gopacket has as text only, a meaning.
func reason(err error) error {
	text := err.Error()
	switch {
	case text == "Permission Denied", strings.Contains(text, "Operation not permitted"):
		return fs.ErrPermission
	case text == "No Such Device", strings.Contains(text, "No such device"):
		return fs.ErrNotExist
	case text == "Interface Not Up":
		return ErrDown
	case text == "Cannot set as promisc", strings.HasPrefix(text, "Warning: "):
		return fmt.Errorf("%w: %s", errWarning, strings.TrimPrefix(text, "Warning: "))
	}
	return errors.New(strings.TrimPrefix(text, "Error: "))
}

func (p *pcapHandle) read() (frame, error) {
	data, ci, err := p.h.ZeroCopyReadPacketData()
	if err != nil {
		return frame{}, readError(err)
	}
	return frame{data, ci.Timestamp.UnixNano(), ci.Length}, nil
}

func readError(err error) error {
	switch {
	case errors.Is(err, pcap.NextErrorTimeoutExpired):
		return errTimeout
	case strings.Contains(err.Error(), "went down"), strings.Contains(err.Error(), "network is down"):
		return ErrDown
	}
	return err
}

// stats adds up what libpcap counts in 32 bits.
func (p *pcapHandle) stats() (counts, error) {
	now, err := p.h.Stats()
	if err != nil {
		return p.sum, err
	}
	p.sum.received += more(now.PacketsReceived, p.last.PacketsReceived)
	p.sum.kernel += more(now.PacketsDropped, p.last.PacketsDropped)
	p.sum.iface += more(now.PacketsIfDropped, p.last.PacketsIfDropped)
	p.last = *now
	return p.sum, nil
}

// more is by how much a count has grown. libpcap has it go back when it cannot read
// what an interface has lost any more, since that is gone or has another name:
// taken modulo 2³², that would be four thousand million frames.
func more(now, last int) uint64 {
	return uint64(max(int32(now-last), 0)) //nolint:gosec // modulo 2³²
}

func (p *pcapHandle) close() { p.h.Close() }

// link is the LINKTYPE_ value of libpcap's DLT_ value, which differ where
// platforms did. gopacket has it in eight bits.
func (p *pcapHandle) link() uint16 {
	switch dlt := p.h.LinkType(); dlt {
	case 12, 14: // DLT_RAW
		return 101
	case 20: // DLT_LINUX_SLL2, 276
		return 276
	default:
		return uint16(dlt)
	}
}
