package process

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Bounds of one look at a process.
const (
	maxVisit = 256      // open files that are looked at while a connection waits
	maxFiles = 16 << 10 // and in a sweep
)

// held is where a socket was seen: among the open files of a process.
type held struct {
	pid uint32
	fd  int
}

// process is one whose open files are being read: the directory /proc/PID/fd. It
// stays with that process; when the process has ended every use of it fails,
// though its pid may be in use again.
type process struct {
	pid uint32
	dir int
}

func openProcess(pid uint32) (process, error) {
	var name [24]byte
	b := append(name[:0], "/proc/"...)
	b = append(strconv.AppendUint(b, uint64(pid), 10), "/fd"...)
	dir, err := unix.Open(string(b), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return process{pid, dir}, err
}

func (p process) close() { _ = unix.Close(p.dir) }

// socket returns the inode of the socket that an open file is, 0 if it is none.
func (p process) socket(fd int) (uint32, error) {
	var buf [32]byte
	n, err := unix.Readlinkat(p.dir, strconv.Itoa(fd), buf[:])
	return socketInode(buf[:max(n, 0)]), err
}

// socketInode reads "socket:[123]".
func socketInode(link []byte) uint32 {
	digits, isSocket := bytes.CutPrefix(link, []byte("socket:["))
	digits, isWhole := bytes.CutSuffix(digits, []byte("]"))
	if !isSocket || !isWhole {
		return 0
	}
	n, ok := decimal(digits)
	if !ok {
		return 0
	}
	return n
}

// decimal reads a number without a sign.
func decimal(p []byte) (n uint32, ok bool) {
	if len(p) == 0 || len(p) > 10 {
		return 0, false
	}
	var wide uint64
	for _, c := range p {
		if c < '0' || c > '9' {
			return 0, false
		}
		wide = 10*wide + uint64(c-'0')
	}
	return uint32(wide), wide < 1<<32
}

// sockets calls see for the sockets among a process's open files until it
// returns false, and looks at n files at most. The files opened last are most
// often the highest: each batch goes from its end. It reports whether all were
// looked at or see has had enough.
func (p process) sockets(n int, see func(fd int, inode uint32) bool) bool {
	var dirents [8192]byte
	for {
		size, err := unix.Getdents(p.dir, dirents[:])
		if err != nil || size <= 0 {
			return err == nil
		}
		fds := numbers(dirents[:size], nil)
		for i := len(fds) - 1; i >= 0; i-- {
			if n--; n < 0 {
				return false
			}
			inode, _ := p.socket(int(fds[i]))
			if inode != 0 && !see(int(fds[i]), inode) {
				return true
			}
		}
	}
}

// name is what the process calls itself (comm: what ps shows), "" if it has ended.
func (p process) name() string {
	var buf [MaxName + 1]byte
	n := p.read("../comm", buf[:])
	name, _, _ := bytes.Cut(buf[:n], []byte("\n"))
	return string(name[:min(len(name), MaxName)])
}

// leader is the pid and the name of the process if p, of the given name, was
// opened by the id of one of its threads: the directory of a thread is not listed
// but exists. The name is "" if the process has ended.
func (p process) leader(name string) (uint32, string) {
	var buf [512]byte
	n := p.read("../status", buf[:])
	_, rest, _ := bytes.Cut(buf[:n], []byte("\nTgid:\t"))
	digits, _, _ := bytes.Cut(rest, []byte("\n"))
	pid, ok := decimal(digits)
	if !ok || pid == p.pid {
		return p.pid, name
	}
	leader, err := openProcess(pid)
	if err != nil {
		return pid, ""
	}
	defer leader.close()
	return pid, leader.name()
}

func (p process) read(path string, buf []byte) int {
	fd, err := unix.Openat(p.dir, path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer func() { _ = unix.Close(fd) }()
	n, _ := unix.Read(fd, buf)
	return max(n, 0) // -1 with an error
}

// numbers appends the entries of a directory that are numbers.
func numbers(dirents []byte, to []uint32) []uint32 {
	const reclen, name = int(unsafe.Offsetof(unix.Dirent{}.Reclen)), int(unsafe.Offsetof(unix.Dirent{}.Name))
	for len(dirents) > name {
		size := int(binary.NativeEndian.Uint16(dirents[reclen:]))
		if size <= name || size > len(dirents) {
			break
		}
		text, _, _ := bytes.Cut(dirents[name:size], []byte{0})
		if n, ok := decimal(text); ok {
			to = append(to, n)
		}
		dirents = dirents[size:]
	}
	return to
}

// pids lists the processes, those with the highest numbers first: they are most
// often the newest.
func pids(to []uint32) []uint32 {
	dir, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return to
	}
	defer func() { _ = unix.Close(dir) }()
	var dirents [8192]byte
	for {
		size, err := unix.Getdents(dir, dirents[:])
		if err != nil || size <= 0 {
			break
		}
		to = numbers(dirents[:size], to)
	}
	slices.Reverse(to)
	return to
}

// loadavg is /proc/loadavg, whose last field is the pid given out last: that of
// the newest process or thread.
type loadavg int

func (l loadavg) newest() uint32 {
	var buf [128]byte
	n, err := unix.Pread(int(l), buf[:], 0)
	if err != nil {
		return 0
	}
	line := bytes.TrimSpace(buf[:max(n, 0)])
	pid, _ := decimal(line[bytes.LastIndexByte(line, ' ')+1:])
	return pid
}
