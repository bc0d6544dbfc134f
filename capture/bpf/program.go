package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Program is a compiled capture filter. It never changes: any number of
// goroutines may use it.
type Program struct{ code []instr }

// instr is one instruction: what it does, where it jumps to (counted from the
// next one) if it tests something and that is true or false, and its constant.
type instr struct {
	code   uint16
	jt, jf uint8
	k      uint32
}

// memory is the number of words of scratch memory that a program has
// (BPF_MEMWORDS).
const memory = 16

// The codes of instructions, as in bpf(4): class, then mode or operation, then
// size or operand.
const (
	ldAbsW, ldAbsH, ldAbsB = 0x20, 0x28, 0x30
	ldIndW, ldIndH, ldIndB = 0x40, 0x48, 0x50
	ldImm, ldMem, ldLen    = 0x00, 0x60, 0x80

	ldxImm, ldxMem, ldxLen, ldxMsh = 0x01, 0x61, 0x81, 0xb1

	st, stx = 0x02, 0x03

	classALU  = 0x04
	classJump = 0x05
	operand   = 0x08 // the operand is X, not the constant
	ja        = 0x05
	jeq       = 0x15
	jgt       = 0x25
	jge       = 0x35
	jset      = 0x45

	retK, retA = 0x06, 0x16
	tax, txa   = 0x07, 0x87

	add, sub, mul, div, or  = 0x04, 0x14, 0x24, 0x34, 0x44
	and, lsh, rsh, neg, mod = 0x54, 0x64, 0x74, 0x84, 0x94
	xor                     = 0xa4
)

// check reports what would let the program run out of itself or of its memory.
// Jumps only go forward, so that it ends.
func (p *Program) check() error {
	n := len(p.code)
	if n == 0 {
		return errors.New("an empty program")
	}
	for i, in := range p.code {
		left := uint64(n - i - 1) // instructions behind this one
		switch {
		case in.code == ja && uint64(in.k) >= left,
			in.code&7 == classJump && in.code != ja && uint64(max(in.jt, in.jf)) >= left,
			in.code != retK && in.code != retA && left == 0:
			return fmt.Errorf("instruction %d leaves the program", i)
		case (in.code == ldMem || in.code == ldxMem || in.code == st || in.code == stx) && in.k >= memory:
			return fmt.Errorf("instruction %d leaves the memory", i)
		}
	}
	return nil
}

// Match reports whether the filter passes a frame: data are its captured bytes,
// wireLen is how many it had on the wire, which is what "len", "greater" and
// "less" mean. A frame that is cut before a byte that the filter asks about does
// not pass.
func (p *Program) Match(data []byte, wireLen int) bool {
	var a, x uint32
	var mem [memory]uint32
	ok := true
	for pc := 0; pc < len(p.code); pc++ {
		in := &p.code[pc]
		switch in.code {
		case ldAbsW:
			a, ok = word(data, uint64(in.k))
		case ldAbsH:
			a, ok = half(data, uint64(in.k))
		case ldAbsB:
			a, ok = octet(data, uint64(in.k))
		case ldIndW:
			a, ok = word(data, uint64(x)+uint64(in.k))
		case ldIndH:
			a, ok = half(data, uint64(x)+uint64(in.k))
		case ldIndB:
			a, ok = octet(data, uint64(x)+uint64(in.k))
		case ldxMsh: // the length of an IPv4 header
			x, ok = octet(data, uint64(in.k))
			x = x & 0xf << 2
		case ldImm:
			a = in.k
		case ldMem:
			a = mem[in.k]
		case ldLen:
			a = uint32(wireLen)
		case ldxImm:
			x = in.k
		case ldxMem:
			x = mem[in.k]
		case ldxLen:
			x = uint32(wireLen)
		case st:
			mem[in.k] = a
		case stx:
			mem[in.k] = x
		case ja:
			pc += int(in.k)
		case jeq, jgt, jge, jset:
			pc += in.jump(a, in.k)
		case jeq | operand, jgt | operand, jge | operand, jset | operand:
			pc += in.jump(a, x)
		case retK:
			return in.k != 0
		case retA:
			return a != 0
		case tax:
			x = a
		case txa:
			a = x
		default:
			a, ok = in.compute(a, x)
		}
		if !ok {
			return false
		}
	}
	return false
}

// jump is how many instructions are passed over, having compared a with b.
func (in *instr) jump(a, b uint32) int {
	var yes bool
	switch in.code &^ operand {
	case jeq:
		yes = a == b
	case jgt:
		yes = a > b
	case jge:
		yes = a >= b
	case jset:
		yes = a&b != 0
	}
	if yes {
		return int(in.jt)
	}
	return int(in.jf)
}

// compute is a after an arithmetic instruction; it is not ok to divide by 0, or
// for an instruction to be none.
func (in *instr) compute(a, x uint32) (uint32, bool) {
	b := in.k
	if in.code&operand != 0 {
		b = x
	}
	switch in.code &^ operand {
	case add:
		return a + b, true
	case sub:
		return a - b, true
	case mul:
		return a * b, true
	case or:
		return a | b, true
	case and:
		return a & b, true
	case xor:
		return a ^ b, true
	case lsh:
		return a << b, true
	case rsh:
		return a >> b, true
	case neg:
		return -a, true
	}
	switch {
	case in.code&7 != classALU || b == 0:
		return 0, false
	case in.code&^operand == div:
		return a / b, true
	}
	return a % b, in.code&^operand == mod
}

func word(p []byte, at uint64) (uint32, bool) {
	if at+4 > uint64(len(p)) {
		return 0, false
	}
	return binary.BigEndian.Uint32(p[at:]), true
}

func half(p []byte, at uint64) (uint32, bool) {
	if at+2 > uint64(len(p)) {
		return 0, false
	}
	return uint32(binary.BigEndian.Uint16(p[at:])), true
}

func octet(p []byte, at uint64) (uint32, bool) {
	if at >= uint64(len(p)) {
		return 0, false
	}
	return uint32(p[at]), true
}
