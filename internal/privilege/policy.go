package privilege

import (
	"fmt"
	"strings"
)

// Policy is what a process keeps. The zero Policy is for one that stays who it is
// and keeps access to files and networks, but no capability.
type Policy struct {
	// User is whom to become; nil stays.
	User *User

	// KeepRaw leaves CAP_NET_RAW, if the process has it and does not become a User:
	// with it an interface that was removed can be opened again. Whoever takes over
	// the process has an open packet socket anyway, which says as much.
	KeepRaw bool

	// Landlock restricts files and networks, as far as the kernel can. What is
	// open already stays usable, whatever the lists say: an output file is needed
	// here only if it is opened again. Nothing can be executed any more, and there
	// is no TCP connection to make or to accept.
	Landlock   bool
	ReadPaths  []string // files, and folders with all below them
	WriteDirs  []string // where files are made, read, renamed and removed; they must exist
	WriteFiles []string // files and devices, opened for reading and writing; they must exist

	// Children leaves the right to send signals to other processes of the same
	// user, which is needed to end a child that was started before.
	Children bool
}

// Report is what Confine did.
type Report struct {
	User     *User    // whom the process became; nil: it stayed
	Threads  int      // how many threads were checked; 0 where that cannot be done
	Landlock int      // the kernel's version (ABI) of Landlock; 0 if files and networks are not restricted
	Signals  bool     // under Landlock, signals to other processes are still possible
	Raw      bool     // CAP_NET_RAW was kept
	Notes    []string // what could not be done, in words
}

// String says in one line what was done, and what was not.
func (r Report) String() string {
	var said []string
	if r.User != nil {
		said = append(said, "became "+r.User.String())
	}
	if r.Threads > 0 {
		said = append(said, fmt.Sprintf("%s, no_new_privs, no core dumps (%d threads checked)", r.capabilities(), r.Threads))
	}
	if r.Landlock > 0 {
		said = append(said, fmt.Sprintf("Landlock %d: %s", r.Landlock, r.restricted()))
	}
	return strings.Join(append(said, r.Notes...), "; ")
}

func (r *Report) capabilities() string {
	if r.Raw {
		return "no capability but CAP_NET_RAW"
	}
	return "no capabilities"
}

// restrictions are what the versions of Landlock brought that matters here.
var restrictions = []struct {
	abi  int
	what string
}{
	{1, "only the files named, nothing executed"},
	{4, "no TCP"},
	{6, "no abstract sockets of others"},
	{9, "no other sockets of theirs"},
	{10, "no UDP"},
}

func (r Report) restricted() string {
	var said []string
	for _, x := range restrictions {
		if r.Landlock >= x.abi {
			said = append(said, x.what)
		}
	}
	if !r.Signals {
		said = append(said, "no signals")
	}
	return strings.Join(said, ", ")
}
