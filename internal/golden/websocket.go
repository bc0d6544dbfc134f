package golden

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// Sent is a line of a truth log about a WebSocket: a message or a control frame
// that an end says it sent. Its schema is in testdata/pcaps/README.md.
type Sent struct {
	Client string `json:"client"`
	Server string `json:"server"`
	From   string `json:"from"`
	Opcode string `json:"opcode"` // "" in a line about an exchange
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Frames int64  `json:"frames"` // 0 if the sender does not know
	Code   int64  `json:"code"`   // of a Close frame, 0 without one
	Reason string `json:"reason"`
}

// WebSocketLogs are the truth logs that tell of WebSockets, by the paths of
// their captures.
func WebSocketLogs(t testing.TB) map[string][]Sent {
	t.Helper()
	logs := map[string][]Sent{}
	for _, path := range Captures(t) {
		if name := filepath.Base(path); strings.HasPrefix(name, "real-ws-") {
			log, err := readSent(path[:strings.LastIndex(path, ".pcap")] + ".truth.jsonl")
			if err != nil || len(log) == 0 {
				t.Fatalf("%s: %d lines of a log: %v", name, len(log), err)
			}
			logs[path] = log
		}
	}
	return logs
}

// readSent reads what a truth log says of WebSockets; each sender's lines are in
// the order of sending.
func readSent(path string) (out []Sent, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // which was only read
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var s Sent
		if err := json.Unmarshal(sc.Bytes(), &s); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if s.Opcode != "" {
			out = append(out, s)
		}
	}
	return out, sc.Err()
}

// lane is what one end of a connection sent of one class: messages, or control
// frames of one opcode. Only within a lane do facts come in the order of sending,
// for a ping may stand between the frames of a message.
type lane struct{ client, server, from, class string }

func laneOf(s *Sent) lane {
	class := s.Opcode
	if class == "text" || class == "binary" {
		class = "message"
	}
	return lane{s.Client, s.Server, s.From, class}
}

// WebSockets compares WebSocket facts with what the ends of the connections say
// they sent: every message and control frame is there, whole, in order, with its
// opcode, size, SHA-256 and number of frames, nothing else is, and the sums are right.
// It returns the differences. The facts must have been made without a limit
// to what is kept of a message.
func WebSockets(ev []event.Event, log []Sent) (diffs []string) {
	want, got := map[lane][]Sent{}, map[lane][]Sent{}
	for i := range log {
		k := laneOf(&log[i])
		want[k] = append(want[k], log[i])
	}
	for i := range ev {
		e := &ev[i]
		switch kind := e.Body.Kind(); kind {
		case "websocket.message", "websocket.control":
			s := found(e)
			k := laneOf(&s)
			got[k] = append(got[k], s)
			if e.Incomplete != event.Complete {
				diffs = append(diffs, fmt.Sprintf("%v: the %d. is incomplete: %s", k, len(got[k]), e.Incomplete))
			}
		case "websocket.close":
			diffs = append(diffs, sums(e, want)...)
		}
	}
	for k := range want {
		diffs = append(diffs, compare(k, got[k], want[k])...)
	}
	for k := range got {
		if want[k] == nil {
			diffs = append(diffs, fmt.Sprintf("%v: %d that no log knows", k, len(got[k])))
		}
	}
	slices.Sort(diffs)
	return diffs
}

func compare(k lane, got, want []Sent) (diffs []string) {
	for i := range min(len(got), len(want)) {
		g, w := got[i], want[i]
		if w.Frames == 0 {
			g.Frames = 0
		}
		if g != w {
			diffs = append(diffs, fmt.Sprintf("%v, the %d.: got %+v, the log says %+v", k, i+1, g, w))
		}
	}
	if n := len(got); n < len(want) {
		diffs = append(diffs, fmt.Sprintf("%v: %d of %d not found, from %+v on", k, len(want)-n, len(want), want[n]))
	} else if n := len(want); n < len(got) {
		diffs = append(diffs, fmt.Sprintf("%v: %d that no log knows, from %+v on", k, len(got)-n, got[n]))
	}
	return diffs
}

func fieldsOf(e *event.Event) map[string]event.Value {
	f := map[string]event.Value{}
	for k, v := range e.Body.Fields() {
		f[k] = v
	}
	return f
}

// found is a fact in the terms of a log.
func found(e *event.Event) Sent {
	f := fieldsOf(e)
	opcode, size, frames := f["websocket.opcode"], f["websocket.size"], f["websocket.frames"]
	code, reason := f["websocket.close.code"], f["websocket.close.reason"]
	s := Sent{
		Client: e.Ends.Client.String(), Server: e.Ends.Server.String(), From: e.Dir.String(), Opcode: opcode.Str(),
		Size: size.Int(), Frames: frames.Int(), Code: code.Int(), Reason: reason.Str(),
	}
	sum := sha256.Sum256(payload(&s, f))
	s.SHA256 = hex.EncodeToString(sum[:])
	return s
}

func payload(s *Sent, f map[string]event.Value) []byte {
	if s.Code != 0 {
		return append([]byte{byte(s.Code >> 8), byte(s.Code)}, s.Reason...)
	}
	text, binary := f["websocket.text"], f["websocket.base64"]
	if text.Kind() != event.None {
		return []byte(text.Str())
	}
	return binary.Raw()
}

// sums compares the sums of websocket.close with the logs.
func sums(e *event.Event, want map[lane][]Sent) (diffs []string) {
	f, closes := fieldsOf(e), 0
	for _, dir := range []flow.Dir{flow.ClientToServer, flow.ServerToClient} {
		of := func(class string) []Sent {
			return want[lane{e.Ends.Client.String(), e.Ends.Server.String(), dir.String(), class}]
		}
		size := 0
		for _, s := range of("message") {
			size += int(s.Size)
		}
		closes += len(of("close"))
		for name, n := range map[string]int{"messages": len(of("message")), "bytes": size, "pings": len(of("ping")), "pongs": len(of("pong"))} {
			if v := f["websocket."+dir.String()+"."+name]; v.Int() != int64(n) {
				diffs = append(diffs, fmt.Sprintf("%s, %s: %d %s, the logs say %d", e.Ends.Client, dir, v.Int(), name, n))
			}
		}
	}
	if clean := f["websocket.close.clean"]; clean.Bool() != (closes == 2) {
		diffs = append(diffs, fmt.Sprintf("%s: clean is %v, the logs have %d Close frames", e.Ends.Client, clean.Bool(), closes))
	}
	return diffs
}
