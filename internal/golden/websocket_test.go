package golden

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWebSocketTruth compares the real captures of WebSockets with what both
// ends say they sent.
func TestWebSocketTruth(t *testing.T) {
	messages := 0
	for path, log := range WebSocketLogs(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			ev, err := Events(path, Config(-1))
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range WebSockets(ev, log) {
				t.Error(d)
			}
			messages += len(log)
		})
	}
	t.Logf("%d messages and control frames of senders' logs compared", messages)
}

// TestWebSocketsTellsDifferences keeps the comparison from passing because it
// compares nothing.
func TestWebSocketsTellsDifferences(t *testing.T) {
	const path = "../../testdata/pcaps/real-ws-node.pcap"
	log := WebSocketLogs(t)[path]
	ev, err := Events(path, Config(-1))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(l []Sent) []Sent{
		"not found": func(l []Sent) []Sent {
			return append(l, Sent{Client: l[0].Client, Server: l[0].Server, From: l[0].From, Opcode: "text"})
		},
		"no log knows":  func(l []Sent) []Sent { return l[1:] },
		"the log says":  func(l []Sent) []Sent { l[3].SHA256 = strings.Repeat("0", 64); return l },
		"the logs say":  func(l []Sent) []Sent { l[3].Size++; return l },
		"is incomplete": nil,
	} {
		got, facts := slices.Clone(log), slices.Clone(ev)
		if change != nil {
			got = change(got)
		} else {
			for i := range facts {
				facts[i].Incomplete = 1
			}
		}
		if d := strings.Join(WebSockets(facts, got), "\n"); !strings.Contains(d, name) {
			t.Errorf("no difference says %q:\n%s", name, d)
		}
	}
}
