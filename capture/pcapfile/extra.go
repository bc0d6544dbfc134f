package pcapfile

import (
	"bytes"
	"encoding/binary"
)

// Extra is a block of a pcapng file that says something about the capture: a
// Name Resolution Block or a Decryption Secrets Block. Nobody changes one.
type Extra struct {
	Type  uint32           // its block type: ExtraNames or ExtraSecrets
	Order binary.ByteOrder // of the section that it stands in
	Body  []byte           // its body, without block type and total lengths
}

// Types of an Extra (draft-ietf-opsawg-pcapng §4.5, §4.7).
const (
	ExtraNames   = blockNames
	ExtraSecrets = blockSecrets
)

// SecretsTLS is the type of secrets that are lines of a TLS key log, as
// SSLKEYLOGFILE has them (draft-ietf-opsawg-pcapng §4.7).
const SecretsTLS = 0x544c534b

// NewSecrets makes a Decryption Secrets Block of data, which it copies.
func NewSecrets(kind uint32, data []byte) Extra {
	p := make([]byte, 0, 8+len(data)+3)
	p = binary.LittleEndian.AppendUint32(p, kind)
	p = binary.LittleEndian.AppendUint32(p, uint32(len(data)))
	return Extra{Type: ExtraSecrets, Order: binary.LittleEndian, Body: pad(append(p, data...))}
}

// Secrets returns what a Decryption Secrets Block holds and of which type it
// is. The data is part of Body. For another block, and for one whose length
// field is wrong, ok is false.
func (e Extra) Secrets() (kind uint32, data []byte, ok bool) {
	if e.Type != ExtraSecrets || len(e.Body) < 8 {
		return 0, nil, false
	}
	n := e.Order.Uint32(e.Body[4:])
	if int64(n) > int64(len(e.Body)-8) {
		return 0, nil, false
	}
	return e.Order.Uint32(e.Body), e.Body[8 : 8+n], true
}

// little is the body in little-endian byte order, for a section of ours, and
// whether it is one that a reader can do something with.
func (e Extra) little() (body []byte, ok bool) {
	kind, data, ok := e.Secrets()
	swap := e.Order != binary.ByteOrder(binary.LittleEndian)
	switch {
	case ok && swap:
		return NewSecrets(kind, data).Body, true // its options can only be comments
	case e.Type == ExtraNames && swap:
		return e.turn(bytes.Clone(e.Body)), true
	}
	return e.Body, ok || e.Type == ExtraNames
}

// turn reverses the byte order of a Name Resolution Block's records and options,
// which have the same shape, and whose values are bytes and text. It ends before
// one that is not all there.
func (e Extra) turn(p []byte) []byte {
	for at := 0; at+4 <= len(p); {
		kind, n := e.Order.Uint16(p[at:]), int(e.Order.Uint16(p[at+2:]))
		next := at + 4 + (n+3)&^3
		if next > len(p) {
			return p[:at]
		}
		binary.LittleEndian.PutUint16(p[at:], kind)
		binary.LittleEndian.PutUint16(p[at+2:], uint16(n))
		at = next
	}
	return p
}
