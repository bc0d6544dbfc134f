//go:build cgo && !nolive

package pcapfile

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/gopacket/pcap"

	"example.com/wirewatch/capture"
)

// What libpcap makes of the corpus is what we make of it, for the files that
// libpcap reads: it knows neither compression nor the "modified" pcap, nor
// interfaces of several kinds.
func TestCorpusLibpcap(t *testing.T) {
	compared := 0
	for _, name := range corpus(t, "dev") {
		s, err := Open([]string{name}, Options{})
		if err != nil {
			continue // TestCorpus judges that
		}
		got, err := drain(t, s)
		closeSource(t, s)
		for i := range got { // of which gopacket has 8 bits, and nothing
			got[i].link, got[i].iface = 0, 0
		}
		if f := s.Files()[0]; f.Compression != "" || strings.HasPrefix(f.Format, "modified") {
			continue
		}
		want, wantErr := libpcap(name)
		var d *capture.Damaged
		switch {
		case wantErr == nil && len(want) == 0:
			continue // it cannot open this one
		case errors.Is(wantErr, io.EOF) && !errors.Is(err, io.EOF):
			t.Errorf("%s: %v, but libpcap reads it", name, err)
		case !errors.Is(wantErr, io.EOF) && !errors.As(err, &d):
			want = nil // it gave up at an interface of another kind
		}
		if want != nil {
			wantFrames(t, got, want)
			compared++
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
	t.Log("compared", compared, "captures")
	if compared < 500 {
		t.Errorf("only %d captures were compared", compared)
	}
}

// libpcap reads a file up to its first error. A file that it cannot open makes
// neither frames nor an error.
func libpcap(name string) (frames []frame, err error) {
	h, err := pcap.OpenOffline(name)
	if err != nil {
		return nil, nil
	}
	defer h.Close()
	for {
		data, info, err := h.ReadPacketData()
		if err != nil {
			return frames, err
		}
		nanos := info.Timestamp.UnixNano()
		if nanos < 0 {
			nanos += 1 << 32 * 1e9 // libpcap takes the seconds for signed ones
		}
		frames = append(frames, frame{
			nanos: nanos, wire: uint32(max(info.Length, len(data))), data: string(data),
		})
	}
}
