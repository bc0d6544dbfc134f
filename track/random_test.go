package track

import (
	"math/rand/v2"
	"testing"
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/tcp"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/packet"
)

// anyFlags are what random segments carry, the likely ones more than once.
var anyFlags = []packet.Flags{
	packet.SYN, packet.SYN | packet.ACK, packet.ACK, packet.ACK, packet.ACK | packet.PSH, packet.ACK, packet.ACK | packet.FIN,
	packet.RST, packet.RST | packet.ACK, 0, packet.SYN | packet.FIN, 0xff,
}

// TestAnythingMayCome feeds a table what no pair of ends would send. Whatever
// comes, limits hold, every flow has one record, its last fact, and in the end
// nothing is left.
func TestAnythingMayCome(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		l := testLimits()
		l.Flows, l.Closed, l.Graves = 1+r.IntN(6), 1+r.IntN(3), 1+r.IntN(3)
		l.Opening, l.Idle, l.Linger, l.Buried = 2*time.Second, 3*time.Second, time.Second, time.Second
		l.Reassembly.Segments, l.Reassembly.Shard = 1+r.IntN(4), 1+r.IntN(20_000)
		p := &pump{tab: New([]dissect.Spec{parrot}, l, seed), nanos: epoch}
		p.tick()
		for range 400 {
			if r.IntN(30) == 0 {
				p.tick()
			}
			payload := make([]byte, max(0, r.IntN(40)-20))
			p.s.Missing = uint32(max(0, r.IntN(20)-17))
			p.send(uint32(r.IntN(8)), flow.Dir(r.IntN(2)), anyFlags[r.IntN(len(anyFlags))],
				packet.Seq(r.IntN(60))-30, packet.Seq(r.IntN(60))-30, payload)
			if n := p.tab.index.n; n > l.Flows {
				t.Fatalf("seed %d: %d flows, where %d may be", seed, n, l.Flows)
			}
		}
		p.tab.Finish(event.Mark{Frame: p.s.Frame, Nanos: p.nanos}, flow.ID(p.s.Frame))
		if p.tab.index.n != 0 || p.tab.mem.Total() != 0 {
			t.Fatalf("seed %d: %d flows and %d bytes are left", seed, p.tab.index.n, p.tab.mem.Total())
		}
		records(t, seed, p.tab)
	}
}

// records checks that every flow has one record, that it is its last fact, and
// that facts stand in the order in which they were told, none before the frame
// that completed it.
func records(t *testing.T, seed uint64, tab *Table) {
	t.Helper()
	done := map[*flow.Ends]bool{}
	told, last := uint64(0), map[*flow.Ends]uint64{} // the latest frame of a flow's facts
	for _, o := range tab.Out {
		if done[o.Ends] {
			t.Fatalf("seed %d: flow %d says something after its record: %s", seed, o.Ends.ID, o.Body.Kind())
		}
		if o.Told < told || o.Told < o.Frame || o.Frame < o.First || o.First < uint64(o.Ends.ID) {
			t.Fatalf("seed %d: flow %d: a fact of frames %d to %d, told at %d, after %d", seed, o.Ends.ID, o.First, o.Frame, o.Told, told)
		}
		told, last[o.Ends] = o.Told, max(o.Frame, last[o.Ends])
		if _, done[o.Ends] = o.Body.(*tcp.Flow); done[o.Ends] && o.Frame < last[o.Ends] {
			t.Fatalf("seed %d: flow %d: its record is of frame %d, and it goes on to %d", seed, o.Ends.ID, o.Frame, last[o.Ends])
		}
	}
	for _, e := range tab.Opened {
		if !done[e] || !e.Client.IsValid() || !e.Server.IsValid() {
			t.Fatalf("seed %d: flow %d: record %t, ends %s %s", seed, e.ID, done[e], e.Client, e.Server)
		}
	}
	if len(tab.Opened) < 8 {
		t.Fatalf("seed %d: only %d flows", seed, len(tab.Opened))
	}
}
