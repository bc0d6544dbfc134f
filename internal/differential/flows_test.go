package differential

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"example.com/wirewatch/dissect/tcp"
	"example.com/wirewatch/event"
	"example.com/wirewatch/internal/golden"
)

// truth is a line of what tshark says of a capture. Which fields are set
// depends on T.
type truth struct {
	T       string `json:"t"`
	Stream  int    `json:"stream"`
	Frame   uint64 `json:"frame"`
	Partial bool   `json:"partial"`
	TLS     int    `json:"tls"`

	// stream
	AIP     string    `json:"a_ip"`
	APort   uint16    `json:"a_port"`
	BIP     string    `json:"b_ip"`
	BPort   uint16    `json:"b_port"`
	Pkts    [2]uint64 `json:"pkts"`
	Payload [2]uint64 `json:"payload"`
	First   uint64    `json:"first_frame"`
	Retrans uint64    `json:"retrans"`
	OOO     uint64    `json:"ooo"`
	Compl   uint8     `json:"completeness"`

	// req, resp
	Method  string `json:"method"`
	URI     string `json:"uri"`
	Version string `json:"version"`
	Status  int    `json:"status"`
	BodyLen *int   `json:"body_len"`
	SrcPort uint16 `json:"sport"`
	BestReq uint64 `json:"best_request_frame"`
	ForURI  string `json:"for_uri"`
	Suspect any    `json:"suspect"`
	ICMP    any    `json:"icmp"`
	Alt     any    `json:"alt"`
}

func corpus(t *testing.T) string {
	dir := os.Getenv("WIREWATCH_CORPUS")
	if dir == "" {
		t.Skip("SKIPPED: WIREWATCH_CORPUS names no corpus of captures; nothing was compared with tshark")
	}
	return dir
}

func readTruth(t *testing.T, path string) (out []truth) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var x truth
		if err := json.Unmarshal(sc.Bytes(), &x); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		out = append(out, x)
	}
	return out
}

// captures calls f for each capture of the corpus and its truth.
func captures(t *testing.T, f func(t *testing.T, name string, tr []truth, ev []event.Event)) {
	dir := corpus(t)
	files, err := filepath.Glob(filepath.Join(dir, "truth", "*.jsonl"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files of truth in %s: %v", len(files), dir, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		if only := os.Getenv("WIREWATCH_ONLY"); only != "" && !strings.Contains(name, only) {
			continue
		}
		path := filepath.Join(dir, "dev", name)
		if _, err := os.Stat(path); err != nil {
			t.Errorf("no capture for %s", file)
			continue
		}
		ev, err := golden.Events(path, golden.Config(0))
		f(t, name, readTruth(t, file), ev)
		if err != nil {
			t.Logf("%s: %v", name, err)
		}
	}
}

// flowLine is what is compared of a flow.
func flowLine(a, b netip.AddrPort, pa, pb uint64, first uint64) string {
	if a.Compare(b) > 0 {
		a, b, pa, pb = b, a, pb, pa
	}
	return fmt.Sprintf("frame %d %s %s packets %d %d", first, a, b, pa, pb)
}

func addr(ip string, port uint16) netip.AddrPort {
	a, _ := netip.ParseAddr(ip)
	return netip.AddrPortFrom(a, port)
}

// TestFlows compares the flows (5-tuple, first frame, packets each way), and the
// numbers of the streams wherever the flows are the same.
func TestFlows(t *testing.T) {
	flows, numbers := load(t, "flows.txt"), load(t, "numbers.txt")
	captures(t, func(t *testing.T, name string, tr []truth, ev []event.Event) {
		want, wantNum := map[string]int{}, map[string]int{}
		for _, x := range tr {
			if x.T == "stream" {
				l := flowLine(addr(x.AIP, x.APort), addr(x.BIP, x.BPort), x.Pkts[0], x.Pkts[1], x.First)
				want[l]++
				wantNum[l] = x.Stream
			}
		}
		got, gotNum := map[string]int{}, map[string]int{}
		for _, e := range ev {
			if f, ok := e.Body.(*tcp.Flow); ok {
				l := flowLine(e.Ends.Client, e.Ends.Server, f.Ends[0].Packets, f.Ends[1].Packets, uint64(e.Ends.ID))
				got[l]++
				gotNum[l] = int(e.Ends.Stream)
			}
		}
		diffs := compare(got, want, nil)
		flows.check(t, name, diffs)
		if len(diffs) == 0 {
			for l, n := range wantNum {
				if gotNum[l] != n {
					diffs = append(diffs, fmt.Sprintf("tcp.stream %d, tshark %d: %s", gotNum[l], n, l))
				}
			}
			sort.Strings(diffs)
			numbers.check(t, name, diffs)
		}
	})
	flows.finish(t, 99)
	numbers.finish(t, 99)
}

// compare lists what one side has and the other has not. Of what is excused, so
// many may be ours alone.
func compare(got, want, excused map[string]int) (diffs []string) {
	for l, n := range want {
		if got[l] < n {
			diffs = append(diffs, "only tshark: "+l)
		}
	}
	for l, n := range got {
		if want[l] < n-excused[l] {
			diffs = append(diffs, "only wirewatch: "+l)
		}
	}
	sort.Strings(diffs)
	return diffs
}

// disagreements are the differences that were looked at and accepted: a line
// names a capture and gives the reason.
type disagreements struct {
	path    string
	reasons map[string]string
	used    map[string]bool
	files   int
	differ  int
}

func load(t *testing.T, name string) *disagreements {
	d := &disagreements{path: filepath.Join("testdata", name), reasons: map[string]string{}, used: map[string]bool{}}
	data, err := os.ReadFile(d.path)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range strings.Split(string(data), "\n") {
		if l = strings.TrimSpace(l); l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		file, reason, ok := strings.Cut(l, ": ")
		if !ok || reason == "" || d.reasons[file] != "" {
			t.Errorf("%s:%d: want one line \"capture: reason\" a capture", d.path, i+1)
		}
		d.reasons[file] = reason
	}
	return d
}

func (d *disagreements) check(t *testing.T, name string, diffs []string) {
	d.files++
	if len(diffs) == 0 {
		return
	}
	d.differ++
	if d.reasons[name] != "" {
		d.used[name] = true
		return
	}
	more := ""
	if n := len(diffs); n > 12 {
		diffs, more = diffs[:12], fmt.Sprintf("\n\t… and %d more", n-12)
	}
	t.Errorf("%s differs from tshark:\n\t%s%s", name, strings.Join(diffs, "\n\t"), more)
}

func (d *disagreements) finish(t *testing.T, percent float64) {
	equal := 100 * float64(d.files-d.differ) / float64(max(d.files, 1))
	t.Logf("%d of %d captures are equal to tshark (%.2f %%)", d.files-d.differ, d.files, equal)
	if os.Getenv("WIREWATCH_ONLY") != "" {
		return
	}
	if equal < percent {
		t.Errorf("want at least %.0f %%", percent)
	}
	for file := range d.reasons {
		if !d.used[file] {
			t.Errorf("%s: the line for %s is not needed", d.path, file)
		}
	}
}
