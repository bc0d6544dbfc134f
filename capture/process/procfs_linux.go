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

	maxDirent = 64 // bytes of an entry of a directory whose name is a number
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
	b = append(strconv.AppendUint(b, uint64(pid), 10), "/fd\x00"...)
	dir, err := openAt(unix.AT_FDCWD, b, unix.O_RDONLY|unix.O_DIRECTORY)
	return process{pid, dir}, err
}

// close closes the directory, if it is open (-1: it is not).
func (p process) close() {
	if p.dir >= 0 {
		closeFile(p.dir)
	}
}

// socket returns the inode of the socket that an open file is, 0 if it is none.
func (p process) socket(fd int) (uint32, error) {
	var name [12]byte
	var buf [32]byte
	n, err := readLinkAt(p.dir, append(strconv.AppendInt(name[:0], int64(fd), 10), 0), buf[:])
	return inode(buf[:max(n, 0)], "socket:["), err
}

// inode reads a link like "socket:[123]", of which the kind is given; 0: it is of
// another.
func inode(link []byte, kind string) uint32 {
	digits, isKind := bytes.CutPrefix(link, []byte(kind))
	digits, isWhole := bytes.CutSuffix(digits, []byte("]"))
	if !isKind || !isWhole {
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
		size, err := readDir(p.dir, dirents[:])
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
		if size < len(dirents)-maxDirent {
			return true // there was room for more
		}
	}
}

// name is what the process calls itself (comm: what ps shows), "" if it has ended.
func (p process) name() string {
	var buf [MaxName + 1]byte
	n := p.read([]byte("../comm\x00"), buf[:])
	name, _, _ := bytes.Cut(buf[:n], []byte("\n"))
	return string(name[:min(len(name), MaxName)])
}

// read reads the beginning of a file about the process; path ends with a zero byte.
func (p process) read(path, buf []byte) int {
	fd, err := openAt(p.dir, path, unix.O_RDONLY)
	if err != nil {
		return 0
	}
	defer closeFile(fd)
	n, _ := read(fd, buf)
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
	dir, err := openAt(unix.AT_FDCWD, []byte("/proc\x00"), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return to
	}
	defer closeFile(dir)
	var dirents [8192]byte
	for {
		size, err := readDir(dir, dirents[:])
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
	n, err := readStart(int(l), buf[:])
	if err != nil {
		return 0
	}
	line := bytes.TrimSpace(buf[:max(n, 0)])
	pid, _ := decimal(line[bytes.LastIndexByte(line, ' ')+1:])
	return pid
}
