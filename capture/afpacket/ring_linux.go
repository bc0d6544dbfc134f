package afpacket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sizes of the ring, in bytes.
const (
	blockSize = 256 << 10
	minBuffer = 2 << 20 // where asking for less memory ends
	frameSize = 2 << 10 // only has to divide blockSize: blocks are filled without regard to it
)

// Where fields are in a block: struct tpacket_block_desc of linux/if_packet.h.
// Integers are in the machine's byte order.
const (
	blockStatus = 8
	blockFrames = 12
	blockFirst  = 16 // the offset of the first frame
)

// Where fields are in a frame: struct tpacket3_hdr, and a struct sockaddr_ll
// behind it.
const (
	frameNext    = 0 // the offset of the next frame from this one
	frameSec     = 4
	frameNsec    = 8
	frameLen     = 12 // captured
	frameWireLen = 16
	frameStatus  = 20
	frameMAC     = 24 // the offset of the data from the frame
	frameTCI     = 32
	frameTPID    = 36
	frameAddress = 48
)

// ring is the memory that is shared with the kernel. The kernel owns a block until
// it sets TP_STATUS_USER in it, and again when that is taken back.
type ring struct {
	mem  []byte
	at   int  // of the block that is, or will be, read
	ours bool // it has been handed over
	left uint32
	next int // offset in the ring of the next frame
}

// newRing asks the kernel for a ring, for a smaller one if it has not the memory.
func newRing(fd int, opt Options) (ring, error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return ring{}, os.NewSyscallError("setsockopt PACKET_VERSION", err)
	}
	size := opt.Buffer
	for {
		blocks := max(size/blockSize, 2)
		err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq3{
			Block_size: blockSize, Block_nr: uint32(blocks),
			Frame_size: frameSize, Frame_nr: uint32(blocks * (blockSize / frameSize)),
			Retire_blk_tov: uint32(opt.Timeout / time.Millisecond),
		})
		switch {
		case errors.Is(err, unix.ENOMEM) && size > minBuffer:
			size /= 2
		case err != nil:
			return ring{}, os.NewSyscallError("setsockopt PACKET_RX_RING", err)
		default:
			mem, err := unix.Mmap(fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			return ring{mem: mem}, os.NewSyscallError("mmap", err)
		}
	}
}

func (r *ring) close() error {
	if r.mem == nil {
		return nil
	}
	mem := r.mem
	r.mem = nil
	return os.NewSyscallError("munmap", unix.Munmap(mem))
}

// u32 reads a field.
func (r *ring) u32(at int) uint32 { return binary.NativeEndian.Uint32(r.mem[at:]) }

// status is the word by which a block changes hands: what else is in the block may
// only be looked at after it, and not any more before it is given back.
func (r *ring) status() *uint32 {
	return (*uint32)(unsafe.Pointer(&r.mem[r.at+blockStatus])) //nolint:gosec // aligned: blocks are of whole pages
}

// frame returns the offset of the next frame in the ring, if there is one. The
// frame before is the kernel's then.
func (r *ring) frame() (at int, ok bool) {
	for r.left == 0 {
		if r.ours {
			atomic.StoreUint32(r.status(), unix.TP_STATUS_KERNEL)
			r.ours = false
			r.at = (r.at + blockSize) % len(r.mem)
		}
		if atomic.LoadUint32(r.status())&unix.TP_STATUS_USER == 0 {
			return 0, false
		}
		r.ours = true
		r.left = r.u32(r.at + blockFrames)
		r.next = r.at + int(r.u32(r.at+blockFirst))
	}
	at = r.next
	r.next += int(r.u32(at + frameNext))
	r.left--
	return at, true
}

// Read returns the next frame: its bytes, which are good until the next call or
// Close, when it was captured, in nanoseconds since the Unix epoch, and how many
// bytes it had on the wire. After ErrTimeout and ErrDown it may be called again;
// any other error is final.
func (h *Handle) Read() (data []byte, nanos int64, wireLen int, err error) {
	if h.fd < 0 {
		return nil, 0, 0, fmt.Errorf("capture: read %s: %w", h.name, os.ErrClosed)
	}
	at, ok := h.ring.frame()
	if !ok && h.err == nil {
		if err := h.wait(); err != nil {
			return nil, 0, 0, err
		}
		at, ok = h.ring.frame()
	}
	if !ok {
		return nil, 0, 0, h.nothing()
	}
	r := &h.ring
	nanos = int64(r.u32(at+frameSec))*1e9 + int64(r.u32(at+frameNsec))
	data, wireLen = h.linkway.restore(r.mem[at:], int(r.u32(at+frameLen)), int(r.u32(at+frameWireLen)))
	return data[:min(len(data), h.opt.Snaplen)], nanos, wireLen, nil
}

// wait waits for a block, or for something to happen to the interface.
func (h *Handle) wait() error {
	fds := []unix.PollFd{{Fd: int32(h.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(h.opt.Timeout/time.Millisecond))
	switch {
	case errors.Is(err, unix.EINTR), err == nil && n == 0:
		return ErrTimeout
	case err != nil:
		return fmt.Errorf("capture: read %s: %w", h.name, os.NewSyscallError("poll", err))
	case fds[0].Revents&unix.POLLERR == 0:
		return nil
	}
	if h.err = h.pending(); h.err != nil {
		h.err = fmt.Errorf("capture: read %s: %w", h.name, h.err)
		h.settle()
	}
	return nil
}

// settle waits until the kernel has handed over the block that it was filling: it
// may not be the first time that it looks that a block has been there all the time.
func (h *Handle) settle() {
	_, _ = unix.Poll(nil, int(2*h.opt.Timeout/time.Millisecond)+10) // a signal may cut it short: then those frames come later
}

// nothing returns why there is no frame. An interface that is down comes back.
func (h *Handle) nothing() error {
	err := h.err
	switch {
	case err == nil:
		return ErrTimeout
	case errors.Is(err, ErrDown):
		h.err = nil
	}
	return err
}
