package reassembly

// Limits bound what reassembly may hold.
type Limits struct {
	Flow     int // bytes that one direction may hold
	Shard    int // bytes that all directions of a shard may hold together
	Segments int // runs of bytes that one direction may hold
}

// DefaultLimits are the limits that the program starts with.
func DefaultLimits() Limits { return Limits{Flow: 4 << 20, Shard: 8 << 20, Segments: 4096} }

// Memory is where the streams of one shard hold their bytes. It has one owner.
type Memory struct {
	limits    Limits
	total     int
	free      [][]byte
	histories []*history
}

// NewMemory makes the memory of a shard.
func NewMemory(l Limits) *Memory { return &Memory{limits: l} }

// Total is how many bytes are held now.
func (m *Memory) Total() int { return m.total }

const (
	usual     = 2 << 10 // a buffer for a segment of the usual size
	spare     = 256     // such buffers kept for the next time
	overhead  = 64      // what holding a run costs beside its bytes
	spareHist = 64
)

// hold copies a run of bytes.
func (m *Memory) hold(off int64, p []byte, missing uint64, from Origin) hold {
	var b []byte
	switch n := len(m.free); {
	case len(p) > usual:
		b = make([]byte, 0, len(p))
	case n > 0:
		b, m.free = m.free[n-1], m.free[:n-1]
	default:
		b = make([]byte, 0, usual)
	}
	h := hold{off: off, buf: append(b, p...), missing: missing, from: from}
	m.total += cost(&h)
	return h
}

// cost is what a held run takes of memory.
func cost(h *hold) int { return cap(h.buf) + overhead }

// release takes a run's memory back, and returns how much it was.
func (m *Memory) release(h *hold) int {
	n := cost(h)
	m.total -= n
	if cap(h.buf) == usual && len(m.free) < spare {
		m.free = append(m.free, h.buf[:0])
	}
	h.buf = nil
	return n
}

// over reports that s must give up its first hole.
func (m *Memory) over(s *Stream) bool {
	return len(s.held) > 0 &&
		(m.total > m.limits.Shard || s.bytes > m.limits.Flow || len(s.held) > m.limits.Segments)
}

func (m *Memory) getHistory() *history {
	if n := len(m.histories); n > 0 {
		h := m.histories[n-1]
		m.histories = m.histories[:n-1]
		return h
	}
	return &history{}
}

func (m *Memory) putHistory(h *history) {
	if len(m.histories) < spareHist {
		h.lo, h.hi = 0, 0
		m.histories = append(m.histories, h)
	}
}
