package ws_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/talk"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/internal/wsframe"
)

// sizes are those of the messages of sections 12 and 13, and of the fragments
// that they come in; 0 is one frame.
var sizes = [...]struct{ message, fragment int }{
	{16, 0}, {64, 0}, {256, 0}, {1 << 10, 0}, {4 << 10, 0}, {8 << 10, 0}, {16 << 10, 0}, {32 << 10, 0}, {64 << 10, 0}, {128 << 10, 0},
	{8 << 10, 256}, {16 << 10, 256}, {32 << 10, 256}, {64 << 10, 256}, {128 << 10, 256},
	{128 << 10, 1 << 10}, {128 << 10, 4 << 10}, {128 << 10, 32 << 10},
}

// The suite sends a thousand messages of each size; here they are as many as
// make about this many bytes, and enough to refer to each other.
const (
	sentBytes = 32 << 10
	mostSent  = 60
	leastSent = 2
)

// terms is a use of permessage-deflate that the ends agree on.
type terms struct {
	name   string
	offer  string // Sec-WebSocket-Extensions of the request
	answer string // and of the response
	ends   [2]end // what that means, by direction
}

// end is how one end compresses.
type end struct {
	bits     int
	takeover bool
}

var whole = end{bits: 15, takeover: true}

// Section 12: five kinds of data, with what permessage-deflate is by default.
func TestAutobahnDeflateData(t *testing.T) {
	plain := terms{offer: "permessage-deflate", answer: "permessage-deflate", ends: [2]end{whole, whole}}
	for i, kind := range kinds {
		data := kind.make(rand.New(rand.NewPCG(1, uint64(i))))
		for j, size := range sizes {
			t.Run(fmt.Sprintf("12.%d.%d %s", i+1, j+1, kind.name), func(t *testing.T) {
				echo(t, plain, kind.opcode, messages(data, size.message), size.fragment)
			})
		}
	}
}

// Section 13: seven ways to agree. The suite's client asks the server for a
// window and for no takeover, and its server asks the client for the same.
func TestAutobahnDeflateTerms(t *testing.T) {
	const ext = "permessage-deflate; client_no_context_takeover; client_max_window_bits"
	bounded := func(bits int, takeover bool) end { return end{bits, takeover} }
	both := func(e end) [2]end { return [2]end{e, e} }
	all := []terms{
		{"nothing asked", ext, "permessage-deflate", both(whole)},
		{
			"no takeover", ext + "; server_no_context_takeover",
			"permessage-deflate; server_no_context_takeover; client_no_context_takeover", both(bounded(15, false)),
		},
		{
			"8 bits", ext + "; server_max_window_bits=8",
			"permessage-deflate; server_max_window_bits=8; client_max_window_bits=8", both(bounded(8, true)),
		},
		{
			"15 bits", ext + "; server_max_window_bits=15",
			"permessage-deflate; server_max_window_bits=15; client_max_window_bits=15", both(bounded(15, true)),
		},
		{
			"no takeover, 8 bits", ext + "; server_no_context_takeover; server_max_window_bits=8",
			"permessage-deflate; server_no_context_takeover; server_max_window_bits=8; client_no_context_takeover; client_max_window_bits=8",
			both(bounded(8, false)),
		},
		{
			"no takeover, 15 bits", ext + "; server_no_context_takeover; server_max_window_bits=15",
			"permessage-deflate; server_no_context_takeover; server_max_window_bits=15; client_no_context_takeover; client_max_window_bits=15",
			both(bounded(15, false)),
		},
		{
			"three offers", ext + "; server_no_context_takeover; server_max_window_bits=8, " + ext + "; server_no_context_takeover, " + ext,
			"permessage-deflate; server_no_context_takeover; server_max_window_bits=8; client_no_context_takeover; client_max_window_bits=8",
			both(bounded(8, false)),
		},
	}
	data := makeJSON(rand.New(rand.NewPCG(2, 0)))
	for i, agreed := range all {
		for j, size := range sizes {
			t.Run(fmt.Sprintf("13.%d.%d %s", i+1, j+1, agreed.name), func(t *testing.T) {
				echo(t, agreed, "text", messages(data, size.message), size.fragment)
			})
		}
	}
}

// Beyond the suite: every window, with every choice of contexts, and another at
// each end.
func TestDeflateWindows(t *testing.T) {
	data := makeJSON(rand.New(rand.NewPCG(3, 0)))
	for bits := 8; bits <= 15; bits++ {
		for choice := range 4 {
			c, s := end{bits, choice&1 != 0}, end{23 - bits, choice&2 != 0}
			agreed := agree(c, s)
			t.Run(agreed.answer, func(t *testing.T) {
				echo(t, agreed, "text", messages(data, 3000), 700)
			})
		}
	}
}

// agree is the handshake for what two ends do.
func agree(c, s end) terms {
	answer := fmt.Sprintf("permessage-deflate; client_max_window_bits=%d; server_max_window_bits=%d", c.bits, s.bits)
	if !c.takeover {
		answer += "; client_no_context_takeover"
	}
	if !s.takeover {
		answer += "; server_no_context_takeover"
	}
	return terms{offer: "permessage-deflate; client_max_window_bits", answer: answer, ends: [2]end{c, s}}
}

// A copy may reach back as far as the window that was agreed on (RFC 7692
// §7.1.2), and no further, within a message and into those before it.
func TestDeflateDistance(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		window := 1 << bits
		literals := bytes.Repeat([]byte("0123456789abcdef!"), window/17+2)
		for _, c := range []struct {
			name     string
			takeover bool
			sent     []block
			want     []string // the messages; "" one that cannot be inflated
		}{
			{"within", true, []block{{literals[:window], window}}, []string{string(literals[:window]) + "012"}},
			{"beyond", true, []block{{literals[:window+1], window + 1}}, []string{""}},
			{"before", true, []block{{literals[:window-1], 0}, {[]byte("x"), window}}, []string{string(literals[:window-1]), "x012"}},
			{"before and beyond", true, []block{{literals[:window], 0}, {[]byte("x"), window + 1}}, []string{string(literals[:window]), ""}},
			{"before, not taken over", false, []block{{literals[:16], 0}, {[]byte("x"), 2}, {literals[:16], 16}}, []string{string(literals[:16]), "", string(literals[:16]) + "012"}},
		} {
			if bits == 15 && strings.Contains(c.name, "beyond") {
				continue // there is no code for it
			}
			t.Run(fmt.Sprintf("%d bits, %s", bits, c.name), func(t *testing.T) {
				conv := open(agree(end{bits, c.takeover}, end{bits, c.takeover}))
				for _, b := range c.sent {
					conv.AddData(flow.ServerToClient, mustFrame(t, "text rsv1", b.bytes()))
				}
				inflated(t, after(t, check(t, conv, 1)), c.want)
			})
		}
	}
}

// inflated wants messages, with an anomaly before each that cannot be inflated.
func inflated(t *testing.T, heard []talk.Heard, want []string) {
	t.Helper()
	for _, w := range want {
		if w == "" {
			expect(t, &heard, map[string]string{"kind": "anomaly", "anomaly.code": "ws.inflate_failed", "from": "server"})
			expect(t, &heard, map[string]string{"kind": "websocket.message", "complete": "false", "incomplete": "malformed"})
			continue
		}
		expect(t, &heard, map[string]string{"kind": "websocket.message", "complete": "true", "websocket.text": w})
	}
	expect(t, &heard, map[string]string{"kind": "websocket.close"})
}

// block is a message in a DEFLATE block with fixed codes: literals, and then
// three bytes from so far back, unless that is 0.
type block struct {
	literals []byte
	distance int
}

// bytes is the message as RFC 7692 §7.2.1 has it (RFC 1951 §3.2.6 has the codes).
func (b block) bytes() []byte {
	var w bitWriter
	w.bits(2, 3) // not the last, fixed codes
	for _, c := range b.literals {
		w.code(0x30+uint(c), 8) // of 0 to 143
	}
	if b.distance > 0 {
		w.code(1, 7) // a length of 3
		code, base, extra := uint(0), 1, 0
		for base+1<<extra <= b.distance {
			base += 1 << extra
			if code++; code >= 4 && code%2 == 0 {
				extra++
			}
		}
		w.code(code, 5)
		w.bits(uint(b.distance-base), extra)
	}
	w.code(0, 7) // the end of the block
	w.bits(0, 3) // an empty stored block, of which the rest is left out
	return w.out
}

// bitWriter packs bits as RFC 1951 §3.1.1 says.
type bitWriter struct {
	out  []byte
	used int // bits of the last byte
}

// bits writes n bits of v, the least significant first.
func (w *bitWriter) bits(v uint, n int) {
	for i := range n {
		if w.used%8 == 0 {
			w.out, w.used = append(w.out, 0), 0
		}
		w.out[len(w.out)-1] |= byte(v>>i&1) << w.used
		w.used++
	}
}

// code writes a Huffman code of n bits, the most significant first.
func (w *bitWriter) code(v uint, n int) {
	for i := n - 1; i >= 0; i-- {
		w.bits(v>>i, 1)
	}
}

// echo has the client send messages, each of which the server sends back, and
// wants them told as they were.
func echo(t *testing.T, agreed terms, opcode string, list [][]byte, fragment int) {
	t.Helper()
	conv := open(agreed)
	conv.Limits.Body = -1
	senders := [2]*deflater{newDeflater(t, agreed.ends[0]), newDeflater(t, agreed.ends[1])}
	var want []map[string]string
	sent := 0
	for _, m := range list {
		for dir := range flow.Dir(2) {
			payload := senders[dir].message(t, m)
			frames := fragments(payload, fragment)
			sent += len(payload)
			conv.AddData(dir, carry(t, opcode, dir, frames))
			want = append(want, told(opcode, dir, m, len(payload), len(frames)))
		}
	}
	heard := conv.Play(specs)
	if sent < 12<<10 {
		heard = check(t, conv, 1)
	}
	heard = after(t, heard)
	for _, w := range want {
		expect(t, &heard, w)
	}
	expect(t, &heard, map[string]string{
		"kind": "websocket.close", "websocket.client.messages": fmt.Sprint(len(list)), "websocket.server.messages": fmt.Sprint(len(list)),
		"websocket.client.anomalies": "0", "websocket.server.anomalies": "0", "websocket.client.bytes": fmt.Sprint(len(list) * len(list[0])),
	})
	if len(heard) > 0 {
		t.Errorf("%d more facts", len(heard))
	}
}

// told is what is expected of a message.
func told(opcode string, dir flow.Dir, m []byte, wire, frames int) map[string]string {
	w := map[string]string{
		"kind": "websocket.message", "from": dir.String(), "complete": "true", "websocket.opcode": opcode, "websocket.compressed": "true",
		"websocket.size": fmt.Sprint(len(m)), "websocket.wire_size": fmt.Sprint(wire), "websocket.frames": fmt.Sprint(frames),
		"websocket.text": string(m),
	}
	if opcode == "binary" {
		delete(w, "websocket.text")
		w["websocket.base64"] = base64.StdEncoding.EncodeToString(m)
	}
	return w
}

// expect takes the next fact, and wants fields of it.
func expect(t *testing.T, heard *[]talk.Heard, want map[string]string) {
	t.Helper()
	if len(*heard) == 0 {
		t.Errorf("no %s", want["kind"])
		return
	}
	f := &(*heard)[0]
	*heard = (*heard)[1:]
	got := f.Fields()
	got["kind"] = f.Body.Kind()
	for name, w := range want {
		if g := got[name]; g != w {
			t.Fatalf("%s: %s is %.80q, want %.80q (%.80v)", want["kind"], name, g, w, got["anomaly.text"])
		}
	}
}

// open is the beginning of a talk: a handshake that agrees on terms, if there are
// any.
func open(agreed terms) *talk.Talk {
	line := func(value string) string {
		if value == "" {
			return ""
		}
		return "Sec-WebSocket-Extensions: " + value + "\r\n"
	}
	conv := &talk.Talk{Limits: dissect.DefaultLimits()}
	conv.AddData(flow.ClientToServer, []byte("GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"+line(agreed.offer)+"\r\n"))
	conv.AddData(flow.ServerToClient, []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"+line(agreed.answer)+"\r\n"))
	return conv
}

// after is what was heard after websocket.open.
func after(t *testing.T, heard []talk.Heard) []talk.Heard {
	t.Helper()
	for i := range heard {
		if _, odd := heard[i].Body.(*event.Anomaly); odd {
			t.Fatalf("the handshake has an anomaly: %v", heard[i].Fields())
		}
		if heard[i].Body.Kind() == "websocket.open" {
			return heard[i+1:]
		}
	}
	t.Fatal("the WebSocket was not opened")
	return nil
}

// deflater is permessage-deflate at one end.
type deflater struct {
	w        *flate.Writer
	out      bytes.Buffer
	takeover bool
}

func newDeflater(t *testing.T, e end) *deflater {
	t.Helper()
	d := &deflater{takeover: e.takeover}
	var err error
	if e.bits == 15 {
		d.w, err = flate.NewWriter(&d.out, 6)
	} else {
		d.w, err = flate.NewWriterWindow(&d.out, 1<<e.bits)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// message is a message as it is sent (RFC 7692 §7.2.1).
func (d *deflater) message(t *testing.T, p []byte) []byte {
	t.Helper()
	d.out.Reset()
	if !d.takeover {
		d.w.Reset(&d.out)
	}
	if _, err := d.w.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := d.w.Flush(); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(bytes.TrimSuffix(d.out.Bytes(), []byte{0, 0, 0xff, 0xff}))
}

// fragments cuts a payload.
func fragments(p []byte, size int) (list [][]byte) {
	for size > 0 && len(p) > size {
		list, p = append(list, p[:size]), p[size:]
	}
	return append(list, p)
}

// carry is a compressed message in frames.
func carry(t *testing.T, opcode string, dir flow.Dir, payload [][]byte) (out []byte) {
	t.Helper()
	words := opcode + " rsv1"
	for i, p := range payload {
		if i < len(payload)-1 {
			words += " nofin"
		}
		if dir == flow.ClientToServer {
			words += " mask"
		}
		out = append(out, mustFrame(t, words, p)...)
		words = "more"
	}
	return out
}

func mustFrame(t *testing.T, words string, payload []byte) []byte {
	t.Helper()
	p, err := wsframe.Frame(strings.Fields(words), payload)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// messages cuts data, again and again, into messages of one size.
func messages(data []byte, size int) (list [][]byte) {
	at := 0
	for range min(mostSent, max(leastSent, sentBytes/size)) {
		m := make([]byte, 0, size)
		for len(m) < size {
			n := copy(m[len(m):size], data[at:])
			m, at = m[:len(m)+n], (at+n)%len(data)
		}
		list = append(list, m)
	}
	return list
}

// kinds stand for the suite's files: a drama, a picture, a document with
// compressed parts, JSON, and HTML.
var kinds = [...]struct {
	name, opcode string
	make         func(*rand.Rand) []byte
}{
	{"prose", "binary", makeProse}, {"picture", "binary", makePicture}, {"document", "binary", makeDocument},
	{"JSON", "text", makeJSON}, {"HTML", "text", makeHTML},
}

const dataSize = 150 << 10

// repeat puts pieces together until there is enough.
func repeat(piece func(b *bytes.Buffer)) []byte {
	var b bytes.Buffer
	for b.Len() < dataSize {
		piece(&b)
	}
	return b.Bytes()
}

func word(r *rand.Rand) string {
	const letters = "eeeennniiissrratddhhuulcgmobwfkzvp"
	w := make([]byte, 2+r.IntN(8))
	for i := range w {
		w[i] = letters[r.IntN(len(letters))]
	}
	return string(w)
}

func makeProse(r *rand.Rand) []byte {
	var words []string
	for range 900 {
		words = append(words, word(r))
	}
	words = append(words, "für", "müßt", "Schöpfung")
	return repeat(func(b *bytes.Buffer) {
		for range 4 + r.IntN(5) {
			b.WriteString(words[r.IntN(len(words))] + " ")
		}
		b.WriteString("\r\n")
	})
}

// makePicture is a gradient with noise.
func makePicture(r *rand.Rand) []byte {
	row := 0
	return repeat(func(b *bytes.Buffer) {
		for x := range 512 {
			b.WriteByte(byte(x/3 + row/2 + r.IntN(4)))
		}
		row++
	})
}

// makeDocument is noise between a few words that return.
func makeDocument(r *rand.Rand) []byte {
	object := 0
	return repeat(func(b *bytes.Buffer) {
		object++
		fmt.Fprintf(b, "\n%d 0 obj\n<< /Length 700 /Filter /FlateDecode >>\nstream\n", object)
		for range 700 {
			b.WriteByte(byte(r.Uint32()))
		}
		b.WriteString("\nendstream\nendobj\n")
	})
}

func makeJSON(r *rand.Rand) []byte {
	return repeat(func(b *bytes.Buffer) {
		fmt.Fprintf(b, `{"id":%d,"name":"%s %s","active":%t,"balance":"%d.%02d","tags":["%s","%s"]},`,
			r.IntN(100000), word(r), word(r), r.IntN(2) == 0, r.IntN(10000), r.IntN(100), word(r), word(r))
	})
}

func makeHTML(r *rand.Rand) []byte {
	return repeat(func(b *bytes.Buffer) {
		fmt.Fprintf(b, "<tr class=\"%s\"><td><a href=\"/%s/%d\">%s</a></td><td align=\"right\">%d</td></tr>\n",
			[]string{"odd", "even"}[r.IntN(2)], word(r), r.IntN(1000), word(r), r.IntN(100000))
	})
}
