package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"example.com/wirewatch/capture"
)

// The protocol between a Watcher and its child. Questions are the two ends of a
// connection, 36 bytes each and nothing else. Answers are messages: a kind, the
// length of what follows in one byte, and so many bytes; the first is ready or
// failed. Numbers are in network order. Both directions begin with the magic.
const (
	magic   = "wwps\x01" // the last byte is the version
	endsLen = 2 * (16 + 2)
)

// Kinds of messages.
const (
	kindReady  = 'R' // the watch has begun; nothing follows
	kindFailed = 'E' // it has not; the reason as text
	kindOwner  = 'O' // an owner: the ends, the pid in 4 bytes, the name
	kindStats  = 'S' // the counts so far, each in 8 bytes
)

// message is one from the child.
type message struct {
	kind  byte
	owner capture.Owner
	stats Stats
	text  string
}

var errProtocol = errors.New("process: the child does not keep to the protocol")

func appendMessage(b []byte, m message) []byte {
	at := len(b)
	b = append(b, m.kind, 0)
	switch m.kind {
	case kindOwner:
		b = appendEnds(b, ends{m.owner.Local, m.owner.Remote})
		b = binary.BigEndian.AppendUint32(b, m.owner.PID)
		b = append(b, m.owner.Name[:min(len(m.owner.Name), MaxName)]...)
	case kindStats:
		for _, n := range []uint64{m.stats.Asked, m.stats.Found, m.stats.Gone, m.stats.Skipped} {
			b = binary.BigEndian.AppendUint64(b, n)
		}
	case kindFailed:
		b = append(b, m.text[:min(len(m.text), 255)]...)
	}
	b[at+1] = byte(len(b) - at - 2)
	return b
}

// readMessage reads one message; it returns io.EOF if there is no more.
func readMessage(r io.Reader) (message, error) {
	var buf [2 + 255]byte
	if _, err := io.ReadFull(r, buf[:2]); err != nil {
		return message{}, err
	}
	body := buf[2 : 2+int(buf[1])]
	if _, err := io.ReadFull(r, body); err != nil {
		return message{}, fmt.Errorf("process: read an answer: %w", noEOF(err))
	}
	return parseMessage(buf[0], body)
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func parseMessage(kind byte, body []byte) (message, error) {
	m := message{kind: kind}
	switch {
	case kind == kindReady && len(body) == 0:
	case kind == kindFailed:
		m.text = string(body)
	case kind == kindStats && len(body) == 4*8:
		n := func(i int) uint64 { return binary.BigEndian.Uint64(body[8*i:]) }
		m.stats = Stats{n(0), n(1), n(2), n(3)}
	case kind == kindOwner && len(body) >= endsLen+4 && len(body) <= endsLen+4+MaxName:
		e := parseEnds([endsLen]byte(body))
		m.owner = capture.Owner{Local: e.local, Remote: e.remote,
			PID: binary.BigEndian.Uint32(body[endsLen:]), Name: string(body[endsLen+4:])}
	default:
		return message{}, errProtocol
	}
	return m, nil
}

// readMagic reads what each direction begins with.
func readMagic(r io.Reader) error {
	var b [len(magic)]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return fmt.Errorf("process: read the protocol's version: %w", noEOF(err))
	}
	if string(b[:]) != magic {
		return errProtocol
	}
	return nil
}

// appendEnds appends both ends, IPv4 addresses as mapped ones.
func appendEnds(b []byte, e ends) []byte {
	for _, a := range []netip.AddrPort{e.local, e.remote} {
		addr := a.Addr().As16()
		b = append(b, addr[:]...)
		b = binary.BigEndian.AppendUint16(b, a.Port())
	}
	return b
}

// parseEnds reads them: any bytes are two ends.
func parseEnds(b [endsLen]byte) ends {
	end := func(p []byte) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(p)).Unmap(), binary.BigEndian.Uint16(p[16:]))
	}
	return ends{end(b[:18]), end(b[18:])}
}
