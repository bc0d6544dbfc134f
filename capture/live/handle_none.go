//go:build !cgo || nolive

package live

import "errors"

// Engine is what captures, in words.
const Engine = "nothing"

func open(string, settings) (handle, error) {
	return nil, errors.ErrUnsupported
}

func devices() ([]Interface, error) { return nil, errors.ErrUnsupported }
