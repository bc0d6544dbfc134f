//go:build !linux

package process

import (
	"errors"
	"io"
)

var errUnsupported = errors.New("process: owners of connections are found on Linux only")

// Watch fails: it needs Linux.
func Watch(Options) (*Watcher, error) { return nil, errUnsupported }

// Start fails: it needs Linux.
func Start(string, ...string) (*Watcher, error) { return nil, errUnsupported }

// Serve fails: it needs Linux.
func Serve(io.Reader, io.Writer, Options) error { return errUnsupported }

// Main fails: it needs Linux.
func Main(Options) error { return errUnsupported }
