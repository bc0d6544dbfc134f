//go:build linux

// Command flood sends the frames of a capture through an interface, over and over,
// at a given rate, and says how many it has sent. Each round has client addresses
// of its own, so that its connections are new ones.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/wirewatch/capture/pcapfile"
)

const linkEthernet = 1

func main() {
	rate := flag.Int("pps", 100_000, "frames a second")
	count := flag.Int("n", 1_000_000, "frames in all")
	limit := flag.Int("frames", 200_000, "frames of the capture to use")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: flood [flags] INTERFACE CAPTURE")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), *rate, *count, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "flood:", err)
		os.Exit(1)
	}
}

func run(iface, name string, rate, count, limit int) error {
	frames, err := load(name, limit)
	if err != nil {
		return err
	}
	s, err := dial(iface)
	if err != nil {
		return err
	}
	start := time.Now()
	sent, err := s.flood(frames, rate, count)
	took := time.Since(start)
	fmt.Printf("sent %d in %.3f s, %.0f a second\n", sent, took.Seconds(), float64(sent)/took.Seconds())
	return err
}

// load reads the first Ethernet frames of a capture.
func load(name string, limit int) (frames [][]byte, err error) {
	src, err := pcapfile.Open([]string{name}, pcapfile.Options{})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	for len(frames) < limit {
		b, err := src.Next(context.Background())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, f := range b.Frames {
			if f.Link == linkEthernet && f.Len == f.WireLen && len(frames) < limit {
				frames = append(frames, slices.Clone(b.Buf[f.Off:f.Off+f.Len]))
			}
		}
		b.Release()
	}
	if len(frames) == 0 {
		return nil, errors.New("no Ethernet frames in " + name)
	}
	return frames, nil
}

// sender is a packet socket.
type sender struct {
	fd   int
	msgs [batch]message
	iov  [batch]unix.Iovec
}

const batch = 64

// message is struct mmsghdr of sendmmsg(2).
type message struct {
	hdr unix.Msghdr
	_   uint32
	_   [4]byte
}

func dial(iface string) (*sender, error) {
	i, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: i.Index}); err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1)
	s := &sender{fd: fd}
	for i := range s.msgs {
		s.msgs[i].hdr.Iov = &s.iov[i]
		s.msgs[i].hdr.SetIovlen(1)
	}
	return s, nil
}

// flood sends frames in batches, each at its time.
func (s *sender) flood(frames [][]byte, rate, count int) (sent int, err error) {
	start := time.Now()
	for round := 0; sent < count; round++ {
		for at := 0; at < len(frames) && sent < count; {
			for time.Since(start) < time.Duration(sent)*time.Second/time.Duration(rate) {
			}
			n := min(batch, len(frames)-at, count-sent)
			n, err := s.send(frames[at : at+n])
			if err != nil {
				return sent, err
			}
			at, sent = at+n, sent+n
		}
		for _, f := range frames {
			readdress(f)
		}
	}
	return sent, nil
}

// send sends up to a batch, and returns how many were taken.
func (s *sender) send(frames [][]byte) (int, error) {
	for i, f := range frames {
		s.iov[i].Base = &f[0]
		s.iov[i].SetLen(len(f))
	}
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.msgs[0])), uintptr(len(frames)), 0, 0, 0)
	if errno == unix.EAGAIN || errno == unix.ENOBUFS || errno == unix.EINTR {
		return 0, nil // again
	}
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// readdress gives the client of an IPv4 frame, the end with the higher port, the
// next address. Checksums are let be: nobody on the way looks at them.
func readdress(f []byte) {
	if len(f) < 14+20+4 || binary.BigEndian.Uint16(f[12:]) != 0x0800 || f[14+9] != unix.IPPROTO_TCP {
		return
	}
	ip := f[14:]
	head := int(ip[0]&15) * 4
	if len(ip) < head+4 {
		return
	}
	addr := ip[12:16]
	if binary.BigEndian.Uint16(ip[head:]) < binary.BigEndian.Uint16(ip[head+2:]) {
		addr = ip[16:20]
	}
	binary.BigEndian.PutUint32(addr, binary.BigEndian.Uint32(addr)+1<<12)
}
