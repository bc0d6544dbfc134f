package pcapfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
)

// micros is a time in an interface's default unit, and nanos the same.
const (
	micros = 1_500_000_000_123456
	nanos  = micros * 1000
)

func TestPcapngBlocks(t *testing.T) {
	for _, o := range orders {
		t.Run(fmt.Sprint(o), func(t *testing.T) {
			n := new(ng).section(o)
			n.block(0x0bad0bad, []byte("unknown")) // and before any interface, too
			n.iface(1, 65535, opt(o, optIfName, []byte("eth0")), opt(o, 0, nil))
			n.iface(113, 0, opt(o, optIfName, []byte("any\x00")), opt(o, optIfTsresol, []byte{9}))
			n.enhanced(0, micros, 5, "hello", opt(o, 1, []byte("a comment")))
			n.block(0x00000bad, []byte("PEN custom")).block(0x40000bad, []byte("PEN custom"))
			n.enhanced(1, nanos, 60, "to and fro")
			n.packet(1, nanos+1, 9, "obsolete")
			n.simple(6, "simple")
			n.statistics(0, 7, 8).statistics(1, 100, 1000).statistics(0, 10, 20)
			got, s := readSource(t, n.b)
			wantFrames(t, got, []frame{
				{nanos: nanos, wire: 5, link: 1, data: "hello"},
				{nanos: nanos, wire: 60, link: 113, iface: 1, data: "to and fro"},
				{nanos: nanos + 1, wire: 9, link: 113, iface: 1, data: "obsolete"},
				{nanos: nanos + 1, wire: 6, link: 1, data: "simple"},
			})
			if st := s.Stats(); st.DroppedInterface != 110 || st.DroppedKernel != 1020 {
				t.Errorf("drops are %+v", st)
			}
			if i := s.Interfaces(); len(i) != 2 || i[0].Name != "eth0" || i[1].Name != "any" || i[1].Link != 113 {
				t.Errorf("interfaces are %+v", i)
			}
			if f := s.Files()[0]; f.Format != "pcapng" {
				t.Errorf("the file is %+v", f)
			}
		})
	}
}

// readSource reads an undamaged file and returns the source, closed, too.
func readSource(t *testing.T, file []byte) ([]frame, *Source) {
	t.Helper()
	s, err := Open([]string{write(t, "x.pcapng", file)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	got, err := drain(t, s)
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	return got, s
}

// Each section has its own byte order and interfaces; the source's count on.
func TestPcapngSections(t *testing.T) {
	n := new(ng)
	var want []frame
	for i, o := range []order{binary.LittleEndian, binary.BigEndian, binary.BigEndian, binary.LittleEndian} {
		link := uint16(i + 100)
		n.section(o).iface(link, 0).iface(1, 0).enhanced(0, micros, 3, "one").enhanced(1, micros, 3, "two")
		want = append(want,
			frame{nanos: nanos, wire: 3, link: link, iface: uint16(2 * i), data: "one"},
			frame{nanos: nanos, wire: 3, link: 1, iface: uint16(2*i + 1), data: "two"})
	}
	got, _ := readSource(t, n.b)
	wantFrames(t, got, want)

	n.section(binary.BigEndian).enhanced(0, micros, 3, "of the last section's interface")
	_, err := readAll(t, n.b)
	wantDamage(t, err, int64(len(n.b)-64), fmt.Sprintf("a packet block is of interface 0 of 0 at offset %d", len(n.b)-64))
}

func TestPcapngTimes(t *testing.T) {
	for _, tc := range []struct {
		resolution byte
		offset     int64
		units      uint64
		want       int64
	}{
		{6, 0, micros, nanos},
		{6, 3600, micros, nanos + 3600e9},
		{6, -3600, micros, nanos - 3600e9},
		{9, 0, nanos, nanos},
		{9, 0, math.MaxInt64, math.MaxInt64},
		{9, 1, math.MaxInt64, math.MaxInt64},
		{9, 0, math.MaxInt64 + 1, math.MaxInt64},
		{9, -1, math.MaxInt64 + 1e9, math.MaxInt64},
		{9, -2, math.MaxInt64, math.MaxInt64 - 2e9},
		{0, 0, 1500000000, 1500000000e9}, // seconds, not the default
		{0, 0, math.MaxUint64, math.MaxInt64},
		{0, math.MinInt64, math.MaxUint64, math.MaxInt64},
		{0, -9e9, 9e9 + 1, 1e9},
		{3, 0, 1500000000123, 1500000000123e6},
		{12, 0, micros * 1e3, nanos / 1000},
		{19, 0, math.MaxUint64, 1844674407},
		{28, 0, math.MaxUint64, 1},
		{29, 0, math.MaxUint64, 0},
		{64, 0, math.MaxUint64, 0}, // 10^-64
		{127, 5, math.MaxUint64, 5e9},
		{0x80, 0, 1500000000, 1500000000e9},             // 2^0
		{0x8a, 0, 1500000000<<10 | 512, 1500000000.5e9}, // 2^-10
		{0xa0, 0, 1500000000<<32 | 1<<31, 1500000000.5e9},
		{0xa0, 0, 20<<32 | (1<<32 - 1), 20_999999999}, // 2^-32
		{0xbf, 0, math.MaxUint64, 1_999999999},        // 2^-63
		{0xc0, 0, math.MaxUint64, 999999999},          // 2^-64
		{0xc0, -1, 1 << 63, -5e8},
		{0xc1, 0, math.MaxUint64, 499999999},
		{0xdd, 0, math.MaxUint64, 1},                   // 2^-93
		{0xff, 0, math.MaxUint64, 0},                   // 2^-127
		{7, -11644473600, 116444736000000000 + 5, 500}, // 100 ns since 1601
		{6, math.MaxInt64, micros, math.MaxInt64},
		{6, math.MinInt64, micros, math.MinInt64},
		{9, math.MinInt64, 0, math.MinInt64},
		{9, math.MaxInt64, 0, math.MaxInt64},
	} {
		c := newClock(tc.resolution, tc.offset)
		if got := c.nanos(tc.units); got != tc.want {
			t.Errorf("tsresol %#x, offset %d: %d units are %d, want %d", tc.resolution, tc.offset, tc.units, got, tc.want)
		}
		o := binary.BigEndian
		n := new(ng).section(o).iface(1, 0, opt(o, optIfTsresol, []byte{tc.resolution}),
			opt(o, optIfTsoffset, o.AppendUint64(nil, uint64(tc.offset)))).enhanced(0, tc.units, 1, "x")
		got, _ := readSource(t, n.b)
		wantFrames(t, got, []frame{{nanos: tc.want, wire: 1, link: 1, data: "x"}})
	}
}

// A Simple Packet Block has the first interface's snaplen, or none.
func TestPcapngSimple(t *testing.T) {
	for _, tc := range []struct {
		snaplen, wire uint32
		stored, want  string
	}{
		{65535, 4, "data", "data"},
		{65535, 3, "dat\x00", "dat"},
		{3, 10, "dat\x00", "dat"},
		{4, 10, "data", "data"},
		{0, 4, "data", "data"},
		{0, 10, "data", "data"}, // cut all the same: what is there counts
		{1<<32 - 1, 1<<32 - 1, "data", "data"},
	} {
		n := new(ng).section(binary.LittleEndian).iface(1, tc.snaplen).simple(tc.wire, tc.stored)
		got, _ := readSource(t, n.b)
		wantFrames(t, got, []frame{{wire: tc.wire, link: 1, data: tc.want}})
	}
}

// Options that cannot be right change nothing but themselves.
func TestPcapngOptions(t *testing.T) {
	o := binary.LittleEndian
	huge := []byte{optIfName, 0, 0xff, 0xff, 'x', 'x', 'x', 'x'}
	for _, tc := range []struct {
		name, iface string
		opts        []byte
		nanos       int64
	}{
		{"empty value after another", "eth0", append(opt(o, optIfName, []byte("eth0")), opt(o, optIfTsresol, nil)...), 5000},
		{"of the wrong length", "", opt(o, optIfTsresol, []byte{9, 9}), 5000},
		{"65535 bytes", "", huge, 5000},
		{"65535 bytes after another", "", append(opt(o, optIfTsresol, []byte{9}), huge...), 5},
		{"65535 bytes after the end", "", append(opt(o, optEnd, nil), huge...), 5000},
		{"without padding at the end", "a", []byte{optIfName, 0, 1, 0, 'a'}, 5000},
		{"half a header", "", []byte{9, 0}, 5000},
		{"a name without end", strings.Repeat("n", maxName), opt(o, optIfName, []byte(strings.Repeat("n", 9999))), 5000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := new(ng).section(o).iface(1, 0, tc.opts).enhanced(0, 5, 1, "x", huge)
			got, s := readSource(t, n.b)
			wantFrames(t, got, []frame{{nanos: tc.nanos, wire: 1, link: 1, data: "x"}})
			if name := s.Interfaces()[0].Name; name != tc.iface {
				t.Errorf("the interface is called %q", name)
			}
		})
	}
}

// Some writers leave the padding out of the lengths.
func TestPcapngUnpaddedLength(t *testing.T) {
	o := binary.LittleEndian
	n := new(ng).section(o).iface(1, 0).enhanced(0, 1, 5, "hello").enhanced(0, 2, 3, "you")
	at := len(n.b) - 36 - 40
	o.PutUint32(n.b[at+4:], 37)
	o.PutUint32(n.b[at+36:], 37)
	got, _ := readSource(t, n.b)
	wantFrames(t, got, []frame{{nanos: 1000, wire: 5, link: 1, data: "hello"}, {nanos: 2000, wire: 3, link: 1, data: "you"}})
}

func TestPcapngDamage(t *testing.T) {
	o := binary.LittleEndian
	// The damage starts at 84, after one frame: 28 + 20 + 36.
	sound := func() *ng { return new(ng).section(o).iface(1, 0).enhanced(0, 1, 1, "x") }
	raw := func(kind, total uint32, rest ...uint32) func() []byte {
		return func() []byte {
			b := o.AppendUint32(sound().b, kind)
			b = o.AppendUint32(b, total)
			for _, v := range append(rest, make([]uint32, 12)...) {
				b = o.AppendUint32(b, v)
			}
			return b
		}
	}
	for _, tc := range []struct {
		name   string
		file   func() []byte
		reason string
	}{
		{"block length 4", raw(blockInterface, 4), "an interface description claims 4 bytes"},
		{"block length 0", raw(0x1234, 0), "a block claims 0 bytes"},
		{"block length 8", raw(blockNames, 8), "a name resolution block claims 8 bytes"},
		{"packet block length 28", raw(blockEnhanced, 28), "a packet block claims 28 bytes"},
		{"simple packet block length 12", raw(blockSimple, 12), "a packet block claims 12 bytes"},
		{"statistics length 20", raw(blockStatistics, 20), "an interface statistics block claims 20 bytes"},
		{"secrets length 16", raw(blockSecrets, 16), "a decryption secrets block claims 16 bytes"},
		{"section length 24", raw(blockSection, 24, byteOrderMagic), "a section header claims 24 bytes"},
		{"interface 4G", raw(blockInterface, 1<<32-4), "an interface description claims 4294967292 bytes"},
		{"no byte-order magic", raw(blockSection, 28), "a section header has no byte-order magic"},
		{"version 2", raw(blockSection, 28, byteOrderMagic, 2, 0, 0, 28), "a section is of pcapng version 2.0"},
		{"lengths differ", raw(0x1234, 16, 0, 20), "a block has total lengths of 16 and of 20 bytes"},
		{"section lengths differ", raw(blockSection, 28, byteOrderMagic, 1, 0, 0, 32), "a section header has total lengths of 28 and of 32 bytes"},
		{"packet lengths differ", raw(blockEnhanced, 32, 0, 0, 0, 0, 0, 36), "a packet block has total lengths of 32 and of 36 bytes"},
		{"interface 1 of 1", raw(blockEnhanced, 32, 1), "a packet block is of interface 1 of 1"},
		{"interface 4G of 1", raw(blockEnhanced, 32, 1<<32-1), "a packet block is of interface 4294967295 of 1"},
		{"caplen 4G", raw(blockEnhanced, 32, 0, 0, 0, 0xfffffff0), "a packet block of 32 bytes claims 4294967280 captured bytes"},
		{"caplen 1 too many", raw(blockEnhanced, 36, 0, 0, 0, 5), "a packet block of 36 bytes claims 5 captured bytes"},
		{"caplen and length 4G", raw(blockEnhanced, 0xfffffffc, 0, 0, 0, 0xffffff00), "a packet block claims 4294967040 captured bytes"},
		{"simple caplen 4G", raw(blockSimple, 0xfffffffc, 0xfffffffc), "a packet block claims 4294967276 captured bytes"},
		{"unknown 4G", raw(0x1234, 0xfffffffc), "the file ends 56 bytes into a 4294967292-byte block"},
		{"names 4G", raw(blockNames, 0xfffffffc), "the file ends 56 bytes into a 4294967292-byte name resolution block"},
		{"packet 4G", raw(blockEnhanced, 0xffffffff, 0, 0, 0, 1), "the file ends 72 bytes into a 4294967296-byte packet block"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, read := range []func(testing.TB, []byte) ([]frame, error){readFile, readAll} {
				got, err := read(t, tc.file())
				wantDamage(t, err, 84, tc.reason+" at offset 84")
				wantFrames(t, got[:1], []frame{{nanos: 1000, wire: 1, link: 1, data: "x"}})
				if len(got) > 1 && tc.name != "packet 4G" {
					t.Errorf("frames of the damage: %v", got[1:])
				}
			}
		})
	}
	none := new(ng).section(o).simple(1, "x")
	_, err := readAll(t, none.b)
	wantDamage(t, err, 28, "a packet block is of interface 0 of 0 at offset 28")
}

func TestPcapngTruncated(t *testing.T) {
	o := binary.BigEndian
	n := new(ng)
	var want []frame
	var ends []boundary
	end := func(frames ...frame) {
		want = append(want, frames...)
		ends = append(ends, boundary{len(n.b), len(want)})
	}
	n.section(o)
	end()
	n.iface(1, 0, opt(o, optIfName, []byte("eth0")))
	end()
	n.enhanced(0, 5, 5, "hello", opt(o, 1, []byte("comment")))
	end(frame{nanos: 5000, wire: 5, link: 1, data: "hello"})
	n.secrets(SecretsTLS, "CLIENT_RANDOM")
	end()
	n.simple(2, "ab")
	end(frame{nanos: 5000, wire: 2, link: 1, data: "ab"})
	n.section(binary.LittleEndian)
	end()
	n.iface(9, 0)
	end()
	n.packet(0, 7, 3, "abc")
	end(frame{nanos: 7000, wire: 3, link: 9, iface: 1, data: "abc"})
	checkTruncated(t, n.b, ends, want)
}

// Blocks too large to be held: a packet is cut, another block is passed over.
func TestPcapngLargeBlocks(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", maxFrame/16)
	o := binary.LittleEndian
	n := new(ng).section(o).iface(1, 0)
	n.block(0x1234, make([]byte, 3*maxBlock))
	n.enhanced(0, 1, maxFrame+3, large+"xyz")
	n.block(0x1234, make([]byte, maxBlock-12))
	n.enhanced(0, 2, maxFrame*3, large+large+large)
	n.enhanced(0, 3, 4, "tiny", []byte(large), []byte(large)) // what should be options
	n.simple(maxFrame*4, large+large+large)
	n.enhanced(0, 4, 4, "last")
	want := []frame{
		{nanos: 1000, wire: maxFrame + 3, link: 1, data: large},
		{nanos: 2000, wire: maxFrame * 3, link: 1, data: large},
		{nanos: 3000, wire: 4, link: 1, data: "tiny"},
		{nanos: 3000, wire: maxFrame * 4, link: 1, data: large},
		{nanos: 4000, wire: 4, link: 1, data: "last"},
	}
	for _, read := range []func(testing.TB, []byte) ([]frame, error){readFile, readAll} {
		got, err := read(t, n.b)
		if !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		wantFrames(t, got, want)
	}
}

func TestPcapngExtras(t *testing.T) {
	o := binary.BigEndian
	n := new(ng).section(o).iface(1, 0)
	n.secrets(SecretsTLS, "CLIENT_RANDOM 00 00").block(blockNames, []byte("\x00\x01\x00\x04name\x00\x00\x00\x00"))
	n.block(blockSecrets, o.AppendUint32(o.AppendUint32(nil, SecretsTLS), 1000)) // it has no 1000 bytes
	_, s := readSource(t, n.b)
	extras, lost := s.Extras()
	if len(extras) != 3 || lost != 0 {
		t.Fatalf("%d extras, %d lost", len(extras), lost)
	}
	if kind, data, ok := extras[0].Secrets(); kind != SecretsTLS || string(data) != "CLIENT_RANDOM 00 00" || !ok {
		t.Errorf("secrets of type %#x: %q, %v", kind, data, ok)
	}
	if extras[1].Type != ExtraNames || string(extras[1].Body[4:8]) != "name" {
		t.Errorf("the names are %+v", extras[1])
	}
	for _, e := range extras[1:] {
		if _, _, ok := e.Secrets(); ok {
			t.Errorf("%+v has secrets", e)
		}
	}
}

// What is kept beside frames has a bound, and what is beyond it is counted.
func TestPcapngExtrasBound(t *testing.T) {
	n := new(ng).section(binary.LittleEndian).iface(1, 0)
	body := strings.Repeat("s", 1<<20)
	for range 20 {
		n.secrets(SecretsTLS, body)
	}
	n.secrets(SecretsTLS, "a small one still fits").enhanced(0, 1, 1, "x")
	got, s := readSource(t, n.b)
	if len(got) != 1 {
		t.Errorf("%d frames", len(got))
	}
	extras, lost := s.Extras()
	if len(extras) != 16 || lost != 5 {
		t.Errorf("%d extras, %d lost", len(extras), lost)
	}
}

// More interfaces than Record.Iface can count share the last index.
func TestPcapngManyInterfaces(t *testing.T) {
	n := new(ng)
	for range 2 {
		n.section(binary.LittleEndian)
		for range 40000 {
			n.iface(1, 0)
		}
	}
	n.enhanced(0, 1, 1, "x").enhanced(39999, 1, 1, "y")
	got, s := readSource(t, n.b)
	wantFrames(t, got, []frame{
		{nanos: 1000, wire: 1, link: 1, iface: 40000, data: "x"},
		{nanos: 1000, wire: 1, link: 1, iface: 65535, data: "y"},
	})
	if len(s.Interfaces()) != 65536 {
		t.Errorf("%d interfaces", len(s.Interfaces()))
	}
	for range 30000 {
		n.iface(1, 0)
	}
	_, err := readAll(t, n.b)
	at := len(n.b) - (30000-25536)*20
	wantDamage(t, err, int64(at), fmt.Sprintf("a section describes more than 65536 interfaces at offset %d", at))
}
