package save

import (
	"testing"

	"example.com/wirewatch/capture"
)

// Writing to a file, write(2) included, with and without a ring.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"small", 60}, {"big", 1400}} {
		block := &capture.Block{Buf: make([]byte, capture.BlockSize)}
		for at := 0; at+size.bytes <= len(block.Buf); at += size.bytes {
			block.Frames = append(block.Frames, capture.Record{Off: uint32(at), Len: uint32(size.bytes), WireLen: uint32(size.bytes), Link: 1})
		}
		for name, opt := range map[string]Options{
			"file": {Name: "x.pcapng"}, "classic": {Name: "x.pcap"},
			"ring": {Name: "x.pcapng", Ring: Ring{Filesize: 64 << 20, Files: 1}},
		} {
			b.Run(name+"/"+size.name, func(b *testing.B) {
				b.Chdir(b.TempDir())
				s, err := Create(opt)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := s.Write(block, ifaces); err != nil {
						b.Fatal(err)
					}
					if s.cur.cut && s.cur.size() > 256<<20 && !s.mayTurn() { // spare the disk
						b.StopTimer()
						if err := s.turn(); err != nil {
							b.Fatal(err)
						}
						b.StartTimer()
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(block.Frames)), "ns/frame")
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}
