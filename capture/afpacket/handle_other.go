//go:build !linux

package afpacket

import (
	"errors"
	"fmt"
)

// Handle is an interface that is open for capture.
type Handle struct{}

var errOther = fmt.Errorf("capture: AF_PACKET is Linux's alone: %w", errors.ErrUnsupported)

// Open fails.
func Open(_ string, _ Options) (*Handle, error) { return nil, errOther }

// Interfaces fails.
func Interfaces() ([]Interface, error) { return nil, errOther }

// Read fails.
func (*Handle) Read() (data []byte, nanos int64, wireLen int, err error) { return nil, 0, 0, errOther }

// Link returns 0.
func (*Handle) Link() uint16 { return 0 }

// Stats fails.
func (*Handle) Stats() (received, kernelDrops, ifDrops uint64, err error) { return 0, 0, 0, errOther }

// Close does nothing.
func (*Handle) Close() error { return nil }
