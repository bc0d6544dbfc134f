package afpacket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Handle is an interface that is open for capture. One goroutine makes every call
// of it.
type Handle struct {
	fd      int
	name    string
	index   int // of the interface; 0 for all
	linkway linkway
	ring    ring
	opt     Options

	err error // what Read returns when it has returned the frames that are there

	received, dropped uint64
	missed            uint64 // by the interface, before the handle was opened
}

// Open opens an interface, or all of them for Any. A missing right is an
// fs.ErrPermission, a missing interface an fs.ErrNotExist, and one that is down
// is ErrDown.
func Open(name string, opt Options) (*Handle, error) {
	h := &Handle{fd: -1, name: name, opt: opt.complete()}
	if err := h.open(); err != nil {
		_ = h.Close() // nothing was captured
		return nil, fmt.Errorf("capture: open %s: %w", name, err)
	}
	return h, nil
}

func (h *Handle) open() error {
	loops, err := h.find()
	if err != nil {
		return err
	}
	hardware := uint16(unix.ARPHRD_VOID)
	if h.index != 0 {
		if hardware, err = hardwareOf(h.index); err != nil {
			return err
		}
	}
	h.linkway = linkwayOf(hardware)
	if h.fd, err = unix.Socket(unix.AF_PACKET, h.linkway.socket|unix.SOCK_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err := attach(h.fd, loops, h.opt.Snaplen); err != nil {
		return err
	}
	if h.ring, err = newRing(h.fd, h.opt); err != nil {
		return err
	}
	h.missed = h.missedByInterface()
	return h.begin()
}

// find looks the interface up, and those on which frames are seen twice.
func (h *Handle) find() (loops []int, err error) {
	list, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	found := h.name == Any
	for _, i := range list {
		if i.Name == h.name && h.name != Any {
			h.index, found = i.Index, true
		}
		if i.Flags&net.FlagLoopback != 0 {
			loops = append(loops, i.Index)
		}
	}
	if !found {
		return nil, fs.ErrNotExist
	}
	return loops, nil
}

// everything is ETH_P_ALL in network byte order.
const everything = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8

// begin lets frames in: from here on the kernel counts them.
func (h *Handle) begin() error {
	err := unix.Bind(h.fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: h.index})
	switch {
	case errors.Is(err, unix.ENODEV):
		return fs.ErrNotExist
	case err != nil:
		return os.NewSyscallError("bind", err)
	}
	if err := h.pending(); err != nil {
		return err
	}
	if h.opt.Promiscuous && h.index != 0 {
		m := unix.PacketMreq{Ifindex: int32(h.index), Type: unix.PACKET_MR_PROMISC}
		if err := unix.SetsockoptPacketMreq(h.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m); err != nil {
			return os.NewSyscallError("setsockopt PACKET_MR_PROMISC", err)
		}
	}
	return nil
}

// hardwareOf returns what kind of interface one is, an ARPHRD_ value, which the
// kernel tells of a socket that is bound to it.
func hardwareOf(index int) (uint16, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(fd) }() // it has received nothing
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index}); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	if ll, ok := name.(*unix.SockaddrLinklayer); ok {
		return ll.Hatype, nil
	}
	return unix.ARPHRD_VOID, nil
}

// attach has the kernel cut frames to the snaplen, and leave out those that are
// sent on loopback interfaces: they are received there, too.
func attach(fd int, loops []int, snaplen int) error {
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		result = unix.BPF_RET | unix.BPF_K
		// What the kernel knows of a frame is at negative offsets: SKF_AD_OFF plus
		// SKF_AD_PKTTYPE and SKF_AD_IFINDEX of linux/filter.h.
		kind  = 0xfffff000 + 4
		iface = 0xfffff000 + 8
	)
	loops = loops[:min(len(loops), 200)] // jumps are of at most 255 instructions
	code := []unix.SockFilter{
		{Code: load, K: kind},
		{Code: equal, Jf: uint8(len(loops)) + 1, K: unix.PACKET_OUTGOING},
		{Code: load, K: iface},
	}
	for i, index := range loops {
		code = append(code, unix.SockFilter{Code: equal, Jt: uint8(len(loops) - i), K: uint32(index)})
	}
	code = append(code, unix.SockFilter{Code: result, K: uint32(snaplen)}, unix.SockFilter{Code: result})
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
	return os.NewSyscallError("setsockopt SO_ATTACH_FILTER", err)
}

// pending returns the error that the kernel has noted for the socket.
func (h *Handle) pending() error {
	n, err := unix.GetsockoptInt(h.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		return os.NewSyscallError("getsockopt SO_ERROR", err)
	case n == 0:
		return nil
	case unix.Errno(n) != unix.ENETDOWN:
		return unix.Errno(n)
	}
	if _, err := net.InterfaceByIndex(h.index); h.index != 0 && err != nil {
		return ErrGone
	}
	return ErrDown
}

// Link returns the LINKTYPE_ value of the frames.
func (h *Handle) Link() uint16 { return h.linkway.link }

// Stats returns how many frames came since Open, how many of them were lost
// because nobody read them in time, and how many were lost before, by the interface
// or its driver.
func (h *Handle) Stats() (received, kernelDrops, ifDrops uint64, err error) {
	s, err := unix.GetsockoptTpacketStatsV3(h.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		err = fmt.Errorf("capture: statistics of %s: %w", h.name, os.NewSyscallError("getsockopt", err))
		return h.received, h.dropped, 0, err
	}
	h.received += uint64(s.Packets) // the kernel begins anew when asked
	h.dropped += uint64(s.Drops)
	if now := h.missedByInterface(); now > h.missed {
		ifDrops = now - h.missed
	}
	return h.received, h.dropped, ifDrops, nil
}

// missedByInterface is what the driver says that it has lost, ever. A system
// without /sys, or an interface that is gone, has lost nothing.
func (h *Handle) missedByInterface() (sum uint64) {
	if h.index == 0 {
		return 0
	}
	for _, name := range []string{"rx_missed_errors", "rx_fifo_errors"} {
		text, err := os.ReadFile("/sys/class/net/" + h.name + "/statistics/" + name)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil {
			sum += n
		}
	}
	return sum
}

// Close closes the handle. The frame that was read last is gone with it.
func (h *Handle) Close() error {
	if h.fd < 0 {
		return nil
	}
	err := errors.Join(h.ring.close(), unix.Close(h.fd))
	h.fd = -1
	if err != nil {
		return fmt.Errorf("capture: close %s: %w", h.name, err)
	}
	return nil
}

// Interfaces are those that can be captured on, and Any.
func Interfaces() ([]Interface, error) {
	list, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("capture: list interfaces: %w", err)
	}
	out := make([]Interface, 0, len(list)+1)
	for _, i := range list {
		alias, _ := os.ReadFile("/sys/class/net/" + i.Name + "/ifalias") // most have none
		out = append(out, Interface{i.Name, strings.TrimSpace(string(alias))})
	}
	return append(out, Interface{Any, "all interfaces together"}), nil
}
