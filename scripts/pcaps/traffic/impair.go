package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// relay copies frames between two interfaces and harms some of them. It stands
// in for netem, which not every kernel has.
type relay struct {
	loss, reorder, duplicate float64
	rand                     *rand.Rand
	lost, late, twice        int
}

// impair runs a relay until SIGTERM and prints what it did.
func impair(args []string) error {
	fs := flag.NewFlagSet("impair", flag.ContinueOnError)
	r := &relay{}
	fs.Float64Var(&r.loss, "loss", 0, "share of frames to lose")
	fs.Float64Var(&r.reorder, "reorder", 0, "share of frames to delay by 5 ms")
	fs.Float64Var(&r.duplicate, "duplicate", 0, "share of frames to send twice")
	seed := fs.Uint64("seed", 1, "of the random numbers")
	if err := fs.Parse(args); err != nil {
		return err
	}
	r.rand = rand.New(rand.NewPCG(*seed, 0)) // harm need not be secret
	var socks [2]int
	for i := range socks {
		fd, err := packetSocket(fs.Arg(i))
		if err != nil {
			return fmt.Errorf("%s: %w", fs.Arg(i), err)
		}
		socks[i] = fd
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	frames := make(chan hop, 256)
	for i := range socks {
		go receive(socks[i], socks[1-i], frames)
	}
	for {
		select {
		case h := <-frames:
			r.pass(h)
		case <-stop:
			fmt.Printf("lost %d, delayed %d, duplicated %d frames\n", r.lost, r.late, r.twice)
			return nil
		}
	}
}

// hop is a frame on its way out.
type hop struct {
	to    int
	frame []byte
}

// pass sends a frame on, or not, or late, or twice.
func (r *relay) pass(h hop) {
	switch x := r.rand.Float64(); {
	case x < r.loss:
		r.lost++
		return
	case x < r.loss+r.reorder:
		r.late++
		time.AfterFunc(5*time.Millisecond, func() { send(h) })
		return
	case x < r.loss+r.reorder+r.duplicate:
		r.twice++
		send(h)
	}
	send(h)
}

func send(h hop) {
	if err := unix.Send(h.to, h.frame, 0); err != nil {
		fmt.Fprintln(os.Stderr, "impair: send:", err)
	}
}

// receive hands on the frames that come in, not those that go out.
func receive(from, to int, out chan<- hop) {
	buf := make([]byte, 1<<16)
	for {
		n, sa, err := unix.Recvfrom(from, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "impair: receive:", err)
			return
		}
		if ll, ok := sa.(*unix.SockaddrLinklayer); ok && ll.Pkttype != unix.PACKET_OUTGOING {
			out <- hop{to, append([]byte(nil), buf[:n]...)}
		}
	}
}

// packetSocket is bound to an interface and sees all its frames.
func packetSocket(name string) (int, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, all)
	if err != nil {
		return 0, err
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifi.Index}); err != nil {
		return 0, err
	}
	mreq := unix.PacketMreq{Ifindex: int32(ifi.Index), Type: unix.PACKET_MR_PROMISC} // an index is small
	return fd, unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &mreq)
}
