package ndjson

import (
	"bytes"
	"encoding/base64"
	"io"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"example.com/wirewatch/event"
	"example.com/wirewatch/export/ndjson/ndjsontest"
	"example.com/wirewatch/flow"
)

// fact is a Body with the fields that a test wants.
type fact struct {
	kind     string
	progress bool
	fields   []field
	yield    event.Fields // made once, so that allocations are the encoder's
}

type field struct {
	name  string
	value event.Value
}

func newFact(kind string, fields ...field) *fact {
	f := &fact{kind: kind, fields: fields}
	f.yield = all(fields)
	return f
}

func all(fields []field) event.Fields {
	return func(yield func(string, event.Value) bool) {
		for _, f := range fields {
			if !yield(f.name, f.value) {
				return
			}
		}
	}
}

func (f *fact) Kind() string         { return f.kind }
func (f *fact) Progress() bool       { return f.progress }
func (f *fact) Digest() event.Digest { return event.Digest{} }
func (f *fact) Fields() event.Fields { return f.yield }

var ends = &flow.Ends{
	ID:     3,
	Client: netip.MustParseAddrPort("10.0.0.1:51234"),
	Server: netip.MustParseAddrPort("[2001:db8::1]:80"),
	Stream: 7,
}

// at is an event about a flow.
func at(body event.Body) event.Event {
	return event.Event{Seq: 1, Frame: 12, First: 9, Nanos: 1709294584_000000120, Ends: ends, Body: body}
}

func encode(t testing.TB, opt Options, batches ...[]event.Event) string {
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

// A prefix that is in every line of the tests below.
const envelope = `"time":"2024-03-01T12:03:04.000000120Z","frame":{"number":12,"first":9},` +
	`"client":{"ip":"10.0.0.1","port":51234},"server":{"ip":"2001:db8::1","port":80}`

func TestEnvelope(t *testing.T) {
	full := at(newFact("x"))
	full.HasDir, full.Dir, full.Exchange, full.Incomplete = true, flow.ServerToClient, 3, event.NoResponse
	bare := event.Event{Nanos: -1, Body: newFact("capture.summary", field{"capture.packets", event.IntOf(0)})}
	for _, c := range []struct {
		e    event.Event
		want string
	}{
		{at(newFact("x")), `{"kind":"x",` + envelope + `,"complete":true,"tcp":{"stream":7}}` + "\n"},
		{full, `{"kind":"x",` + envelope + `,"from":"server","exchange":3,"complete":false,"incomplete":"no-response","tcp":{"stream":7}}` + "\n"},
		{bare, `{"kind":"capture.summary","time":"1969-12-31T23:59:59.999999999Z","frame":{"number":0,"first":0},"complete":true,"capture":{"packets":0}}` + "\n"},
	} {
		if got := encode(t, Options{}, []event.Event{c.e}); got != c.want {
			t.Errorf("got  %swant %s", got, c.want)
		}
	}
}

func TestTimesAcrossSeconds(t *testing.T) {
	e := newEncoder(Options{})
	for nanos, want := range map[int64]string{
		0:                    "1970-01-01T00:00:00.000000000Z",
		999999999:            "1970-01-01T00:00:00.999999999Z",
		1709294584_100000000: "2024-03-01T12:03:04.100000000Z",
		math.MinInt64:        "1677-09-21T00:12:43.145224192Z",
		math.MaxInt64:        "2262-04-11T23:47:16.854775807Z",
	} {
		for range 2 { // the second time from the cache
			if got := string(e.appendTime(nil, nanos)); got != want {
				t.Errorf("%d is written %s, want %s", nanos, got, want)
			}
		}
	}
}

func TestFields(t *testing.T) {
	var (
		text    = event.TextOf
		pairs   = []event.Pair{{Name: "Host", Value: "a"}, {Name: "X\xff", Value: "\"\x1b"}, {Name: "Y", Value: "\x80"}}
		none    = []event.Pair{}
		ranges  = []event.Range{{Off: 0, Len: 5}, {Off: 1 << 63, Len: 1}}
		ints    = []uint64{1, math.MaxUint64}
		blob    = []byte{0, 1, 2, 0xff}
		empty   = []byte{}
		objects = []event.Fields{
			all([]field{{"code", event.IntOf(100)}, {"headers", event.PairsOf(&none)}}),
			all([]field{{"a.b", event.IntOf(1)}, {"a.c.d", event.IntOf(2)}}),
			all(nil),
		}
	)
	for _, c := range []struct {
		name   string
		fields []field
		want   string // what follows tcp.stream
	}{
		{"the envelope's object goes on", []field{{"tcp.closed", text("fin")}, {"tcp.client.bytes", event.IntOf(1)}, {"tcp.server.bytes", event.IntOf(2)}, {"protocol", event.StringOf("tls")}},
			`,"closed":"fin","client":{"bytes":1},"server":{"bytes":2}},"protocol":"tls"}`},
		{"objects open and close", []field{{"http.request.method", text("GET")}, {"http.request.body.size", event.IntOf(0)}, {"http.host", text("h")}, {"http.response.body.size", event.IntOf(1)}, {"timing.total_ms", event.MillisOf(1500)}},
			`},"http":{"request":{"method":"GET","body":{"size":0}},"host":"h","response":{"body":{"size":1}}},"timing":{"total_ms":0.0015}}`},
		{"a common prefix that is no component", []field{{"ab", event.IntOf(1)}, {"abc.d", event.IntOf(2)}, {"abd.d", event.IntOf(3)}},
			`},"ab":1,"abc":{"d":2},"abd":{"d":3}}`},
		{"absent fields open nothing", []field{{"a.b", event.StringOf("")}, {"c.d", event.RangesOf(new([]event.Range))}, {"e", event.BoolOf(false)}},
			`},"e":false}`},
		{"siblings", []field{{"http.uri", text("/\xff")}, {"http.phrase", text("ok")}, {"http.body.text", text("\xfe")}, {"text", text("\xfd")}},
			`},"http":{"uri_base64":"L/8=","phrase":"ok","body":{"base64":"/g=="}},"base64":"/Q=="}`},
		{"lists", []field{{"h", event.PairsOf(&pairs)}, {"n", event.PairsOf(&none)}, {"r", event.RangesOf(&ranges)}, {"i", event.IntsOf(&ints)}},
			`},"h":[["Host","a"],[{"base64":"WP8="},"\"\u001b"],["Y",{"base64":"gA=="}]],"n":[],"r":[[0,5],[9223372036854775808,1]],"i":[1,18446744073709551615]}`},
		{"bytes", []field{{"b", event.BytesOf(&blob)}, {"e", event.BytesOf(&empty)}},
			`},"b":"AAEC/w==","e":""}`},
		{"objects in a list", []field{{"http.interim", event.ObjectsOf(&objects)}, {"http.x", event.IntOf(-1)}},
			`},"http":{"interim":[{"code":100,"headers":[]},{"a":{"b":1,"c":{"d":2}}},{}],"x":-1}}`},
		{"nothing", nil, `}}`},
	} {
		got := encode(t, Options{}, []event.Event{at(newFact("k", c.fields...))})
		want := `{"kind":"k",` + envelope + `,"complete":true,"tcp":{"stream":7` + c.want + "\n"
		if got != want {
			t.Errorf("%s:\ngot  %swant %s", c.name, got, want)
		}
		if _, err := ndjsontest.Decode([]byte(got)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestMillis(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                       "0",
		1:                       "0.000001",
		10:                      "0.00001",
		time.Microsecond:        "0.001",
		12345678:                "12.345678",
		1500 * time.Microsecond: "1.5",
		time.Second:             "1000",
		-1500000:                "-1.5",
		-1:                      "-0.000001",
		math.MinInt64:           "-9223372036854.775808",
		math.MaxInt64:           "9223372036854.775807",
	} {
		if got := string(appendMillis(nil, d)); got != want {
			t.Errorf("%d ns is written %s, want %s", d, got, want)
		}
	}
}

func TestProgressOnlyWhenAskedFor(t *testing.T) {
	p := newFact("http.request")
	p.progress = true
	batch := []event.Event{at(p), at(newFact("http.exchange"))}
	if got := encode(t, Options{}, batch); strings.Count(got, "\n") != 1 || strings.Contains(got, "http.request") {
		t.Errorf("without progress: %s", got)
	}
	if got := encode(t, Options{Progress: true}, batch); strings.Count(got, "\n") != 2 || !strings.HasPrefix(got, `{"kind":"http.request"`) {
		t.Errorf("with progress: %s", got)
	}
}

// However a run is cut into batches, its bytes are the same.
func TestBatchesDoNotShow(t *testing.T) {
	var events []event.Event
	for i := range 300 {
		e := at(exchange())
		e.Nanos += int64(i) * 7e7
		events = append(events, e)
	}
	want := encode(t, Options{}, events)
	for _, size := range []int{1, 2, 7, 64, 299} {
		var batches [][]event.Event
		for rest := events; len(rest) > 0; {
			n := min(size, len(rest))
			batches, rest = append(batches, rest[:n]), rest[n:]
		}
		if got := encode(t, Options{}, batches...); got != want {
			t.Errorf("batches of %d give other bytes", size)
		}
	}
}

func TestEncoderDoesNotAllocate(t *testing.T) {
	s := New(io.Discard, Options{})
	bad := exchange()
	bad.fields = append(bad.fields, field{"x.uri", event.TextOf("a long text that is not valid UTF-8: \xff, at its very end")})
	bad.yield = all(bad.fields)
	batch := []event.Event{at(exchange()), at(bad)}
	if n := testing.AllocsPerRun(100, func() {
		if err := s.Emit(batch); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a batch, want 0", n)
	}
}

// exchange is a typical http.exchange: 26 fields, two of them of 10 headers.
func exchange() *fact {
	request := []event.Pair{
		{Name: "Host", Value: "api.example.com"}, {Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
		{Name: "Accept", Value: "application/json, text/plain, */*"}, {Name: "Accept-Language", Value: "en-US,en;q=0.5"},
		{Name: "Accept-Encoding", Value: "gzip, deflate, br"}, {Name: "Connection", Value: "keep-alive"},
		{Name: "Referer", Value: "https://www.example.com/app"}, {Name: "Cookie", Value: "sid=0123456789abcdef0123456789abcdef"},
		{Name: "Cache-Control", Value: "no-cache"}, {Name: "X-Request-Id", Value: "4e1c7e9a"},
	}
	response := []event.Pair{
		{Name: "Date", Value: "Fri, 01 Mar 2024 12:03:04 GMT"}, {Name: "Content-Type", Value: "application/json; charset=utf-8"},
		{Name: "Content-Length", Value: "27"}, {Name: "Connection", Value: "keep-alive"}, {Name: "Server", Value: "nginx/1.24.0"},
		{Name: "Vary", Value: "Accept-Encoding"}, {Name: "ETag", Value: `W/"1b-7c"`}, {Name: "Cache-Control", Value: "private, max-age=0"},
		{Name: "X-Frame-Options", Value: "SAMEORIGIN"}, {Name: "Strict-Transport-Security", Value: "max-age=31536000"},
	}
	return newFact("http.exchange",
		field{"http.request.method", event.TextOf("GET")}, field{"http.request.uri", event.TextOf("/v1/users/42?fields=name,email")},
		field{"http.request.version", event.TextOf("HTTP/1.1")}, field{"http.request.full_uri", event.TextOf("http://api.example.com/v1/users/42?fields=name,email")},
		field{"http.request.headers", event.PairsOf(&request)},
		field{"http.request.content_length", event.Value{}}, field{"http.request.body.size", event.IntOf(0)}, field{"http.request.body.captured", event.IntOf(0)},
		field{"http.host", event.TextOf("api.example.com")},
		field{"http.response.code", event.IntOf(200)}, field{"http.response.phrase", event.TextOf("OK")}, field{"http.response.version", event.TextOf("HTTP/1.1")},
		field{"http.response.headers", event.PairsOf(&response)}, field{"http.response.content_length", event.IntOf(27)},
		field{"http.response.body.size", event.IntOf(27)}, field{"http.response.body.captured", event.IntOf(27)},
		field{"http.response.body.encoding", event.Value{}}, field{"http.response.body.text", event.TextOf(`{"id":42,"name":"A. Turing"}`)},
		field{"http.response.body.truncated", event.BoolOf(false)}, field{"http.response.body.gaps", event.Value{}},
		field{"timing.connect_ms", event.MillisOf(1203000)}, field{"timing.send_ms", event.MillisOf(0)}, field{"timing.wait_ms", event.MillisOf(12345678)},
		field{"timing.receive_ms", event.MillisOf(310000)}, field{"timing.total_ms", event.MillisOf(12655678)}, field{"timing.stalled_ms", event.MillisOf(0)},
	)
}

func BenchmarkExchange(b *testing.B) {
	s := New(io.Discard, Options{})
	batch := make([]event.Event, 64)
	for i := range batch {
		batch[i] = at(exchange())
	}
	b.SetBytes(int64(len(newEncoder(Options{}).Append(nil, &batch[0])) * len(batch)))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Emit(batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(batch)), "ns/event")
}

// FuzzValues puts arbitrary bytes in every kind of value: the line must be
// strict JSON that gives them back.
func FuzzValues(f *testing.F) {
	f.Add("plain", []byte("x"), int64(1), true)
	f.Add("\xff\x1b[2J\u009b\u202e\"\\\n", []byte{0, 0xff}, int64(math.MinInt64), false)
	f.Add("", []byte(nil), int64(-1), false)
	f.Fuzz(func(t *testing.T, s string, p []byte, n int64, dir bool) {
		pairs := []event.Pair{{Name: s, Value: string(p)}}
		ranges := []event.Range{{Off: uint64(n), Len: uint64(len(s))}}
		ints := []uint64{uint64(n)}
		inner := []field{{"a.text", event.TextOf(s)}, {"a.raw", event.BytesOf(&p)}, {"h", event.PairsOf(&pairs)}}
		objects := []event.Fields{all(inner), all(nil), all(inner)}
		e := at(newFact("k", field{"tcp.s", event.StringOf(s)}, field{"x.y.t", event.TextOf(s)}, field{"x.text", event.TextOf(string(p))},
			field{"x.raw", event.BytesOf(&p)}, field{"x.n", event.IntOf(n)}, field{"x.b", event.BoolOf(dir)}, field{"x.d", event.MillisOf(time.Duration(n))},
			field{"y.h", event.PairsOf(&pairs)}, field{"y.r", event.RangesOf(&ranges)}, field{"y.i", event.IntsOf(&ints)}, field{"y.o", event.ObjectsOf(&objects)}))
		e.HasDir, e.Nanos = dir, n
		line := encode(t, Options{}, []event.Event{e})
		got, err := ndjsontest.Decode([]byte(line))
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		x, y := got["x"].(map[string]any), got["y"].(map[string]any)
		mustHold(t, x["y"].(map[string]any), "t", "t_base64", s)
		mustHold(t, x, "text", "base64", string(p))
		pair := y["h"].([]any)[0].([]any)
		mustBe(t, pair[0], s)
		mustBe(t, pair[1], string(p))
		first := y["o"].([]any)[0].(map[string]any)
		mustHold(t, first["a"].(map[string]any), "text", "base64", s)
		if p != nil {
			mustHold(t, x, "", "raw", string(p))
		}
		if d, err := time.ParseDuration(x["d"].(interface{ String() string }).String() + "ms"); err != nil || d != time.Duration(n) {
			t.Fatalf("%d ns comes back as %d, %v", n, d, err)
		}
		if at, err := time.Parse(time.RFC3339Nano, got["time"].(string)); err != nil || at.UnixNano() != n {
			t.Fatalf("time %d comes back as %v, %v", n, at, err)
		}
	})
}

// mustHold checks that one of the two siblings, and only one, gives s back.
func mustHold(t *testing.T, object map[string]any, plain, encoded, s string) {
	t.Helper()
	text, isText := object[plain]
	b64, isBase64 := object[encoded]
	switch {
	case isText == isBase64:
		t.Fatalf("%q: %s is %v and %s is %v", s, plain, text, encoded, b64)
	case isText && text != s:
		t.Fatalf("%q comes back as %q", s, text)
	case isBase64:
		mustBe(t, map[string]any{"base64": b64}, s)
	}
}

// mustBe checks that a component of a pair gives s back.
func mustBe(t *testing.T, v any, s string) {
	t.Helper()
	if object, ok := v.(map[string]any); ok {
		raw, err := base64.StdEncoding.DecodeString(object["base64"].(string))
		if err != nil || len(object) != 1 {
			t.Fatalf("%v: %v", object, err)
		}
		v = string(raw)
	}
	if v != s {
		t.Fatalf("%q comes back as %q", s, v)
	}
}
