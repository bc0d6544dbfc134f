package privilege

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// status is what /proc/PID/task/TID/status says of a thread's rights (proc(5)).
type status struct {
	uid, gid   [4]int // real, effective, saved, for files
	groups     []int
	noNewPrivs bool

	inheritable, permitted, effective, bounding, ambient uint64 // capabilities, bit by number
}

// has reports a capability in the effective set.
func (s *status) has(capability int) bool { return s.effective>>capability&1 != 0 }

// parseStatus reads the text of a status file. A field that is missing is an error:
// of rights that are not shown nothing is known.
func parseStatus(text string) (status, error) {
	var s status
	seen := 0
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		known, err := s.field(name, strings.Fields(value))
		if err != nil {
			return status{}, fmt.Errorf("status of a thread: %s: %w", name, err)
		}
		if known {
			seen++
		}
	}
	if seen != statusFields {
		return status{}, fmt.Errorf("status of a thread: %d of %d fields", seen, statusFields)
	}
	return s, nil
}

const statusFields = 9

// field takes one field, and reports whether it is one that counts.
func (s *status) field(name string, words []string) (bool, error) {
	switch name {
	case "Uid":
		return true, ids(s.uid[:], words)
	case "Gid":
		return true, ids(s.gid[:], words)
	case "Groups":
		s.groups = make([]int, len(words))
		return true, ids(s.groups, words)
	case "NoNewPrivs":
		s.noNewPrivs = slices.Equal(words, []string{"1"})
		return true, nil
	case "CapInh":
		return true, set(&s.inheritable, words)
	case "CapPrm":
		return true, set(&s.permitted, words)
	case "CapEff":
		return true, set(&s.effective, words)
	case "CapBnd":
		return true, set(&s.bounding, words)
	case "CapAmb":
		return true, set(&s.ambient, words)
	}
	return false, nil
}

var errField = errors.New("unexpected value")

// ids reads as many numbers as out has room for.
func ids(out []int, words []string) error {
	if len(words) != len(out) {
		return errField
	}
	for i, w := range words {
		n, err := strconv.ParseUint(w, 10, 32)
		if err != nil {
			return errField
		}
		out[i] = int(n)
	}
	return nil
}

// set reads a set of capabilities.
func set(out *uint64, words []string) (err error) {
	if len(words) != 1 {
		return errField
	}
	*out, err = strconv.ParseUint(words[0], 16, 64)
	return err
}

// after is the state that every thread must be in once privileges are given up.
func after(u *User, before status, keep uint64) status {
	s := status{
		uid: before.uid, gid: before.gid, groups: before.groups, noNewPrivs: true, permitted: keep, effective: keep,
	}
	if u != nil {
		s.uid = [4]int{u.UID, u.UID, u.UID, u.UID}
		s.gid = [4]int{u.GID, u.GID, u.GID, u.GID}
		s.groups = u.Groups
	}
	if !before.has(unix.CAP_SETPCAP) {
		s.bounding = before.bounding
	}
	return s
}

// verify compares the state of every thread with what it must be, and returns how many
// there are. A thread that begins meanwhile has the rights of the one that started it.
func verify(want status) (int, error) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0, err
	}
	n := 0
	for _, t := range tasks {
		text, err := os.ReadFile("/proc/self/task/" + t.Name() + "/status")
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return n, err
		}
		if err := want.compare(string(text)); err != nil {
			return n, fmt.Errorf("thread %s: %w", t.Name(), err)
		}
		n++
	}
	return n, nil
}

// compare says how a thread's state is not the wanted one.
func (s *status) compare(text string) error {
	got, err := parseStatus(text)
	switch {
	case err != nil:
		return err
	case got.uid != s.uid:
		return fmt.Errorf("has the user ids %v, not %v", got.uid, s.uid)
	case got.gid != s.gid:
		return fmt.Errorf("has the group ids %v, not %v", got.gid, s.gid)
	case !sameGroups(got.groups, s.groups):
		return fmt.Errorf("has the groups %v, not %v", got.groups, s.groups)
	case !got.noNewPrivs:
		return errors.New("lacks no_new_privs")
	case got.inheritable|got.ambient != 0, (got.permitted|got.effective)&^s.permitted != 0:
		return fmt.Errorf("has capabilities (permitted %x, effective %x, inheritable %x, ambient %x)",
			got.permitted, got.effective, got.inheritable, got.ambient)
	case got.bounding != s.bounding:
		return fmt.Errorf("has the bounding set %x, not %x", got.bounding, s.bounding)
	}
	return nil
}

// sameGroups compares sets: the kernel sorts them.
func sameGroups(a, b []int) bool {
	norm := func(g []int) []int { g = slices.Clone(g); slices.Sort(g); return slices.Compact(g) }
	return slices.Equal(norm(a), norm(b))
}
