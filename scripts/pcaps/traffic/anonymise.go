package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
)

// Block types and options of pcapng that tell about the capturing machine.
const (
	sectionHeader   = 0x0a0d0d0a
	interfaceBlock  = 1
	optHardware     = 2  // shb_hardware
	optSystem       = 3  // shb_os
	optInterfaceSys = 12 // if_os
)

// anonymise overwrites the names of hardware and operating system in pcapng
// files of this machine's byte order, which is little-endian.
func anonymise(files []string) error {
	for _, name := range files {
		p, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := anonymiseBlocks(p); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(name, p, 0o644); err != nil { // a file to publish
			return err
		}
	}
	return nil
}

func anonymiseBlocks(p []byte) error {
	le := binary.LittleEndian
	for len(p) > 0 {
		n := 0
		if len(p) >= 12 {
			n = int(le.Uint32(p[4:]))
		}
		if n < 12 || n > len(p) {
			return fmt.Errorf("bad block, %d bytes before the end", len(p))
		}
		switch le.Uint32(p) {
		case sectionHeader:
			blankOptions(p[24:n-4], optHardware, optSystem)
		case interfaceBlock:
			blankOptions(p[16:n-4], optInterfaceSys)
		}
		p = p[n:]
	}
	return nil
}

// blankOptions overwrites the values of options with these codes.
func blankOptions(p []byte, codes ...uint16) {
	le := binary.LittleEndian
	for len(p) >= 4 {
		code, n := le.Uint16(p), int(le.Uint16(p[2:]))
		if n > len(p)-4 {
			return
		}
		for _, c := range codes {
			if c == code {
				copy(p[4:4+n], bytes.Repeat([]byte("-"), n))
			}
		}
		p = p[min(4+(n+3)&^3, len(p)):]
	}
}
