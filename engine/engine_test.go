package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/packet"
	"example.com/wirewatch/track"
)

// source yields the frames that it was given, in blocks of so many, from a pool
// of its own.
type source struct {
	frames [][]byte
	nanos  []int64
	each   int
	pool   *capture.Pool
	err    error                 // instead of io.EOF
	wait   func(context.Context) // before every block
	taken  atomic.Int64          // blocks
}

func (s *source) Next(ctx context.Context) (*capture.Block, error) {
	if s.wait != nil {
		s.wait(ctx)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(s.frames) == 0 {
		if s.err != nil {
			return nil, s.err
		}
		return nil, io.EOF
	}
	b, err := s.pool.Get(ctx, 1<<16)
	if err != nil {
		return nil, err
	}
	s.taken.Add(1)
	off := 0
	for range min(s.each, len(s.frames)) {
		n := copy(b.Buf[off:], s.frames[0])
		b.Frames = append(b.Frames, capture.Record{Nanos: s.nanos[0], Off: uint32(off), Len: uint32(n), WireLen: uint32(n)})
		off += n
		s.frames, s.nanos = s.frames[1:], s.nanos[1:]
	}
	clear(b.Buf[off:])
	return b, nil
}

func (s *source) Stats() capture.Stats { return capture.Stats{Frames: 42} }
func (s *source) Close() error         { return nil }

func newSource(frames [][]byte, nanos []int64, each int) *source {
	return &source{frames: frames, nanos: nanos, each: each, pool: capture.NewPool(3)}
}

// decoder reads frames of a format of these tests: client, server's turn, flags,
// sequence number, acknowledgment, and the payload. A frame that begins with
// 0xff is no segment.
type decoder struct{ other uint64 }

func (d *decoder) Decode(f *packet.Frame, s *packet.Segment) error {
	p := f.Data
	if p[0] == 0xff {
		d.other++
		return capture.ErrNotTCP
	}
	*s = packet.Segment{Frame: f.Number, Nanos: f.Nanos, Flags: packet.Flags(p[3]), Window: 1000, Payload: p[6:]}
	client, server := []byte{10, 0, p[0], p[1]}, []byte{10, 9, 9, 9}
	if p[2] == 0 {
		s.Key, s.Swapped = flow.MakeKey4(client, server, 40000, 80, 0)
	} else {
		s.Key, s.Swapped = flow.MakeKey4(server, client, 80, 40000, 0)
	}
	s.Seq, s.Ack = 1000+packet.Seq(p[4]), 1000+packet.Seq(p[5])
	return nil
}

func (d *decoder) Counts() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) { yield("other", d.other) }
}

// traffic is random: some of it is flows, all of it is a test of order.
func traffic(seed uint64, n int) (frames [][]byte, nanos []int64) {
	r := rand.New(rand.NewPCG(seed, 1))
	now := int64(1_700_000_000) * second
	flags := []packet.Flags{packet.SYN, packet.SYN | packet.ACK, packet.ACK, packet.ACK, packet.ACK, packet.FIN | packet.ACK, packet.RST}
	for range n {
		switch r.IntN(40) {
		case 0:
			now += r.Int64N(5 * second)
		case 1:
			now -= r.Int64N(second)
		default:
			now += r.Int64N(1_000_000)
		}
		p := make([]byte, 6+r.IntN(20))
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		p[0], p[1], p[2], p[3] = 0, byte(r.IntN(200)), byte(r.IntN(2)), byte(flags[r.IntN(len(flags))])
		p[4], p[5] = byte(r.IntN(30)), byte(r.IntN(30))
		if r.IntN(10) == 0 {
			p[0] = 0xff
		}
		frames, nanos = append(frames, p), append(nanos, now)
	}
	return frames, nanos
}

// tightLimits have everything happen that limits can bring about.
func tightLimits() track.Limits {
	l := track.DefaultLimits()
	l.Flows, l.Closed, l.Graves = 3, 2, 2
	l.Opening, l.Idle, l.Settle, l.Linger, l.Buried = 3*time.Second, 4*time.Second, time.Second, 2*time.Second, 2*time.Second
	return l
}

// bytesSeen is the fact of chatter, a protocol that says what it was told.
type bytesSeen struct{ text string }

func (b *bytesSeen) Kind() string         { return "chatter" }
func (b *bytesSeen) Progress() bool       { return false }
func (b *bytesSeen) Digest() event.Digest { return event.Digest{} }
func (b *bytesSeen) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) { yield("chatter.text", event.TextOf(b.text)) }
}

type chatter struct{}

func (chatter) Data(c *dissect.Conn, dir flow.Dir, p []byte, end bool) (int, dissect.Verdict) {
	c.Emit(dissect.Fact{Body: &bytesSeen{fmt.Sprintf("%x %t", p, end)}, Dir: dir})
	return len(p), dissect.More
}

func (chatter) Gap(c *dissect.Conn, dir flow.Dir, n uint64) dissect.Verdict {
	c.Emit(dissect.Fact{Body: &bytesSeen{fmt.Sprint("gap ", n)}, Dir: dir})
	return dissect.More
}

var chatterSpec = dissect.Spec{
	Name:  "chatter",
	Probe: func(flow.Dir, []byte) dissect.Match { return dissect.Yes },
	Join:  func(flow.Dir, []byte) dissect.Match { return dissect.Yes },
	New:   func(dissect.Offer) dissect.Dissector { return chatter{} },
}

// keep is a sink that keeps a line for each fact.
type keep struct {
	lines []string
	fail  int // the batch that fails, from 1
	slow  func()
	n     int
}

var errSink = errors.New("disk full")

func (k *keep) Emit(batch []event.Event) error {
	if k.n++; k.n == k.fail {
		return errSink
	}
	if k.slow != nil {
		k.slow()
	}
	for i := range batch {
		k.lines = append(k.lines, line(&batch[i]))
	}
	return nil
}

func line(e *event.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d frame %d first %d at %d %s", e.Seq, e.Frame, e.First, e.Nanos, e.Body.Kind())
	if e.Ends != nil {
		fmt.Fprintf(&b, " stream %d id %d %s %s", e.Ends.Stream, e.Ends.ID, e.Ends.Client, e.Ends.Server)
	}
	if e.HasDir {
		fmt.Fprintf(&b, " from %s", e.Dir)
	}
	fmt.Fprintf(&b, " %q", e.Incomplete)
	for name, v := range e.Body.Fields() {
		if v.Kind() != event.None {
			fmt.Fprintf(&b, " %s=%s%d%t", name, v.Str(), v.Int(), v.Bool())
		}
	}
	return b.String()
}

func run(t testing.TB, ctx context.Context, cfg Config, src capture.Source) ([]string, error) {
	t.Helper()
	if cfg.Limits.Flows == 0 {
		cfg.Limits = tightLimits()
	}
	var k keep
	err := Run(ctx, cfg, src, &decoder{}, []dissect.Spec{chatterSpec}, &k)
	return k.lines, err
}

// TestNothingShowsButLimits runs the same traffic with any number of workers,
// epochs and frames in a block: the facts are the same, in the same order.
func TestNothingShowsButLimits(t *testing.T) {
	for seed := range uint64(2) {
		frames, nanos := traffic(seed, 2000)
		var want []string
		for _, workers := range []int{1, 2, 7, 64} {
			for _, epoch := range []int{1, 7, 256} {
				for _, block := range []int{100, 333}[:1+epoch%2] {
					got, err := run(t, t.Context(), Config{Workers: workers, EpochFrames: epoch}, newSource(frames, nanos, block))
					if err != nil {
						t.Fatal(err)
					}
					if want == nil {
						want = got
						check(t, want, frames)
					}
					if !slices.Equal(got, want) {
						t.Fatalf("seed %d, %d workers, epochs of %d frames, blocks of %d: %s", seed, workers, epoch, block, firstDiff(got, want))
					}
				}
			}
		}
	}
}

func firstDiff(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("fact %d:\n got %s\nwant %s", i+1, got[i], want[i])
		}
	}
	return fmt.Sprintf("%d facts, want %d", len(got), len(want))
}

// check looks at what must hold of any run.
func check(t *testing.T, lines []string, frames [][]byte) {
	t.Helper()
	if len(lines) < len(frames)/4 {
		t.Fatalf("only %d facts", len(lines))
	}
	lastID := 0             // of a flow that the end of the capture ended
	latest := map[int]int{} // frame of a flow's facts
	streams := map[int]bool{}
	kinds := map[string]int{}
	for i, l := range lines {
		var seq, frame, first, stream int
		var at int64
		var kind string
		if _, err := fmt.Sscanf(l, "%d frame %d first %d at %d %s", &seq, &frame, &first, &at, &kind); err != nil {
			t.Fatal(err, l)
		}
		kinds[kind]++
		if seq != i+1 {
			t.Fatalf("fact %d has number %d", i+1, seq)
		}
		if first > frame || frame > len(frames) {
			t.Fatalf("fact %d is of frames %d to %d", seq, first, frame)
		}
		if _, rest, ok := strings.Cut(l, " stream "); ok {
			if _, err := fmt.Sscan(rest, &stream); err != nil {
				t.Fatal(err)
			}
			if frame < latest[stream] && kind == "tcp.flow" || latest[stream] > len(frames) {
				t.Fatalf("fact %d is of frame %d, in a flow that is over or goes on to %d", seq, frame, latest[stream])
			}
			streams[stream], latest[stream] = true, max(frame, latest[stream])
			if kind == "tcp.flow" {
				latest[stream] = len(frames) + 1
			}
		}
		if _, rest, ok := strings.Cut(l, " id "); ok && strings.Contains(l, "tcp.closed=capture-end") {
			var id int
			if _, err := fmt.Sscan(rest, &id); err != nil || id <= lastID {
				t.Fatalf("flow %d ends after flow %d (%v)", id, lastID, err)
			}
			lastID = id
		}
	}
	for n := range len(streams) {
		if !streams[n] {
			t.Fatalf("no stream %d of %d", n, len(streams))
		}
	}
	if kinds["tcp.flow"] != len(streams) || kinds["capture.summary"] != 1 || !strings.Contains(lines[len(lines)-1], "capture.summary") {
		t.Fatalf("%d streams, kinds %v", len(streams), kinds)
	}
	for _, closed := range []string{"evicted", "timeout", "rst", "fin", "capture-end"} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "tcp.closed="+closed) }) {
			t.Errorf("no flow is closed as %q: the traffic tests nothing of it", closed)
		}
	}
}

func TestEmptyCapture(t *testing.T) {
	for name, src := range map[string]*source{
		"nothing":      newSource(nil, nil, 1),
		"empty blocks": newSource([][]byte{{0xff}}, []int64{1}, 0),
	} {
		t.Run(name, func(t *testing.T) {
			if src.each == 0 {
				blocks := 3
				src.wait = func(context.Context) {
					if blocks--; blocks < 0 {
						src.frames = nil
					}
				}
			}
			lines, err := run(t, t.Context(), Config{}, src)
			if err != nil || len(lines) != 1 || !strings.Contains(lines[0], "1 frame 0 first 0 at 0 capture.summary") {
				t.Errorf("%q, %v", lines, err)
			}
		})
	}
}

// goroutines waits until no more goroutines run than before.
func goroutines(t *testing.T, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestCancellation(t *testing.T) {
	frames, nanos := traffic(1, 3000)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	src := newSource(frames, nanos, 100)
	blocks := 0
	src.wait = func(context.Context) {
		if blocks++; blocks == 11 { // a thousand frames have gone by
			cancel()
		}
	}
	got, err := run(t, ctx, Config{Workers: 3}, src)
	if err != nil {
		t.Errorf("the end of the context is an error: %v", err)
	}
	want, err := run(t, t.Context(), Config{Workers: 1}, newSource(frames[:1000], nanos[:1000], 100))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Error("not all, or more, is told than of a capture that ends there:", firstDiff(got, want))
	}
	goroutines(t, before)
}

func TestCancelledBeforeItBegins(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	frames, nanos := traffic(1, 100)
	got, err := run(t, ctx, Config{}, newSource(frames, nanos, 10))
	if err != nil || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestSinkErrorEndsTheRun(t *testing.T) {
	for _, batch := range []int{1, 5} {
		frames, nanos := traffic(1, 20_000)
		before := runtime.NumGoroutine()
		src := newSource(frames, nanos, 20)
		bad := keep{fail: batch}
		var after keep
		err := Run(t.Context(), Config{Workers: 2, Epochs: 4, Limits: tightLimits()}, src, &decoder{}, []dissect.Spec{chatterSpec}, &bad, &after)
		if !errors.Is(err, errSink) {
			t.Errorf("error %v", err)
		}
		if after.n != batch-1 {
			t.Errorf("the sink behind it had %d batches", after.n)
		}
		if bad.n != batch {
			t.Errorf("the sink was called %d times, having failed the %dth", bad.n, batch)
		}
		if n := src.taken.Load(); n > 100 {
			t.Errorf("%d blocks were read", n)
		}
		goroutines(t, before)
	}
}

func TestSinkErrorAtTheSummary(t *testing.T) {
	bad := keep{fail: 1}
	err := Run(t.Context(), Config{Limits: tightLimits()}, newSource(nil, nil, 1), &decoder{}, nil, &bad)
	if !errors.Is(err, errSink) {
		t.Errorf("error %v", err)
	}
}

func TestSourceError(t *testing.T) {
	frames, nanos := traffic(2, 500)
	want, err := run(t, t.Context(), Config{}, newSource(frames, nanos, 50))
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]error{
		"damaged": &capture.Damaged{Name: "x.pcap", Offset: 7, Reason: "is cut off"},
		"other":   errors.New("capture: interface went away"),
	} {
		t.Run(name, func(t *testing.T) {
			src := newSource(frames, nanos, 50)
			src.err = fault
			got, err := run(t, t.Context(), Config{}, src)
			if !errors.Is(err, fault) {
				t.Errorf("error %v", err)
			}
			n := len(want) - 1
			if len(got) != n+1 || !slices.Equal(got[:n], want[:n]) {
				t.Error(firstDiff(got, want))
			}
			if !strings.Contains(got[n], "capture.error="+fault.Error()) {
				t.Errorf("the summary does not say it: %s", got[n])
			}
		})
	}
}

// TestSlowSinkHoldsTheSourceBack has a sink that takes its time: no more blocks
// are in flight than there are epochs.
func TestSlowSinkHoldsTheSourceBack(t *testing.T) {
	const blocks, epochs = 60, 4
	frames, nanos := traffic(3, blocks*20)
	src := newSource(frames, nanos, 20)
	src.pool = capture.NewPool(blocks) // not what holds it back
	var emitted, ahead int64
	k := keep{slow: func() {
		time.Sleep(time.Millisecond) // let the reader run as far as it may
		ahead = max(ahead, src.taken.Load()-emitted)
		emitted++
	}}
	err := Run(t.Context(), Config{Workers: 1, Epochs: epochs, Limits: tightLimits()}, src, &decoder{}, []dissect.Spec{chatterSpec}, &k)
	if err != nil {
		t.Fatal(err)
	}
	if emitted < blocks {
		t.Fatalf("only %d batches", emitted)
	}
	if ahead > epochs+2 { // one is read, and one is being told
		t.Errorf("%d blocks were in flight, where %d epochs are", ahead, epochs)
	}
}

// TestBlocksComeBack checks that a run of any length does with the blocks of a
// small pool, and gives all of them back.
func TestBlocksComeBack(t *testing.T) {
	frames, nanos := traffic(4, 5000)
	src := newSource(frames, nanos, 10)
	if _, err := run(t, t.Context(), Config{Workers: 2, EpochFrames: 3}, src); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 {
		if _, err := src.pool.Get(ctx, 1); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if _, err := src.pool.Get(ctx, 1); err == nil {
		t.Error("the pool holds more blocks than it was made for")
	}
}

func TestSummary(t *testing.T) {
	frames := [][]byte{{0xff, 1}, {0, 1, 0, byte(packet.SYN), 1, 1}, {0xff, 2, 3}}
	got, err := run(t, t.Context(), Config{}, newSource(frames, []int64{second, 2 * second, 2*second + 5}, 2))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"capture.packets=3", "capture.bytes=11", "capture.not_tcp=2", "capture.protocols.other=2", "capture.flows=1",
		"capture.first=1970-01-01T00:00:01.000000000Z", "capture.last=1970-01-01T00:00:02.000000005Z",
		"capture.records.tcp_flow=1", "frame 3 first 1",
	} {
		if last := got[len(got)-1]; !strings.Contains(last, want) {
			t.Errorf("no %s in %s", want, last)
		}
	}
}

func TestSummaryDigest(t *testing.T) {
	s := &Summary{Frames: 3, Flows: 2, Bytes: 9, First: event.Mark{Frame: 1, Nanos: 5}, Last: event.Mark{Frame: 3, Nanos: 8}}
	if d := s.Digest(); d.Result != "3 frames, 2 flows" || d.Bytes != 9 || d.Took != 3 || d.Level != event.Normal {
		t.Errorf("%+v", d)
	}
	s.Error = "capture: cut"
	if d := s.Digest(); d.Note != s.Error || d.Level != event.Error {
		t.Errorf("%+v", d)
	}
}
