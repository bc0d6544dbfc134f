package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// socket is what the kernel knows of one.
type socket struct {
	inode uint32 // 0: no process has it, yet or any more
	state uint8  // tcpListen, …
}

// States of a TCP socket on which it depends whether a process may still come
// to own it (net/tcp_states.h).
const (
	tcpEstablished = 1
	tcpSynRecv     = 3
	tcpCloseWait   = 8
	tcpListen      = 10
	tcpNewSynRecv  = 12
)

// unaccepted reports that a socket without an owner may still be accepted.
func (s socket) unaccepted() bool {
	switch s.state {
	case tcpEstablished, tcpSynRecv, tcpCloseWait, tcpNewSynRecv:
		return s.inode == 0
	}
	return false
}

// Sizes of the messages of sock_diag(7), in bytes.
const (
	requestLen = unix.SizeofNlMsghdr + 8 + sockIDLen // nlmsghdr, inet_diag_req_v2
	sockIDLen  = 48                                  // inet_diag_sockid
	diagMsgLen = 4 + sockIDLen + 5*4                 // inet_diag_msg
)

// diag asks about the sockets of one network namespace: the one that its thread
// was in when it was opened.
type diag struct {
	fd  int
	seq uint32
	req [requestLen]byte
	buf [4096]byte
}

func openDiag() (*diag, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("process: open a sock_diag socket: %w", err)
	}
	// The kernel answers before write(2) returns; the timeout is for a kernel
	// that does not.
	tv := unix.NsecToTimeval(100e6)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return nil, closing(fd, "set a timeout", err)
	}
	return &diag{fd: fd}, nil
}

func (d *diag) close() { _ = unix.Close(d.fd) }

// errNoSocket says that a connection has no socket in the namespace.
var errNoSocket = errors.New("process: no such socket")

// lookup finds the socket of a connection by both its ends. iface is the index
// of the interface that link-local addresses belong to.
func (d *diag) lookup(e ends, iface uint32) (socket, error) {
	p, err := d.ask(e, iface)
	if err != nil {
		return socket{}, err
	}
	return parseDiag(p, e)
}

// listener is the inode of the socket that listens on a local address: where
// there is no connection between two ends, the kernel gives that one. 0: none.
func (d *diag) listener(e ends) uint32 {
	p, err := d.ask(e, 0)
	if err != nil || len(p) < diagMsgLen || p[1] != tcpListen {
		return 0
	}
	return diagInode(p)
}

// ask returns the inet_diag_msg about a connection, valid until the next.
func (d *diag) ask(e ends, iface uint32) ([]byte, error) {
	d.seq++
	if _, err := write(d.fd, d.request(e, iface)); err != nil { // to the kernel, as it is connected to nobody
		return nil, fmt.Errorf("process: ask for a socket: %w", err)
	}
	for { // an answer to an earlier question may come late
		n, err := read(d.fd, d.buf[:])
		if err != nil {
			return nil, fmt.Errorf("process: read about a socket: %w", err)
		}
		p := d.buf[:n]
		if n < unix.SizeofNlMsghdr || binary.NativeEndian.Uint32(p[8:]) != d.seq {
			continue
		}
		if binary.NativeEndian.Uint16(p[4:]) != unix.SOCK_DIAG_BY_FAMILY {
			return nil, errNoSocket // NLMSG_ERROR: ENOENT
		}
		return p[unix.SizeofNlMsghdr:], nil
	}
}

// request is a message of the type SOCK_DIAG_BY_FAMILY. What is in host order is
// the netlink header, the states and the interface; the rest is in network order.
func (d *diag) request(e ends, iface uint32) []byte {
	p := d.req[:]
	host := binary.NativeEndian
	host.PutUint32(p, requestLen)
	host.PutUint16(p[4:], unix.SOCK_DIAG_BY_FAMILY)
	host.PutUint16(p[6:], unix.NLM_F_REQUEST)
	host.PutUint32(p[8:], d.seq)
	clear(p[24:56]) // of an IPv4 address the rest is zero
	p[16], p[17] = unix.AF_INET6, unix.IPPROTO_TCP
	if e.local.Addr().Is4() {
		p[16] = unix.AF_INET
	}
	host.PutUint32(p[20:], 0xffffffff) // any state
	id := p[24:]
	binary.BigEndian.PutUint16(id, e.local.Port())
	binary.BigEndian.PutUint16(id[2:], e.remote.Port())
	putAddr(id[4:20], e.local.Addr())
	putAddr(id[20:36], e.remote.Addr())
	host.PutUint32(id[36:], iface)
	host.PutUint64(id[40:], 0xffffffffffffffff) // INET_DIAG_NOCOOKIE: whichever it is
	return p
}

func putAddr(p []byte, a netip.Addr) {
	if a.Is4() {
		b := a.As4()
		copy(p, b[:])
	} else {
		b := a.As16()
		copy(p, b[:])
	}
}

// parseDiag reads an inet_diag_msg about a connection, if it is that one.
func parseDiag(p []byte, e ends) (socket, error) {
	if len(p) < diagMsgLen || p[1] == tcpListen || sockID(p[0], p[4:]) != e {
		return socket{}, errNoSocket
	}
	return socket{inode: diagInode(p), state: p[1]}, nil
}

func diagInode(p []byte) uint32 { return binary.NativeEndian.Uint32(p[4+sockIDLen+16:]) }

// sockID reads an inet_diag_sockid. A socket of IPv6 may carry IPv4, in mapped
// addresses.
func sockID(family uint8, p []byte) ends {
	addr := func(p []byte) netip.Addr {
		if family == unix.AF_INET {
			return netip.AddrFrom4([4]byte(p))
		}
		return netip.AddrFrom16([16]byte(p)).Unmap()
	}
	return ends{
		netip.AddrPortFrom(addr(p[4:]), binary.BigEndian.Uint16(p)),
		netip.AddrPortFrom(addr(p[20:]), binary.BigEndian.Uint16(p[2:])),
	}
}
