package tcp

import (
	"testing"
	"time"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

func fieldsOf(b event.Body) map[string]event.Value {
	m := map[string]event.Value{}
	for name, v := range b.Fields() {
		if v.Kind() != event.None {
			m[name] = v
		}
	}
	return m
}

func TestOpen(t *testing.T) {
	w := newWire(t)
	w.play("> S mss=1460 ws=7 sackok\n< SA mss=1400 +20ms\n> A")
	o := w.c.Open()
	f := fieldsOf(o)
	ints := map[string]int64{"tcp.client.mss": 1460, "tcp.client.window_scale": 7, "tcp.server.mss": 1400}
	for name, want := range ints {
		if v := f[name]; v.Int() != want {
			t.Errorf("%s is %d, want %d", name, v.Int(), want)
		}
	}
	rtt, opened, client, server := f["tcp.analysis.initial_rtt_ms"], f["tcp.opened"], f["tcp.client.sack_permitted"], f["tcp.server.sack_permitted"]
	if rtt.Duration() != 21*time.Millisecond || opened.Str() != "handshake" || !client.Bool() || server.Bool() {
		t.Errorf("%v", f)
	}
	if _, ok := f["tcp.server.window_scale"]; ok {
		t.Error("the server sent no window scale")
	}
	if d := o.Digest(); d.Result != "handshake" || d.Took != 21*time.Millisecond || o.Kind() != "tcp.open" || !o.Progress() {
		t.Errorf("%+v", d)
	}
}

func TestOpenInTheMiddle(t *testing.T) {
	w := newWire(t)
	w.play("> PA 10")
	if f := fieldsOf(w.c.Open()); len(f) != 1 {
		t.Errorf("%v: nothing is known of a handshake that was not captured", f)
	}
	w = newWire(t)
	w.play("> S mss=1460\n< SA lost\n> A")
	f := fieldsOf(w.c.Open())
	if _, ok := f["tcp.server.sack_permitted"]; ok {
		t.Error("nothing is known of a SYN,ACK that was not captured")
	}
	if v := f["tcp.client.mss"]; v.Int() != 1460 {
		t.Errorf("%v", f)
	}
}

// TestFlowFields checks that every counter is in the record, for both ends.
func TestFlowFields(t *testing.T) {
	f := &Flow{Protocol: "http/1.1", Ends: [2]Counters{
		{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
		{21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31},
	}, States: [2]State{FinWait2, CloseWait}, Closed: "half-closed"}
	got := fieldsOf(f)
	for i, prefix := range []string{"tcp.client.", "tcp.server."} {
		for name, want := range map[string]int64{
			"packets": 1, "bytes": 2, "lost_bytes": 3, "overlap_conflicts": 4, "retransmissions": 5, "fast_retransmissions": 6,
			"out_of_order": 7, "duplicate_acks": 8, "zero_windows": 9, "window_updates": 10, "keep_alives": 11,
		} {
			if v := got[prefix+name]; v.Kind() != event.Int || v.Int() != want+20*int64(i) {
				t.Errorf("%s%s is %d", prefix, name, v.Int())
			}
		}
		if v := got[prefix+"state"]; v.Str() != f.States[i].String() {
			t.Errorf("%sstate is %q", prefix, v.Str())
		}
	}
	if _, ok := got["tcp.closed_by"]; ok {
		t.Error("nobody closed it")
	}
	if f.Kind() != "tcp.flow" || f.Progress() || f.Digest().Bytes != 24 || f.Digest().Level != event.Normal {
		t.Errorf("%+v", f.Digest())
	}
	f.Closed, f.HasBy, f.By = "rst", true, flow.ServerToClient
	got = fieldsOf(f)
	if by, state := got["tcp.closed_by"], got["tcp.state"]; by.Str() != "server" || state.Str() != "CLOSE-WAIT" || f.Digest().Level != event.Warn {
		t.Errorf("by %q, in %q", by.Str(), state.Str())
	}
}

// TestFieldsStop checks that a consumer may stop at any field.
func TestFieldsStop(t *testing.T) {
	w := newWire(t)
	w.play(states["four-way close (figure 12)"])
	for _, b := range []event.Body{w.c.Open(), w.c.Flow(Ended, "")} {
		n := 0
		for range b.Fields() {
			n++
		}
		for stop := 1; stop <= n; stop++ {
			seen := 0
			for range b.Fields() {
				if seen++; seen == stop {
					break
				}
			}
			if seen != stop {
				t.Errorf("%s: %d fields, stopped at %d", b.Kind(), seen, stop)
			}
		}
	}
}

// TestDuration checks that it goes from the flow's first frame to its last, and
// never backwards.
func TestDuration(t *testing.T) {
	for script, want := range map[string]time.Duration{
		"> PA 1":                          0,
		"> PA 1\n< A +2s\n> A +-1s":       time.Second,
		"> PA 1\n> PA 1 +-5s\n> PA 1 +1s": 0,
	} {
		w := newWire(t)
		w.play(script)
		if d := w.c.Flow(CaptureEnd, "").Duration; d != want {
			t.Errorf("%q: %v, want %v", script, d, want)
		}
		if first, last := w.c.First(), w.c.Last(); first != start+int64(time.Millisecond) || last.Frame != w.frame || last.Nanos != w.nanos {
			t.Errorf("%q: from %d to %v", script, first, last)
		}
	}
}

// TestQuestions checks what the flow's owner asks, and how the flow was opened.
func TestQuestions(t *testing.T) {
	for name, tc := range map[string]struct {
		script                      string
		opening                     Opening
		established, over, doubtful bool
		resetAt                     uint64
	}{
		"SYN":                      {script: "> S", opening: Attempt},
		"SYN, SYN,ACK":             {script: "> S\n< SA", opening: Attempt},
		"refused":                  {script: "> S\n< RA seq=@0", opening: Attempt, over: true, resetAt: 2},
		"refused twice":            {script: "> S\n< RA seq=@0\n< RA seq=@0", opening: Attempt, over: true, resetAt: 2},
		"refused, then":            {script: "> S\n< RA seq=@0\n> S seq=-1", opening: Attempt},
		"refused, then open":       {script: "> S\n< RA seq=@0\n> S seq=-1\n< SA\n> A", opening: Handshake, established: true},
		"given up":                 {script: "> S\n> R", opening: Attempt, over: true, resetAt: 2},
		"an ACK of another number": {script: "> S\n< SA\n> A ack=-1\n> PA 5 ack=-1\n< PA 5", opening: Handshake, established: true},
		"data before the ACK":      {script: "> S 5\n< SA\n< PA 5", opening: Attempt},
		"open":                     {script: handshake, opening: Handshake, established: true},
		"the client's alone":       {script: "> S\n< SA lost\n> A", opening: Handshake, established: true},
		"the server's alone":       {script: "< SA\n< A", opening: Handshake, established: true},
		"a SYN,ACK alone":          {script: "< SA", opening: Attempt},
		"midstream":                {script: "> PA 1", opening: Midstream, established: true},
		"a RST alone":              {script: "> RA", opening: Midstream, over: true, resetAt: 1},
		"half-closed":              {script: handshake + "> FA\n< A", opening: Handshake, established: true},
		"FIN, FIN":                 {script: handshake + "> FA\n< FA", opening: Handshake, established: true},
		"closed":                   {script: handshake + "> FA\n< FA\n> A", opening: Handshake, established: true, over: true},
		"reset":                    {script: handshake + "< R", opening: Handshake, established: true, over: true, resetAt: 4},
		"reset twice":              {script: handshake + "< R\n> R\n< R seq=99 stray", opening: Handshake, established: true, over: true, doubtful: true, resetAt: 4},
		"maybe reset":              {script: handshake + "< R seq=99 stray\n> A", opening: Handshake, established: true, doubtful: true, resetAt: 4},
		"maybe reset, then reset":  {script: handshake + "< R seq=99 stray\n< R", opening: Handshake, established: true, over: true, doubtful: true, resetAt: 5},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			w.play(tc.script)
			_, reset := w.c.Reset()
			for what, x := range map[string][2]bool{
				"established": {w.c.Established(), tc.established}, "over": {w.c.Over(), tc.over},
				"reset": {reset, tc.resetAt != 0 && tc.over}, "doubtful": {w.c.Doubtful(), tc.doubtful},
			} {
				if x[0] != x[1] {
					t.Errorf("%s is %t", what, x[0])
				}
			}
			if tc.resetAt != 0 && w.c.ResetAt().Frame != tc.resetAt {
				t.Errorf("reset at frame %d, want %d", w.c.ResetAt().Frame, tc.resetAt)
			}
			if got := w.c.Flow(CaptureEnd, "").Opened; got != tc.opening {
				t.Errorf("opening %s, want %s", got, tc.opening)
			}
		})
	}
}

// TestUnseen checks what is told of an end of which nothing was captured.
func TestUnseen(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		want   uint64
	}{
		"nothing acknowledged":      {"> S\n< SA lost\n> A", 0},
		"bytes, then a FIN":         {"> S\n< SA lost\n> A\n< PA 300 lost\n> A\n< FA lost\n> A", 300},
		"one byte, or a FIN":        {"> S\n< SA lost\n> A\n< PA 1 lost\n> A", 0},
		"one byte, then more":       {"> S\n< SA lost\n> A\n< PA 1 lost\n> A\n< PA 5 lost\n> PA 3", 6},
		"again":                     {"> S\n< SA lost\n> A\n< PA 7 lost\n> A\n> A\n> A ack=-4", 7},
		"in the middle":             {"> PA 1\n< PA 9 lost\n> PA 1", 9},
		"not by a RST":              {"> S\n< SA lost\n> A\n> RA ack=500", 0},
		"not of an end that speaks": {"> S\n< SA lost\n> A\n< PA 7 lost\n> A\n< PA 1\n> A", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			w.play(tc.script)
			off, n := w.c.TakeUnseen(flow.ServerToClient)
			if off != 0 || n != tc.want {
				t.Errorf("%d bytes at %d, want %d", n, off, tc.want)
			}
			w.c.Lost(flow.ServerToClient, n)
			if off, more := w.c.TakeUnseen(flow.ServerToClient); off != n || more != 0 {
				t.Errorf("%d bytes more at %d", more, off)
			}
			if _, more := w.c.TakeUnseen(flow.ClientToServer); more != 0 {
				t.Errorf("%d bytes of the client", more)
			}
			f := w.c.Flow(CaptureEnd, "")
			if silent := f.Ends[flow.ServerToClient].Packets == 0; (f.States[flow.ServerToClient] == Unknown) != silent {
				t.Errorf("the server's state is %s", f.States[flow.ServerToClient])
			}
		})
	}
}
