package process

import (
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Of where sockets are looked for first.
const (
	maxRecent = 16 // processes that were found lately
	maxYoung  = 16 // processes that were started last
	maxFirst  = 3  // of them, all of whose files are looked at before others'
	maxNew    = 64 // ids of processes and threads, given out last, among which they are sought
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
	clock   clock
	load    loadavg
	young   young
	first   int      // number of the file that the socket was in a new process
	guessed bool     // the last client was a new process
	recent  []recent // where sockets were found lately, the last first
	last    snapshot
	sweep   sweep
	hits    []hit // to be taken
}

// recent is a process in which a socket was found.
type recent struct {
	held
	open process // dir -1: not opened since
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

// young are the processes that were started last, the last at the end. The kernel
// tells which id it gave out last, be it a process's or another thread's.
type young struct {
	own  bool // /proc is of our own pid namespace; of another there are none
	last uint32
	pids []uint32
}

// update adds those that were started since the last update.
func (y *young) update(newest uint32) {
	if !y.own || newest == y.last {
		return
	}
	from := y.last + 1
	if newest < from || newest-from >= maxNew { // ids begin anew after the greatest
		from = max(maxNew, newest) - maxNew + 1
	}
	for i := range newest - from + 1 {
		if leads(from + i) {
			y.pids = append(y.pids, from+i)
		}
	}
	y.last = newest
	y.pids = slices.Delete(y.pids, 0, max(0, len(y.pids)-maxYoung))
}

func (y *young) drop(pid uint32) {
	y.pids = slices.DeleteFunc(y.pids, func(id uint32) bool { return id == pid })
}

func openHunter(c clock) hunter {
	fd, err := unix.Open("/proc/loadavg", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fd = -1 // reads fail, and no pid is guessed
	}
	self, _ := os.Readlink("/proc/self")
	y := young{own: self == strconv.Itoa(os.Getpid())}
	return hunter{clock: c, load: loadavg(fd), young: y, sweep: sweep{at: process{dir: -1}}}
}

func (h *hunter) close() {
	_ = unix.Close(int(h.load))
	for len(h.recent) > 0 {
		h.forget(0)
	}
	h.sweep.at.close()
}

// hunt looks for fresh queries where they are most likely: for clients in processes
// that were just started; for all where sockets were found lately; then, if alive
// has not dropped them, at all files of the newest, of those that hold the listening
// socket, and of those found lately. What it finds are hits, and leaves both maps.
func (h *hunter) hunt(fresh, all wanted, alive func(fresh wanted)) {
	h.young.update(h.load.newest())
	if h.guessed { // the last client was found so: the next will be, too
		h.started(fresh, all)
		h.near(fresh, all)
	} else {
		h.near(fresh, all)
		h.started(fresh, all)
	}
	if alive(fresh); len(fresh) == 0 {
		return
	}
	h.guess(maxVisit, maxFirst, fresh, all)
	h.holding(fresh, all)
	h.again(fresh, all)
	if alive(fresh); len(fresh) > 0 {
		h.guess(maxVisit, maxYoung, fresh, all)
	}
}

// holding looks in processes that hold the listening socket.
func (h *hunter) holding(fresh, all wanted) {
	for _, q := range fresh {
		for _, holder := range h.last.sockets[q.listener] {
			h.visit(holder, false, maxVisit, fresh, all)
		}
	}
}

// started looks for clients in what was started lately, where the socket was in the
// last of them.
func (h *hunter) started(fresh, all wanted) {
	clients := wanted{}
	for inode, q := range fresh {
		if !q.accepted {
			clients[inode] = q
		}
	}
	h.guess(0, maxYoung, clients, all)
	for inode := range fresh {
		if all[inode] == nil {
			delete(fresh, inode)
		}
	}
}

// near looks in the processes found lately where the last socket was, then near it: a
// new one gets the lowest number that is free, often that of the last.
func (h *hunter) near(fresh, all wanted) {
	h.where(held.same, fresh, all)
	h.where(held.near, fresh, all)
}

func (h *hunter) where(fds func(held) []int, fresh, all wanted) {
	for i := 0; i < len(h.recent) && len(fresh) > 0; i++ {
		r := &h.recent[i]
		if h.young.own && !leads(r.pid) || r.open.dir < 0 && !r.reopen() {
			h.forget(i)
			i--
			continue
		}
		h.probe(r.open, fds(r.held), fresh, all) // which changes the order of those before
	}
}

// again looks at all files of the processes found lately.
func (h *hunter) again(fresh, all wanted) {
	for i := 0; i < len(h.recent) && len(fresh) > 0; i++ {
		r := &h.recent[i]
		if !r.reopen() {
			h.forget(i)
			i--
			continue
		}
		r.open.sockets(maxVisit, h.seer(r.open, false, fresh, all))
	}
}

// guess looks at the n processes started last, as visit does.
func (h *hunter) guess(files, n int, fresh, all wanted) {
	pids := h.young.pids
	for _, pid := range slices.Backward(slices.Clone(pids[max(0, len(pids)-n):])) { // what is found is dropped
		if len(fresh) == 0 {
			return
		}
		h.visit(held{pid, h.first}, true, files, fresh, all)
	}
}

// visit looks at the files of a process, first where a socket was or would be, and
// then at so many more.
func (h *hunter) visit(at held, guessed bool, files int, fresh, all wanted) {
	if len(fresh) == 0 {
		return
	}
	p, err := openProcess(at.pid)
	if err != nil {
		return
	}
	defer p.close()
	see := h.seer(p, guessed, fresh, all)
	inode, err := p.socket(at.fd)
	if err == nil && inode != 0 && !see(at.fd, inode) || files == 0 {
		return
	}
	p.sockets(files, see)
}

// probe looks at some files of an open process.
func (h *hunter) probe(p process, fds []int, fresh, all wanted) {
	see := h.seer(p, false, fresh, all)
	for _, fd := range fds {
		if inode, _ := p.socket(fd); inode != 0 && !see(fd, inode) {
			return
		}
	}
}

// seer returns a function for the sockets of a process, which returns whether there
// is more to be looked for.
func (h *hunter) seer(p process, guessed bool, fresh, all wanted) func(fd int, inode uint32) bool {
	return func(fd int, inode uint32) bool {
		h.see(p, fd, inode, guessed, all)
		delete(fresh, inode)
		return len(fresh) > 0
	}
}

// same is the number of the file.
func (at held) same() []int { return []int{at.fd} }

// near are the numbers of files around it, the nearest first.
func (at held) near() (fds []int) {
	far := nearby
	if at.fd >= manyFiles {
		far = farther
	}
	for i := 1; i <= far; i++ {
		fds = append(fds, at.fd+i)
		if at.fd >= i {
			fds = append(fds, at.fd-i)
		}
	}
	return fds
}

// see makes a socket that is wanted a hit, unless its process has just ended.
func (h *hunter) see(p process, fd int, inode uint32, guessed bool, all wanted) {
	q := all[inode]
	if q == nil {
		return
	}
	name := h.identity(p, guessed)
	if name == "" {
		return
	}
	if guessed {
		h.first = fd
		h.young.drop(p.pid) // it is one of those found lately now
	}
	if !q.accepted {
		h.guessed = guessed
	}
	delete(all, inode)
	h.hits = append(h.hits, hit{q, p.pid, name})
	h.remember(held{p.pid, fd}, name)
}

// identity is the name of a process, "" if it has ended. A guessed pid
// may be that of a thread by now. That the name can be read after the pid was asked
// about shows that it was still the same.
func (h *hunter) identity(p process, guessed bool) string {
	if name := h.name(p.pid); name != "" && !guessed {
		return name
	}
	if guessed && !leads(p.pid) {
		return ""
	}
	return p.name()
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

// reopen opens the process that has the pid now: its name is not known. It is false
// if there is none.
func (r *recent) reopen() bool {
	r.open.close()
	var err error
	r.open, err = openProcess(r.pid)
	r.seen = time.Time{}
	return err == nil
}

// remember puts a process in front of those found lately.
func (h *hunter) remember(at held, name string) {
	i := h.index(at.pid)
	if i < 0 {
		h.forget(maxRecent - 1)
		h.recent = slices.Insert(h.recent, 0, recent{at, process{at.pid, -1}, name, time.Now()})
		return
	}
	r := h.recent[i]
	if r.held = at; h.name(at.pid) == "" {
		r.name, r.seen = name, time.Now()
	}
	copy(h.recent[1:i+1], h.recent[:i])
	h.recent[0] = r
}

// forget drops one of the processes found lately, if there are so many.
func (h *hunter) forget(i int) {
	if i >= len(h.recent) {
		return
	}
	h.recent[i].open.close()
	h.recent = slices.Delete(h.recent, i, i+1)
}
