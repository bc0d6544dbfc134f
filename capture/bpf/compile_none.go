//go:build !cgo || nolive

package bpf

import "errors"

// Available reports whether this build can compile capture filters.
const Available = false

// Compile fails: this build has no libpcap. The error is errors.ErrUnsupported.
func Compile(_ string, _ uint16, _ int) (*Program, error) { return nil, noLibpcap{} }

type noLibpcap struct{}

func (noLibpcap) Error() string {
	return "this build of wirewatch has no libpcap, and cannot compile capture filters"
}

func (noLibpcap) Is(target error) bool { return target == errors.ErrUnsupported } //nolint:errorlint // errors.Is calls it for each error of a chain
