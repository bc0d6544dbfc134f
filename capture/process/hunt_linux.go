package process

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Of where sockets are looked for first.
const (
	maxRecent = 8  // processes that were found lately
	maxJust   = 4  // processes and threads that were started since the last hunt
	maxNew    = 24 // processes and threads that were started last
	newAtOnce = 4  // of them, until it is seen to whether the socket still is
	manyFiles = 32 // the least number of a file that tells of a process with many
	nearby    = 2  // how far from where the last socket was the next is sought first
	farther   = 8  // in a process with many files
)

// Of a sweep over all processes.
const (
	sweepShare = 50      // how many times as long as its cost the next one waits
	maxSockets = 1 << 16 // that a sweep remembers
	maxHolders = 64      // processes that have the same socket
)

// wanted are the queries whose sockets are looked for, by inode.
type wanted map[uint32]*query

// hit is where a socket was found that is wanted.
type hit struct {
	*query
	pid  uint32
	name string
}

// hunter looks for sockets among the open files of processes.
type hunter struct {
	load   loadavg
	newest uint32   // pid at the last hunt
	recent []recent // where sockets were found lately, the last first
	last   snapshot
	sweep  sweep
	hits   []hit // to be taken
}

// recent is a process in which a socket was found.
type recent struct {
	held
	name string
	seen time.Time // when the name was read
}

// snapshot is what the last complete sweep saw.
type snapshot struct {
	began    time.Time
	sockets  map[uint32][]held // by inode
	holders  map[uint32]holder // of sockets that were asked for since
	count    int
	complete bool // every process could be read, and all sockets remembered
}

// sweep is a walk over all processes, in small steps.
type sweep struct {
	snapshot
	number uint64 // of this one or the last, from 1
	active bool
	pids   []uint32 // left
	at     process  // whose files are being read, if any is
	files  int      // of it, read so far
	cost   time.Duration
	next   time.Time // when another may begin
}

func openHunter() hunter {
	fd, err := unix.Open("/proc/loadavg", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fd = -1 // reads fail, and no pid is guessed
	}
	return hunter{load: loadavg(fd), sweep: sweep{at: process{dir: -1}}}
}

func (h *hunter) close() {
	_ = unix.Close(int(h.load))
	if h.sweep.at.dir >= 0 {
		h.sweep.at.close()
	}
}

// hunt looks for fresh queries where they are most likely: for clients in
// processes that were just started, then for all in those found lately, in those
// that hold the listening socket, and in the newest. What it finds are hits, and
// leaves both maps; in between, alive drops what need not be looked for any more.
func (h *hunter) hunt(fresh, all wanted, alive func(fresh wanted)) {
	newest, before := h.load.newest(), h.newest
	h.newest = newest
	if before < newest && fresh.opened() {
		h.guess(newest, 0, min(maxJust, newest-before), fresh, all)
	}
	for _, r := range slices.Clone(h.recent) {
		h.visit(r.held, false, fresh, all)
	}
	for _, q := range fresh {
		for _, holder := range h.last.sockets[q.listener] {
			h.visit(holder, false, fresh, all)
		}
	}
	for i := uint32(0); i < maxNew && len(fresh) > 0; i += newAtOnce {
		if alive(fresh); len(fresh) > 0 {
			h.guess(newest, i, i+newAtOnce, fresh, all)
		}
	}
}

// opened reports that some are ends of clients.
func (w wanted) opened() bool {
	for _, q := range w {
		if !q.accepted {
			return true
		}
	}
	return false
}

// guess looks at the newest processes, counted from the last.
func (h *hunter) guess(newest, from, to uint32, fresh, all wanted) {
	for i := from; i < to && i < newest; i++ {
		h.visit(held{newest - i, -1}, true, fresh, all)
	}
}

// visit looks at the files of a process, first near where a socket was; a new
// one gets the lowest number that is free, often that of the last.
func (h *hunter) visit(at held, guessed bool, fresh, all wanted) {
	if len(fresh) == 0 {
		return
	}
	p, err := openProcess(at.pid)
	if err != nil {
		return
	}
	defer p.close()
	see := func(fd int, inode uint32) bool {
		h.see(p, fd, inode, guessed, all)
		delete(fresh, inode)
		return len(fresh) > 0
	}
	for _, fd := range at.near() {
		if inode, _ := p.socket(fd); inode != 0 && !see(fd, inode) {
			return
		}
	}
	p.sockets(maxVisit, see)
}

// near are the numbers of files around one, the nearest first.
func (at held) near() (fds []int) {
	far := nearby
	if at.fd >= manyFiles {
		far = farther
	}
	for i := 0; at.fd >= 0 && i <= far; i++ {
		fds = append(fds, at.fd+i)
		if i > 0 && at.fd >= i {
			fds = append(fds, at.fd-i)
		}
	}
	return fds
}

// see makes a socket that is wanted a hit, unless its process has just ended. A
// guessed pid may be a thread's, whose name is another than the process's.
func (h *hunter) see(p process, fd int, inode uint32, guessed bool, all wanted) {
	q := all[inode]
	if q == nil {
		return
	}
	pid, name := p.pid, h.name(p.pid)
	if name == "" {
		name = p.name()
	}
	if guessed {
		pid, name = p.leader(name)
	}
	if name == "" {
		return
	}
	delete(all, inode)
	h.hits = append(h.hits, hit{q, pid, name})
	h.remember(held{pid, fd}, name)
}

// name is a process's, as it was read a moment ago, "" if it was not.
func (h *hunter) name(pid uint32) string {
	i := h.index(pid)
	if i < 0 || time.Since(h.recent[i].seen) > trust {
		return ""
	}
	return h.recent[i].name
}

func (h *hunter) index(pid uint32) int {
	return slices.IndexFunc(h.recent, func(r recent) bool { return r.pid == pid })
}

// remember puts a process in front of those found lately.
func (h *hunter) remember(at held, name string) {
	r := recent{at, name, time.Now()}
	i := h.index(at.pid)
	if h.name(at.pid) != "" {
		r.seen = h.recent[i].seen // it was not read now
	}
	if i >= 0 {
		h.recent = slices.Delete(h.recent, i, i+1)
	}
	h.recent = slices.Insert(h.recent, 0, r)
	h.recent = h.recent[:min(len(h.recent), maxRecent)]
}
