//go:build cgo && !nolive

package bpf

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcap"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/pcapfile"
)

// mistakes are wrong expressions, as they happen: the caret stands under the
// word at fault, or behind the last one.
var mistakes = []struct{ expr, caret, err string }{
	{"tcp prot 80", "    ^", `syntax error at "prot"`},
	{"port http and", "             ^", "syntax error at the end"},
	{"host", "    ^", "syntax error at the end"},
	{"(tcp or udp", "           ^", "syntax error at the end"},
	{"((tcp)", "      ^", "syntax error at the end"},
	{"tcp)", "   ^", `syntax error at ")"`},
	{"tcp port 99999", "         ^", "illegal port number 99999 > 65535"},
	{"tcp port 99999 or udp", "         ^", "illegal port number 99999 > 65535"},
	{"prot tcp", "^", `syntax error at "prot"`},
	{"net 10.0.0.0/33", "             ^", "mask length must be <= 32"},
	{"tcp and net 10.0.0.0/33 and udp", "                     ^", "mask length must be <= 32"},
	{"net 10.1.1.1/24", "             ^", `non-network bits set in "10.1.1.1/24"`},
	{"port foo", "     ^", "unknown port 'foo'"},
	{"tcp port 80 or foo", "               ^", "unknown port 'foo'"},
	{"port foo or src port foo", "     ^", "unknown port 'foo'"},
	{"port bar or src port bar and foo and 9", "     ^", "unknown port 'bar'"},
	{"tcp and udp", "        ^", "expression rejects all packets"},
	{"(tcp and udp) and port 5", "         ^", "expression rejects all packets"},
	{"@", "^", `syntax error at "@"`},
	{"tcp port 80 @", "            ^", `syntax error at "@"`},
	{"tcp[", "    ^", "syntax error at the end"},
	{"tcp[2", "     ^", "syntax error at the end"},
	{"tcp[2]", "      ^", "syntax error at the end"},
	{"tcp[2 = 1", "      ^", `syntax error at "="`},
	{"tcp[0:3] = 1", "       ^", "data size must be 1, 2, or 4"},
	{"ip[99999999999] = 1", "   ^", "number 99999999999 overflows 32 bits"},
	{"ip proto foo", "         ^", "unknown ip proto 'foo'"},
	{"ether proto foo", "            ^", "unknown ether proto 'foo'"},
	{"wlan type foo", "          ^", `unknown 802.11 type name "foo"`},
	{"len", "   ^", "syntax error at the end"},
	{"len >", "     ^", "syntax error at the end"},
	{"len > > 5", "      ^", `syntax error at ">"`},
	{"vlan foo", "     ^", `syntax error at "foo"`},
	{"tcp port 80 and and", "                ^", `syntax error at "and"`},
	{"tcp && || udp", "       ^", `syntax error at "||"`},
	{"tcp = 1", "    ^", `syntax error at "="`},
	{"80", "  ^", "syntax error at the end"},
	{"80 and tcp", "   ^", `syntax error at "and"`},
	{"10.0.0.1", "^", `syntax error at "10.0.0.1"`},
	{"ip6 host 1.2.3.4", "^", "'ip6' modifier applied to ip host"},
	{"dst port", "        ^", "syntax error at the end"},
	{"port -1", "     ^", `syntax error at "-1"`},
	{"tcp port 80 http", "            ^", `syntax error at "http"`},
	{"tcp port 80 port 443", "            ^", `syntax error at "port"`},
	{"tcp port 80, 443", "           ^", `syntax error at ","`},
	{"host 300.1.1.1", "     ^", "invalid IPv4 address '300.1.1.1'"},
	{"ifindex 5", "        ^", "ifindex not supported on Ethernet when reading savefiles"},
	{"port 80 and inbound", "            ^", "inbound/outbound not supported on Ethernet when reading savefiles"},
	{`tcp port "80"`, "         ^", `syntax error at "\""`},
	{"tcp port 80\x00", "           ^", "a NUL byte"},
	{"tcp port\t80\n@", "            ^", `syntax error at "@"`},
	{"tcp or é", "       ^", `syntax error at "é"`},
	{strings.Repeat("tcp or ", 20) + "@ or udp", strings.Repeat(" ", 61) + "^", `syntax error at "@"`},
}

func TestMistakes(t *testing.T) {
	for _, m := range mistakes {
		_, err := Compile(m.expr, 1, 0)
		var e *SyntaxError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v, want a *SyntaxError", m.expr, err)
			continue
		}
		shown, caret, _ := strings.Cut(e.Caret(), "\n")
		if caret != m.caret {
			t.Errorf("%s:\n%s\n%s got\n%s want", m.expr, shown, caret, m.caret)
		}
		if want := "capture filter: " + m.err; e.Error() != want {
			t.Errorf("%s: %s, want %s", m.expr, e.Error(), want)
		}
		if strings.ContainsAny(shown+caret, "\t\n\x00") {
			t.Errorf("%s: shown as %q", m.expr, shown)
		}
	}
}

// A name is looked up once, if it is there once: it can take seconds.
func TestUnknownHost(t *testing.T) {
	runs := 0
	e := Fault("tcp and host foo.invalid or udp", errors.New("unknown host 'foo.invalid'"), func(string) error {
		runs++
		return nil
	})
	if e.At != strings.Index(e.Expr, "foo") || runs > 0 {
		t.Errorf("at %d after %d runs", e.At, runs)
	}
}

// What is deeply nested or very long makes an error or a program, not a crash.
func TestHugeExpressions(t *testing.T) {
	for name, expr := range map[string]string{
		"parentheses": strings.Repeat("(", 30000) + "tcp" + strings.Repeat(")", 30000),
		"negations":   strings.Repeat("! ", 30000) + "tcp",
		"arithmetic":  "len = " + strings.Repeat("(1+", 15000) + "1" + strings.Repeat(")", 15000),
		"unbalanced":  strings.Repeat("(", 60000),
		"a long word": "port " + strings.Repeat("a", 60000),
		"too long":    strings.Repeat("tcp or ", 10000) + "tcp",
		"a long sum":  "len" + strings.Repeat("+len", 12000) + " = 5",
	} {
		p, err := Compile(expr, 1, 0)
		var e *SyntaxError
		switch {
		case errors.As(err, &e) && len(e.Error()) < 300:
		case err != nil && name != "a long word":
			t.Errorf("%s: %.300v", name, err)
		case err == nil:
			p.Match(make([]byte, 60), 60)
		}
	}
}

func TestNoSuchLinkType(t *testing.T) {
	if _, err := Compile("tcp", 9999, 0); err == nil || !strings.Contains(err.Error(), "link type 9999") {
		t.Error(err)
	}
}

// frame is an Ethernet, raw IP or cooked frame with a TCP segment to port 80.
func frame(link uint16) []byte {
	ip := append([]byte{0x45, 0, 0, 60, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0xc0, 0, 0, 80}, make([]byte, 36)...)
	switch link {
	case 1:
		return append([]byte{12: 8, 13: 0}, ip...)
	case 113: // LINUX_SLL
		return append([]byte{14: 8, 15: 0}, ip...)
	case 276: // LINUX_SLL2
		return append([]byte{8, 0, 19: 0}, ip...)
	}
	return ip
}

// A link type's value in files differs from libpcap's own for RAW, and needs
// more than eight bits for LINUX_SLL2, which would be 20 then.
func TestLinkTypes(t *testing.T) {
	for _, link := range []uint16{1, 101, 113, 228, 276} {
		for expr, want := range map[string]bool{"tcp port 80": true, "host 10.0.0.2": true, "udp": false, "tcp port 81": false} {
			p, err := Compile(expr, link, 0)
			if err != nil {
				t.Errorf("%d, %s: %v", link, expr, err)
				continue
			}
			if f := frame(link); p.Match(f, len(f)) != want {
				t.Errorf("link type %d, %s: %v", link, expr, !want)
			}
		}
	}
}

// Lengths are those of the wire, also of a frame that was cut.
func TestLengthOfCutFrames(t *testing.T) {
	for expr, want := range map[string]bool{"greater 1000": true, "less 1000": false, "len = 1500": true, "len - 1500 = 0": true, "ip[500] = 0": false} {
		p, err := Compile(expr, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		if p.Match(frame(1), 1500) != want {
			t.Errorf("%s: %v", expr, !want)
		}
	}
}

// exprs use every class of instruction.
var exprs = []string{
	"tcp", "tcp port 80", "not port 22", "ip6", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
	"greater 200", "less 100", "vlan and tcp", "mpls", "ip[2:2] - ((ip[0]&0xf)<<2) > 0", "len / 7 = 9", "len % 5 = ip[1] ^ 3", "len * 3 > 300",
	"ether[0] & 1 != 0", "portrange 80-90", "net 10.0.0.0/8", "ip[8] / ip[1] = 3", "ip[8] % ip[1] = 3", "-ip[1] = 0", "tcp[0:4] | len = 9",
	"1 << ip[1] = 2", "ip[4:2] >> ip[1] = 2", "ip6[6] = 6 and ip6[42:2] = 80", "len = ip[2:2] + 14", "arp or rarp", "ip[ip[0]:2] != 7",
}

// What the program makes of frames, cut anywhere, is what libpcap's own makes.
func FuzzMatch(f *testing.F) {
	var ours []*Program
	var theirs []*pcap.BPF
	for _, e := range exprs {
		p, err := Compile(e, 1, 0)
		if err != nil {
			f.Fatalf("%s: %v", e, err)
		}
		b, err := pcap.NewBPF(layers.LinkTypeEthernet, 256<<10, e)
		if err != nil {
			f.Fatal(err)
		}
		ours, theirs = append(ours, p), append(theirs, b)
	}
	for cut := range len(frame(1)) {
		f.Add(frame(1)[:cut+1], 100)
	}
	f.Fuzz(func(t *testing.T, data []byte, wireLen int) {
		if len(data) == 0 { // of which gopacket makes a panic
			return
		}
		wireLen = max(len(data), wireLen&0xffff)
		ci := gopacket.CaptureInfo{CaptureLength: len(data), Length: wireLen}
		for i := range ours {
			if got, want := ours[i].Match(data, wireLen), theirs[i].Matches(ci, data); got != want {
				t.Errorf("%s of % x: %v, libpcap says %v", exprs[i], data, got, want)
			}
		}
	})
}

// A program belongs to everyone. (The race detector looks at this.)
func TestMatchConcurrently(t *testing.T) {
	p, err := Compile("tcp port 80", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				if f := frame(1); !p.Match(f, len(f)) {
					t.Error("no match")
				}
			}
		})
	}
	wg.Wait()
}

func TestMatchDoesNotAllocate(t *testing.T) {
	p, err := Compile("tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	data := frame(1)
	if n := testing.AllocsPerRun(100, func() { p.Match(data, len(data)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	data := frame(1)
	for _, e := range []string{"tcp port 80", "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420"} {
		p, err := Compile(e, 1, 0)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(e[:8], func(b *testing.B) {
			for b.Loop() {
				p.Match(data, len(data))
			}
		})
	}
}

// The frames that pass are those that libpcap passes on reading the file itself.
func TestFilteredFile(t *testing.T) {
	names, err := filepath.Glob("../../testdata/pcaps/*.pcap")
	if err != nil || len(names) < 10 {
		t.Fatal(len(names), err)
	}
	for _, name := range names {
		for _, expr := range []string{"tcp port 80", "tcp[13] & 2 != 0", "greater 100"} {
			want, err := libpcap(name, expr)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			got, stats := filteredFile(t, name, expr)
			if !bytes.Equal(got, want) || stats.Bytes != uint64(len(got)-4*int(stats.Frames)) {
				t.Errorf("%s, %s: %d bytes of frames, want %d; %+v", name, expr, len(got), len(want), stats)
			}
		}
	}
}

// libpcap returns the frames that pass, each with its length on the wire.
func libpcap(name, expr string) (out []byte, err error) {
	h, err := pcap.OpenOffline(name)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if err := h.SetBPFFilter(expr); err != nil {
		return nil, err
	}
	for {
		data, ci, err := h.ReadPacketData()
		if err != nil {
			return out, nil //nolint:nilerr // the end, or damage
		}
		out = append(binary.BigEndian.AppendUint32(out, uint32(ci.Length)), data...)
	}
}

func filteredFile(t *testing.T, name, expr string) (out []byte, stats capture.Stats) {
	file, err := pcapfile.Open([]string{name}, pcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	src := Filtered(file, func(link uint16) (*Program, error) { return Compile(expr, link, 0) })
	defer func() {
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}()
	for {
		b, err := src.Next(context.Background())
		var damaged *capture.Damaged
		if errors.Is(err, io.EOF) || errors.As(err, &damaged) {
			return out, src.Stats()
		}
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", name, err))
		}
		for _, r := range b.Frames {
			out = append(binary.BigEndian.AppendUint32(out, r.WireLen), b.Buf[r.Off:r.Off+r.Len]...)
		}
		b.Release()
	}
}
