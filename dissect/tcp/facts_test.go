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

func TestDurationIsNeverNegative(t *testing.T) {
	w := newWire(t)
	w.play("> PA 1\n> PA 1 +-5s\n> PA 1 +1s")
	if d := w.c.Flow(CaptureEnd, "").Duration; d != 5*time.Second {
		t.Errorf("%v", d)
	}
}

// TestQuestions checks what the flow's owner asks.
func TestQuestions(t *testing.T) {
	for name, tc := range map[string]struct {
		script                                   string
		handshake, established, over, fin, isRST bool
		doubtful                                 bool
	}{
		"SYN":           {script: "> S", handshake: true},
		"open":          {script: handshake, handshake: true, established: true},
		"midstream":     {script: "> PA 1", established: true},
		"half-closed":   {script: handshake + "> FA\n< A", handshake: true, established: true, fin: true},
		"FIN, FIN":      {script: handshake + "> FA\n< FA", handshake: true, established: true, fin: true},
		"closed":        {script: handshake + "> FA\n< FA\n> A", handshake: true, established: true, fin: true, over: true},
		"reset":         {script: handshake + "< R", handshake: true, established: true, over: true, isRST: true},
		"maybe reset":   {script: handshake + "< R seq=99 stray", handshake: true, established: true, doubtful: true},
		"refused, then": {script: "> S\n< RA seq=@0\n> S seq=-1", handshake: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			w.play(tc.script)
			_, reset := w.c.Reset()
			for what, x := range map[string][2]bool{
				"handshake": {w.c.Handshake(), tc.handshake}, "established": {w.c.Established(), tc.established},
				"over": {w.c.Over(), tc.over}, "FIN": {w.c.FIN(flow.ClientToServer), tc.fin},
				"reset": {reset, tc.isRST}, "doubtful": {w.c.Doubtful(), tc.doubtful},
			} {
				if x[0] != x[1] {
					t.Errorf("%s is %t", what, x[0])
				}
			}
		})
	}
}
