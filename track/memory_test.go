package track

import (
	"encoding/binary"
	"reflect"
	"runtime"
	"testing"
	"time"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/packet"
)

// quiet is a protocol that takes anything and says nothing.
var quiet = dissect.Spec{
	Name:  "quiet",
	Probe: func(flow.Dir, []byte) dissect.Match { return dissect.Yes },
	New:   func(dissect.Offer) dissect.Dissector { return mute{} },
}

type mute struct{}

func (mute) Data(_ *dissect.Conn, _ flow.Dir, p []byte, _ bool) (int, dissect.Verdict) {
	return len(p), dissect.More
}
func (mute) Gap(*dissect.Conn, flow.Dir, uint64) dissect.Verdict { return dissect.More }

// pump sends the segments of many connections to a table.
type pump struct {
	tab   *Table
	s     packet.Segment
	nanos int64
}

func newPump(l Limits) *pump {
	return &pump{tab: New([]dissect.Spec{quiet}, l, 1), nanos: epoch}
}

func (p *pump) send(n uint32, dir flow.Dir, fl packet.Flags, seq, ack packet.Seq, payload []byte) {
	client := binary.BigEndian.AppendUint32(nil, 10<<24|n)
	server := []byte{192, 0, 2, 1}
	if dir == flow.ClientToServer {
		p.s.Key, p.s.Swapped = flow.MakeKey4(client, server, 40000, 80, 0)
	} else {
		p.s.Key, p.s.Swapped = flow.MakeKey4(server, client, 80, 40000, 0)
	}
	p.s.Frame++
	p.nanos += 1000
	p.s.Nanos, p.s.Flags, p.s.Seq, p.s.Ack, p.s.Payload, p.s.Window = p.nanos, fl, seq, ack, payload, 1000
	p.tab.Segment(&p.s)
}

// open shakes hands and exchanges a few bytes.
func (p *pump) open(n uint32, payload []byte) {
	p.send(n, 0, packet.SYN, 100, 0, nil)
	p.send(n, 1, packet.SYN|packet.ACK, 500, 101, nil)
	p.send(n, 0, packet.ACK, 101, 501, nil)
	end := packet.Seq(101).Add(len(payload))
	p.send(n, 0, packet.ACK|packet.PSH, 101, 501, payload)
	p.send(n, 1, packet.ACK|packet.PSH, 501, end, payload)
	p.send(n, 0, packet.ACK, end, packet.Seq(501).Add(len(payload)), nil)
}

func (p *pump) shut(n uint32, payload []byte) {
	c, s := packet.Seq(101).Add(len(payload)), packet.Seq(501).Add(len(payload))
	p.send(n, 0, packet.ACK|packet.FIN, c, s, nil)
	p.send(n, 1, packet.ACK|packet.FIN, s, c+1, nil)
	p.send(n, 0, packet.ACK, c+1, s+1, nil)
}

// drain takes what was found, as the collector does.
func (p *pump) drain() {
	clear(p.tab.Out)
	clear(p.tab.Opened)
	p.tab.Out, p.tab.Opened = p.tab.Out[:0], p.tab.Opened[:0]
}

func (p *pump) tick() {
	p.nanos += int64(time.Second)
	p.tab.Tick(p.s.Frame, p.nanos-p.nanos%int64(time.Second), 0)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryOfClosedFlowsComesBack sends short flows, by far more than may be
// remembered: the heap is as large after the last as after the first of them.
func TestMemoryOfClosedFlowsComesBack(t *testing.T) {
	l := DefaultLimits()
	l.Closed, l.Graves = 200, 200
	p := newPump(l)
	payload := make([]byte, 100)
	run := func(from, to uint32) uint64 {
		for n := from; n < to; n++ {
			p.open(n, payload)
			p.shut(n, payload)
			if n%50 == 0 {
				p.tick()
				p.drain()
			}
		}
		return heap()
	}
	before := run(0, 5000)
	after := run(5000, 100_000)
	if after > before+before/4+64<<10 {
		t.Errorf("%d bytes after 5,000 flows, %d after 100,000", before, after)
	}
	if n := p.tab.index.n; n > 1000 {
		t.Errorf("%d flows are remembered", n)
	}
	runtime.KeepAlive(p)
}

// TestSizeOfAFlow pins what every flow costs, for it is easy to add to: with the
// allocator's header of 8 bytes this is one of its sizes, and the next one has 64
// more. What only some flows need stands behind a pointer.
func TestSizeOfAFlow(t *testing.T) {
	if n := reflect.TypeFor[conn]().Size(); n > 576-8 {
		t.Errorf("%d bytes", n)
	}
}

// TestMemoryOfIdleFlows measures what an open connection costs between its
// messages.
func TestMemoryOfIdleFlows(t *testing.T) {
	l := DefaultLimits()
	l.Flows = 1 << 20
	p := newPump(l)
	payload := make([]byte, 100)
	const flows = 20_000
	before := heap()
	for n := range uint32(flows) {
		p.open(n, payload)
		p.drain()
	}
	each := (heap() - before) / flows
	t.Logf("%d bytes for each idle flow", each)
	if each > 1024 {
		t.Errorf("%d bytes for each idle flow", each)
	}
	runtime.KeepAlive(p)
}

// TestOrderedTrafficAllocatesNothing pins the path of most segments: in order,
// of a known flow, completing no fact.
func TestOrderedTrafficAllocatesNothing(t *testing.T) {
	p := newPump(DefaultLimits())
	payload := make([]byte, 1460)
	p.open(1, payload)
	seq, ack := packet.Seq(101).Add(len(payload)), packet.Seq(501).Add(len(payload))
	key, swapped := p.s.Key, p.s.Swapped
	if n := testing.AllocsPerRun(2000, func() {
		p.nanos += 1000
		p.s = packet.Segment{
			Frame: p.s.Frame + 1, Nanos: p.nanos, Key: key, Swapped: swapped, Flags: packet.ACK, Window: 1000,
			Seq: seq, Ack: ack, Payload: payload,
		}
		p.tab.Segment(&p.s)
		seq = seq.Add(len(payload))
		p.s = packet.Segment{
			Frame: p.s.Frame + 1, Nanos: p.nanos, Key: key, Swapped: !swapped, Flags: packet.ACK, Window: 1000,
			Seq: ack, Ack: seq,
		}
		p.tab.Segment(&p.s)
	}); n != 0 {
		t.Errorf("%v allocations for a segment and its ACK", n)
	}
	if len(p.tab.Out) != 1 {
		t.Errorf("%d facts: the traffic was not in order", len(p.tab.Out))
	}
}

// BenchmarkSegment is a data segment and its ACK, in order, in one of so many
// flows.
func BenchmarkSegment(b *testing.B) {
	for name, flows := range map[string]uint32{"1 flow": 1, "5000 flows": 5000} {
		b.Run(name, func(b *testing.B) {
			p := newPump(DefaultLimits())
			payload := make([]byte, 1000)
			segs := make([]packet.Segment, 0, 2*flows)
			for n := range flows {
				p.open(n, payload)
				seq, ack := packet.Seq(101).Add(len(payload)), packet.Seq(501).Add(len(payload))
				s := p.s
				s.Flags, s.Seq, s.Ack, s.Payload = packet.ACK, seq, ack, payload
				segs = append(segs, s)
				s.Swapped, s.Seq, s.Ack, s.Payload = !s.Swapped, ack, seq, nil
				segs = append(segs, s)
			}
			b.ReportAllocs()
			b.ResetTimer()
			i := 0
			for b.Loop() {
				data, ack := &segs[i], &segs[i+1]
				data.Frame, ack.Frame = p.s.Frame+1, p.s.Frame+2
				p.s.Frame += 2
				ack.Ack = data.Seq.Add(len(payload))
				p.tab.Segment(data)
				p.tab.Segment(ack)
				data.Seq = ack.Ack
				if i += 2; i == len(segs) {
					i = 0
				}
			}
		})
	}
}
