package process

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// confined is the variable that is the whole environment of a process that is
// confined already; its value is the packet socket's file number.
const confined = "WIREWATCH_PACKET_SOCKET"

// nobody is the user, and the group, that owns nothing.
const nobody = 65534

// Main is what a child process of Start does. It returns when the watch ends.
// A process has as many sets of privileges as threads; so that none is left with
// more than it may have, Main gives them up on one thread and has that execute
// the program again, with the packet socket open already. What then remains is
// CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH and, for other network namespaces,
// CAP_SYS_ADMIN, as far as they were there; no_new_privs; and the user nobody,
// if it was root.
func Main(opt Options) error {
	socket, err := strconv.Atoi(os.Getenv(confined))
	if err != nil || len(os.Environ()) != 1 {
		err := confine(opt)
		return errors.Join(err, refuse(os.Stdout, err))
	}
	// What a terminal sends is meant for the parent, whose end ends this process.
	signal.Ignore(unix.SIGINT, unix.SIGHUP, unix.SIGQUIT)
	unix.CloseOnExec(socket)
	opt.socket, opt.whole = socket, true
	// With more, the runtime's monitor keeps polling for 10 ms after each time that
	// the thread waits, at three times the cost of the work.
	runtime.GOMAXPROCS(1)
	out, err := openPipe(unix.Stdout)
	if err != nil {
		return err
	}
	defer out.close()
	return Serve(os.Stdin, out, opt)
}

// confine executes this program again with all but the needed privileges given
// up. It returns only if it fails.
func confine(opt Options) error {
	socket, err := openPackets(false)
	if err != nil {
		return err
	}
	runtime.LockOSThread() // never unlocked: the thread is of no more use
	_, err = unix.FcntlInt(uintptr(socket), unix.F_SETFD, 0)
	if err == nil {
		err = giveUp(needed(opt))
	}
	if err == nil {
		err = unix.Exec("/proc/self/exe", os.Args, []string{confined + "=" + strconv.Itoa(socket)})
	}
	return closing(socket, "confine the child", err)
}

// needed are the capabilities to keep, a bit each.
func needed(opt Options) uint64 {
	keep := uint64(1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH)
	if opt.Namespaces {
		keep |= 1 << unix.CAP_SYS_ADMIN
	}
	return keep
}

// giveUp leaves this thread with the capabilities to keep, of those it has, in
// such a way that they survive execve(2) and no others come back with it.
func giveUp(keep uint64) error {
	hurry()
	hurryMore()
	for c := range uintptr(unix.CAP_LAST_CAP + 1) {
		if keep&(1<<c) == 0 { // fails without CAP_SETPCAP; no_new_privs is as good
			_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		}
	}
	if err := becomeNobody(); err != nil {
		return err
	}
	if err := setCapabilities(keep); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}

// realTime is for how long a thread of a child may run without a wait, far longer
// than its budget allows: if that should fail, the kernel ends it.
const realTime = time.Second / 2

// hurryMore has this thread, and those that it will start, get their turn before all
// of usual priority, if it may: on a busy machine, being nice to none is not enough
// for a client that lives for a millisecond.
func hurryMore() {
	limit := uint64(realTime.Microseconds())
	if unix.Setrlimit(rlimitRTTime, &unix.Rlimit{Cur: limit, Max: limit}) != nil {
		return
	}
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
}

// rlimitRTTime is RLIMIT_RTTIME (getrlimit(2)).
const rlimitRTTime = 15

// becomeNobody changes root to a user that owns no files, with the capabilities
// kept. With capabilities in the program's file execve(2) would give that user
// those only; root then stays what it is.
func becomeNobody() error {
	if _, err := unix.Getxattr("/proc/self/exe", "security.capability", nil); err == nil || os.Geteuid() != 0 {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return err
	}
	// The raw calls are for this thread only.
	for _, call := range [][4]uintptr{
		{unix.SYS_SETGROUPS, 0, 0, 0},
		{unix.SYS_SETRESGID, nobody, nobody, nobody},
		{unix.SYS_SETRESUID, nobody, nobody, nobody},
	} {
		if _, _, e := unix.RawSyscall(call[0], call[1], call[2], call[3]); e != 0 {
			return e
		}
	}
	return nil
}

// setCapabilities reduces all sets of this thread to what is to be kept, of what
// is permitted.
func setCapabilities(keep uint64) error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return err
	}
	for i := range data {
		kept := data[i].Permitted & uint32(keep>>(32*i))
		data[i] = unix.CapUserData{Effective: kept, Permitted: kept, Inheritable: kept}
	}
	if err := unix.Capset(&head, &data[0]); err != nil {
		return err
	}
	for c := range uintptr(64) {
		if data[c/32].Permitted&(1<<(c%32)) != 0 {
			if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c, 0, 0); err != nil {
				return err
			}
		}
	}
	return nil
}
