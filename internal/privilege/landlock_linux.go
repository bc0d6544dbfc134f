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
	c := handled(p)
	r.Signals = r.Landlock < 6 || c.Scoped&ll.ScopeSignal == 0
	return c.BestEffort().Restrict(rules...)
}

// handled is what Landlock is asked to forbid: everything that it can, but signals
// where they are needed. Linux 6.12 took the threads of a process for strangers to
// each other, whom Go's scheduler and libpsx could not reach any more; where that
// is corrected, the kernel says so.
func handled(p Policy) landlock.Config {
	c := landlock.V11
	if p.Children || landlockQuery(unix.LANDLOCK_CREATE_RULESET_ERRATA)&threadSignals == 0 {
		c.Scoped &^= ll.ScopeSignal
	}
	return c
}

// threadSignals is erratum 2 of Landlock.
const threadSignals = 1 << (2 - 1)

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
			return nil, p.refused("make files in", path, err)
		}
		rules = append(rules, landlock.PathAccess(writeDir, path))
	}
	for _, path := range p.WriteFiles {
		if err := unix.Access(path, unix.W_OK); err != nil {
			return nil, p.refused("write to", path, err)
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

// refused is that the user the process now is cannot write somewhere.
func (p Policy) refused(what, path string, err error) error {
	if p.User == nil {
		return fmt.Errorf("user %d, without capabilities, cannot %s %s: %w", os.Geteuid(), what, path, err)
	}
	return fmt.Errorf("%s cannot %s %s: %w (-Z says who it is to be)", p.User, what, path, err)
}

// landlockABI is the kernel's version of Landlock, 0 if it has none, or has it
// switched off, or if a container's filter hides it.
func landlockABI() int { return landlockQuery(unix.LANDLOCK_CREATE_RULESET_VERSION) }

// landlockQuery asks the kernel about its Landlock; 0 is no answer.
func landlockQuery(what uintptr) int {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, what)
	if errno != 0 {
		return 0
	}
	return int(v)
}
