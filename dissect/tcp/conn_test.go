package tcp

import (
	"strings"
	"testing"
	"time"

	"example.com/wirewatch/flow"
	"example.com/wirewatch/packet"
)

const handshake = `
	> S    | SYN-SENT SYN-RECEIVED
	< SA   | ESTABLISHED SYN-RECEIVED
	> A    | ESTABLISHED ESTABLISHED
`

// states are scripts with the states of both ends after every segment
// (RFC 9293 §3.3.2, §3.5 and §3.6).
var states = map[string]string{
	"three-way handshake": handshake,
	"SYN and SYN,ACK repeated": `
		> S             | SYN-SENT SYN-RECEIVED
		> S seq=-1 +1s  | SYN-SENT SYN-RECEIVED retransmission
		< SA            | ESTABLISHED SYN-RECEIVED
		< SA seq=-1 +1s | ESTABLISHED SYN-RECEIVED retransmission
		> A             | ESTABLISHED ESTABLISHED`,
	"SYN,ACK before the SYN": `
		< SA ack=@0   | ESTABLISHED SYN-RECEIVED
		> S seq=@-1   | ESTABLISHED SYN-RECEIVED
		> A           | ESTABLISHED ESTABLISHED`,
	"handshake ended by data": `
		> S      | SYN-SENT SYN-RECEIVED
		< SA     | ESTABLISHED SYN-RECEIVED
		> PA 100 | ESTABLISHED ESTABLISHED`,
	"data in the SYN (RFC 7413)": `
		> S 50   | SYN-SENT SYN-RECEIVED
		< SA     | ESTABLISHED SYN-RECEIVED
		< PA 10  | ESTABLISHED SYN-RECEIVED
		> A      | ESTABLISHED ESTABLISHED`,
	"simultaneous open (figure 7)": `
		> S          | SYN-SENT SYN-RECEIVED
		< S          | SYN-RECEIVED SYN-RECEIVED
		> SA seq=-1  | SYN-RECEIVED ESTABLISHED retransmission
		< SA seq=-1  | ESTABLISHED ESTABLISHED retransmission`,
	"no answer": `
		> S         | SYN-SENT SYN-RECEIVED
		> S seq=-1  | SYN-SENT SYN-RECEIVED retransmission`,
	"four-way close (figure 12)": handshake + `
		> PA 100
		< A
		> FA | FIN-WAIT-1 CLOSE-WAIT
		< A  | FIN-WAIT-2 CLOSE-WAIT
		< FA | TIME-WAIT LAST-ACK
		> A  | TIME-WAIT CLOSED`,
	"four-way close by the server": handshake + `
		< FA | CLOSE-WAIT FIN-WAIT-1
		> A  | CLOSE-WAIT FIN-WAIT-2
		> FA | LAST-ACK TIME-WAIT
		< A  | CLOSED TIME-WAIT`,
	"three-way close": handshake + `
		> FA | FIN-WAIT-1 CLOSE-WAIT
		< FA | TIME-WAIT LAST-ACK
		> A  | TIME-WAIT CLOSED`,
	"simultaneous close (figure 13)": handshake + `
		> FA        | FIN-WAIT-1 CLOSE-WAIT
		< FA ack=-1 | CLOSING CLOSING
		> A         | CLOSING TIME-WAIT
		< A         | TIME-WAIT TIME-WAIT`,
	"half-close": handshake + `
		> FA      | FIN-WAIT-1 CLOSE-WAIT
		< A       | FIN-WAIT-2 CLOSE-WAIT
		< PA 1000 | FIN-WAIT-2 CLOSE-WAIT
		> A       | FIN-WAIT-2 CLOSE-WAIT
		< PA 1000 | FIN-WAIT-2 CLOSE-WAIT
		< FA      | TIME-WAIT LAST-ACK
		> A       | TIME-WAIT CLOSED`,
	"FIN with data, again": handshake + `
		> FPA 10              | FIN-WAIT-1 CLOSE-WAIT
		> FPA 10 seq=-11 +1s  | FIN-WAIT-1 CLOSE-WAIT retransmission
		< A                   | FIN-WAIT-2 CLOSE-WAIT`,
	"FIN of which only the data is acknowledged": handshake + `
		> FPA 10   | FIN-WAIT-1 CLOSE-WAIT
		< A ack=-1 | FIN-WAIT-1 CLOSE-WAIT
		< A        | FIN-WAIT-2 CLOSE-WAIT`,
	"FIN before the handshake is done": `
		> S  | SYN-SENT SYN-RECEIVED
		< SA | ESTABLISHED SYN-RECEIVED
		> FA | FIN-WAIT-1 CLOSE-WAIT
		< FA | TIME-WAIT LAST-ACK
		> A  | TIME-WAIT CLOSED`,
	"last ACK lost": handshake + `
		> FA            | FIN-WAIT-1 CLOSE-WAIT
		< FA            | TIME-WAIT LAST-ACK
		> A lost
		< FA seq=-1 +1s | TIME-WAIT LAST-ACK retransmission
		> A             | TIME-WAIT CLOSED`,
	"refused": `
		> S  | SYN-SENT SYN-RECEIVED
		< RA | CLOSED CLOSED`,
	"refused, and tried again": `
		> S                | SYN-SENT SYN-RECEIVED
		< RA seq=@0        | CLOSED CLOSED
		> S seq=-1 +500ms  | SYN-SENT SYN-RECEIVED retransmission
		< RA seq=@0        | CLOSED CLOSED
		> S seq=-1 +500ms  | SYN-SENT SYN-RECEIVED retransmission
		< SA               | ESTABLISHED SYN-RECEIVED
		> A                | ESTABLISHED ESTABLISHED`,
	"reset after the SYN": `
		> S | SYN-SENT SYN-RECEIVED
		> R | CLOSED CLOSED`,
	"reset in SYN-RECEIVED": `
		> S  | SYN-SENT SYN-RECEIVED
		< SA | ESTABLISHED SYN-RECEIVED
		> R  | CLOSED CLOSED`,
	"reset by the client": handshake + `
		> RA | CLOSED CLOSED`,
	"reset by the server": handshake + `
		< RA | CLOSED CLOSED`,
	"reset in FIN-WAIT-1": handshake + `
		> FA | FIN-WAIT-1 CLOSE-WAIT
		> RA | CLOSED CLOSED`,
	"reset in CLOSE-WAIT": handshake + `
		> FA | FIN-WAIT-1 CLOSE-WAIT
		< RA | CLOSED CLOSED`,
	"reset in FIN-WAIT-2": handshake + `
		> FA | FIN-WAIT-1 CLOSE-WAIT
		< A  | FIN-WAIT-2 CLOSE-WAIT
		> R  | CLOSED CLOSED`,
	"reset in CLOSING": handshake + `
		> FA        | FIN-WAIT-1 CLOSE-WAIT
		< FA ack=-1 | CLOSING CLOSING
		< R         | CLOSED CLOSED`,
	"reset in LAST-ACK": handshake + `
		> FA | FIN-WAIT-1 CLOSE-WAIT
		< FA | TIME-WAIT LAST-ACK
		> R  | CLOSED CLOSED`,
	"reset after all was over": handshake + `
		> FA | FIN-WAIT-1 CLOSE-WAIT
		< FA | TIME-WAIT LAST-ACK
		> A  | TIME-WAIT CLOSED
		< R  | CLOSED CLOSED`,
	"a RST that need not be believed (RFC 5961 §3.2)": handshake + `
		< R seq=5000 stray | ESTABLISHED ESTABLISHED
		> A                | ESTABLISHED ESTABLISHED duplicate-ack
		> PA 5             | ESTABLISHED ESTABLISHED`,
	"joined in the middle": `
		> PA 100 | ESTABLISHED ESTABLISHED
		< A      | ESTABLISHED ESTABLISHED
		< FA     | CLOSE-WAIT FIN-WAIT-1
		> FA     | LAST-ACK TIME-WAIT
		< A      | CLOSED TIME-WAIT`,
	"joined at the FIN": `
		> FA | FIN-WAIT-1 CLOSE-WAIT
		< FA | TIME-WAIT LAST-ACK
		> A  | TIME-WAIT CLOSED`,
	"joined at the SYN,ACK": `
		< SA ack=@0       | ESTABLISHED SYN-RECEIVED
		> A seq=@0        | ESTABLISHED ESTABLISHED`,
	"joined at a RST": `
		< R | CLOSED CLOSED`,
	"one direction only": `
		> S      | SYN-SENT SYN-RECEIVED
		< SA lost
		> A      | ESTABLISHED ESTABLISHED
		> PA 100 | ESTABLISHED ESTABLISHED
		> FA     | FIN-WAIT-1 CLOSE-WAIT`,
}

func TestStates(t *testing.T) {
	for name, script := range states {
		t.Run(name, func(t *testing.T) { newWire(t).play(script) })
	}
}

// TestRolesCanFlip plays every script with its ends exchanged and flips the
// connection: the record has to be the same.
func TestRolesCanFlip(t *testing.T) {
	for name, script := range states {
		t.Run(name, func(t *testing.T) {
			straight, flipped := newWire(t), newWire(t)
			flipped.next = [2]packet.Seq{straight.next[1], straight.next[0]}
			straight.play(script)
			for _, line := range strings.Split(script, "\n") {
				line, _, _ = strings.Cut(strings.TrimSpace(line), "|")
				if line != "" {
					flipped.line(map[byte]string{'>': "<", '<': ">"}[line[0]] + line[1:])
				}
			}
			flipped.c.Flip()
			got, want := flipped.fields(Ended), straight.fields(Ended)
			for f := range want {
				if got[f] != want[f] {
					t.Errorf("%s is %q, want %q", f, got[f], want[f])
				}
			}
		})
	}
}

// TestFlowSaysHowItEnded checks what tcp.flow says of the end.
func TestFlowSaysHowItEnded(t *testing.T) {
	for name, tc := range map[string]struct {
		script                     string
		cause                      Cause
		closed, by, state, because string
	}{
		"by the client": {states["four-way close (figure 12)"], Ended, "fin", "client", "TIME-WAIT",
			"The client closed the connection first and the server closed its side too."},
		"by the server": {states["four-way close by the server"], Ended, "fin", "server", "TIME-WAIT",
			"The server closed the connection first and the client closed its side too."},
		"by both at once": {states["simultaneous close (figure 13)"], Ended, "fin", "client", "TIME-WAIT",
			"The client closed the connection first and the server closed its side too."},
		"closed and reset": {states["reset in CLOSING"], Ended, "fin", "client", "CLOSED",
			"The client closed the connection first, the server closed its side too, and the server reset what was left."},
		"reset": {states["reset by the server"], Ended, "rst", "server", "CLOSED",
			"The server reset the connection."},
		"refused": {states["refused"], Ended, "rst", "server", "CLOSED",
			"The server refused the connection."},
		"given up": {"> S\n> R", Ended, "rst", "client", "CLOSED", "The client gave up its attempt to connect."},
		"refused, then open": {states["refused, and tried again"], CaptureEnd, "capture-end", "", "ESTABLISHED",
			"The connection was still open when the capture ended."},
		"reset by its closer": {states["reset in FIN-WAIT-1"], Ended, "rst", "client", "CLOSED",
			"The client closed its side and then reset the connection."},
		"reset by its peer": {states["reset in CLOSE-WAIT"], Ended, "rst", "server", "CLOSED",
			"The client closed its side and the server reset the connection."},
		"a RST in doubt, and nothing after it": {handshake + "< R seq=5000 stray", CaptureEnd, "rst", "server", "ESTABLISHED",
			"The server reset the connection."},
		"a RST in doubt, and data after it": {handshake + "< R seq=5000 stray\n> PA 5", CaptureEnd, "capture-end", "", "ESTABLISHED",
			"The connection was still open when the capture ended."},
		"half-closed": {handshake + "> FA\n< A", CaptureEnd, "half-closed", "client", "FIN-WAIT-2",
			"The client closed its side; the server had not when the record ends."},
		"half-closed, forgotten": {handshake + "> FA\n< A", Timeout, "timeout", "client", "FIN-WAIT-2",
			"No segment was seen for longer than a connection is remembered."},
		"forgotten": {handshake, Timeout, "timeout", "", "ESTABLISHED",
			"No segment was seen for longer than a connection is remembered."},
		"evicted": {handshake, Evicted, "evicted", "", "ESTABLISHED",
			"More connections were open than are remembered at once."},
		"taken over": {handshake, Reused, "evicted", "", "ESTABLISHED",
			"A new connection took over its addresses and ports."},
		"half-closed, taken over": {handshake + "> FA\n< A", Reused, "half-closed", "client", "FIN-WAIT-2",
			"The client closed its side; the server had not when a new connection took over the addresses and ports."},
		"half-closed, one direction": {"> S\n< SA lost\n> A\n> FA", CaptureEnd, "half-closed", "client", "FIN-WAIT-1",
			"The client closed its side; nothing that the server sent was captured."},
		"not answered":            {"> S", CaptureEnd, "capture-end", "", "SYN-SENT", "The SYN was not answered."},
		"not answered, forgotten": {"> S", Timeout, "timeout", "", "SYN-SENT", "The SYN was not answered."},
		"not answered, evicted": {"> S", Evicted, "evicted", "", "SYN-SENT",
			"More connections were open than are remembered at once."},
		"SYN,ACK not answered": {"> S\n< SA", CaptureEnd, "capture-end", "", "ESTABLISHED", "The handshake was not completed."},
		"the server's alone": {"< SA\n< A", CaptureEnd, "capture-end", "", "ESTABLISHED",
			"The connection was still open when the capture ended."},
		"not completed": {"> S\n< S", CaptureEnd, "capture-end", "", "SYN-RECEIVED",
			"The handshake was not completed."},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			w.play(tc.script)
			f := w.fields(tc.cause)
			for field, want := range map[string]string{
				"tcp.closed": tc.closed, "tcp.closed_by": tc.by, "tcp.state": tc.state, "tcp.close_reason": tc.because,
			} {
				if f[field] != want {
					t.Errorf("%s is %q, want %q", field, f[field], want)
				}
			}
		})
	}
}

func TestInitialRTT(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		want   time.Duration
	}{
		"from the SYN to the ACK of the SYN,ACK": {"> S\n< SA +30ms\n> A +5ms", 35 * time.Millisecond},
		"from the latest SYN":                    {"> S\n> S seq=-1 +1s\n< SA +30ms\n> A +5ms", 35 * time.Millisecond},
		"once":                                   {"> S\n< SA +30ms\n> A +5ms\n> A +1s", 35 * time.Millisecond},
		"not from the server's alone":            {"< SA ack=@0\n< A", 0},
		"not without the SYN":                    {"< SA ack=@0\n> A seq=@0", 0},
		"without the SYN,ACK":                    {"> S\n< SA lost +30ms\n> A +5ms", 35 * time.Millisecond},
		"not without the SYN,ACK and the ACK":    {"> S\n< SA lost\n> A lost\n> PA 5\n> A", 0},
		"SYNs that cross":                        {"> S\n< S +1ms\n> SA +5ms\n< SA +7ms", 18 * time.Millisecond},
		"of the attempt that was accepted":       {"> S\n< RA seq=@0 +1s\n> S seq=-1 +1s\n< SA +30ms\n> A +5ms", 35 * time.Millisecond},
		"from the latest SYN, the SYN,ACK again": {"> S\n< SA +5ms\n> S seq=-1 +1s\n< SA seq=-1 +30ms\n> A +5ms", 35 * time.Millisecond},
		"a SYN,ACK again":                        {"> S\n< SA +30ms\n< SA seq=-1 +4ms\n> A +5ms", 39 * time.Millisecond},
		"not of a refusal":                       {"> S\n< RA", 0},
		"not in the middle":                      {"> PA 1\n< A", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			w.play(tc.script)
			if got, ok := w.c.InitialRTT(); got != tc.want || ok != (tc.want > 0) {
				t.Errorf("%v, %v", got, ok)
			}
		})
	}
}

// TestConnect has the whole wait of the client, where InitialRTT has a round trip.
func TestConnect(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		want   time.Duration
	}{
		"at once":                {"> S\n< SA +30ms\n> A +5ms\n> A +1s", 35 * time.Millisecond},
		"the SYN again":          {"> S\n> S seq=-1 +1s\n< SA +30ms\n> A +5ms", 1035 * time.Millisecond},
		"refused, and tried on":  {"> S\n< RA seq=@0 +1s\n> S seq=-1 +1s\n< SA +30ms\n> A +5ms", 2035 * time.Millisecond},
		"SYNs that cross":        {"> S\n< S +1ms\n> SA +5ms\n< SA +7ms", 13 * time.Millisecond},
		"without the SYN,ACK":    {"> S\n> S seq=-1 +1s\n< SA lost +30ms\n> A +5ms", 1035 * time.Millisecond},
		"not without an answer":  {"> S\n> S seq=-1 +1s", 0},
		"not in the middle":      {"> PA 1\n< A", 0},
		"nor without the client": {"< SA ack=@0\n< A", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			w.play(tc.script)
			if got, ok := w.c.Connect(); got != tc.want || ok != (tc.want > 0) {
				t.Errorf("%v, %v", got, ok)
			}
		})
	}
}

func TestReuse(t *testing.T) {
	for name, tc := range map[string]struct {
		before string
		seq    packet.Seq
		flags  packet.Flags
		dir    flow.Dir
		want   bool
	}{
		"another ISN":                      {handshake, 7, packet.SYN, 0, true},
		"the same ISN":                     {handshake, 0xffffffff, packet.SYN, 0, false},
		"of an open flow joined midway":    {"> PA 5", 7, packet.SYN, 0, true},
		"ISN of a flow joined midway":      {"> PA 5", 0xfffffffe, packet.SYN, 0, false},
		"by the server":                    {handshake, 7, packet.SYN, 1, true},
		"the server's own ISN":             {handshake, 0xfffffff0, packet.SYN, 1, false},
		"SYN,ACK with another ISN":         {handshake, 7, packet.SYN | packet.ACK, 1, false},
		"no SYN":                           {handshake, 7, packet.ACK, 0, false},
		"the first SYN of the other end":   {"> S", 7, packet.SYN, 1, false},
		"SYN that the SYN,ACK has implied": {"< SA ack=@0", 0xffffffff, packet.SYN, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			w.play(tc.before)
			if got := w.c.Reuses(tc.dir, &packet.Segment{Seq: tc.seq, Flags: tc.flags}); got != tc.want {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestWindow(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		want   uint32
	}{
		"scaled":                 {"> S ws=7 win=500\n< SA ws=2 win=100\n> A win=600", 600 << 7},
		"scaled by no more":      {"> S ws=20 win=500\n< SA ws=2 win=100\n> A win=600", 600 << 14},
		"not without the peer's": {"> S ws=7 win=500\n< SA win=100\n> A win=600", 600},
		"unknown":                {"> PA 5 win=500", 500 << 14},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			w.play(tc.script)
			if got := w.c.Window(flow.ClientToServer); got != tc.want {
				t.Errorf("%d, want %d", got, tc.want)
			}
		})
	}
}

func TestCompleteness(t *testing.T) {
	for script, want := range map[string]uint8{
		"> S":                             1,
		"> S\n< RA":                       1 | 4 | 32,
		"> S\n< SA":                       1 | 2,
		handshake:                         1 | 2 | 4,
		handshake + "> PA 1":              1 | 2 | 4 | 8,
		handshake + "> PA 1\n> FA":        1 | 2 | 4 | 8 | 16,
		handshake + "< R":                 1 | 2 | 4 | 32,
		"> S 5":                           1 | 8,
		"> PA 1":                          8,
		"< SA":                            2,
		"> A\n> F":                        4,
		"> A\n< A":                        4,
		"> S\n< SA\n> PA 3\n< FPA 3\n> R": 1 | 2 | 8 | 16 | 32,
	} {
		w := newWire(t)
		w.play(script)
		if got := w.c.Flow(CaptureEnd, "").Completeness; got != want {
			t.Errorf("%q: %d, want %d", script, got, want)
		}
	}
}
