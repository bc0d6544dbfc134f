package privilege

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// Confine gives up everything but what the policy keeps, on every thread, and checks
// that it is gone. It is called once. After an error the process may have lost some
// rights and kept others: it has to end.
func Confine(p Policy) (Report, error) {
	r := Report{User: p.User}
	before, err := own()
	if err != nil {
		return r, err
	}
	// Read on first use otherwise, when it may not be read any more.
	_, _ = time.Unix(0, 0).Zone()
	keep := p.kept(before)
	r.Raw = keep != 0
	if err := drop(p.User, before, keep); err != nil {
		return r, err
	}
	if !before.has(unix.CAP_SETPCAP) && before.bounding != 0 {
		r.Notes = append(r.Notes, "the bounding set is kept for want of CAP_SETPCAP, and means nothing with no_new_privs")
	}
	if r.Threads, err = verify(after(p.User, before, keep)); err != nil {
		return r, err
	}
	if p.Landlock {
		if err := restrict(p, &r); err != nil {
			return r, fmt.Errorf("restricting access to files: %w", err)
		}
	}
	return r, nil
}

// drop is all of Confine but Landlock. Each step needs rights that the next ones
// take away.
func drop(u *User, before status, keep uint64) error {
	if err := prctl(unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if before.has(unix.CAP_SETPCAP) {
		if err := dropBounding(); err != nil {
			return fmt.Errorf("bounding set: %w", err)
		}
	}
	if u != nil {
		if err := become(*u); err != nil {
			return fmt.Errorf("becoming %s: %w", u, err)
		}
	}
	if err := keepCapabilities(keep); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	// No core dump with other people's traffic in it, and no other process of the
	// user may look into this one. An attribute of the memory, not of a thread. A
	// process still reads its own /proc, as proc(5) has it.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("dumpable: %w", err)
	}
	return nil
}

// become changes who the process is, for good: real, effective and saved ids, and
// with them those for files. The functions of package syscall act on all threads.
func become(u User) error {
	if err := syscall.Setgroups(u.Groups); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := syscall.Setresgid(u.GID, u.GID, u.GID); err != nil {
		return fmt.Errorf("setresgid: %w", err)
	}
	if err := syscall.Setresuid(u.UID, u.UID, u.UID); err != nil {
		return fmt.Errorf("setresuid: %w", err)
	}
	return nil
}

// dropBounding empties the bounding set, so that no program executed later can have
// a capability either. The kernel says which capabilities it knows: it may know
// more than this program.
func dropBounding() error {
	for c := range capabilities {
		if _, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0); err != nil {
			return nil //nolint:nilerr // the kernel's last one was the one before
		}
		if err := prctl(unix.PR_CAPBSET_DROP, uintptr(c)); err != nil {
			return err
		}
	}
	return nil
}

// capabilities is how many fit into a set.
const capabilities = 64

// kept are the capabilities that stay, as a set.
func (p *Policy) kept(before status) uint64 {
	if !p.KeepRaw || p.User != nil {
		return 0
	}
	return before.effective & (1 << unix.CAP_NET_RAW)
}

// keepCapabilities empties the permitted and effective sets but for a few of the
// lowest 32, and the inheritable set; with that the kernel empties the ambient set
// (capabilities(7)).
func keepCapabilities(keep uint64) error {
	hdr := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	none := &[2]unix.CapUserData{{Permitted: uint32(keep), Effective: uint32(keep)}} //nolint:gosec // one of the lowest 32
	// The threads of a process run the call one after another, while the caller's
	// stack may move.
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(hdr)
	pin.Pin(none)
	_, _, errno := psx.Syscall3(unix.SYS_CAPSET, uintptr(unsafe.Pointer(hdr)), uintptr(unsafe.Pointer(none)), 0) //nolint:gosec // capset(2) takes addresses
	return failure(errno)
}

// prctl is prctl(2) on every thread. The attributes are a thread's own, and the
// runtime starts and picks threads as it likes; package syscall cannot do it where
// cgo is in the program.
func prctl(option int, arg uintptr) error {
	_, _, errno := psx.Syscall6(unix.SYS_PRCTL, uintptr(option), arg, 0, 0, 0, 0)
	return failure(errno)
}

func failure(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// own is the state of the calling thread. Without /proc nothing could be checked,
// nor could the threads be found.
func own() (status, error) {
	text, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return status{}, err
	}
	return parseStatus(string(text))
}
