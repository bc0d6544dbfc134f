package differential

import (
	"fmt"
	"net/netip"
	"testing"

	"example.com/wirewatch/dissect/tcp"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// flowKey names a flow without regard to who is its client.
type flowKey struct {
	lo, hi netip.AddrPort
	first  uint64
}

func keyOf(a, b netip.AddrPort, first uint64) flowKey {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	return flowKey{a, b, first}
}

// TestTCP compares the analysis of every flow that both sides know:
// retransmissions, out-of-order segments and completeness. That the flows
// themselves are the same is TestFlows's.
func TestTCP(t *testing.T) {
	d := load(t, "tcp.txt")
	streams, equal := 0, 0
	captures(t, func(t *testing.T, name string, tr []truth, ev []event.Event) {
		flows := map[flowKey]*tcp.Flow{}
		for i := range ev {
			if f, ok := ev[i].Body.(*tcp.Flow); ok {
				flows[keyOf(ev[i].Ends.Client, ev[i].Ends.Server, uint64(ev[i].Ends.ID))] = f
			}
		}
		var diffs []string
		for i := range tr {
			x := &tr[i]
			f := flows[keyOf(addr(x.AIP, x.APort), addr(x.BIP, x.BPort), x.First)]
			if x.T != "stream" || f == nil {
				continue
			}
			streams++
			if diff := analysisDiff(f, x); diff != "" {
				diffs = append(diffs, diff)
				continue
			}
			equal++
		}
		d.check(t, name, diffs)
	})
	percent := 100 * float64(equal) / float64(max(streams, 1))
	t.Logf("%d of %d streams are equal to tshark (%.2f %%)", equal, streams, percent)
	if percent < 99 && streams > 1000 {
		t.Error("want at least 99 %")
	}
	d.finish(t, 98)
}

func analysisDiff(f *tcp.Flow, x *truth) string {
	client, server := &f.Ends[flow.ClientToServer], &f.Ends[flow.ServerToClient]
	retrans, ooo := client.Retransmissions+server.Retransmissions, client.OutOfOrder+server.OutOfOrder
	if retrans == x.Retrans && ooo == x.OOO && sameCompleteness(f.Completeness, x.Compl) {
		return ""
	}
	return fmt.Sprintf("stream %d: %d retransmissions, tshark %d; %d out of order, tshark %d; completeness %d, tshark %d",
		x.Stream, retrans, x.Retrans, ooo, x.OOO, f.Completeness, x.Compl)
}

// sameCompleteness allows for how tshark's was taken: in one pass, a frame shows
// what the frames before it add up to. What the last one added is missing, which
// is what one segment can add: a SYN, an ACK or data, and with them an end.
func sameCompleteness(ours, tshark uint8) bool {
	const syn, synACK, ack, data, fin, rst = 1, 2, 4, 8, 16, 32
	if ours&tshark != tshark {
		return false
	}
	switch ours &^ tshark &^ (fin | rst) {
	case 0, syn, syn | data, synACK, synACK | data, ack, data:
		return true
	}
	return false
}
