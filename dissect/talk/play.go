package talk

import (
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// Heard is a fact and where it was emitted.
type Heard struct {
	dissect.Fact
	Frame uint64
}

// host is a flow without TCP below it.
type host struct {
	heard   []Heard
	now     event.Mark
	total   [2]int64 // bytes sent
	acked   [2]int64 // how much of them the peer has acknowledged
	ack     int64    // what the present segment acknowledges
	answers [2]bool  // the direction was closed because the other was
	left    [2]int64 // what its FIN acknowledges
	resets  [2]bool  // its sender reset the connection
	owed    [2]bool
	stalled [2]time.Duration
	connect time.Duration
	firm    bool
	ended   [2]bool
	why     event.Incomplete // of the gap that is being delivered
	flipped flow.Dir
}

const millisecond = int64(time.Millisecond)

func (h *host) Emit(f dissect.Fact)         { h.heard = append(h.heard, Heard{f, h.now.Frame}) }
func (h *host) Now() event.Mark             { return h.now }
func (h *host) Owed(d flow.Dir) bool        { return h.owed[d^h.flipped] }
func (h *host) Acked() int64                { return h.ack }
func (h *host) Answers(d flow.Dir) bool     { return h.answers[d^h.flipped] }
func (h *host) AckedByFIN(d flow.Dir) int64 { return h.left[d^h.flipped] }
func (h *host) Resetter() (d flow.Dir, ok bool) {
	if h.resets[1] {
		return flow.ServerToClient ^ h.flipped, true
	}
	return flow.ClientToServer ^ h.flipped, h.resets[0]
}
func (h *host) Stalled(d flow.Dir) time.Duration    { return h.stalled[d^h.flipped] }
func (h *host) Connect() (d time.Duration, ok bool) { return h.connect, h.connect > 0 }

func (h *host) Missing() event.Incomplete { return h.why }

func (h *host) Flip() bool {
	if h.firm {
		return false
	}
	h.flipped ^= 1
	return true
}

// cuts says where to cut segment number n of size bytes: the lengths of its
// pieces.
type cuts func(n, size int) []int

func uncut(_, size int) []int { return []int{size} }

func bytewise(_, size int) []int {
	pieces := make([]int, size)
	for i := range pieces {
		pieces[i] = 1
	}
	return pieces
}

// cutAt cuts segment number n after i bytes, and no other.
func cutAt(n, i int) cuts {
	return func(m, size int) []int {
		if m == n {
			return []int{i, size - i}
		}
		return []int{size}
	}
}

// Play plays the talk to the protocols in specs, in whole segments.
func (t *Talk) Play(specs []dissect.Spec) []Heard { return t.play(specs, uncut) }

func (t *Talk) play(specs []dissect.Spec, cut cuts) []Heard {
	h := &host{firm: t.Firm}
	var c dissect.Conn
	c.Init(&dissect.Env{Specs: specs, Limits: t.Limits}, h, t.Mid)
	defer c.Close()
	for i := range t.steps {
		t.steps[i].happen(&c, h, func(size int) []int { return cut(i, size) })
	}
	for d := range flow.Dir(2) {
		c.End(d, dissect.CaptureEnd)
	}
	return h.heard
}

func (s *step) happen(c *dissect.Conn, h *host, cut func(size int) []int) {
	dir := s.dir ^ h.flipped
	switch s.op {
	case "owed":
		h.owed[s.dir] = true
		return
	case "wait":
		h.now.Nanos += s.n * millisecond
		return
	case "stall":
		h.stalled[s.dir] += time.Duration(s.n * millisecond)
		return
	case "connect":
		h.connect = time.Duration(s.n * millisecond)
		return
	}
	if h.ended[s.dir] {
		return // nothing comes after an end
	}
	h.now.Frame++
	h.now.Nanos += millisecond
	if !s.unack {
		h.acked[s.dir.Reverse()] = h.total[s.dir.Reverse()]
	}
	h.ack = h.acked[s.dir.Reverse()]
	if h.owed[s.dir.Reverse()] && !s.unack {
		h.ack++ // it has received what is on its way here
	}
	switch s.op {
	case "data":
		h.total[s.dir] += int64(len(s.data))
		p := s.data
		if s.whole {
			cut = func(size int) []int { return []int{size} }
		}
		for _, n := range cut(len(p)) {
			deliver(c, h, s.dir, p[:n])
			p = p[n:]
		}
		h.owed[s.dir] = false
	case "gap", "snaplen":
		h.why = event.Gap
		if s.op == "snaplen" {
			h.why = event.Snaplen
		}
		h.total[s.dir] += s.n
		c.Gap(dir, uint64(s.n))
	case "fin":
		h.ended[s.dir] = true
		h.left[s.dir] = h.ack
		h.answers[s.dir] = h.ended[s.dir.Reverse()] && !s.unack
		c.End(dir, dissect.FIN)
	case "rst", "expire":
		h.resets[s.dir] = s.known
		h.ended = [2]bool{true, true}
		end := map[string]dissect.End{"rst": dissect.RST, "expire": dissect.Expired}[s.op]
		for d := range flow.Dir(2) {
			c.End(d, end)
		}
	}
}

// deliver lends a copy of p and spoils it when it comes back.
func deliver(c *dissect.Conn, h *host, dir flow.Dir, p []byte) {
	lent := append(make([]byte, 0, len(p)), p...)
	c.Data(dir^h.flipped, lent)
	for i := range lent {
		lent[i] = 0xa5
	}
}
