package process

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Of the other network namespaces of this host.
const (
	maxSpaces   = 64              // that are looked into
	spacesAfter = 5 * time.Second // until they are listed anew
)

// namespace is a network namespace, in which sockets can be looked up.
type namespace struct {
	inode uint32 // which tells it from others
	diag  *diag
	seen  bool // when they were last listed
}

// spaces are the network namespaces of this host: the one of this process and,
// if permitted, those that other processes are in. They belong to one thread.
type spaces struct {
	own    *namespace
	home   int // the file of our own, to come back to; 0: no other may be entered
	others []*namespace
	listed time.Time
	pids   []uint32

	listened listened
}

func openSpaces(others bool) (*spaces, error) {
	d, err := openDiag()
	if err != nil {
		return nil, err
	}
	s := &spaces{own: &namespace{diag: d}}
	if !others {
		return s, nil
	}
	if s.home, err = unix.Open("/proc/self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		s.close()
		return nil, fmt.Errorf("process: open the network namespace: %w", err)
	}
	s.own.inode = namespaceInode("/proc/self/ns/net")
	return s, nil
}

func (s *spaces) close() {
	s.own.diag.close()
	for _, n := range s.others {
		n.diag.close()
	}
	if s.home != 0 {
		_ = unix.Close(s.home)
	}
}

// lookup finds the socket of a query: first in our own namespace, unless the
// segment came from elsewhere, then in the others, one of which it stays with.
func (s *spaces) lookup(q *query) (socket, error) {
	if q.space != nil {
		return q.space.diag.lookup(q.ends, q.iface)
	}
	if !q.foreign {
		if sock, err := s.own.diag.lookup(q.ends, q.iface); err == nil {
			q.space = s.own
			return sock, nil
		}
	}
	for i, n := range s.others {
		if sock, err := n.diag.lookup(q.ends, 0); err == nil {
			q.space, q.foreign = n, true
			s.others[0], s.others[i] = n, s.others[0] // where the next is likely, too
			return sock, nil
		}
	}
	return socket{}, errNoSocket
}

// listener is the inode of the socket that listens on an address of our own, 0
// if none does. The last answer is kept for a while: connections come in bursts.
func (s *spaces) listener(local netip.AddrPort, now time.Time) uint32 {
	if l := &s.listened; l.local != local || now.Sub(l.at) > trust {
		nobody := netip.IPv4Unspecified()
		if local.Addr().Is6() {
			nobody = netip.IPv6Unspecified()
		}
		*l = listened{local, s.own.diag.listener(ends{local, netip.AddrPortFrom(nobody, 0)}), now}
	}
	return s.listened.inode
}

// listened is the socket that listened on an address.
type listened struct {
	local netip.AddrPort
	inode uint32
	at    time.Time
}

// refresh lists the namespaces that processes are in, if that was long ago.
// Errors mean that one cannot be entered, or is gone.
func (s *spaces) refresh(now time.Time) error {
	if s.home == 0 || now.Sub(s.listed) < spacesAfter {
		return nil
	}
	s.listed = now
	for _, n := range s.others {
		n.seen = false
	}
	s.pids = pids(s.pids[:0])
	for _, pid := range s.pids {
		if err := s.list(pid); err != nil {
			return err
		}
	}
	s.forget()
	return nil
}

// list takes note of the namespace that a process is in.
func (s *spaces) list(pid uint32) error {
	path := "/proc/" + strconv.Itoa(int(pid)) + "/ns/net"
	inode := namespaceInode(path)
	if inode == 0 || inode == s.own.inode {
		return nil // 0: the process has ended
	}
	for _, n := range s.others {
		if n.inode == inode {
			n.seen = true
			return nil
		}
	}
	if len(s.others) == maxSpaces {
		return nil
	}
	d, err := s.enter(path)
	if d != nil {
		s.others = append(s.others, &namespace{inode, d, true})
	}
	return err
}

// namespaceInode reads which network namespace a link in /proc stands for, 0 if it
// cannot be read.
func namespaceInode(path string) uint32 {
	var buf [32]byte
	n, _ := readLinkAt(unix.AT_FDCWD, append([]byte(path), 0), buf[:])
	return inode(buf[:max(n, 0)], "net:[")
}

// errLost says that the thread could not come back from another namespace.
var errLost = errors.New("process: lost in another network namespace")

// enter opens a socket in another namespace, where it stays; the thread comes
// back.
func (s *spaces) enter(path string) (*diag, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil //nolint:nilerr // it is gone, or not ours to see
	}
	defer func() { _ = unix.Close(fd) }()
	runtime.LockOSThread()
	if unix.Setns(fd, unix.CLONE_NEWNET) != nil {
		runtime.UnlockOSThread()
		return nil, nil // not permitted
	}
	d, err := openDiag()
	if unix.Setns(s.home, unix.CLONE_NEWNET) != nil {
		return d, errLost // with the thread locked, which ends with the goroutine
	}
	runtime.UnlockOSThread()
	return d, err
}

// forget closes the namespaces that no process is in any more.
func (s *spaces) forget() {
	kept := s.others[:0]
	for _, n := range s.others {
		if n.seen {
			kept = append(kept, n)
		} else {
			n.diag.close()
		}
	}
	clear(s.others[len(kept):])
	s.others = kept
}
