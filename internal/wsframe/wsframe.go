// Package wsframe makes WebSocket frames, right and wrong ones, from a notation
// that the talks of dissect/talk and the sources of internal/pcapgen share.
package wsframe

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/klauspost/compress/flate"
)

// opcodes are those of RFC 6455 §5.2.
var opcodes = map[string]byte{"more": 0, "text": 1, "binary": 2, "close": 8, "ping": 9, "pong": 10}

// key is the masking-key of the examples in RFC 6455 §5.7.
var key = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// frame is a frame in the making.
type frame struct {
	first  byte
	masked bool
	key    [4]byte
	form   int    // bytes of the extended length: 0, 2 or 8; -1: as few as will do
	length uint64 // what it claims
}

// Frame is the frame with a payload that is described by words:
//
//	text binary close ping pong   the opcode; more is a continuation
//	op=N                          any opcode
//	nofin                         FIN is not set
//	rsv1 rsv2 rsv3                a reserved bit is
//	mask, mask=XXXXXXXX           it is masked, with this key in hexadecimal
//	len7, len16, len64            the form of its length
//	len=N                         its length, whatever the payload's is
func Frame(words []string, payload []byte) ([]byte, error) {
	f := frame{first: 0x80, key: key, form: -1, length: uint64(len(payload))}
	for _, w := range words {
		if err := f.word(w); err != nil {
			return nil, err
		}
	}
	return f.bytes(payload), nil
}

func (f *frame) word(w string) error {
	name, value, _ := strings.Cut(w, "=")
	if op, ok := opcodes[name]; ok {
		f.first |= op
		return nil
	}
	var err error
	switch name {
	case "op":
		var n uint64
		n, err = strconv.ParseUint(value, 0, 4)
		f.first |= byte(n)
	case "nofin":
		f.first &^= 0x80
	case "rsv1", "rsv2", "rsv3":
		f.first |= 0x80 >> (name[3] - '0')
	case "mask":
		f.masked = true
		if value != "" {
			_, err = hex.Decode(f.key[:], []byte(value))
		}
	case "len7", "len16", "len64":
		f.form = map[string]int{"len7": 0, "len16": 2, "len64": 8}[name]
	case "len":
		f.length, err = strconv.ParseUint(value, 0, 64)
	default:
		err = fmt.Errorf("wsframe: unknown word %q", w)
	}
	return err
}

func (f *frame) bytes(payload []byte) []byte {
	form := f.form
	if form < 0 {
		switch {
		case f.length < 126:
			form = 0
		case f.length < 1<<16:
			form = 2
		default:
			form = 8
		}
	}
	out := []byte{f.first, 0}
	switch form {
	case 0:
		out[1] = byte(f.length & 0x7f)
	case 2:
		out[1] = 126
		out = binary.BigEndian.AppendUint16(out, uint16(f.length))
	case 8:
		out[1] = 127
		out = binary.BigEndian.AppendUint64(out, f.length)
	}
	if !f.masked {
		return append(out, payload...)
	}
	out[1] |= 0x80
	out = append(out, f.key[:]...)
	for i, b := range payload {
		out = append(out, b^f.key[i%4])
	}
	return out
}

// Deflate is the payload of a message that permessage-deflate has compressed
// (RFC 7692 §7.2.1), with the messages before it, in one, as its context. It
// comes from a module that go.mod pins, and so is the same with every release of
// Go.
func Deflate(history, message []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriterDict(&b, flate.BestCompression, history)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(message); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff}), nil
}
