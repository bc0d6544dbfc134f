package process

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// syn is a segment that opens a connection, as its sender sees it.
type syn struct {
	ends
	iface    uint32 // index of the interface
	accepted bool   // a SYN,ACK: the sender is the server
	incoming bool   // not sent by a socket of this namespace
}

// taps is how many bytes of a packet are wanted: those of an IPv4 header with
// options, and the ports and flags behind it.
const taps = 60 + 14

// openPackets opens a packet socket that receives segments with SYN from every
// interface, with the link header taken off.
func openPackets(incoming bool) (int, error) {
	// Protocol 0 receives nothing: no packet slips in before the filter is set.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, fmt.Errorf("process: open a packet socket: %w", err)
	}
	if err := setFilter(fd, incoming); err != nil {
		return 0, closing(fd, "attach a filter", err)
	}
	all := uint16(unix.ETH_P_ALL) // anything less does not show what is sent
	addr := &unix.SockaddrLinklayer{Protocol: all<<8 | all>>8}
	if err := unix.Bind(fd, addr); err != nil {
		return 0, closing(fd, "bind a packet socket", err)
	}
	return fd, nil
}

func closing(fd int, what string, err error) error {
	_ = unix.Close(fd)
	return fmt.Errorf("process: %s: %w", what, err)
}

func setFilter(fd int, incoming bool) error {
	prog := filter(incoming)
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]})
}

// Offsets and values of classic BPF on Linux (linux/filter.h).
const (
	skfProtocol = 0xfffff000      // SKF_AD_OFF + SKF_AD_PROTOCOL
	skfPktType  = 0xfffff000 + 4  // SKF_AD_OFF + SKF_AD_PKTTYPE
	skfHatype   = 0xfffff000 + 28 // SKF_AD_OFF + SKF_AD_HATYPE

	ldw   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	ldh   = unix.BPF_LD | unix.BPF_H | unix.BPF_ABS
	ldb   = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS
	ldbx  = unix.BPF_LD | unix.BPF_B | unix.BPF_IND
	ldxip = unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH // X = 4 * (P[k] & 15)
	ldx   = unix.BPF_LDX | unix.BPF_IMM
	and   = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	jeq   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jset  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	ret   = unix.BPF_RET | unix.BPF_K
)

// filter passes TCP segments with SYN and without RST that were sent through
// this host's interfaces and, if wanted, those that came in through another than
// loopback, where each would be seen twice. IPv6 extension headers are not
// followed: those of a SYN are very rare.
func filter(incoming bool) []unix.SockFilter {
	in := uint32(0)
	if incoming {
		in = 1
	}
	return []unix.SockFilter{
		0:  {Code: ldw, K: skfPktType},
		1:  {Code: jeq, K: unix.PACKET_OUTGOING, Jt: 4},
		2:  {Code: unix.BPF_LD | unix.BPF_IMM, K: in},
		3:  {Code: jeq, K: 0, Jt: reject - 4},
		4:  {Code: ldw, K: skfHatype},
		5:  {Code: jeq, K: unix.ARPHRD_LOOPBACK, Jt: reject - 6},
		6:  {Code: ldw, K: skfProtocol},
		7:  {Code: jeq, K: unix.ETH_P_IPV6, Jt: 7},
		8:  {Code: jeq, K: unix.ETH_P_IP, Jf: reject - 9},
		9:  {Code: ldb, K: 9},
		10: {Code: jeq, K: unix.IPPROTO_TCP, Jf: reject - 11},
		11: {Code: ldh, K: 6},
		12: {Code: jset, K: 0x1fff, Jt: reject - 13}, // a later fragment
		13: {Code: ldxip, K: 0},
		14: {Code: unix.BPF_JMP | unix.BPF_JA, K: 3},
		15: {Code: ldb, K: 6},
		16: {Code: jeq, K: unix.IPPROTO_TCP, Jf: reject - 17},
		17: {Code: ldx, K: 40},
		18: {Code: ldbx, K: 13},
		19: {Code: and, K: flagSYN | flagRST},
		20: {Code: jeq, K: flagSYN, Jt: 1},

		reject: {Code: ret, K: 0},
		22:     {Code: ret, K: taps},
	}
}

// reject is the instruction of the filter that drops a packet; jumps are
// relative to the instruction behind them.
const reject = 21

// Of the flags of a TCP header (RFC 9293, section 3.1).
const (
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

// receive reads one segment; ok is false if what was read is none. It returns
// EAGAIN when nothing more waits.
func receive(fd int, buf []byte) (s syn, ok bool, err error) {
	var from unix.RawSockaddrLinklayer
	n, err := receiveFrom(fd, buf, &from)
	if err != nil {
		return s, false, err
	}
	s, ok = parseSYN(buf[:n])
	s.iface = uint32(from.Ifindex)
	s.incoming = from.Pkttype != unix.PACKET_OUTGOING
	return s, ok, nil
}

// parseSYN reads the addresses and the ACK flag of a segment that begins with
// its IP header.
func parseSYN(p []byte) (s syn, ok bool) {
	var src, dst netip.Addr
	switch {
	case len(p) >= 20 && p[0]>>4 == 4:
		src, dst = netip.AddrFrom4([4]byte(p[12:])), netip.AddrFrom4([4]byte(p[16:]))
		p = p[min(len(p), 4*int(p[0]&15)):]
	case len(p) >= 40 && p[0]>>4 == 6:
		src, dst = netip.AddrFrom16([16]byte(p[8:])), netip.AddrFrom16([16]byte(p[24:]))
		p = p[40:]
	}
	if len(p) < 14 || !src.IsValid() {
		return s, false
	}
	s.local = netip.AddrPortFrom(src, binary.BigEndian.Uint16(p))
	s.remote = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(p[2:]))
	s.accepted = p[13]&flagACK != 0
	return s, true
}

// overflowed is how many segments the socket had no room for since it was last
// asked.
func overflowed(fd int) uint64 {
	st, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0
	}
	return uint64(st.Drops)
}
