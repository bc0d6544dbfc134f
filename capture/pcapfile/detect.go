package pcapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxMagic is how many bytes it takes to know a format that has a magic.
const maxMagic = 12

// ErrFormat says that an input is not a capture that can be read: it is not
// damaged, it is something else.
var ErrFormat = errors.New("not a pcap, pcapng, Network Monitor or ERF capture, plain or in gzip or zstd")

// found is what detect makes of the start of an input: how it is to be read, if
// that is known.
type found struct {
	format string
	scan   scanner
	netmon bool
	need   int // bytes of the input that would tell more, 0 for none
}

// detect chooses how to read an input that starts with head, and has ended with
// it or not.
func detect(head []byte, ended bool, m *meta, file int) found {
	if len(head) >= 4 {
		if kind, ok := pcapKinds[[4]byte(head)]; ok {
			return found{format: kind.name, scan: &pcapScanner{kind: kind, meta: m, file: file}}
		}
	}
	if len(head) < maxMagic {
		return found{need: maxMagic}
	}
	if name, ok := netmonKinds[[4]byte(head)]; ok {
		return found{format: name, netmon: true}
	}
	if binary.LittleEndian.Uint32(head) == blockSection && sectionOrder(head) != nil {
		return found{format: "pcapng", scan: &ngScanner{meta: m, file: file}}
	}
	is, need := probeERF(head, ended)
	if is {
		return found{format: "ERF", scan: &erfScanner{meta: m, file: file}}
	}
	return found{need: need}
}

// foreign are contents that people hand to a capture reader by mistake, with
// what they are and whether editcap can convert them.
var foreign = []struct {
	magic, name string
	convertible bool
}{
	{"snoop\x00\x00\x00", "a snoop capture", true},
	{"TRSNIFF data", "a Sniffer capture", true},
	{"XCP\x00", "a NetXRay or Windows Sniffer capture", true},
	{"btsnoop\x00", "a btsnoop capture", true},
	{"\x1c\x00\x01\xac", "an IXIA capture", true},
	{"\xac\x01\x00\x1c", "an IXIA capture", true},
	{"\xfd7zXZ\x00", "xz-compressed", false},
	{"BZh", "bzip2-compressed", false},
	{"\x04\x22\x4d\x18", "LZ4-compressed", false},
	{"PK\x03\x04", "a zip archive", false},
	{"CLIENT_", "a TLS key log", false},
	{"SERVER_", "a TLS key log", false},
	{"\x0a\x0d\x0d\x0a", "a pcapng capture that a text-mode transfer has destroyed", false},
	{"{", "JSON", false},
	{"<", "XML or HTML", false},
}

// unknown is the error for an input that is no capture at all.
func (r *reader) unknown(head []byte) error {
	if r.ended != nil && !errors.Is(r.ended, io.EOF) {
		return r.finish(len(head), pause{})
	}
	if r.ended != nil && bytes.HasPrefix(head, []byte("\x0a\x0d\x0d\x0a")) && len(head) < maxMagic {
		return r.cut(record{"section header", 0, minSection}, int64(len(head)))
	}
	return fmt.Errorf("capture: open %s: %w: %s", r.name, ErrFormat, describe(head))
}

// describe says what an input looks like, as far as that is easily known.
func describe(head []byte) string {
	switch {
	case len(head) == 0:
		return "it is empty"
	case len(head) < 4:
		return fmt.Sprintf("it has %d bytes", len(head))
	}
	for _, f := range foreign {
		switch {
		case !bytes.HasPrefix(head, []byte(f.magic)):
		case f.convertible:
			return "it looks like " + f.name + ", which Wireshark's editcap can convert"
		default:
			return "it looks like " + f.name
		}
	}
	return fmt.Sprintf("it starts with %x", head[:4])
}
