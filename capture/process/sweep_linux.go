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
	s.snapshot = snapshot{began: now, sockets: map[uint32][]held{}, holders: map[uint32]holder{}, complete: true}
}

// slice is for how long a sweep goes on before connections are seen to again.
const slice = 500 * time.Microsecond

// advance goes on with a sweep for a while. It reports whether it is over.
func (h *hunter) advance(all wanted) (over bool) {
	s := &h.sweep
	began, used := time.Now(), h.clock.now()
	for !over && time.Since(began) < slice {
		over = h.step(all)
	}
	s.cost += h.clock.now() - used
	if over {
		s.active = false
		s.next = time.Now().Add(sweepShare * s.cost)
		h.last = s.snapshot
	}
	return over
}

// step opens a process or reads some of its files; true: there is none left.
func (h *hunter) step(all wanted) bool {
	s := &h.sweep
	if s.at.dir < 0 {
		return !s.open()
	}
	if !h.read(all) {
		s.at.close()
		s.at.dir = -1
	}
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
	if err == nil || pid == initial || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return false
	}
	return unix.Access("/proc/"+strconv.Itoa(int(pid)), unix.F_OK) == nil
}

// read takes some files of the process in hand; false: that was all.
func (h *hunter) read(all wanted) bool {
	s := &h.sweep
	var dirents [2048]byte
	size, err := readDir(s.at.dir, dirents[:])
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

// initial is the first process. It may hold sockets that it listened on for others
// (systemd.socket(5)): once it has handed one on it does not accept from it. So it
// does not count as a holder beside another, and may be closed to us.
const initial = 1

// sole finds the one process that holds a socket, if the snapshot shows that it
// is the only one, and it still does.
func (s *snapshot) sole(inode uint32, now time.Time) (holder, bool) {
	at := s.sockets[inode]
	if !s.complete || len(at) == 0 || s.several(inode) {
		return holder{}, false
	}
	h, ok := s.holders[inode]
	if !ok || now.Sub(h.seen) > trust {
		h = at[0].look(inode, now)
		s.holders[inode] = h
	}
	return h, h.name != ""
}

// several reports that more than one process held a socket: another sweep would
// hardly find that only one does, and until then nothing can be said.
func (s *snapshot) several(inode uint32) bool {
	at := s.sockets[inode]
	return len(at) > 2 || len(at) == 2 && at[1].pid != initial
}

// trust is for how long it is taken for granted that a process holds a socket.
const trust = 50 * time.Millisecond

// holder is a process that holds a socket.
type holder struct {
	pid  uint32
	name string // "": it does not hold it any more
	seen time.Time
}

// look sees whether a socket is still where it was.
func (at held) look(inode uint32, now time.Time) holder {
	h := holder{pid: at.pid, seen: now}
	p, err := openProcess(at.pid)
	if err != nil {
		return h
	}
	defer p.close()
	if is, _ := p.socket(at.fd); is == inode {
		h.name = p.name()
	}
	return h
}
