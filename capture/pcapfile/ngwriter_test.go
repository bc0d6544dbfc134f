package pcapfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket/pcapgo"

	"example.com/wirewatch/capture"
)

// recording is a capture as it is written: blocks of one source.
type recording struct {
	ifaces []capture.Interface
	blocks []*capture.Block
}

// anyRecording makes one of about n frames, with notes anywhere.
func anyRecording(rng *rand.Rand, n int) *recording {
	r := &recording{ifaces: []capture.Interface{
		{Name: "eth0", Description: "the first", Filter: "tcp port 80", Link: 1, Snaplen: 65535},
		{Name: "any", Link: 276, Snaplen: maxFrame},
		{Link: 113, Snaplen: 9},
	}}
	nanos := int64(1_500_000_000_123456789)
	for n > 0 {
		b := &capture.Block{}
		for range rng.IntN(40) {
			for rng.IntN(4) == 0 {
				b.Notes = append(b.Notes, anyNote(rng, len(b.Frames)))
			}
			data := bytes.Repeat([]byte{byte(n)}, rng.IntN(100))
			i := rng.IntN(len(r.ifaces))
			nanos += rng.Int64N(1e9)
			b.Frames = append(b.Frames, capture.Record{
				Nanos: nanos, Off: uint32(len(b.Buf)), Len: uint32(len(data)),
				WireLen: uint32(len(data) + rng.IntN(3)), Link: r.ifaces[i].Link, Iface: uint16(i),
			})
			b.Buf = append(b.Buf, data...)
			n--
		}
		for rng.IntN(3) == 0 {
			b.Notes = append(b.Notes, anyNote(rng, len(b.Frames)))
		}
		r.blocks = append(r.blocks, b)
	}
	return r
}

func anyNote(rng *rand.Rand, at int) capture.Note {
	if rng.IntN(2) == 0 {
		return capture.Note{At: at, Nanos: rng.Int64(), Loss: capture.Loss{Iface: uint16(rng.IntN(3)), Kernel: rng.Uint64N(3), Interface: 1 + rng.Uint64N(1<<40)}}
	}
	var ip [16]byte
	binary.LittleEndian.PutUint64(ip[:], rng.Uint64())
	addrs := []netip.Addr{{}, netip.AddrFrom4([4]byte(ip[:4])), netip.AddrFrom16(ip), netip.AddrFrom16([16]byte{10: 0xff, 11: 0xff, 15: 1})}
	return capture.Note{At: at, Nanos: rng.Int64(), Owner: &capture.Owner{
		Local:  netip.AddrPortFrom(addrs[rng.IntN(4)], uint16(rng.Uint32())),
		Remote: netip.AddrPortFrom(addrs[rng.IntN(4)], uint16(rng.Uint32())),
		PID:    rng.Uint32(), Name: strings.Repeat("n\x00\xff", 22)[:rng.IntN(maxOwner+1)],
	}}
}

// file is the recording as pcapng.
func (r *recording) file(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	g := NewNGWriter(&out, NGOptions{OS: "Linux", Application: "wirewatch", Comments: []string{"one", "two"}})
	for i, b := range r.blocks {
		if err := g.Write(b, 0, len(b.Frames), r.ifaces); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 {
			if err := g.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(g.WriteStatistics(), g.Flush()); err != nil {
		t.Fatal(err)
	}
	if g.Size() != int64(out.Len()) || g.Whole() != g.Size() {
		t.Errorf("a size of %d and of %d, for %d bytes", g.Size(), g.Whole(), out.Len())
	}
	return out.Bytes()
}

// want is what reading it gives, when its first interface has that index.
func (r *recording) want(index uint16) (frames []frame, notes []capture.Note) {
	for _, b := range r.blocks {
		for _, n := range b.Notes {
			n.At += len(frames)
			if n.Owner == nil {
				n.Loss.Iface += index
			}
			notes = append(notes, n)
		}
		for _, f := range b.Frames {
			frames = append(frames, frame{f.Nanos, f.WireLen, f.Link, f.Iface + index, string(b.Buf[f.Off : f.Off+f.Len])})
		}
	}
	return frames, notes
}

// lost is the sum of the losses.
func lost(notes []capture.Note) (d drops) {
	for _, n := range notes {
		d.kernel += n.Loss.Kernel
		d.iface += n.Loss.Interface
	}
	return d
}

func wantNotes(t testing.TB, got, want []capture.Note) {
	t.Helper()
	same := func(a, b capture.Note) bool {
		return a.At == b.At && a.Nanos == b.Nanos && a.Loss == b.Loss && (a.Owner == nil) == (b.Owner == nil) && (a.Owner == nil || *a.Owner == *b.Owner)
	}
	if slices.EqualFunc(got, want, same) {
		return
	}
	t.Errorf("%d notes, want %d", len(got), len(want))
	for i := range min(len(got), len(want)) {
		if !same(got[i], want[i]) {
			t.Fatalf("note %d is %+v %+v, want %+v %+v", i, got[i], got[i].Owner, want[i], want[i].Owner)
		}
	}
}

// What was written is what is read, wherever blocks end.
func TestNGWriterRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range 40 {
		r := anyRecording(rng, rng.IntN(600))
		file := r.file(t)
		frames, notes := r.want(0)
		for _, size := range []int{16, 64, 100, 1000, 4096, capture.BlockSize} {
			for name, data := range map[string][]byte{"plain": file, "gzip": gzipped(t, file)} {
				s, err := NewReader(bytes.NewReader(data), name, Options{})
				if err != nil {
					t.Fatal(err)
				}
				s.readers[0].size = size
				checkRead(t, s, frames, notes, r.ifaces)
			}
			if t.Failed() {
				t.Fatalf("recording %d, blocks of %d", i, size)
			}
		}
	}
}

// checkRead reads a source to its end and compares.
func checkRead(t testing.TB, s *Source, frames []frame, notes []capture.Note, ifaces []capture.Interface) {
	t.Helper()
	defer closeSource(t, s)
	got, gotNotes, err := drainNotes(t, s)
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	wantFrames(t, got, frames)
	wantNotes(t, gotNotes, notes)
	d, st := lost(notes), s.Stats()
	if st.DroppedKernel != d.kernel || st.DroppedInterface != d.iface {
		t.Errorf("the statistics are %+v, the losses %+v", st, d)
	}
	var described []capture.Interface
	for _, i := range s.Interfaces() {
		described = append(described, i.Interface)
	}
	if !slices.Equal(described, ifaces) {
		t.Errorf("the interfaces are %+v, want %+v", described, ifaces)
	}
}

// In a merge a note stays between the same two frames of its own input.
func TestMergeNotes(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		a, b := anyRecording(rng, rng.IntN(3000)), anyRecording(rng, rng.IntN(300))
		s, err := Open(writeAll(t, a.file(t), b.file(t)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		frames, notes, err := drainNotes(t, s)
		if !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		apart(t, s, frames, notes, a, b)
		closeSource(t, s)
	}
}

// apart takes a merge to pieces again and compares them with what was merged.
func apart(t *testing.T, s *Source, frames []frame, notes []capture.Note, of ...*recording) {
	t.Helper()
	ifaces := s.Interfaces()
	for file, r := range of {
		first := slices.IndexFunc(ifaces, func(i Interface) bool { return i.File == file })
		want, wantN := r.want(uint16(max(first, 0)))
		var got []frame
		owners := map[capture.Owner]bool{}
		for _, n := range wantN {
			if n.Owner != nil {
				owners[*n.Owner] = true
			}
		}
		var gotN []capture.Note
		at := 0
		for i := range len(frames) + 1 {
			for ; at < len(notes) && notes[at].At == i; at++ {
				n := notes[at]
				if n.Owner != nil && owners[*n.Owner] || n.Owner == nil && ifaces[n.Loss.Iface].File == file {
					n.At = len(got)
					gotN = append(gotN, n)
				}
			}
			if i < len(frames) && ifaces[frames[i].iface].File == file {
				got = append(got, frames[i])
			}
		}
		wantFrames(t, got, want)
		wantNotes(t, gotN, wantN)
	}
}

// Frames without bytes do not make a merged block grow without end.
func TestMergeEmptyFrames(t *testing.T) {
	n := new(ng).section(binary.LittleEndian).iface(1, 0)
	for range 2 * maxMerged {
		n.enhanced(0, 1, 0, "")
	}
	s, err := Open(writeAll(t, n.b, n.b), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	count := 0
	for {
		b, err := s.Next(t.Context())
		if err != nil {
			break
		}
		if len(b.Frames) > maxMerged {
			t.Errorf("a block of %d frames", len(b.Frames))
		}
		count += len(b.Frames)
		b.Release()
	}
	if count != 4*maxMerged {
		t.Errorf("%d frames", count)
	}
}

// What the writer must say in other words than it was told.
func TestNGWriterNearest(t *testing.T) {
	var out bytes.Buffer
	long := strings.Repeat("x", 70000)
	g := NewNGWriter(&out, NGOptions{OS: long, Comments: []string{long, ""}})
	b := &capture.Block{Buf: []byte("data"), Frames: []capture.Record{
		{Nanos: -1, Len: 4, WireLen: 3, Link: 1},
		{Nanos: math.MaxInt64, Len: 4, WireLen: 4, Link: 113},          // of another link type than its interface
		{Nanos: 1, Len: 0, WireLen: math.MaxUint32, Link: 1, Iface: 7}, // described by nobody
		{Nanos: 2, Len: 4, WireLen: 4, Link: 113},
	}, Notes: []capture.Note{{At: 9, Owner: &capture.Owner{Name: long}}}}
	ifaces := []capture.Interface{{Name: long, Description: long, Filter: long, Link: 1}}
	if err := errors.Join(g.Write(b, 0, 4, ifaces), g.Flush()); err != nil {
		t.Fatal(err)
	}
	named := capture.Interface{Name: long[:maxName], Description: long[:maxName], Filter: long[:maxFilter], Link: 1, Snaplen: maxFrame}
	other := named
	other.Link = 113
	s, err := NewReader(&out, "x", Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkRead(t, s, []frame{
		{nanos: 0, wire: 4, link: 1, data: "data"},
		{nanos: math.MaxInt64, wire: 4, link: 113, iface: 1, data: "data"},
		{nanos: 1, wire: math.MaxUint32, link: 1, iface: 2},
		{nanos: 2, wire: 4, link: 113, iface: 1, data: "data"},
	}, []capture.Note{{At: 4, Owner: &capture.Owner{Name: long[:maxOwner]}}},
		[]capture.Interface{named, other, {Link: 1, Snaplen: maxFrame}})
}

// Parts of a block take the notes that stand in them, and every note once.
func TestNGWriterParts(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	r := anyRecording(rng, 300)
	frames, notes := r.want(0)
	var out bytes.Buffer
	g := NewNGWriter(&out, NGOptions{})
	for _, b := range r.blocks {
		for from := 0; ; {
			to := min(from+1+rng.IntN(5), len(b.Frames))
			if err := g.Write(b, from, to, r.ifaces); err != nil {
				t.Fatal(err)
			}
			if from = to; from == len(b.Frames) {
				break
			}
		}
	}
	if err := g.Flush(); err != nil {
		t.Fatal(err)
	}
	s, err := NewReader(&out, "x", Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkRead(t, s, frames, notes, r.ifaces)
}

// Extras of either byte order go through, turned round if need be.
func TestNGWriterExtras(t *testing.T) {
	for _, o := range orders {
		names := slices.Concat(opt(o, 1, []byte("\x7f\x00\x00\x01localhost\x00")), opt(o, 0, nil), opt(o, 1, []byte("a comment")), opt(o, 0, nil))
		n := new(ng).section(o).iface(1, 0).secrets(SecretsTLS, "CLIENT_RANDOM 00 00").block(blockNames, names)
		n.block(blockNames, append(slices.Clone(names), o.AppendUint32(nil, 0x00010007)...)) // a record that is not all there
		n.block(blockSecrets, o.AppendUint32(o.AppendUint32(nil, SecretsTLS), 1000))         // neither
		_, from := readSource(t, n.b)
		extras, _ := from.Extras()
		var out bytes.Buffer
		g := NewNGWriter(&out, NGOptions{})
		for _, e := range append(extras, NewSecrets(SecretsTLS, []byte("ours"))) {
			if err := g.WriteExtra(e); err != nil {
				t.Fatal(err)
			}
		}
		size := g.Size()
		if err := g.WriteExtra(NewSecrets(SecretsTLS, make([]byte, maxMeta))); err == nil || g.Size() != size {
			t.Errorf("%d bytes more of what nobody can read, and %v", g.Size()-size, err)
		}
		if err := g.Flush(); err != nil {
			t.Fatal(err)
		}
		_, s := readSource(t, out.Bytes())
		got, _ := s.Extras()
		if len(got) != 4 {
			t.Fatalf("%v: %d extras of 4", o, len(got))
		}
		le := binary.LittleEndian
		want := slices.Concat(opt(le, 1, []byte("\x7f\x00\x00\x01localhost\x00")), opt(le, 0, nil), opt(le, 1, []byte("a comment")), opt(le, 0, nil))
		if !bytes.Equal(got[1].Body, want) || !bytes.HasPrefix(got[2].Body, want) {
			t.Errorf("%v: names %q and %q, want %q", o, got[1].Body, got[2].Body, want)
		}
		for i, text := range map[int]string{0: "CLIENT_RANDOM 00 00", 3: "ours"} {
			if kind, data, ok := got[i].Secrets(); !ok || kind != SecretsTLS || string(data) != text {
				t.Errorf("%v: secrets %#x %q", o, kind, data)
			}
		}
	}
}

// Wherever a write fails, nothing is written after it, the error stays, and what
// was written is good up to where the writer says.
func TestWritersFail(t *testing.T) {
	r := anyRecording(rand.New(rand.NewPCG(11, 12)), 25)
	frames, _ := r.want(0)
	for _, kind := range []string{"pcapng", "pcap"} {
		for limit := 0; ; limit++ {
			out := &limited{left: limit}
			whole, err := writeLimited(out, r, kind)
			if err == nil {
				break
			}
			if !errors.Is(err, errFull) || out.late {
				t.Fatalf("%s at %d: %v, and more was written: %v", kind, limit, err, out.late)
			}
			if whole > int64(limit) {
				t.Fatalf("%s at %d: %d bytes are said to be good", kind, limit, whole)
			}
			cut := out.buf.Bytes()[:whole]
			if whole == 0 {
				continue
			}
			got, err := readDirectly(t, bytes.NewReader(cut), 64)
			if !errors.Is(err, io.EOF) {
				t.Fatalf("%s at %d: %v", kind, limit, err)
			}
			if kind == "pcapng" {
				wantFrames(t, got, frames[:len(got)])
			}
			longer, err := readDirectly(t, bytes.NewReader(out.buf.Bytes()), 64)
			if len(longer) != len(got) || int64(out.buf.Len()) > whole && errors.Is(err, io.EOF) {
				t.Fatalf("%s at %d: %d frames of %d are said to be good: %v", kind, limit, len(got), len(longer), err)
			}
		}
	}
}

// saver is what both writers can do.
type saver interface {
	Flush() error
	Whole() int64
}

// writeLimited writes a recording, flushing after each block.
func writeLimited(out io.Writer, r *recording, kind string) (whole int64, err error) {
	var w saver
	var write func(b *capture.Block) error
	if kind == "pcapng" {
		g := NewNGWriter(out, NGOptions{})
		w, write = g, func(b *capture.Block) error { return g.Write(b, 0, len(b.Frames), r.ifaces) }
	} else {
		p := NewWriter(out, 1, true)
		w, write = p, func(b *capture.Block) error { return p.Write(ethernet(b), 0, len(b.Frames)) }
	}
	for _, b := range r.blocks {
		if err = errors.Join(write(b), w.Flush()); err == nil {
			continue
		}
		if errors.Join(write(b), w.Flush()) == nil {
			err = errors.New("the error is forgotten")
		}
		break
	}
	return w.Whole(), err
}

// ethernet is a block of the same frames, all with the link type 1.
func ethernet(b *capture.Block) *capture.Block {
	frames := slices.Clone(b.Frames)
	for i := range frames {
		frames[i].Link = 1
	}
	return &capture.Block{Buf: b.Buf, Frames: frames}
}

var errFull = errors.New("no space left on device")

// limited is a disk that is full after so many bytes.
type limited struct {
	buf  bytes.Buffer
	left int
	full bool
	late bool // something was written after it was full
}

func (l *limited) Write(p []byte) (int, error) {
	l.late = l.late || l.full
	n := min(len(p), l.left)
	l.left -= n
	l.buf.Write(p[:n])
	if n < len(p) {
		l.full = true
		return n, errFull
	}
	return n, nil
}

// Counts that fall, that are of no interface, and that stay make no loss.
func TestPcapngLosses(t *testing.T) {
	for _, o := range orders {
		n := new(ng).section(o).iface(1, 0).iface(1, 0)
		n.statistics(0, 0, 0).statistics(1, 3, 4).enhanced(0, 1, 1, "a").statistics(1, 3, 4).statistics(0, 5, 0)
		n.statistics(9, 1, 1).enhanced(0, 2, 1, "b").statistics(0, 2, 7).statistics(0, 4, 6).statistics(0, math.MaxUint64, 6)
		n.section(o).iface(1, 0).statistics(0, 1, 0)
		s, err := NewReader(bytes.NewReader(n.b), "x", Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer closeSource(t, s)
		_, notes, _ := drainNotes(t, s)
		wantNotes(t, notes, []capture.Note{
			{At: 0, Loss: capture.Loss{Iface: 1, Kernel: 4, Interface: 3}},
			{At: 1, Loss: capture.Loss{Interface: 5}},
			{At: 2, Loss: capture.Loss{Kernel: 7}},
			{At: 2, Loss: capture.Loss{Interface: 2}},
			{At: 2, Loss: capture.Loss{Interface: math.MaxUint64 - 4}},
			{At: 2, Loss: capture.Loss{Iface: 2, Interface: 1}},
		})
	}
}

// A block for local use that is not ours, or not as it should be, is passed over.
func TestPcapngForeignOwners(t *testing.T) {
	good := appendOwner(nil, 0, &capture.Owner{PID: 7, Name: "a name", Local: netip.MustParseAddrPort("127.0.0.1:1")})
	n := new(ng).section(binary.LittleEndian).iface(1, 0)
	for at, v := range map[int]byte{0: 'w', 7: 2, 24: 5, 25: 3, 26: 200} {
		bad := slices.Clone(good)
		bad[at] = v
		n.block(blockOwner, bad)
	}
	for i := range ownerHead + 4 + 6 {
		n.b = append(n.b, new(ng).section(binary.LittleEndian).iface(1, 0).b...)
		n.block(blockOwner, good[:i&^3])
	}
	n.block(blockOwner, slices.Concat(good, []byte("what a later version has")))
	s, err := NewReader(bytes.NewReader(n.b), "x", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	_, notes, err := drainNotes(t, s)
	if len(notes) != 1 || notes[0].Owner.Name != "a name" || !errors.Is(err, io.EOF) {
		t.Errorf("%d notes, %v", len(notes), err)
	}
}

// A flood of notes goes out in blocks as large as those of frames.
func TestPcapngNoteFlood(t *testing.T) {
	n := new(ng).section(binary.LittleEndian).iface(1, 0)
	body := appendOwner(nil, 0, &capture.Owner{PID: 1})
	const flood = 100_000
	for i := range flood {
		n.block(blockOwner, body)
		if i == flood/2 {
			n.enhanced(0, 1, 1, "x")
		}
	}
	for _, names := range [][]string{writeAll(t, n.b), writeAll(t, n.b, n.b)} {
		s, err := Open(names, Options{})
		if err != nil {
			t.Fatal(err)
		}
		count, most := 0, 0
		for {
			b, err := s.Next(t.Context())
			if err != nil {
				break
			}
			count, most = count+len(b.Notes), max(most, len(b.Notes))
			b.Release()
		}
		closeSource(t, s)
		if bound := capture.BlockSize / (minAny + ownerHead); count != flood*len(names) || most > bound*len(names) {
			t.Errorf("%d notes of %d, up to %d in a block", count, flood*len(names), most)
		}
	}
}

// Other programs read what we write.
func TestNGWriterPcapgo(t *testing.T) {
	r := anyRecording(rand.New(rand.NewPCG(13, 14)), 500)
	want, _ := r.want(0)
	p, err := pcapgo.NewNgReader(bytes.NewReader(r.file(t)), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range want {
		data, ci, err := p.ReadPacketData()
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if string(data) != f.data || ci.Timestamp.UnixNano() != f.nanos || uint32(ci.Length) != f.wire || ci.InterfaceIndex != int(f.iface) {
			t.Fatalf("frame %d is %+v, want %v", i, ci, f)
		}
	}
	if _, _, err := p.ReadPacketData(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if i, err := p.Interface(0); err != nil || i.Name != "eth0" || i.Description != "the first" || i.Filter != "tcp port 80" {
		t.Errorf("the interface is %+v, %v", i, err)
	}
}

func TestNGWriterWireshark(t *testing.T) {
	r := anyRecording(rand.New(rand.NewPCG(15, 16)), 200)
	want, _ := r.want(0)
	name := write(t, "x.pcapng", r.file(t))
	for _, args := range [][]string{{"tshark", "-r", name, "-T", "fields", "-e", "frame.number"}, {"capinfos", "-M", name}} {
		if _, err := exec.LookPath(args[0]); err != nil {
			t.Skipf("%s is not installed: nobody else reads what was written", args[0])
		}
		cmd := exec.Command(args[0], args[1:]...)
		var complaints strings.Builder
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		said := strings.TrimSpace(strings.TrimPrefix(complaints.String(), "Running as user \"root\" and group \"root\". This could be dangerous.\n"))
		if err != nil || said != "" {
			t.Fatalf("%s: %v: %s", args[0], err, said)
		}
		text := string(out)
		if args[0] == "tshark" && len(strings.Fields(text)) != len(want) {
			t.Errorf("tshark reads %d frames of %d", len(strings.Fields(text)), len(want))
		}
		for _, line := range []string{"Description = the first", "Capture oper-sys:    Linux", "Capture application: wirewatch", "Name = eth0", "Filter string = tcp port 80", "Time precision = nanoseconds (9)", "Number of interfaces in file: 3"} {
			if args[0] == "capinfos" && !strings.Contains(text, line) {
				t.Errorf("capinfos does not say %q: %s", line, text)
			}
		}
	}
}

// Writing costs no allocation per frame.
func TestNGWriterAllocations(t *testing.T) {
	r := anyRecording(rand.New(rand.NewPCG(17, 18)), 2000)
	g := NewNGWriter(io.Discard, NGOptions{})
	for _, b := range r.blocks { // what has notes may allocate for addresses
		b.Notes = nil
	}
	got := testing.AllocsPerRun(20, func() {
		for _, b := range r.blocks {
			if err := errors.Join(g.Write(b, 0, len(b.Frames), r.ifaces), g.Flush()); err != nil {
				t.Fatal(err)
			}
		}
	})
	if got != 0 {
		t.Errorf("%v allocations for 2000 frames", got)
	}
}
