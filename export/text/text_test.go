package text

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"

	"github.com/charmbracelet/x/ansi"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fact is a Body that says what a test wants.
type fact struct {
	kind     string
	progress bool
	digest   event.Digest
	fields   []field
}

type field struct {
	name  string
	value event.Value
}

func (f *fact) Kind() string         { return f.kind }
func (f *fact) Progress() bool       { return f.progress }
func (f *fact) Digest() event.Digest { return f.digest }
func (f *fact) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) {
		for _, f := range f.fields {
			if !yield(f.name, f.value) {
				return
			}
		}
	}
}

var (
	first = &flow.Ends{ID: 1, Stream: 0, Client: netip.MustParseAddrPort("10.0.0.1:51234"), Server: netip.MustParseAddrPort("93.184.216.34:80")}
	other = &flow.Ends{ID: 9, Stream: 10417, Client: netip.MustParseAddrPort("[2001:db8::7]:40000"), Server: netip.MustParseAddrPort("[2001:db8::1]:8080")}
)

// noon is 2024-03-01 12:03:04.123456789 UTC.
const noon = 1709294584_123456789

// event makes an event so many milliseconds after noon.
func at(ms int64, ends *flow.Ends, body event.Body) event.Event {
	return event.Event{Frame: 2, First: 1, Nanos: noon + ms*1e6, Ends: ends, Body: body}
}

func from(dir flow.Dir, e event.Event) event.Event {
	e.HasDir, e.Dir = true, dir
	return e
}

func incomplete(why event.Incomplete, e event.Event) event.Event {
	e.Incomplete = why
	return e
}

func asking(exchange uint32, e event.Event) event.Event {
	e.Exchange = exchange
	return e
}

func exchange(verb, target, result, note string, bytes uint64, took time.Duration, level event.Level) *fact {
	return &fact{kind: "http.exchange", digest: event.Digest{
		Proto: "http", Verb: verb, Target: target, Result: result, Note: note, Bytes: bytes, Took: took, Level: level,
	}}
}

func anomaly(name, text, detail string, level event.Level) *event.Anomaly {
	return &event.Anomaly{Code: &event.Code{Name: name, Text: text, Level: level, Spec: "RFC 9112 §7.1"}, Detail: detail}
}

func closed(opened, result, by, reason string, counts ...field) *fact {
	return &fact{
		kind:   "tcp.flow",
		digest: event.Digest{Proto: "tcp", Verb: "close", Result: result, Note: reason, Bytes: 40345, Took: 1204 * time.Millisecond},
		fields: append([]field{{"tcp.opened", event.StringOf(opened)}, {"tcp.closed", event.StringOf(result)}, {"tcp.closed_by", event.StringOf(by)},
			{"protocol", event.StringOf("http/1.1")}}, counts...),
	}
}

func summary(fail string) *fact {
	return &fact{kind: "capture.summary", fields: []field{
		{"capture.packets", event.IntOf(12345)}, {"capture.bytes", event.IntOf(1203456)}, {"capture.dropped_kernel", event.IntOf(5)},
		{"capture.dropped_interface", event.IntOf(0)}, {"capture.truncated_packets", event.IntOf(1)}, {"capture.not_tcp", event.IntOf(12)},
		{"capture.first", event.StringOf("2024-03-01T12:03:04.123456789Z")}, {"capture.last", event.StringOf("2024-03-02T00:00:01.000000000Z")},
		{"capture.flows", event.IntOf(2)}, {"capture.records.anomaly", event.IntOf(2)}, {"capture.records.http_exchange", event.IntOf(5)},
		{"capture.protocols.arp", event.IntOf(2)}, {"capture.protocols.udp", event.IntOf(10)}, {"capture.error", event.TextOf(fail)},
	}}
}

// story is a run with something of everything.
func story() []event.Event {
	progress := &fact{kind: "tcp.open", progress: true, digest: event.Digest{Proto: "tcp", Verb: "open", Result: "handshake", Took: 1203 * time.Microsecond}}
	request := &fact{kind: "http.request", progress: true, digest: event.Digest{Proto: "http", Verb: "GET", Target: "example.com/a"}}
	response := &fact{kind: "http.response", progress: true, digest: event.Digest{Proto: "http", Verb: "response", Result: "200", Note: "text/html"}}
	message := &fact{kind: "websocket.message", digest: event.Digest{Proto: "websocket", Verb: "text", Note: "{\"type\":\"chat\",\n\"text\":\"" + strings.Repeat("Grüße ", 60) + "\x1b[2J\"}", Bytes: 402}}
	open := &fact{kind: "websocket.open", digest: event.Digest{Proto: "websocket", Verb: "open", Target: "http://example.com/chat/rooms/17", Note: "permessage-deflate; client_max_window_bits=10"}}
	bye := &fact{kind: "websocket.control", digest: event.Digest{Proto: "websocket", Verb: "close", Result: "1011", Note: "Datenbank weg", Level: event.Warn}}
	over := &fact{kind: "websocket.close", digest: event.Digest{Proto: "websocket", Verb: "closed", Result: "1011", Note: "by server, Datenbank weg", Bytes: 402, Took: 61 * time.Second, Level: event.Warn}}
	pong := &fact{kind: "websocket.control", digest: event.Digest{Proto: "websocket", Verb: "pong", Bytes: 4, Took: 31 * time.Millisecond}}
	sse := &fact{kind: "sse.event", digest: event.Digest{Proto: "sse", Verb: "event", Target: "update", Note: "17", Bytes: 24},
		fields: []field{{"sse.id", event.TextOf("17")}, {"sse.data", event.TextOf("{\"text\":\n\"" + strings.Repeat("hello ", 50) + "\"}")}}}
	unknown := &fact{kind: "mqtt.publish", digest: event.Digest{Proto: "mqtt", Verb: "publish", Target: "sensors/kitchen/temperature", Result: "qos1", Note: "retained", Bytes: 4, Took: 900}}
	bare := &fact{kind: "insight"}
	long := "cdn.example.com/assets/" + strings.Repeat("deep/", 30) + "app.js?v=20240301"
	return []event.Event{
		at(-86400_000, nil, anomaly("capture.interface_lost", "an interface went away", "", event.Note)),
		from(0, at(0, first, progress)),
		asking(1, from(0, at(1, first, request))),
		asking(1, from(1, at(12, first, response))),
		at(13, first, exchange("GET", "example.com/a", "200", "text/html", 1203, 12345678, event.Normal)),
		at(20, other, exchange("POST", "[2001:db8::1]:8080/api/orders", "503", "text/html; charset=utf-8", 211, 1900*time.Millisecond, event.Warn)),
		at(21, first, exchange("GET", long, "404", "text/plain", 17, 999_500, event.Normal)),
		incomplete(event.Gap, at(22, first, exchange("GET", long, "206", "application/octet-stream", 64_000_000_000, 25*time.Hour, event.Normal))),
		incomplete(event.NoResponse, at(23, other, exchange("GET", "example.com/検索/結果", "", "", 0, 0, event.Normal))),
		at(24, first, exchange("HEAD", "example.com/", "304", "", 0, 310*time.Microsecond, event.Normal)),
		from(1, at(30, other, sse)),
		at(30, first, open),
		from(1, at(30, first, message)),
		from(0, at(30, first, pong)),
		from(1, at(30, first, bye)),
		at(30, first, over),
		from(1, at(31, first, anomaly("http.chunk_size_invalid", "a chunk size is not a hexadecimal number", "\"zz\x1b[31m\"", event.Error))),
		at(32, first, anomaly("tcp.gap", "bytes are missing from the capture", "1460 bytes", event.Warn)),
		from(0, at(40, first, unknown)),
		at(41, nil, bare),
		at(50, first, closed("handshake", "fin", "client", "The client closed the connection first and the server closed its side too.",
			field{"tcp.client.bytes", event.IntOf(1203)}, field{"tcp.client.retransmissions", event.IntOf(1)}, field{"tcp.server.bytes", event.IntOf(39142)},
			field{"tcp.server.retransmissions", event.IntOf(2)}, field{"tcp.server.lost_bytes", event.IntOf(1)})),
		at(43_100_000, other, closed("midstream", "capture-end", "", "The connection was still open when the capture ended.",
			field{"tcp.client.bytes", event.IntOf(0)}, field{"tcp.server.overlap_conflicts", event.IntOf(2)})),
		at(43_100_001, nil, summary("/tmp/a\x1b.pcap: truncated at offset 1203456")),
	}
}

func write(t testing.TB, opt Options, batches ...[]event.Event) string {
	t.Helper()
	var out bytes.Buffer
	s := New(&out, opt)
	for _, b := range batches {
		if err := s.Emit(b); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	for name, opt := range map[string]Options{
		"unlimited": {Progress: true},
		"80.mono":   {Width: 80},
		"80.color":  {Width: 80, Color: true},
		"80.ascii":  {Width: 80, ASCII: true, Progress: true},
		"120.mono":  {Width: 120, Progress: true},
		"120.color": {Width: 120, Color: true, Progress: true},
		"60.mono":   {Width: 60},
		"40.mono":   {Width: 40, Progress: true},
		"30.mono":   {Width: 30},
	} {
		t.Run(name, func(t *testing.T) {
			got := write(t, opt, story())
			path := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			mustBeLines(t, got, opt)
		})
	}
}

var sgr = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// mustBeLines checks what any terminal needs of the output: complete lines, no
// wider than allowed, that hold graphic characters and, with colour only, our
// own styles, each undone before the line ends.
func mustBeLines(t testing.TB, out string, opt Options) {
	t.Helper()
	if !strings.HasSuffix(out, "\n") || !utf8.ValidString(out) {
		t.Fatalf("not lines of UTF-8: %q", out)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(out, "\n"), "\n") {
		bare := line
		if opt.Color {
			bare = sgr.ReplaceAllString(line, "")
		}
		for _, r := range bare {
			if !unicode.IsGraphic(r) || opt.ASCII && r > 0x7e {
				t.Fatalf("%U in %q", r, line)
			}
		}
		if w := ansi.StringWidth(bare); opt.Width > 0 && w > opt.Width {
			t.Fatalf("%d cells in a line of %d: %q", w, opt.Width, line)
		}
		if codes := sgr.FindAllString(line, -1); len(codes)%2 != 0 || len(codes) > 0 && codes[len(codes)-1] != "\x1b[0m" {
			t.Fatalf("the style is not undone in %q", line)
		}
	}
}

// However wide or narrow, every fact has its line.
func TestEveryWidth(t *testing.T) {
	facts := story()[:len(story())-1] // the summary takes as many lines as it needs
	want := strings.Count(write(t, Options{Progress: true}, facts), "\n")
	for width := 1; width < 250; width++ {
		for _, opt := range []Options{{Width: width, Progress: true, Color: true}, {Width: width, Progress: true, ASCII: true}} {
			got := write(t, opt, story())
			mustBeLines(t, got, opt)
			if strings.Contains(got, " \n") {
				t.Fatalf("blanks at the end of a line at width %d:\n%s", width, got)
			}
			if n := strings.Count(write(t, opt, facts), "\n"); n != want {
				t.Fatalf("%d lines at width %d, want %d", n, width, want)
			}
		}
	}
}

// Colour must carry nothing: without it the text is the same.
func TestColourOnlyStyles(t *testing.T) {
	for _, width := range []int{0, 50, 80, 120} {
		mono, colour := write(t, Options{Width: width}, story()), write(t, Options{Width: width, Color: true}, story())
		if got := sgr.ReplaceAllString(colour, ""); got != mono {
			t.Errorf("width %d: without its styles the coloured output is\n%s\nwant\n%s", width, got, mono)
		}
	}
}

func TestProgressOnlyWhenAskedFor(t *testing.T) {
	without, with := write(t, Options{}, story()), write(t, Options{Progress: true}, story())
	if n := strings.Count(with, "\n") - strings.Count(without, "\n"); n != 2 {
		t.Errorf("progress adds %d lines, want 2: the opening of a flow is always told", n)
	}
}

// However the widths of the other columns change, these survive on a terminal of
// so many columns.
func TestEssentialsSurvive(t *testing.T) {
	for _, width := range []int{40, 60, 80, 120, 200} {
		for _, c := range []struct {
			e    event.Event
			want []string
		}{
			{at(0, first, exchange("DELETE", "cdn.example.com/assets/very/deep/app.js", "404", "text/html; charset=utf-8", 9e8, time.Second, event.Warn)), []string{"404", "DELETE", "pp.js"}},
			{incomplete(event.NoResponse, at(0, first, exchange("OPTIONS", "example.com/a/rather/long/path", "", "", 0, 0, event.Warn))), []string{"–", "OPTIONS", "ath"}},
			{from(1, at(0, first, anomaly("http.chunk_size_invalid", "a chunk size is not a hexadecimal number", "zz", event.Error))), []string{"!←", "http.chunk_size"}},
			{at(0, other, closed("handshake", "rst", "server", "The server reset the connection.")), []string{"!", "rst", "The server r"}},
			{from(0, at(0, first, &fact{kind: "tcp.open", digest: event.Digest{Result: "handshake", Took: 12345}})), []string{"+", "10.0.0", "34:80"}},
			{from(0, at(0, first, &fact{kind: "websocket.message", digest: event.Digest{Verb: "text", Note: "\"hi\n" + strings.Repeat("x", 500), Bytes: 504}})), []string{"text  \"hi␊xx", "x…"}},
		} {
			if c.e.Body.Kind() == "tcp.flow" {
				c.e.Body.(*fact).digest.Level = event.Warn
			}
			got := write(t, Options{Width: width}, []event.Event{c.e})
			line := strings.TrimSuffix(got, "\n")
			line = line[strings.LastIndexByte(line, '\n')+1:]
			for _, w := range c.want {
				if !strings.Contains(line, w) {
					t.Errorf("at width %d there is no %q in %q", width, w, line)
				}
			}
		}
	}
}

// A response says what it answers, as long as the request was told and its
// exchange is not over.
func TestResponseNamesItsRequest(t *testing.T) {
	message := func(kind, verb, target, result string, n uint32, ends *flow.Ends) *event.Event {
		e := asking(n, at(0, ends, &fact{kind: kind, progress: kind != "http.exchange", digest: event.Digest{Proto: "http", Verb: verb, Target: target, Result: result}}))
		return &e
	}
	p := newPrinter(Options{Progress: true})
	for _, c := range []struct {
		e    *event.Event
		want string
	}{
		{message("http.request", "GET", "a/1", "", 1, first), "GET a/1\n"},
		{message("http.request", "GET", "a/2", "", 2, first), "GET a/2\n"},
		{message("http.request", "PUT", "b/1", "", 1, other), "PUT b/1\n"},
		{message("http.response", "response", "", "100", 1, other), "PUT b/1\n"},
		{message("http.response", "response", "", "200", 1, other), "PUT b/1\n"},
		{message("http.response", "response", "", "200", 1, first), "GET a/1\n"},
		{message("http.exchange", "GET", "a/1", "200", 1, first), "GET a/1\n"},
		{message("http.response", "response", "", "204", 2, first), "GET a/2\n"},
		{message("http.response", "response", "", "200", 1, first), "response\n"}, // over
		{message("http.response", "response", "", "200", 0, first), "response\n"}, // answers nothing
	} {
		if got := string(p.Append(nil, c.e)); !strings.HasSuffix(got, "  "+c.want) {
			t.Errorf("wrote %q, want it to end with %q", got, c.want)
		}
	}
	for i := range uint32(3 * maxAsked) {
		if p.Append(nil, message("http.request", "GET", "a", "", i+10, first)); len(p.asked) > maxAsked {
			t.Fatalf("%d requests are remembered", len(p.asked))
		}
	}
}

// Without progress, too, a stream of events has a beginning.
func TestStreamBegins(t *testing.T) {
	p := newPrinter(Options{})
	request := asking(1, at(0, first, &fact{kind: "http.request", progress: true, digest: event.Digest{Verb: "GET", Target: "a/events"}}))
	response := &fact{kind: "http.response", progress: true, digest: event.Digest{Verb: "response", Result: "200", Note: "text/html"}}
	e := asking(1, at(0, first, response))
	if got := string(p.Append(nil, &request)) + string(p.Append(nil, &e)); got != "" {
		t.Errorf("told without progress: %q", got)
	}
	response.digest.Note = "text/event-stream; charset=utf-8"
	if got := string(p.Append(nil, &e)); !strings.HasSuffix(got, " 200                    GET a/events  text/event-stream; charset=utf-8\n") {
		t.Errorf("a stream begins with %q", got)
	}
}

func TestSummaryOfNothing(t *testing.T) {
	empty := &fact{kind: "capture.summary", fields: []field{{"capture.packets", event.IntOf(0)}, {"capture.bytes", event.IntOf(0)}, {"capture.flows", event.IntOf(0)}}}
	if got := write(t, Options{}, []event.Event{at(0, nil, empty)}); got != "\ncapture  no packets\n" {
		t.Errorf("wrote %q", got)
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		s    string
		room int
		want string
	}{
		{"", 5, ""}, {"a b c", 0, "a b c"}, {"a b c", 5, "a b c"}, {"a b c", 4, "a b/c"}, {"a b c", 1, "a/b/c"},
		{"abcdef g hi", 4, "abcdef/g hi"}, {" a  b", 2, " a/ b"}, {"検索 検 a", 4, "検索/検 a"}, {"a\nb c", 3, "a␊b/c"},
	} {
		var got []string
		for _, row := range (&line{max: c.room}).wrap(c.s) {
			got = append(got, row.String())
		}
		if strings.Join(got, "/") != c.want {
			t.Errorf("%q in %d cells: %q, want %s", c.s, c.room, got, c.want)
		}
	}
}

// What is cut off a note is cut between characters.
func TestHead(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "abc..."}, {"aüb", 2, "a..."}, {"aüb", 3, "aü..."}, {"€€", 5, "€..."}, {"\x80\x80\x80\x80\x80\x80", 5, "\x80..."},
	} {
		if got := head(c.s, c.n); got != c.want {
			t.Errorf("head(%q, %d) is %q, want %q", c.s, c.n, got, c.want)
		}
	}
}

func TestFlowIsIntroducedOnce(t *testing.T) {
	got := write(t, Options{}, story())
	if n := strings.Count(got, "10.0.0.1:51234 → 93.184.216.34:80"); n != 1 {
		t.Errorf("a flow is introduced %d times, want once", n)
	}
}

func TestMemoryOfFlowsIsBounded(t *testing.T) {
	p := newPrinter(Options{})
	body := exchange("GET", "/", "200", "", 0, 0, event.Normal)
	var e event.Event
	for i := range maxFlows + 10 {
		ends := *first
		ends.ID = flow.ID(i + 1)
		e = at(0, &ends, body)
		p.Append(nil, &e)
	}
	if len(p.seen) != 10 {
		t.Errorf("%d flows are remembered, want 10", len(p.seen))
	}
	e.Body = closed("handshake", "fin", "client", "")
	if p.Append(nil, &e); len(p.seen) != 9 {
		t.Errorf("%d flows are remembered after one has closed, want 9", len(p.seen))
	}
}

func TestBatchesDoNotShow(t *testing.T) {
	for _, opt := range []Options{{}, {Width: 80, Color: true, Progress: true}} {
		want := write(t, opt, story())
		for size := 1; size < len(story()); size++ {
			var batches [][]event.Event
			for rest := story(); len(rest) > 0; {
				n := min(size, len(rest))
				batches, rest = append(batches, rest[:n]), rest[n:]
			}
			if got := write(t, opt, batches...); got != want {
				t.Errorf("batches of %d give other lines", size)
			}
		}
	}
}

func TestUnits(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 B", 999: "999 B", 1000: "1.00 kB", 1203: "1.20 kB", 9_994: "9.99 kB", 9_995: "10.0 kB", 99_949: "99.9 kB",
		99_950: "100 kB", 999_499: "999 kB", 999_500: "1.00 MB", 18446744073709551615: "18.4 EB",
	} {
		if got := size(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		1: "1 ns", 999: "999 ns", 1000: "1.00 µs", 12_345_678: "12.3 ms", 999_499_999: "999 ms", 999_500_000: "1.00 s", 83 * time.Second: "83.0 s",
		599 * time.Second: "599 s", 10 * time.Minute: "10m00s", 59*time.Minute + 59*time.Second: "59m59s", 3*time.Hour + 7*time.Minute: "3h07m",
		47*time.Hour + 59*time.Minute: "47h59m", 48 * time.Hour: "2d00h", 1<<63 - 1: "106751d23h", -5 * time.Millisecond: "-5.00 ms",
	} {
		if got := took(d, false); got != want {
			t.Errorf("%d ns are %q, want %q", d, got, want)
		}
	}
	if got := took(12_300, true); got != "12.3 us" {
		t.Errorf("in ASCII: %q", got)
	}
}

// FuzzText puts arbitrary bytes in every text that a fact has.
func FuzzText(f *testing.F) {
	f.Add("\x1b]0;t\x07\x1b[2J\n", "\u202e\u009b31m", uint64(1)<<63, int64(-1), 40, uint8(255))
	f.Add("検索"+strings.Repeat("a", 5000), "\xff\r\n\t", uint64(0), int64(0), 0, uint8(0))
	f.Fuzz(func(t *testing.T, a, b string, bytes uint64, took int64, width int, bits uint8) {
		d := event.Digest{Proto: b, Verb: a, Target: b, Result: a, Note: b, Bytes: bytes, Took: time.Duration(took), Level: event.Level(bits % 4)}
		opt := Options{Color: bits&4 != 0, ASCII: bits&8 != 0, Width: width % 300, Progress: true}
		var events []event.Event
		for _, kind := range []string{"http.exchange", "http.request", "tcp.open", "tcp.flow", "sse.event", "x"} {
			body := &fact{kind: kind, digest: d, fields: []field{{"tcp.opened", event.TextOf(a)}, {"protocol", event.TextOf(b)}, {"tcp.closed_by", event.TextOf(a)}, {"tcp.client.bytes", event.IntOf(took)}, {"sse.data", event.TextOf(b)}}}
			e := at(took%1e15, first, body)
			e.Incomplete, e.HasDir, e.Dir = event.Incomplete(bits%9), bits&16 != 0, flow.Dir(bits&1)
			events = append(events, e)
		}
		events = append(events, at(0, nil, anomaly(a, b, a, d.Level)),
			at(0, nil, &fact{kind: "capture.summary", fields: []field{{"capture.error", event.TextOf(a)}, {"capture.first", event.TextOf(b)}, {"capture.last", event.TextOf(a)},
				{"capture.protocols." + b, event.IntOf(1)}, {"capture.packets", event.IntOf(took)}}}))
		mustBeLines(t, write(t, opt, events), opt)
	})
}

func BenchmarkExchange(b *testing.B) {
	for _, width := range []int{0, 80} {
		b.Run(fmt.Sprint(width), func(b *testing.B) {
			s := New(io.Discard, Options{Width: width, Color: true})
			batch := []event.Event{at(0, first, exchange("GET", "example.com/a/b/c/d/e/f/g/h/i/j/k/l/m/n", "200", "text/html", 1203, 12345678, event.Normal))}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Emit(batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
