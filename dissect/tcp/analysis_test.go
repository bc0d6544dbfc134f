package tcp

import (
	"testing"
	"time"

	"example.com/wirewatch/flow"
)

// analysed are scripts with what every segment of interest is counted as. The
// handshake takes 2 ms, which is the bound between late and lost.
var analysed = map[string]string{
	"nothing to count": handshake + `
		> PA 100 | *
		< A      | *
		< PA 100 | *
		> A      | *`,
	"retransmission after a timeout": handshake + `
		> PA 100                | *
		> PA 100 seq=-100 +200ms | * retransmission
		< A                     | *`,
	"spurious retransmission": handshake + `
		> PA 100                 | *
		< A                      | *
		> PA 100 seq=-100        | * retransmission`,
	"fast retransmission": handshake + `
		> A 100 lost
		> A 100          | *
		< A ack=-200     | * duplicate-ack
		> A 100          | *
		< A ack=-300     | * duplicate-ack
		> A 100          | *
		< A ack=-400     | * duplicate-ack
		> A 100 seq=-400 +5ms | * retransmission fast`,
	"fast retransmission after two duplicate ACKs": handshake + `
		> A 100 lost
		> A 100
		< A ack=-200          | * duplicate-ack
		< A ack=-200          | * duplicate-ack
		> A 100 seq=-200 +5ms | * retransmission fast`,
	"not after one": handshake + `
		> A 100 lost
		> A 100
		< A ack=-200          | * duplicate-ack
		> A 100 seq=-200 +5ms | * retransmission`,
	"not after an ACK that moves on": handshake + `
		> A 100 lost
		> A 100
		< A ack=-200 | * duplicate-ack
		< A ack=-200 | * duplicate-ack
		< A ack=-100 | *
		> A 100 seq=-100 +5ms | * retransmission`,
	"too slow to be fast": handshake + `
		> A 100 lost
		> A 200
		< A ack=-300 | * duplicate-ack
		< A ack=-300 | * duplicate-ack
		< A ack=-300 | * duplicate-ack
		> A 100 seq=-300 +20ms | * retransmission`,
	// Once the first hole is filled, RFC 6675 repairs the others that SACK shows:
	// no duplicate ACK asks for their numbers.
	"loss recovery of what SACK leaves out is not fast": handshake + `
		> A 100 lost
		> A 100
		> A 100 lost
		> A 100
		< A ack=-400 | * duplicate-ack
		< A ack=-400 | * duplicate-ack
		< A ack=-400 | * duplicate-ack
		> A 100 seq=-400 +3ms     | * retransmission fast
		> A 100 seq=-200          | * retransmission`,
	"a tail loss probe is not fast": handshake + `
		> A 100 lost
		> A 100
		< A ack=-200              | * duplicate-ack
		< A ack=-200              | * duplicate-ack
		> A 100
		> A 100 seq=-100 +15ms    | * retransmission`,
	"out of order": handshake + `
		> A 100 lost
		> A 100 +100us
		> A 100 seq=-200 +1900us | * out-of-order`,
	"too late to be out of order": handshake + `
		> A 100 lost
		> A 100
		> A 100 seq=-200 +2ms | * retransmission`,
	"out of order, round trip unknown": `
		> PA 5
		> A 100 lost
		> A 100
		> A 100 seq=-200 +2900us | * out-of-order
		> A 100 lost
		> A 100
		> A 100 seq=-200 +3ms    | * retransmission`,
	"the latest bytes again are no reordering": handshake + `
		> A 100
		> A 100 seq=-100 +1us | * retransmission`,
	"out of order, clock went back": handshake + `
		> A 100 lost
		> A 100
		> A 100 seq=-200 +-1ms | * retransmission`,
	"duplicate ACKs": handshake + `
		< PA 10   | *
		> A       | *
		> A       | * duplicate-ack
		> A       | * duplicate-ack
		> A win=5 | * window-update
		> PA 3    | *`,
	"an ACK with another window is no duplicate": handshake + `
		< PA 10
		> A           | *
		> A win=2000  | * window-update
		> A win=2000  | * duplicate-ack`,
	"zero window, probes and their answers": handshake + `
		< PA 1000
		> A win=0     | * zero-window
		< A 1         | *
		> A ack=-1 win=0 | * zero-window
		< A 1 seq=-1  | *
		> A ack=-1 win=0 | * zero-window
		> A ack=-1 win=500 | * window-update
		< A 1 seq=-1  | *`,
	"a probe that is taken": handshake + `
		< PA 1000
		> A win=0     | * zero-window
		< A 1         | *
		> A win=0     | * zero-window
		> A win=500   | * window-update
		< A 10        | *`,
	"keep-alives": handshake + `
		> A 0 seq=-1 +75s | * keep-alive
		< A               | *
		> A 1 seq=-1 +75s | * keep-alive
		< A               | *`,
	"a keep-alive is no retransmission": handshake + `
		> PA 100
		< A
		> A 1 seq=-1 +75s | * keep-alive`,
	"FIN, SYN and RST are no keep-alives": handshake + `
		> FA      | *
		> RA      | *`,
	"RST is not analysed": handshake + `
		> RA win=0 | *`,
}

func TestAnalysis(t *testing.T) {
	for name, script := range analysed {
		t.Run(name, func(t *testing.T) { newWire(t).play(script) })
	}
}

func TestStalled(t *testing.T) {
	w := newWire(t)
	w.play(handshake + `
		> PA 100
		> PA 100 seq=-100 +200ms | * retransmission
		< A +10ms
		< PA 50
		> A win=0                | * zero-window
		< PA 1 seq=-1 +300ms
		> A win=100 +50ms        | * window-update`)
	if d := w.c.Stalled(flow.ClientToServer); d != 200*time.Millisecond {
		t.Errorf("the client's bytes lost %v, want the time to the retransmission", d)
	}
	if d := w.c.Stalled(flow.ServerToClient); d != 350*time.Millisecond {
		t.Errorf("the server's bytes lost %v, want the time that the client's window was 0", d)
	}
}

// TestNotStalled sends what only looks like a retransmission, since something went
// before it that its receiver cannot have expected.
func TestNotStalled(t *testing.T) {
	for name, script := range map[string]string{
		"a RST that is challenged": "< PA 50\n> A\n< R seq=3000 stray\n> A\n< PA 50 seq=@50 +100ms",
		"another connection's":     "< PA 50\n> A\n< PA 8 seq=+100000000\n> A\n< PA 50 seq=@50 +100ms",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			w.play(handshake + "\n" + script)
			if d := w.c.Stalled(flow.ServerToClient); d != 0 {
				t.Errorf("%v", d)
			}
		})
	}
}
