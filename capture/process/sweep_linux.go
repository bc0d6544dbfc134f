package process

import (
	"errors"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// begin starts a sweep over all processes.
func (s *sweep) begin(now time.Time) {
	s.number++
	s.active, s.cost = true, 0
	s.pids = pids(s.pids[:0])
	s.snapshot = snapshot{began: now, sockets: map[uint32][]held{}, complete: true}
}

// step reads some of the files of one process. It reports whether the sweep is
// over.
func (h *hunter) step(all wanted, now time.Time) bool {
	s := &h.sweep
	began := threadTime()
	if s.at.dir < 0 && !s.open() {
		s.active = false
		h.last = s.snapshot
		s.next = now.Add(sweepShare * s.cost)
		return true
	}
	if s.at.dir >= 0 && !h.read(all) {
		s.at.close()
		s.at.dir = -1
	}
	s.cost += threadTime() - began
	return false
}

// open goes on to the next process; false: there is none. One that cannot be
// read makes the snapshot incomplete, unless it has ended.
func (s *sweep) open() bool {
	if len(s.pids) == 0 {
		return false
	}
	pid := s.pids[0]
	s.pids, s.files = s.pids[1:], 0
	p, err := openProcess(pid)
	if err != nil {
		s.complete = s.complete && !kept(pid, err)
		s.at.dir = -1
		return true
	}
	s.at = p
	return true
}

// kept reports that something was kept from us: an error other than that a
// process has ended or closed a file, which may be EACCES, too.
func kept(pid uint32, err error) bool {
	if err == nil || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return false
	}
	return unix.Access("/proc/"+strconv.Itoa(int(pid)), unix.F_OK) == nil
}

// read takes some files of the process in hand; false: that was all.
func (h *hunter) read(all wanted) bool {
	s := &h.sweep
	var dirents [2048]byte
	size, err := unix.Getdents(s.at.dir, dirents[:])
	if err != nil || size <= 0 {
		return false
	}
	for _, fd := range numbers(dirents[:size], nil) {
		s.files++
		inode, err := s.at.socket(int(fd))
		s.complete = s.complete && !kept(s.at.pid, err)
		if inode != 0 {
			s.add(inode, held{s.at.pid, int(fd)})
			h.see(s.at, int(fd), inode, false, all)
		}
	}
	if s.files >= maxFiles {
		s.complete = false
	}
	return s.files < maxFiles
}

func (s *snapshot) add(inode uint32, at held) {
	n := len(s.sockets[inode])
	if n > 0 && s.sockets[inode][n-1].pid == at.pid {
		return // open twice
	}
	if s.count >= maxSockets || n >= maxHolders {
		s.complete = false
		return
	}
	s.count++
	s.sockets[inode] = append(s.sockets[inode], at)
}

// sole finds the one process that holds a socket, if the snapshot shows that it
// is the only one.
func (s *snapshot) sole(inode uint32) (pid uint32, name string, ok bool) {
	holders := s.sockets[inode]
	if !s.complete || len(holders) != 1 {
		return 0, "", false
	}
	p, err := openProcess(holders[0].pid)
	if err != nil {
		return 0, "", false
	}
	defer p.close()
	if now, _ := p.socket(holders[0].fd); now != inode {
		return 0, "", false // its pid is another's by now
	}
	return p.pid, p.name(), true
}
