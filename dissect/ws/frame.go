package ws

import "encoding/binary"

// opcode says what a frame is (RFC 6455 §5.2).
type opcode uint8

const (
	opContinuation opcode = 0x0
	opText         opcode = 0x1
	opBinary       opcode = 0x2
	opClose        opcode = 0x8
	opPing         opcode = 0x9
	opPong         opcode = 0xa
)

func (o opcode) control() bool { return o&0x8 != 0 }

// known reports an opcode that RFC 6455 §11.8 registers.
func (o opcode) known() bool { return o <= opBinary || o >= opClose && o <= opPong }

// String is the opcode as websocket.opcode spells it; "" where that has no word.
func (o opcode) String() string {
	switch o {
	case opText:
		return "text"
	case opBinary:
		return "binary"
	case opClose:
		return "close"
	case opPing:
		return "ping"
	case opPong:
		return "pong"
	case opContinuation:
	}
	return ""
}

// The bits of a frame's first byte beside the opcode.
const (
	bitFIN  = 0x80
	rsvBits = 0x70
	bitRSV1 = 0x40
)

// Lengths of payload (RFC 6455 §5.2, §5.5).
const (
	maxControl = 125 // of a control frame
	length16   = 126 // the next two bytes are the length
	length64   = 127 // the next eight are
	maxHeader  = 14
)

// header is what precedes the payload of a frame.
type header struct {
	length uint64 // of the payload
	key    [4]byte
	opcode opcode
	rsv    uint8 // RSV1 to RSV3, in their places
	fin    bool
	masked bool
	padded bool // the length was not written in its shortest form
}

// parseHeader reads
//
//	ws-frame = frame-fin frame-rsv1 frame-rsv2 frame-rsv3 frame-opcode
//	           frame-masked frame-payload-length [ frame-masking-key ] …   (RFC 6455 §5.2)
//
// up to the payload, and returns how long that is; 0 if p does not hold all of
// it.
func parseHeader(p []byte) (hd header, n int) {
	if len(p) < 2 {
		return hd, 0
	}
	hd = header{
		fin: p[0]&bitFIN != 0, rsv: p[0] & rsvBits, opcode: opcode(p[0] & 0xf),
		masked: p[1]&0x80 != 0, length: uint64(p[1] & 0x7f),
	}
	n = 2
	switch hd.length {
	case length16:
		if n += 2; len(p) < n {
			return hd, 0
		}
		hd.length = uint64(binary.BigEndian.Uint16(p[2:]))
		hd.padded = hd.length < length16
	case length64:
		if n += 8; len(p) < n {
			return hd, 0
		}
		hd.length = binary.BigEndian.Uint64(p[2:])
		hd.padded = hd.length < 1<<16
	}
	if hd.masked {
		if n += 4; len(p) < n {
			return hd, 0
		}
		hd.key = [4]byte(p[n-4:])
	}
	return hd, n
}

// overlong reports a length whose most significant bit is set, which RFC 6455
// §5.2 forbids: no frame can be that long.
func (hd *header) overlong() bool { return hd.length>>63 != 0 }

// unmask writes p, whose first byte is byte pos of a payload, to dst without its
// masking (RFC 6455 §5.3):
//
//	transformed-octet-i = original-octet-i XOR masking-key-octet-(i MOD 4)
//
// and returns that part of dst, which is at least as long as p.
func (hd *header) unmask(dst, p []byte, pos uint64) []byte {
	dst = dst[:len(p)]
	var key [8]byte
	for i := range key {
		key[i] = hd.key[(pos+uint64(i))%4]
	}
	k := binary.NativeEndian.Uint64(key[:])
	i := 0
	for ; i+32 <= len(p); i += 32 { // eight at a time
		s, d := p[i:i+32:i+32], dst[i:i+32:i+32]
		binary.NativeEndian.PutUint64(d, binary.NativeEndian.Uint64(s)^k)
		binary.NativeEndian.PutUint64(d[8:], binary.NativeEndian.Uint64(s[8:])^k)
		binary.NativeEndian.PutUint64(d[16:], binary.NativeEndian.Uint64(s[16:])^k)
		binary.NativeEndian.PutUint64(d[24:], binary.NativeEndian.Uint64(s[24:])^k)
	}
	for ; i < len(p); i++ {
		dst[i] = p[i] ^ key[i%8]
	}
	return dst
}
