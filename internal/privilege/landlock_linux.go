package privilege

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// The rights to files. None has that to execute, which the library's own sets include.
const (
	readFile  landlock.AccessFSSet = ll.AccessFSReadFile
	readDir   landlock.AccessFSSet = ll.AccessFSReadFile | ll.AccessFSReadDir
	writeFile landlock.AccessFSSet = ll.AccessFSReadFile | ll.AccessFSWriteFile | ll.AccessFSTruncate
	writeDir  landlock.AccessFSSet = readDir | writeFile | ll.AccessFSMakeReg | ll.AccessFSRemoveFile
	device    landlock.AccessFSSet = writeFile | ll.AccessFSIoctlDev // a terminal is asked for its size
)

// restrict applies the policy's lists to all threads. The process is already who it
// will be: what that user may not use is found here, and not hours later.
func restrict(p Policy, r *Report) error {
	rules, err := writing(p)
	if err != nil {
		return err
	}
	for _, path := range p.ReadPaths {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			r.Notes = append(r.Notes, fmt.Sprintf("%s cannot be read: %v", path, errors.Unwrap(err)))
			continue
		} else if err != nil {
			return err
		}
		rules = append(rules, landlock.PathAccess(reading(info), path))
	}
	r.Landlock = landlockABI()
	if r.Landlock == 0 {
		r.Notes = append(r.Notes, "files and networks are not restricted: this kernel has no Landlock, or it is not enabled")
		return nil
	}
	return handled(p).BestEffort().Restrict(rules...)
}

// handled is what Landlock is asked to forbid: everything that it can.
func handled(p Policy) landlock.Config {
	c := landlock.V11
	if p.Children {
		c.Scoped &^= ll.ScopeSignal
	}
	return c
}

func reading(info fs.FileInfo) landlock.AccessFSSet {
	if info.IsDir() {
		return readDir
	}
	return readFile
}

// writing are the rules for what is written, after a check that the user can.
func writing(p Policy) ([]landlock.Rule, error) {
	var rules []landlock.Rule
	for _, path := range p.WriteDirs {
		if err := unix.Access(path, unix.W_OK|unix.X_OK); err != nil {
			return nil, fmt.Errorf("%s cannot make files in %s: %w", whoever(p.User), path, err)
		}
		rules = append(rules, landlock.PathAccess(writeDir, path))
	}
	for _, path := range p.WriteFiles {
		if err := unix.Access(path, unix.W_OK); err != nil {
			return nil, fmt.Errorf("%s cannot write to %s: %w", whoever(p.User), path, err)
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		rights := writeFile
		if info.Mode()&fs.ModeDevice != 0 {
			rights = device
		}
		rules = append(rules, landlock.PathAccess(rights, path))
	}
	return rules, nil
}

// whoever names the user who cannot do something.
func whoever(u *User) string {
	if u != nil {
		return u.String()
	}
	return fmt.Sprintf("user %d, without capabilities,", os.Geteuid())
}

// landlockABI is the kernel's version of Landlock, 0 if it has none, or has it
// switched off, or if a container's filter hides it.
func landlockABI() int {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}
