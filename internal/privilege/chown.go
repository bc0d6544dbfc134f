//go:build unix

package privilege

import (
	"fmt"
	"os"
	"syscall"
)

// Chown gives a file to the user for whom root made it. The caller has made the file
// itself, by O_EXCL: one that was there before must keep its owner, or a user who may
// run only this program as root could have any file given to them. So a file that is
// not empty, has other names, or is somebody else's, is an error; what is no regular
// file (a pipe, /dev/null) is left as it is.
func Chown(f *os.File, u User) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Size() != 0 || st.Nlink != 1 || int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("giving %s to %s: it is not a file that was made just now", f.Name(), u)
	}
	if err := f.Chown(u.UID, u.GID); err != nil {
		return fmt.Errorf("giving a file to %s: %w", u, err)
	}
	return nil
}
