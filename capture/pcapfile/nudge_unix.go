//go:build unix

package pcapfile

import (
	"os"
	"syscall"
)

// nudge opens a FIFO for writing and closes it again, which lets go whoever
// waits in opening it for reading.
func nudge(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // the user names the files
	if err != nil {
		return err
	}
	return f.Close()
}
