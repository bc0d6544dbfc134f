package decode_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/decode"
	"example.com/wirewatch/capture/pcapfile"
	"example.com/wirewatch/packet"
)

// accepted are the captures in which the segments differ from tshark's, and
// why. An entry that is not needed any more fails the test.
var accepted = map[string]string{
	"pcpp__ExamplesTest_pcap_examples_tcp-reassembly.pcap": "tshark descends into the headers that sFlow samples; they are not in this frame's flow",
	"surv__drop-protocol-change_input.pcap":                "tshark counts a segment whose data offset is 2 (RFC 9293 §3.1: at least 5)",
	"surv__transform-base64-7296_input.pcap":               "tshark counts a segment whose data offset lies beyond its end",
}

// corpus is the folder that WIREWATCH_CORPUS names.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("WIREWATCH_CORPUS")
	if dir == "" {
		t.Skip("SKIPPED: WIREWATCH_CORPUS is not set, so nothing is compared with tshark")
	}
	return dir
}

// eachFrame calls f with every frame of a capture, in order. It returns how the
// capture ended.
func eachFrame(name string, f func(*packet.Frame)) error {
	src, err := pcapfile.Open([]string{name}, pcapfile.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	var number uint64
	for {
		b, err := src.Next(context.Background())
		if err != nil {
			return err
		}
		for _, r := range b.Frames {
			number++
			f(&packet.Frame{Number: number, Nanos: r.Nanos, Link: r.Link, WireLen: int(r.WireLen), Data: b.Buf[r.Off:][:r.Len:r.Len]})
		}
		b.Release()
	}
}

// way is one direction of a 5-tuple.
type way struct{ from, to netip.AddrPort }

// volume is what went that way.
type volume struct{ packets, payload int }

// decodeFile decodes every frame of a capture, and checks that each is counted,
// or is a segment or, having been counted as a fragment, a part of one.
func decodeFile(t *testing.T, name string) (map[way]volume, error) {
	d := decode.New(decode.Options{})
	ways := map[way]volume{}
	tally := func() (n uint64) {
		for _, m := range d.Counts() {
			n += m
		}
		return n
	}
	total := uint64(0)
	err := eachFrame(name, func(f *packet.Frame) {
		var s packet.Segment
		err, before := d.Decode(f, &s), total
		if total = tally(); err != nil {
			if total != before+1 {
				t.Errorf("frame %d: %d frames were counted, now %d", f.Number, before, total)
			}
			return
		}
		if total > before {
			t.Errorf("frame %d: %d frames were counted, and with a segment %d", f.Number, before, total)
		}
		w := way{s.Key.Lo(), s.Key.Hi()}
		if s.Swapped {
			w = way{w.to, w.from}
		}
		v := ways[w]
		ways[w] = volume{v.packets + 1, v.payload + s.Len()}
	})
	return ways, err
}

// tsharkWays sums the streams that tshark found.
func tsharkWays(name string) (map[way]volume, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	ways := map[way]volume{}
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return ways, nil
		}
		var r struct {
			T             string
			A             netip.Addr `json:"a_ip"`
			B             netip.Addr `json:"b_ip"`
			APort         uint16     `json:"a_port"`
			BPort         uint16     `json:"b_port"`
			Pkts, Payload [2]int
			ICMP          int
		}
		if !strings.HasPrefix(string(line), `{"t":"stream"`) {
			continue
		}
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, err
		}
		if r.ICMP != 0 { // quoted in an error
			continue
		}
		a, b := netip.AddrPortFrom(r.A, r.APort), netip.AddrPortFrom(r.B, r.BPort)
		for i, w := range []way{{a, b}, {b, a}} {
			v := ways[w]
			ways[w] = volume{v.packets + r.Pkts[i], v.payload + r.Payload[i]}
		}
	}
}

// difference lists the ways that are not the same.
func difference(got, want map[way]volume) (lines []string) {
	all := maps.Clone(got)
	maps.Copy(all, want)
	for w := range all {
		if got[w] != want[w] {
			lines = append(lines, fmt.Sprintf("%v > %v: got %+v, want %+v", w.from, w.to, got[w], want[w]))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestCorpus compares packets and payload bytes of every direction of every
// 5-tuple, in every capture, with tshark's.
func TestCorpus(t *testing.T) {
	dir := corpus(t)
	truths, err := filepath.Glob(filepath.Join(dir, "truth", "*.jsonl"))
	if err != nil || len(truths) == 0 {
		t.Fatalf("no truth in %s: %v", dir, err)
	}
	same := 0
	for _, truth := range truths {
		name := strings.TrimSuffix(filepath.Base(truth), ".jsonl")
		t.Run(name, func(t *testing.T) {
			got, err := decodeFile(t, filepath.Join(dir, "dev", name))
			if errors.Is(err, pcapfile.ErrFormat) {
				t.Fatal(err)
			}
			want, err := tsharkWays(truth)
			if err != nil {
				t.Fatal(err)
			}
			diff := difference(got, want)
			reason, ok := accepted[name]
			switch {
			case len(diff) == 0 && ok:
				t.Errorf("accepted, but does not differ: %s", reason)
			case len(diff) > 0 && !ok:
				t.Errorf("%d of %d differ:\n%s", len(diff), len(want), strings.Join(diff[:min(len(diff), 5)], "\n"))
			case len(diff) == 0:
				same++
			}
		})
	}
	t.Logf("%d captures, %d the same, %d accepted", len(truths), same, len(accepted))
	if same < len(truths)*98/100 {
		t.Errorf("only %d of %d captures are the same", same, len(truths))
	}
}

// TestHostile decodes captures that are malformed, or made to break decoders:
// every frame must be accounted for.
func TestHostile(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus(t), "hostile", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	segments := 0
	for _, name := range files {
		ways, err := decodeFile(t, name)
		var damaged *capture.Damaged
		if !errors.Is(err, io.EOF) && !errors.Is(err, pcapfile.ErrFormat) && !errors.As(err, &damaged) {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
		for _, v := range ways {
			segments += v.packets
		}
	}
	t.Logf("%d captures, %d segments", len(files), segments)
}
