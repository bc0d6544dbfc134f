package differential

import (
	"cmp"
	"fmt"
	"math/bits"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/wirewatch/dissect/tcp"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/internal/golden"
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
	retrans, ooo := uint64(client.Retransmissions+server.Retransmissions), uint64(client.OutOfOrder+server.OutOfOrder)
	if retrans == x.Retrans && ooo == x.OOO && sameCompleteness(f, x.Compl) {
		return ""
	}
	return fmt.Sprintf("stream %d: %d retransmissions, tshark %d; %d out of order, tshark %d; completeness %d, tshark %d",
		x.Stream, retrans, x.Retrans, ooo, x.OOO, f.Completeness, x.Compl)
}

// sameCompleteness allows for how tshark's was taken: in one pass, a frame shows
// what the frames before it add up to, to which the first one adds nothing
// unless it is a SYN. So what the first and the last one added may be missing.
// (tshark -2, and Wireshark, show it all: see TestTCPAnalysis.)
func sameCompleteness(f *tcp.Flow, tshark uint8) bool {
	const fin, rst = 16, 32
	return f.Completeness&tshark == tshark && bits.OnesCount8(f.Completeness&^tshark&^(fin|rst)) <= 2
}

// accepted are differences from tshark in testdata/tcp-analysis.txt, by capture
// and stream, that were looked at: what we say, and why.
var accepted = map[string]struct{ ours, reason string }{
	"tcp-refused 0":           {"0 0 0 0 0 0 0 37 -", "to tshark the RST of a refusal ends a handshake"},
	"tcp-refused 1":           {"0 0 0 0 0 0 0 37 -", "to tshark the RST of a refusal ends a handshake"},
	"tcp-simultaneous-open 0": {"2 0 0 0 0 0 0 31 0.004000000", "the SYNs and the SYN,ACKs cross (RFC 9293 figure 7): two overlapping round trips, each half of the way"},
	"tcp-fast-open 0":         {"0 0 0 0 0 0 0 31 0.003000000", "to tshark the server's first data, sent before the client's ACK (RFC 7413), end the handshake"},
}

// TestTCPAnalysis compares the analysis of every flow in the captures of
// testdata with what scripts/tcp-analysis.sh had tshark count.
func TestTCPAnalysis(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "tcp-analysis.txt"))
	if err != nil {
		t.Fatal(err)
	}
	flows := map[string]map[string]string{} // by capture, by stream
	used := map[string]bool{}
	for _, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		stream, want, _ := strings.Cut(rest, " ")
		if flows[name] == nil {
			flows[name] = analyses(t, filepath.Join("..", "..", "testdata", "pcaps", name+".pcap"))
		}
		got := flows[name][stream]
		delete(flows[name], stream)
		if a, ok := accepted[name+" "+stream]; ok && got == a.ours && got != want {
			used[name+" "+stream] = true
			continue
		}
		if got != want {
			t.Errorf("%s stream %s:\n   got %s\ntshark %s", name, stream, got, want)
		}
	}
	if len(flows) < 50 {
		t.Errorf("only %d captures were compared", len(flows))
	}
	for name, left := range flows {
		if len(left) > 0 {
			t.Errorf("%s: tshark has no streams %v", name, left)
		}
	}
	for name := range accepted {
		if !used[name] {
			t.Errorf("the accepted difference of %s is not needed", name)
		}
	}
}

// analyses are the flows of a capture in the words of tcp-analysis.txt.
func analyses(t *testing.T, path string) map[string]string {
	ev, err := golden.Events(path, golden.Config(0))
	if err != nil {
		t.Fatal(err)
	}
	rtt, out := map[uint64]string{}, map[string]string{}
	for i := range ev {
		switch b := ev[i].Body.(type) {
		case *tcp.Open:
			for name, v := range b.Fields() {
				if name == "tcp.analysis.initial_rtt_ms" && v.Kind() == event.Millis && v.Duration() > 0 {
					rtt[ev[i].Ends.Stream] = fmt.Sprintf("%.9f", v.Duration().Seconds())
				}
			}
		case *tcp.Flow:
			c, s, n := &b.Ends[0], &b.Ends[1], ev[i].Ends.Stream
			out[fmt.Sprint(n)] = fmt.Sprintln(c.Retransmissions+s.Retransmissions, c.FastRetransmissions+s.FastRetransmissions,
				c.OutOfOrder+s.OutOfOrder, c.DuplicateACKs+s.DuplicateACKs, c.ZeroWindows+s.ZeroWindows,
				c.WindowUpdates+s.WindowUpdates, c.KeepAlives+s.KeepAlives, b.Completeness, cmp.Or(rtt[n], "-"))
			out[fmt.Sprint(n)] = strings.TrimSpace(out[fmt.Sprint(n)])
		}
	}
	return out
}
