//go:build !cgo || nolive

package bpf

import (
	"errors"
	"testing"
)

func TestCompileWithoutLibpcap(t *testing.T) {
	if p, err := Compile("tcp", 1, 0); p != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, %v", p, err)
	}
}
