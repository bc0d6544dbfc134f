//go:build !unix

package pcapfile

import "errors"

// nudge does nothing: there are no FIFOs in the file system here.
func nudge(string) error { return errors.ErrUnsupported }
