package process

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Of where sockets are looked for first.
const (
	maxRecent = 8  // processes that were found lately
	firstNew  = 4  // of the newest processes and threads, for a client, before those
	maxNew    = 24 // and of all, after
	nearby    = 8  // numbers around that of the file that was found last
	manyFiles = 32 // from which on it is worth while to look there
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
	recent []held // where sockets were found lately, the last first
	last   snapshot
	sweep  sweep
	hits   []hit // to be taken
}

// snapshot is what the last complete sweep saw.
type snapshot struct {
	began    time.Time
	sockets  map[uint32][]held // by inode
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

// hunt looks for fresh queries where they are most likely. What it finds are
// hits, and leaves both maps.
func (h *hunter) hunt(fresh, all wanted) {
	newest := h.load.newest()
	if fresh.opened() {
		h.guess(newest, 0, firstNew, fresh, all)
	}
	for _, r := range slices.Clone(h.recent) {
		h.visit(r, false, fresh, all)
	}
	for _, q := range fresh {
		for _, holder := range h.last.sockets[q.listener] {
			h.visit(holder, false, fresh, all)
		}
	}
	h.guess(newest, 0, maxNew, fresh, all)
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

// guess looks at the newest processes.
func (h *hunter) guess(newest, from, to uint32, fresh, all wanted) {
	for i := from; i < to && i < newest; i++ {
		h.visit(held{pid: newest - i}, true, fresh, all)
	}
}

// visit looks at the files of a process, first near the one that is given.
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
	if at.fd >= manyFiles {
		for fd := at.fd + nearby; fd >= at.fd-nearby; fd-- {
			if inode, _ := p.socket(fd); inode != 0 && !see(fd, inode) {
				return
			}
		}
	}
	p.sockets(maxVisit, see)
}

// see makes a socket that is wanted a hit, unless its process has just ended. A
// guessed pid may be a thread's, whose name is another than the process's.
func (h *hunter) see(p process, fd int, inode uint32, guessed bool, all wanted) {
	q := all[inode]
	if q == nil {
		return
	}
	pid, name := p.pid, p.name()
	if guessed {
		pid, name = p.leader(name)
	}
	if name == "" {
		return
	}
	delete(all, inode)
	h.hits = append(h.hits, hit{q, pid, name})
	h.remember(held{pid, fd})
}

// remember puts a process in front of those found lately.
func (h *hunter) remember(at held) {
	i := slices.IndexFunc(h.recent, func(r held) bool { return r.pid == at.pid })
	if i >= 0 {
		h.recent = slices.Delete(h.recent, i, i+1)
	}
	h.recent = slices.Insert(h.recent, 0, at)
	h.recent = h.recent[:min(len(h.recent), maxRecent)]
}
