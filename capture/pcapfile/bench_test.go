package pcapfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/packet"
)

// benchSize is how large the files of the benchmarks are: more than the caches.
const benchSize = 64 << 20

// sizes of the frames in the benchmarks: many small ones as requests and
// acknowledgements have them, and few large ones as a transfer does.
var sizes = []struct {
	name     string
	min, max int
}{{"small", 60, 290}, {"big", 1400, 1514}}

// benchPcap is a pcap file of about n bytes.
func benchPcap(n, least, most int) (file []byte, frames int) {
	rng := rand.New(rand.NewPCG(1, 2))
	o := binary.LittleEndian
	file = pcapHead(o, 0xa1b2c3d4, maxFrame, 1)
	data := make([]byte, most)
	for ; len(file) < n; frames++ {
		size := uint32(least + rng.IntN(most-least))
		file = pcapRec(file, o, uint32(frames/1000), uint32(frames%1000), size, size, string(data[:size]))
	}
	return file, frames
}

// benchPcapng is the same as pcapng.
func benchPcapng(n, least, most int) (file []byte, frames int) {
	rng := rand.New(rand.NewPCG(1, 2))
	g := new(ng).section(binary.LittleEndian).iface(1, maxFrame)
	data := make([]byte, most)
	for ; len(g.b) < n; frames++ {
		size := least + rng.IntN(most-least)
		g.enhanced(0, uint64(frames)*1000, uint32(size), string(data[:size]))
	}
	return g.b, frames
}

// benchRead reads the files once in each iteration.
func benchRead(b *testing.B, names []string, bytes int64, frames int) {
	b.Helper()
	b.SetBytes(bytes)
	b.ReportAllocs()
	for b.Loop() {
		s, err := Open(names, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := exhaust(s); !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		if got := s.Stats().Frames; got != uint64(frames) {
			b.Fatalf("%d frames of %d", got, frames)
		}
		closeSource(b, s)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(frames), "ns/frame")
}

// exhaust reads s to its end and returns how it ended.
func exhaust(s *Source) error {
	for {
		b, err := s.Next(context.Background())
		if err != nil {
			return err
		}
		b.Release()
	}
}

func BenchmarkRead(b *testing.B) {
	for _, size := range sizes {
		for format, build := range map[string]func(n, least, most int) ([]byte, int){"pcap": benchPcap, "pcapng": benchPcapng} {
			b.Run(format+"/"+size.name, func(b *testing.B) {
				file, frames := build(benchSize, size.min, size.max)
				benchRead(b, []string{write(b, "f", file)}, int64(len(file)), frames)
			})
		}
	}
}

func BenchmarkReadCompressed(b *testing.B) {
	file, frames := benchPcap(benchSize/4, 60, 290)
	for kind, data := range map[string][]byte{"gzip": gzipped(b, file), "zstd": zstded(b, file)} {
		b.Run(kind, func(b *testing.B) {
			benchRead(b, []string{write(b, "f", data)}, int64(len(file)), frames)
		})
	}
}

// A stream costs a copy more than a file.
func BenchmarkReadStream(b *testing.B) {
	file, frames := benchPcap(benchSize/2, 60, 290)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		s, err := NewReader(bytes.NewReader(file), "-", Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := exhaust(s); !errors.Is(err, io.EOF) || s.Stats().Frames != uint64(frames) {
			b.Fatal(err)
		}
		closeSource(b, s)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(frames), "ns/frame")
}

// Files that follow each other, as a ring buffer leaves them, and files that
// run side by side, as of several interfaces.
func BenchmarkMerge(b *testing.B) {
	file, frames := benchPcap(benchSize/2, 60, 290)
	later := bytes.Clone(file)
	for at := 24; at < len(later); {
		h := later[at:]
		binary.LittleEndian.PutUint32(h, binary.LittleEndian.Uint32(h)+1<<30)
		at += 16 + int(binary.LittleEndian.Uint32(h[8:]))
	}
	dir := b.TempDir()
	names := make([]string, 3)
	for i, data := range [][]byte{file, file, later} {
		names[i] = filepath.Join(dir, string(rune('a'+i)))
		if err := os.WriteFile(names[i], data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("apart", func(b *testing.B) {
		benchRead(b, []string{names[2], names[0]}, 2*int64(len(file)), 2*frames)
	})
	b.Run("interleaved", func(b *testing.B) {
		benchRead(b, names[:2], 2*int64(len(file)), 2*frames)
	})
}

func BenchmarkWrite(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			w := NewWriter(io.Discard, 1, false)
			f := packet.Frame{Link: 1, WireLen: size.min, Data: make([]byte, size.min)}
			b.SetBytes(int64(size.min))
			b.ReportAllocs()
			for b.Loop() {
				f.Nanos += 1000
				if err := w.WriteFrame(&f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func zstded(t testing.TB, data []byte, opts ...zstd.EOption) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, append([]zstd.EOption{zstd.WithEncoderConcurrency(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(data, nil)
}

// Writing beside pcapgo's writers: blocks of frames as a live capture has them.
func BenchmarkNGWrite(b *testing.B) {
	for _, size := range sizes {
		block, payload := benchBlock(size.min)
		frames := len(block.Frames)
		ifaces := []capture.Interface{{Name: "eth0", Link: 1, Snaplen: maxFrame}}
		run := func(name string, write func() error) {
			b.Run(name+"/"+size.name, func(b *testing.B) {
				b.SetBytes(int64(payload))
				b.ReportAllocs()
				for b.Loop() {
					if err := write(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(frames), "ns/frame")
			})
		}
		g := NewNGWriter(io.Discard, NGOptions{})
		run("ours", func() error { return errors.Join(g.Write(block, 0, frames, ifaces), g.Flush()) })
		p := NewWriter(io.Discard, 1, true)
		run("ours-classic", func() error { return errors.Join(p.Write(block, 0, frames), p.Flush()) })
		other, err := pcapgo.NewNgWriter(io.Discard, layers.LinkTypeEthernet)
		if err != nil {
			b.Fatal(err)
		}
		run("pcapgo", func() error { return writePcapgo(other, block) })
	}
}

// benchBlock is a full block of frames of size bytes.
func benchBlock(size int) (b *capture.Block, payload int) {
	b = &capture.Block{Buf: make([]byte, capture.BlockSize)}
	for ; payload+size <= len(b.Buf); payload += size {
		b.Frames = append(b.Frames, capture.Record{
			Nanos: 1_500_000_000_000000000 + int64(payload), Off: uint32(payload), Len: uint32(size), WireLen: uint32(size), Link: 1,
		})
	}
	return b, payload
}

func writePcapgo(w *pcapgo.NgWriter, b *capture.Block) error {
	for _, f := range b.Frames {
		ci := gopacket.CaptureInfo{Timestamp: time.Unix(0, f.Nanos), CaptureLength: int(f.Len), Length: int(f.WireLen)}
		if err := w.WritePacket(ci, b.Buf[f.Off:f.Off+f.Len]); err != nil {
			return err
		}
	}
	return w.Flush()
}
