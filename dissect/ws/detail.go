package ws

import (
	"fmt"
	"unicode/utf8"
)

// lengthOf says how long a payload is, or claims to be.
func lengthOf(hd *header) string { return fmt.Sprintf("%d bytes", hd.length) }

func opcodeDetail(hd *header) string {
	return fmt.Sprintf("opcode 0x%x, %s", uint8(hd.opcode), lengthOf(hd))
}

func controlDetail(hd *header) string { return hd.opcode.String() + ", " + lengthOf(hd) }

// rsvDetail names the reserved bits that are set, rsv23Detail those but RSV1.
func rsvDetail(hd *header) string   { return rsvNames(hd.rsv) }
func rsv23Detail(hd *header) string { return rsvNames(hd.rsv &^ bitRSV1) }

func rsvNames(bits uint8) (s string) {
	for i, name := range [...]string{"RSV1", "RSV2", "RSV3"} {
		if bits&(bitRSV1>>i) != 0 {
			s = also(s, name)
		}
	}
	return s
}

// partialString is how many bytes at the end of s are the beginning of a
// character, but not all of it.
func partialString(s string) int {
	return partial([]byte(s[max(0, len(s)-utf8.UTFMax):]))
}
