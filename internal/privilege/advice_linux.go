package privilege

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// grant gives a program the right to capture, whoever runs it.
func grant(exe string) string {
	return "let this program capture: " + shell("sudo", "setcap", "cap_net_raw,cap_net_admin=eip", exe)
}

// hindrance is why that would not help a program at exe.
func hindrance(exe string) obstacle {
	s, err := own()
	if err != nil {
		return obstacle{} // nothing is known to hinder it
	}
	if o := confined(s, os.Geteuid()); o.why != "" {
		return o
	}
	return unfit(exe)
}

// confined is why no program started by this process could capture.
func confined(s status, euid int) obstacle {
	const give = "give the container the right (--cap-add=NET_RAW --cap-add=NET_ADMIN)"
	switch {
	case s.bounding>>unix.CAP_NET_RAW&1 == 0:
		return obstacle{"nothing may capture here, for CAP_NET_RAW is not in the bounding set: " + give, true}
	case euid == 0:
		return obstacle{"root here may not capture, as in a user namespace or in a container: " + give, true}
	case s.noNewPrivs:
		return obstacle{"nothing can be given the right here, for no_new_privs is set: start this program from another session", true}
	}
	return obstacle{}
}

// unfit is why a file cannot have capabilities, or they have no effect.
func unfit(exe string) obstacle {
	var fs unix.Statfs_t
	if err := unix.Statfs(exe, &fs); err != nil {
		return obstacle{why: "the file of this program is gone"}
	}
	caps, err := fileCapabilities(exe)
	switch {
	case fs.Flags&unix.ST_NOSUID != 0:
		return obstacle{why: "setcap has no effect on " + quote(exe) + ", for its file system is mounted nosuid"}
	case errors.Is(err, unix.ENOTSUP):
		return obstacle{why: "setcap does not work on " + quote(exe) + ", for its file system does not keep capabilities"}
	case strings.Contains(exe, "/go-build"): // /tmp/go-build123/b001/exe/wirewatch
		return obstacle{why: "go run makes a new program each time: go build one to keep"}
	case caps:
		return obstacle{why: "this program has capabilities already, and was refused all the same"}
	}
	return obstacle{}
}

// fileCapabilities reports that a file was given some.
func fileCapabilities(exe string) (bool, error) {
	n, err := unix.Getxattr(exe, "security.capability", nil)
	return err == nil && n > 0, err
}
