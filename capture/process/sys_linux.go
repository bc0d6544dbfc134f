//nolint:gosec // system calls take addresses
package process

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls below are those made for each connection. None of them waits
// for long, so the runtime need not know of them. Told of a call, it wakes its
// monitor, a thread that looks every 20 µs whether the call still lasts, at
// several times the cost of the call.

// openAt opens a file relative to a directory; path ends with a zero byte.
func openAt(dir int, path []byte, flags int) (int, error) {
	n, _, e := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(unsafe.SliceData(path))),
		uintptr(flags|unix.O_CLOEXEC), 0, 0, 0)
	return result(n, e)
}

// readLinkAt reads where a link points to; path ends with a zero byte.
func readLinkAt(dir int, path, buf []byte) (int, error) {
	n, _, e := unix.RawSyscall6(unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(unsafe.SliceData(path))),
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0)
	return result(n, e)
}

// readDir reads entries of a directory.
func readDir(dir int, buf []byte) (int, error) {
	n, _, e := unix.RawSyscall(unix.SYS_GETDENTS64, uintptr(dir), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)))
	return result(n, e)
}

// readStart reads the beginning of a file.
func readStart(fd int, buf []byte) (int, error) {
	n, _, e := unix.RawSyscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0, 0)
	return result(n, e)
}

// read reads from a file or a socket.
func read(fd int, buf []byte) (int, error) {
	n, _, e := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)))
	return result(n, e)
}

// write writes to a file or a socket.
func write(fd int, buf []byte) (int, error) {
	n, _, e := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)))
	return result(n, e)
}

// receiveFrom reads a packet and where it came from.
func receiveFrom(fd int, buf []byte, from *unix.RawSockaddrLinklayer) (int, error) {
	size := uint32(unix.SizeofSockaddrLinklayer)
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0,
		uintptr(unsafe.Pointer(from)), uintptr(unsafe.Pointer(&size)))
	return result(n, e)
}

// epollNow reads what has happened that an epoll(7) waits for, without waiting.
func epollNow(fd int, events []unix.EpollEvent) (int, error) {
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	return result(n, e)
}

// pollFor waits until a file is readable, or for a short time.
func pollFor(fd int, d time.Duration) {
	file := unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	t := unix.NsecToTimespec(int64(d))
	_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&file)), 1, uintptr(unsafe.Pointer(&t)), 0, 0, 0) // why it ends does not matter
}

// leads reports that the id of a thread is its process's, too. No signal is sent:
// 0 asks whether one could be.
func leads(pid uint32) bool {
	_, _, e := unix.RawSyscall(unix.SYS_TGKILL, uintptr(pid), uintptr(pid), 0)
	return e == 0 || e == unix.EPERM
}

func closeFile(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

func (c clock) now() time.Duration {
	var t unix.Timespec
	_, _, _ = unix.RawSyscall(unix.SYS_CLOCK_GETTIME, uintptr(c), uintptr(unsafe.Pointer(&t)), 0) // 0 if it fails
	return time.Duration(t.Nano())
}

func result(n uintptr, e unix.Errno) (int, error) {
	if e != 0 {
		return -1, e
	}
	return int(n), nil
}
