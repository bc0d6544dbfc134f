//go:build cgo && !nolive

package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/google/gopacket/pcap"
)

// Available reports whether this build can compile capture filters.
const Available = true

// Compile compiles an expression for frames of a LINKTYPE_ value, of which at
// most snaplen bytes are kept (0: all). What is wrong with the expression makes a
// *SyntaxError. Names of hosts in it are looked up, which can take a while, and
// so can an expression of hundreds of terms: libpcap optimises thoroughly.
func Compile(expr string, link uint16, snaplen int) (*Program, error) {
	if err := bounded(expr); err != nil {
		return nil, err
	}
	h, err := dead(link, snaplen)
	if err != nil {
		return nil, fmt.Errorf("capture: filter for link type %d: %w", link, err)
	}
	defer h.Close()
	code, err := compile(h, expr)
	if err != nil {
		return nil, Fault(expr, err, func(e string) error { _, err := compile(h, e); return err })
	}
	p := &Program{code: make([]instr, len(code))}
	for i, in := range code {
		p.code[i] = instr{in.Code, in.Jt, in.Jf, in.K}
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("capture: filter: libpcap made %w", err)
	}
	return p, nil
}

// dead returns a handle for compiling only. It is that of a capture file without
// a frame, which libpcap reads from a pipe: a file has a LINKTYPE_ value, of any
// size, and libpcap turns it into the DLT_ value of this system, while gopacket's
// own way to a handle has eight bits of a DLT_ value (so that LINUX_SLL2, 276,
// would be 20).
func dead(link uint16, snaplen int) (*pcap.Handle, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // libpcap has opened it anew
	if snaplen <= 0 {
		snaplen = 256 << 10
	}
	head := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 16: 0, 23: 0}
	binary.LittleEndian.PutUint32(head[16:], uint32(snaplen))
	binary.LittleEndian.PutUint32(head[20:], uint32(link))
	_, err = w.Write(head)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return pcap.OpenOffline(fmt.Sprintf("/dev/fd/%d", r.Fd()))
}

// compile has libpcap compile an expression. gopacket panics on a program of
// more than 32,768 instructions, as few sums with thousands of terms make one.
func compile(h *pcap.Handle, expr string) (code []pcap.BPFInstruction, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("makes a program that is too long")
		}
	}()
	return h.CompileBPFFilter(expr)
}
