package privilege

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// User is who a process can become.
type User struct {
	Name     string // "" if the system has no entry for the user
	UID, GID int
	Groups   []int // the supplementary groups; none but these are kept
}

// String is for people: "nobody (65534:65534)", or the numbers alone.
func (u User) String() string {
	ids := fmt.Sprintf("%d:%d", u.UID, u.GID)
	if u.Name == "" {
		return ids
	}
	return u.Name + " (" + ids + ")"
}

// Target is the user whom this process should become once its capture is open. It is
// false if the process should stay who it is: where it is not root, where root was
// logged in as such, and where root was asked for. The user is, in this order:
//
//   - of a program installed setuid root: who started it, and nobody else, for
//     name and environment are then theirs to choose;
//   - the named one (flag -Z): a name, a number, or UID:GID; "root" to stay root;
//   - who called sudo (SUDO_UID and SUDO_GID, as getenv has them).
//
// What cannot be understood is an error: to stay root by mistake would be worse.
func Target(name string, getenv func(string) string) (User, bool, error) {
	return process{os.Getuid(), os.Geteuid()}.target(name, getenv)
}

// process is who a process is: its real and effective user.
type process struct{ uid, euid int }

func (p process) target(name string, getenv func(string) string) (User, bool, error) {
	switch {
	case p.euid != 0 || p.uid != 0:
		return p.self(name)
	case name != "":
		u, err := find(name)
		if err != nil {
			return User{}, false, fmt.Errorf("-Z %s: %w", name, err)
		}
		return u, u.UID != 0, nil
	}
	u, err := sudoer(getenv)
	if err != nil {
		return User{}, false, fmt.Errorf("who called sudo: %w (-Z USER says it instead, -Z root stays root)", err)
	}
	return u, u.UID != 0, nil
}

// self is for who can only become what they are: the user behind a setuid program,
// or one without root.
func (p process) self(name string) (User, bool, error) {
	if name != "" {
		if u, err := find(name); err != nil {
			return User{}, false, fmt.Errorf("-Z %s: %w", name, err)
		} else if u.UID != p.uid {
			return User{}, false, fmt.Errorf("-Z %s: only root can become another user", name)
		}
	}
	if p.euid == p.uid {
		return User{}, false, nil
	}
	return complete(p.uid, os.Getgid()), true, nil
}

// errNoUser is returned for names and numbers that nobody has.
var errNoUser = errors.New("no such user")

// find is the user with a name, a number, or the numbers UID:GID. As in chown(1) a
// name of digits is a name first.
func find(name string) (User, error) {
	if u, err := user.Lookup(name); err == nil {
		return entry(u)
	}
	uid, gid, both := strings.Cut(name, ":")
	u, err := id(uid)
	if err != nil {
		return User{}, errNoUser
	}
	if both {
		g, err := id(gid)
		if err != nil {
			return User{}, fmt.Errorf("group %q: %w", gid, err)
		}
		return complete(u, g), nil
	}
	e, err := user.LookupId(strconv.Itoa(u))
	if err != nil {
		return User{}, fmt.Errorf("%w (for one without an entry in /etc/passwd, say UID:GID)", errNoUser)
	}
	return entry(e)
}

// sudoer is who called sudo, root if nobody did.
func sudoer(getenv func(string) string) (User, error) {
	if getenv("SUDO_UID") == "" {
		return User{}, nil
	}
	uid, err := id(getenv("SUDO_UID"))
	if err != nil {
		return User{}, fmt.Errorf("SUDO_UID=%q: %w", getenv("SUDO_UID"), err)
	}
	if uid == 0 {
		return User{}, nil
	}
	gid, err := id(getenv("SUDO_GID"))
	if err != nil {
		return User{}, fmt.Errorf("SUDO_GID=%q: %w", getenv("SUDO_GID"), err)
	}
	return complete(uid, gid), nil
}

// id is a user's or group's number. The largest means "leave as it is" to the
// kernel: with it, setresuid(2) would succeed and change nothing.
func id(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == math.MaxUint32 {
		return 0, errors.New("not the number of a user or group")
	}
	return int(n), nil
}

// complete is a user of whom the numbers are known, with name and groups as far as
// the system has an entry: a container often has none.
func complete(uid, gid int) User {
	out := User{UID: uid, GID: gid}
	if e, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		out.Name, out.Groups = e.Username, groups(e)
	}
	return out
}

// entry is a user as the system's database has it.
func entry(e *user.User) (User, error) {
	uid, err := id(e.Uid)
	if err != nil {
		return User{}, fmt.Errorf("user %s has the id %q: %w", e.Username, e.Uid, err)
	}
	gid, err := id(e.Gid)
	if err != nil {
		return User{}, fmt.Errorf("user %s has the group %q: %w", e.Username, e.Gid, err)
	}
	return User{Name: e.Username, UID: uid, GID: gid, Groups: groups(e)}, nil
}

// groups are the supplementary groups of a user. Those that cannot be found out are
// left out: a right too few shows, one too many does not.
func groups(e *user.User) (out []int) {
	ids, err := e.GroupIds()
	if err != nil {
		return nil
	}
	for _, s := range ids {
		if g, err := id(s); err == nil {
			out = append(out, g)
		}
	}
	return out
}
