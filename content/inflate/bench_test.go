package inflate_test

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	kflate "github.com/klauspost/compress/flate"

	"example.com/wirewatch/content/inflate"
)

// workload is a conversation whose messages are decoded over and over.
type workload struct {
	name               string
	messages, payloads [][]byte
}

func workloads(b testing.TB) []workload {
	r := rand.New(rand.NewPCG(13, 14))
	var small [][]byte
	for i := range 2000 {
		m, err := json.Marshal(map[string]any{
			"type": "trade", "symbol": []string{"BTC-USD", "ETH-USD", "SOL-EUR"}[r.IntN(3)], "price": r.Float64() * 1000,
			"size": r.IntN(500), "seq": 100_000 + i,
		})
		if err != nil {
			b.Fatal(err)
		}
		small = append(small, m)
	}
	var prose bytes.Buffer
	for prose.Len() < 64<<10 {
		fmt.Fprintf(&prose, "%s ", []string{"the", "connection", "segment", "was", "acknowledged", "retransmitted", "of", "window", "and",
			"sequence", "number", "host", "must", "not", "received", "in", "state", "to"}[r.IntN(18)])
		if r.IntN(9) == 0 {
			fmt.Fprintf(&prose, "%d.\n", r.IntN(100_000))
		}
	}
	all := []workload{
		{name: "json", messages: small},
		{name: "text", messages: [][]byte{prose.Bytes()[:64<<10]}},
		{name: "noise", messages: [][]byte{noise(r, 1<<20)}},
	}
	for i, w := range all {
		all[i].payloads = conversation(b, func(w io.Writer) flusher { return must(flate.NewWriter(w, 6))(b) }, w.messages)
	}
	return all
}

// BenchmarkMessage is one message with context takeover; the libraries are
// given the last 32 KiB again for each, as they have to be.
func BenchmarkMessage(b *testing.B) {
	for _, w := range workloads(b) {
		total := 0
		for _, m := range w.messages {
			total += len(m)
		}
		run := func(name string, decode func(i int, out []byte, payload []byte) int) {
			b.Run(w.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(total / len(w.messages)))
				b.ReportAllocs()
				out := make([]byte, 4<<20)
				for n := 0; b.Loop(); n++ {
					i := n % len(w.messages)
					if got := decode(i, out, w.payloads[i]); got != len(w.messages[i]) {
						b.Fatalf("message %d: %d bytes", i, got)
					}
				}
			})
		}
		for name, start := range map[string]func(*inflate.Decoder){"wirewatch": (*inflate.Decoder).Reset, "lost": (*inflate.Decoder).Forget} {
			d := new(inflate.Pool).New(15)
			run(name, func(i int, out, payload []byte) int {
				if i == 0 {
					start(d)
				}
				_, n, err := d.Decode(out, payload)
				m, done, endErr := d.EndMessage(out[n:])
				if err != nil || endErr != nil || !done {
					b.Fatal(err, endErr)
				}
				return n + m
			})
		}
		run("std", libraryOf(b, func(r io.Reader) io.Reader { return flate.NewReader(r) }))
		run("klauspost", libraryOf(b, func(r io.Reader) io.Reader { return kflate.NewReader(r) }))
	}
}

// lastBlock ends a stream, so that a library's reader does.
var lastBlock = []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}

func libraryOf(b *testing.B, open func(io.Reader) io.Reader) func(int, []byte, []byte) int {
	z := open(bytes.NewReader(nil))
	var in []byte
	var r bytes.Reader
	var history []byte
	return func(i int, out, payload []byte) int {
		if i == 0 {
			history = history[:0]
		}
		in = append(append(in[:0], payload...), lastBlock...)
		r.Reset(in)
		if err := z.(flate.Resetter).Reset(&r, history[max(0, len(history)-window):]); err != nil {
			b.Fatal(err)
		}
		n := 0
		for {
			m, err := z.Read(out[n:])
			n += m
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		if history = append(history, out[:n]...); len(history) > 4*window {
			history = history[:copy(history, history[len(history)-window:])]
		}
		return n
	}
}
