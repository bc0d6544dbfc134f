//go:build !unix

package privilege

import (
	"fmt"
	"os"
	"runtime"
)

// Confine can do nothing here, and says so: an error if it should become a user.
func Confine(p Policy) (Report, error) {
	if p.User != nil {
		return Report{}, fmt.Errorf("becoming %s: not possible on %s", p.User, runtime.GOOS)
	}
	return Report{Notes: []string{"nothing was given up, which is not possible on " + runtime.GOOS}}, nil
}

// Chown does nothing: there is no root here who would give a file away.
func Chown(*os.File, User) error { return nil }
