package decode

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"example.com/wirewatch/packet"
)

// version is what differs between the IP versions about fragments.
type version struct {
	name string
	wait int64
	// fragment is a packet with bytes p[from:to] of a datagram.
	fragment func(id, from, to int, more bool, p []byte) []byte
}

var versions = []version{
	{"ipv4", wait4, func(id, from, to int, more bool, p []byte) []byte {
		return ip4Fragment(6, id, from/8|bit(more, 0x2000), p[from:to])
	}},
	{"ipv6", wait6, func(id, from, to int, more bool, p []byte) []byte {
		return ip6Fragment(6, id, from|bit(more, 1), p[from:to])
	}},
}

func bit(set bool, b int) int {
	if set {
		return b
	}
	return 0
}

// split cuts p at the given offsets into fragments.
func (v version) split(id int, p []byte, at ...int) [][]byte {
	var all [][]byte
	from := 0
	for _, to := range append(at, len(p)) {
		all = append(all, v.fragment(id, from, to, to < len(p), p))
		from = to
	}
	return all
}

// long is a TCP segment with a payload that differs everywhere.
func long(n int, seed byte) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i) + byte(i>>8)*7 + seed
	}
	return cat(tcpHeader(packet.ACK), p)
}

// stage decodes packets one after the other, at a time that the test sets.
type stage struct {
	*testing.T
	*Decoder
	frames uint64
	now    int64
}

func newStage(t *testing.T, o Options) *stage { return &stage{T: t, Decoder: New(o), now: 1e18} }

// give decodes one packet, whose bytes are overwritten afterwards.
func (s *stage) give(link uint16, p []byte) *packet.Segment {
	s.Helper()
	s.frames++
	b := slices.Clone(p)
	seg := garbage()
	if s.Decode(&packet.Frame{Number: s.frames, Nanos: s.now, Link: link, WireLen: len(b), Data: b}, &seg) != nil {
		return nil
	}
	if seg.Frame != s.frames || seg.Nanos != s.now {
		s.Errorf("frame %d at %d, want %d at %d", seg.Frame, seg.Nanos, s.frames, s.now)
	}
	clear(b)
	return &seg
}

func (s *stage) all(packets ...[]byte) (segments []*packet.Segment) {
	s.Helper()
	for _, p := range packets {
		if seg := s.give(101, p); seg != nil {
			segments = append(segments, seg)
		}
	}
	return segments
}

// want checks that the frames' fates are these and nothing else was counted.
func (s *stage) want(counts map[string]uint64) {
	s.Helper()
	if got := countsOf(s.Decoder); fmt.Sprint(got) != fmt.Sprint(counts) {
		s.Errorf("counted %v, want %v", got, counts)
	}
}

func (s *stage) wantPayload(seg *packet.Segment, datagram []byte) {
	s.Helper()
	if want := datagram[32:]; !bytes.Equal(seg.Payload, want) || seg.Missing != 0 {
		s.Errorf("payload of %d bytes, missing %d, want %d", len(seg.Payload), seg.Missing, len(want))
	}
}

func eachVersion(t *testing.T, f func(t *testing.T, v version)) {
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) { f(t, v) })
	}
}

// permutations calls f with every order of n things.
func permutations(n int, f func(order []int)) {
	order := make([]int, 0, n)
	var rec func()
	rec = func() {
		if len(order) == n {
			f(order)
			return
		}
		for i := range n {
			if !slices.Contains(order, i) {
				order = append(order, i)
				rec()
				order = order[:len(order)-1]
			}
		}
	}
	rec()
}

// TestOrder pins that a datagram is whole with its last frame, in every order,
// with one of the fragments twice at any place before that.
func TestOrder(t *testing.T) {
	eachVersion(t, func(t *testing.T, v version) {
		p := long(100, 0)
		parts := v.split(1, p, 8, 64, 96)
		permutations(len(parts), func(order []int) {
			for twice := range order {
				for at := twice; at < len(order); at++ {
					s := newStage(t, Options{})
					var packets [][]byte
					for i, n := range order {
						packets = append(packets, parts[n])
						if i == at && i < len(order)-1 {
							packets = append(packets, parts[order[twice]])
						}
					}
					got := s.all(packets...)
					if len(got) != 1 || got[0].Frame != uint64(len(packets)) {
						t.Fatalf("order %v with %d twice after %d: %d segments", order, twice, at, len(got))
					}
					s.wantPayload(got[0], p)
					s.want(map[string]uint64{}) // each is a part of the segment
				}
			}
		})
	})
}

// TestOwnMemory pins that a reassembled segment shares no memory with its
// frames (give overwrites those) or with any later datagram.
func TestOwnMemory(t *testing.T) {
	eachVersion(t, func(t *testing.T, v version) {
		s := newStage(t, Options{})
		var got []*packet.Segment
		for i := range 50 {
			got = append(got, s.all(v.split(1, long(1000, byte(i)), 8*i+8)...)...)
		}
		for i, seg := range got {
			s.wantPayload(seg, long(1000, byte(i)))
		}
		if len(got) != 50 || s.frags4.cost != 0 || s.frags6.cost != 0 {
			t.Errorf("%d datagrams, held %d and %d", len(got), s.frags4.cost, s.frags6.cost)
		}
	})
}

// part is a fragment as the model sees it.
type part struct {
	from, to int
	more     bool
	seed     byte // its bytes are those of long(…, seed)
}

// agree is RFC 8200's rule for two fragments: the same, or apart; and none
// beyond the last.
func agree(a, b part) bool {
	switch {
	case a == b:
		return true
	case a.from < b.to && b.from < a.to:
		return false
	case !a.more && !b.more:
		return false
	}
	return (a.more || b.to < a.to) && (b.more || a.to < b.to)
}

// model is what a datagram should do with a part: rejected for good once two
// parts disagree, whole when the parts have every byte.
type model struct {
	parts    []part
	rejected bool
}

func (m *model) add(p part) (whole bool) {
	for _, q := range m.parts {
		m.rejected = m.rejected || !agree(p, q)
	}
	if m.rejected {
		return false
	}
	m.parts = append(m.parts, p)
	have := map[part]bool{}
	sum, total := 0, -1
	for _, q := range m.parts {
		if !have[q] {
			have[q], sum = true, sum+q.to-q.from
		}
		if !q.more {
			total = q.to
		}
	}
	return sum == total
}

// TestOverlap sends random fragments of one datagram, most of which disagree,
// past the model. Fragments that overlap, but for exact duplicates, take the
// whole datagram with them and all of it that is still to come.
func TestOverlap(t *testing.T) {
	eachVersion(t, func(t *testing.T, v version) {
		r := rand.New(rand.NewPCG(3, 4))
		var whole, rejected int
		for range 20000 {
			s, m := newStage(t, Options{}), model{}
			var log []part
			for range r.IntN(8) + 2 {
				from := 8 * (4 * r.IntN(4))
				p := part{from: from, to: from + 32, more: true, seed: byte(r.IntN(20) / 19)}
				if r.IntN(8) == 0 {
					p.to += 8 * (r.IntN(5) - 2)
				}
				p.more = p.from == 0 || p.to < 128 && r.IntN(20) > 0
				if from == 0 {
					p.seed = 0 // a header, the same in all
				}
				log = append(log, p)
				want := m.add(p)
				got := s.give(101, v.fragment(1, p.from, p.to, p.more, long(200, p.seed)))
				if want != (got != nil) {
					t.Fatalf("%v: whole %v, want %v", log, got != nil, want)
				}
				if want {
					whole++
					break
				}
				name := ".fragment"
				if m.rejected {
					name = ".fragment.overlap"
				}
				s.want(map[string]uint64{v.name + name: uint64(len(log))})
			}
			if m.rejected {
				rejected++
			}
		}
		if whole < 100 || rejected < 1000 {
			t.Errorf("%d whole and %d rejected: the test tests little", whole, rejected)
		}
	})
}

// TestHole pins that a datagram with a hole is never whole.
func TestHole(t *testing.T) {
	eachVersion(t, func(t *testing.T, v version) {
		parts := v.split(1, long(100, 0), 32, 64, 96)
		for hole := range parts {
			s := newStage(t, Options{})
			rest := slices.Delete(slices.Clone(parts), hole, hole+1)
			if got := s.all(slices.Concat(rest, rest)...); len(got) != 0 {
				t.Errorf("without %d: a segment", hole)
			}
			s.want(map[string]uint64{v.name + ".fragment": 6})
		}
	})
}

// TestExpiry pins that fragments wait for as long as they should by the
// capture's clock and no longer, even where it goes back.
func TestExpiry(t *testing.T) {
	eachVersion(t, func(t *testing.T, v version) {
		p := long(100, 0)
		parts := v.split(1, p, 64)
		other := v.split(2, p, 64)

		s := newStage(t, Options{})
		s.all(parts[0])
		s.now += v.wait
		if len(s.all(parts[1])) != 1 {
			t.Error("gave up too early")
		}
		s.want(map[string]uint64{})

		s = newStage(t, Options{})
		s.all(parts[0], parts[0])
		s.now += v.wait + 1
		if len(s.all(parts[1])) != 0 {
			t.Error("waited too long")
		}
		s.want(map[string]uint64{v.name + ".fragment": 1, v.name + ".fragment.expired": 2})

		s = newStage(t, Options{})
		s.now += 1e18
		s.all(other[0]) // stands in front, from the future
		s.now -= 1e18
		s.all(parts[0])
		s.now += v.wait + 1
		if len(s.all(parts[1])) != 0 {
			t.Error("waited too long behind one from the future")
		}
		s.want(map[string]uint64{v.name + ".fragment": 2, v.name + ".fragment.expired": 1})
	})
}

// TestLimits pins that the oldest datagram is given up for the newest, and that
// what is held never exceeds the limits.
func TestLimits(t *testing.T) {
	eachVersion(t, func(t *testing.T, v version) {
		p := long(1000, 0)
		half := func(id int) [][]byte { return v.split(id, p, 512) }
		s := newStage(t, Options{Datagrams: 3})
		for id := range 5 {
			s.all(half(id)[0])
		}
		for id := 4; id >= 0; id-- {
			if got := len(s.all(half(id)[1])); got != bit(id >= 2, 1) {
				t.Errorf("datagram %d: %d segments", id, got)
			}
		}
		s.want(map[string]uint64{v.name + ".fragment": 2, v.name + ".fragment.limit": 2})

		const limit = 100 << 10
		s = newStage(t, Options{FragmentBytes: limit})
		for id := range 1000 {
			s.all(half(id)[id%2])
			if held := s.frags4.cost + s.frags6.cost; held > limit || held < limit/4 && id > 200 {
				t.Fatalf("%d datagrams: %d bytes held", id, held)
			}
		}
		if got := s.all(half(999)[0]); len(got) != 1 {
			t.Error("the newest was given up")
		}
		if n := countsOf(s.Decoder)[v.name+".fragment.limit"]; n < 800 {
			t.Errorf("%d given up", n)
		}
	})
}

// TestBadFragments pins what cannot be part of a datagram.
func TestBadFragments(t *testing.T) {
	eachVersion(t, func(t *testing.T, v version) {
		p := zeros(70000)
		s := newStage(t, Options{})
		s.all(v.fragment(1, 0, 9, true, p), // not a multiple of 8
			v.fragment(1, 8, 8, false, p),         // empty
			v.fragment(1, 65528, 65536, false, p), // too long
		)
		b := v.fragment(1, 0, 800, true, p)
		_ = s.Decode(&packet.Frame{Link: 101, WireLen: len(b), Data: b[:100]}, &packet.Segment{})
		s.want(map[string]uint64{v.name + ".fragment.malformed": 3, v.name + ".fragment.truncated": 1})

		p = cat(tcpHeader(0), zeros(maxDatagram-32))
		var at []int
		for i := 1400; i < len(p); i += 1400 {
			at = append(at, i)
		}
		if got := s.all(v.split(1, p, at...)...); len(got) != 1 || len(got[0].Payload) != maxDatagram-32 {
			t.Errorf("the longest datagram: %d segments", len(got))
		}
	})
}

// TestManyFragments pins how many fragments a datagram may have.
func TestManyFragments(t *testing.T) {
	eachVersion(t, func(t *testing.T, v version) {
		for _, n := range []int{maxPieces, maxPieces + 1} {
			p := long(8*n-32, 0)
			var at []int
			for i := 8; i < len(p); i += 8 {
				at = append(at, i)
			}
			s := newStage(t, Options{})
			parts := v.split(1, p, at...)
			slices.Reverse(parts)
			got := s.all(parts...)
			if n <= maxPieces {
				if len(got) != 1 {
					t.Fatalf("%d fragments: %d segments", n, len(got))
				}
				s.wantPayload(got[0], p)
				continue
			}
			if len(got) != 0 {
				t.Errorf("%d fragments: accepted", n)
			}
			s.want(map[string]uint64{v.name + ".fragment.limit": maxPieces, v.name + ".fragment": 1})
		}
	})
}

// TestFragmentsApart pins what tells datagrams apart: addresses, identifier,
// protocol (IPv4), virtual network.
func TestFragmentsApart(t *testing.T) {
	p := long(100, 0)
	v4, v6 := versions[0].split(1, p, 64), versions[1].split(1, p, 64)
	change := func(b []byte, at int, v byte) []byte {
		b = slices.Clone(b)
		b[at] = v
		return b
	}
	in := func(vni int, b []byte) []byte {
		return ip4(17, udpTo(4789, vxlanHeader(vni, eth(0x0800, b))))
	}
	for name, pair := range map[string][2][]byte{
		"version":     {v4[0], v6[1]},
		"source 4":    {v4[0], change(v4[1], 15, 9)},
		"to 4":        {v4[0], change(v4[1], 19, 9)},
		"id 4":        {v4[0], change(v4[1], 4, 9)},
		"protocol":    {v4[0], change(v4[1], 9, 17)},
		"source 6":    {v6[0], change(v6[1], 23, 9)},
		"to 6":        {v6[0], change(v6[1], 39, 9)},
		"id 6":        {v6[0], change(v6[1], 44, 9)},
		"no network":  {v4[0], in(5, v4[1])},
		"two of them": {in(4, v4[0]), in(5, v4[1])},
	} {
		s := newStage(t, Options{})
		if len(s.all(pair[0], pair[1])) != 0 {
			t.Errorf("%s: taken for one datagram", name)
		}
	}
	s := newStage(t, Options{})
	got := s.all(in(5, v4[0]), change(v6[0], 40, 17), in(5, v4[1]), v6[1])
	if len(got) != 1 || got[0].Key.VNI() != 5 {
		t.Errorf("in VXLAN: %v", got)
	}
	s.want(map[string]uint64{"ipv6.fragment": 1, "udp": 1}) // the first fragment's next header counts
}

// TestFragmentedTunnel pins that what is put together is decoded on, in any
// number of layers of fragments, and that no frame of a segment is left counted
// as something else.
func TestFragmentedTunnel(t *testing.T) {
	p := long(3000, 0)
	outer := ip4(17, udpTo(4789, vxlanHeader(8, eth(0x86dd, ip6(6, p)))))[20:]
	s := newStage(t, Options{})
	got := s.all(ip4Fragment(17, 3, 0x2000, outer[:1400]), ip4Fragment(17, 3, 1400/8, outer[1400:]))
	if len(got) != 1 || got[0].Key.VNI() != 8 {
		t.Fatalf("%d segments", len(got))
	}
	s.wantPayload(got[0], p)

	inner := versions[1].split(5, p, 1600)
	got = nil
	for i, b := range inner {
		got = append(got, s.all(ip4Fragment(41, 10+i, 0x2000, b[:800]), ip4Fragment(41, 10+i, 100, b[800:]))...)
	}
	if len(got) != 1 {
		t.Fatalf("fragments in fragments: %d segments", len(got))
	}
	s.wantPayload(got[0], p)
	s.want(map[string]uint64{})
	s.all(ip4Fragment(41, 20, 0x2000, inner[0][:800]), ip4Fragment(41, 20, 100, inner[0][800:]))
	s.want(map[string]uint64{"ipv4.fragment": 1, "ipv6.fragment": 1}) // the rest never comes
}

// TestFragmentsAllTheWayDown pins that one frame cannot set off more than
// maxLayers of work, however many datagrams in datagrams it completes, and that
// nothing of them stays behind.
func TestFragmentsAllTheWayDown(t *testing.T) {
	const most = (maxLayers - 2) / 2 // two layers each, an IP header and TCP in the innermost
	for depth, want := range map[int]map[string]uint64{
		most:     {},
		most + 1: {"nesting": 1, "ipv4.fragment": most + 1},
	} {
		s := newStage(t, Options{})
		p := long(60_000, 0)
		b := ip4(6, p)
		for id := range depth {
			s.all(ip4Fragment(4, id, 0x2000, b[:8]))
			b = ip4Fragment(4, id, 1, b[8:])
		}
		got := s.all(b)
		if (len(got) == 1) != (depth == most) {
			t.Fatalf("%d datagrams: %d segments", depth, len(got))
		}
		s.want(want)
		if s.frags4.cost != 0 || len(s.frags4.byKey) != 0 || s.frags4.oldest != nil {
			t.Errorf("%d datagrams: %d bytes are held", depth, s.frags4.cost)
		}
	}
}

// TestManyDatagrams sends datagrams in random fragments, shuffled together and
// partly twice, past a model that only counts bytes: each is whole when its
// last byte comes, and comes out as it went in.
func TestManyDatagrams(t *testing.T) {
	eachVersion(t, func(t *testing.T, v version) {
		r := rand.New(rand.NewPCG(1, 2))
		for round := range 30 {
			s := newStage(t, Options{})
			type packet struct {
				id, size int
				b        []byte
			}
			var parts []packet
			left := map[int]int{}
			for id := range 40 {
				p := long(r.IntN(3000)+16, byte(id))
				from := 0
				for from < len(p) {
					to := min(from+8*(1+r.IntN(60)), len(p))
					parts = append(parts, packet{id, to - from, v.fragment(id, from, to, to < len(p), p)})
					from = to
				}
				left[id] = len(p)
				if first := parts[len(parts)-1]; first.size == len(p) { // not fragmented at all
					parts = parts[:len(parts)-1]
				}
			}
			r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			for _, x := range parts {
				left[x.id] -= x.size
				seg := s.give(101, x.b)
				if whole := left[x.id] == 0; whole != (seg != nil) {
					t.Fatalf("round %d, datagram %d: whole %v, segment %v", round, x.id, whole, seg != nil)
				}
				if seg != nil {
					want := long(len(seg.Payload), byte(x.id))
					s.wantPayload(seg, want)
				} else if r.IntN(3) == 0 && s.give(101, x.b) != nil {
					t.Fatalf("round %d, datagram %d: whole with a duplicate", round, x.id)
				}
			}
		}
	})
}
