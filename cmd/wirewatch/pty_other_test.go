//go:build !linux

package main

import (
	"os"
	"testing"
)

func openPTY(t *testing.T, _ int) (master, terminal *os.File) {
	t.Helper()
	t.Skip("SKIPPED: pseudoterminals are opened another way on every system, and here only on Linux")
	return nil, nil
}
