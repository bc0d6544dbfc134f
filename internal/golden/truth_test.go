package golden

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/wirewatch/event"
)

// sent is a line of a truth log: what an endpoint says was exchanged. Its
// schema is in testdata/pcaps/README.md.
type sent struct {
	Client     string   `json:"client"`
	Server     string   `json:"server"`
	Ordinal    uint32   `json:"ordinal"`
	Method     string   `json:"method"`
	Target     string   `json:"target"`
	Status     int64    `json:"status"`
	Interim    []int64  `json:"interim"`
	Request    *content `json:"request"`
	Response   *content `json:"response"`
	Incomplete string   `json:"incomplete"`
	Opcode     string   `json:"opcode"` // in a line about a WebSocket, which is compared elsewhere
}

type content struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// TestTruth compares the real captures with what their own clients and servers
// logged: every exchange is there, with its method, target, status and the
// SHA-256 of its decoded contents, and no other exchange is.
func TestTruth(t *testing.T) {
	logs, err := filepath.Glob("../../testdata/pcaps/*.truth.jsonl")
	if err != nil || len(logs) < 10 {
		t.Fatalf("%d truth logs: %v", len(logs), err)
	}
	total := 0
	for _, path := range Captures(t) {
		name := filepath.Base(path)
		base := name[:strings.Index(name, ".pcap")]
		log := filepath.Join(filepath.Dir(path), base+".truth.jsonl")
		if _, err := os.Stat(log); err != nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			total += checkTruth(t, path, log, base == "real-go-snaplen")
		})
	}
	t.Logf("%d exchanges of senders' logs found", total)
}

func checkTruth(t *testing.T, path, log string, cut bool) int {
	ev, err := Events(path, Config(-1))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]event.Value{}
	complete := map[string]bool{}
	for i := range ev {
		if e := &ev[i]; e.Body.Kind() == "http.exchange" {
			f := map[string]event.Value{}
			for k, v := range e.Body.Fields() {
				f[k] = v
			}
			key := fmt.Sprintf("%s %s %d", e.Ends.Client, e.Ends.Server, e.Exchange)
			found[key], complete[key] = f, e.Incomplete == event.Complete
		}
	}
	want := readLog(t, log)
	for _, w := range want {
		key := fmt.Sprintf("%s %s %d", w.Client, w.Server, w.Ordinal)
		f, ok := found[key]
		if !ok {
			t.Errorf("%s: no exchange found; the log says %s %s", key, w.Method, w.Target)
			continue
		}
		delete(found, key)
		method, uri, code := f["http.request.method"], f["http.request.uri"], f["http.response.code"]
		if method.Str() != w.Method || uri.Str() != w.Target || w.Status != 0 && code.Kind() != event.None && code.Int() != w.Status {
			t.Errorf("%s: %s %s %d, the log says %s %s %d", key, method.Str(), uri.Str(), code.Int(), w.Method, w.Target, w.Status)
		}
		if code.Kind() == event.None && w.Incomplete == "" && f["http.response.version"] == (event.Value{}) {
			t.Errorf("%s: no response found", key)
		}
		// A client that went away while the server worked aborts what the wire
		// may still show whole.
		if whole := w.Incomplete == ""; !cut && w.Incomplete != "aborted" && complete[key] != whole {
			t.Errorf("%s: complete %v, the log says %q", key, complete[key], w.Incomplete)
		}
		if !cut {
			checkContent(t, key+" request", f, "http.request.body.", w.Request)
			checkContent(t, key+" response", f, "http.response.body.", w.Response)
		}
	}
	for key := range found {
		t.Errorf("%s: an exchange that no log knows", key)
	}
	return len(want)
}

// checkContent compares a decoded content with what its sender or its receiver
// had.
func checkContent(t *testing.T, what string, f map[string]event.Value, prefix string, want *content) {
	t.Helper()
	if want == nil {
		return
	}
	var got []byte
	if v := f[prefix+"text"]; v.Kind() != event.None {
		got = []byte(v.Str())
	} else if v := f[prefix+"base64"]; v.Kind() != event.None {
		got = v.Raw()
	}
	sum := sha256.Sum256(got)
	if int64(len(got)) != want.Size || hex.EncodeToString(sum[:]) != want.SHA256 {
		t.Errorf("%s: %d bytes with SHA-256 %x, the log says %d with %s", what, len(got), sum, want.Size, want.SHA256)
	}
}

func readLog(t *testing.T, path string) (out []sent) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var s sent
		if err := json.Unmarshal(sc.Bytes(), &s); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if s.Opcode == "" {
			out = append(out, s)
		}
	}
	return out
}
