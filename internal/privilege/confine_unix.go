//go:build unix && !linux

package privilege

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
)

// Confine becomes the policy's user. The rest of what it does on Linux, this system
// does not have; the report says so.
func Confine(p Policy) (Report, error) {
	r := Report{User: p.User}
	if p.User != nil {
		if err := become(*p.User); err != nil {
			return r, fmt.Errorf("becoming %s: %w", p.User, err)
		}
	}
	if p.Landlock {
		r.Notes = append(r.Notes, "files and networks are not restricted on "+runtime.GOOS)
	}
	return r, nil
}

// become changes who the process is. As root, setuid and setgid set the saved ids too.
// The effective group takes a place in the list of groups on BSD, which is short.
func become(u User) error {
	groups := append([]int{u.GID}, u.Groups...)
	if err := syscall.Setgroups(groups[:min(len(groups), maxGroups)]); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := syscall.Setgid(u.GID); err != nil {
		return fmt.Errorf("setgid: %w", err)
	}
	if err := syscall.Setuid(u.UID); err != nil {
		return fmt.Errorf("setuid: %w", err)
	}
	if u.UID != 0 && syscall.Setuid(0) == nil {
		return errors.New("root could be had again")
	}
	return nil
}

// maxGroups is NGROUPS_MAX where it is smallest.
const maxGroups = 16
