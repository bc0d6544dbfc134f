package schema

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"example.com/wirewatch/event"
	"example.com/wirewatch/export/ndjson"
	"example.com/wirewatch/export/ndjson/ndjsontest"
	"example.com/wirewatch/flow"
)

var update = flag.Bool("update", false, "rewrite docs/FIELDS.md")

// compile also checks the schema against its own, that of draft 2020-12.
func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(JSON()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource("urn:wirewatch:schema:1", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("urn:wirewatch:schema:1")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fact is a Body with every field that the schema has for its kind.
type fact struct {
	kind   string
	fields []Field
	text   string // what the texts hold that may hold anything
}

func (f *fact) Kind() string         { return f.kind }
func (f *fact) Progress() bool       { return false }
func (f *fact) Digest() event.Digest { return event.Digest{} }
func (f *fact) Fields() event.Fields {
	return func(yield func(string, event.Value) bool) {
		for _, field := range f.fields {
			if !yield(strings.ReplaceAll(field.Name, "*", "some_name"), f.value(&field)) {
				return
			}
		}
	}
}

// chosen are values for the texts that must be one of a few.
var chosen = map[string]string{
	"tcp.opened": "midstream", "tcp.state": "FIN-WAIT-2", "tcp.client.state": "UNKNOWN", "tcp.server.state": "CLOSED", "tcp.closed": "half-closed",
	"tcp.closed_by": "server", "protocol": "http/1.1", "anomaly.code": "http.chunk_size_invalid", "anomaly.severity": "warn",
	"anomaly.spec": "RFC 9112 §7.1", "tcp.close_reason": "The client closed it.",
	"websocket.opened": "handshake", "websocket.opcode": "text", "websocket.rpc.protocol": "json-rpc",
	"websocket.rpc.kind": "request", "websocket.close.by": "client", "websocket.close.name": "going away",
}

func (f *fact) value(field *Field) event.Value {
	var (
		pairs   = []event.Pair{{Name: f.text, Value: "v"}, {Name: "n", Value: f.text}}
		ranges  = []event.Range{{Off: 0, Len: 1}}
		objects = []event.Fields{func(yield func(string, event.Value) bool) {
			_ = yield("code", event.IntOf(103)) && yield("headers", event.PairsOf(&pairs))
		}}
		messages = []event.Fields{func(yield func(string, event.Value) bool) {
			_ = yield("kind", event.StringOf("response")) && yield("method", event.TextOf(f.text)) && yield("latency_ms", event.MillisOf(1500001))
		}}
		raw = []byte(f.text)
	)
	switch field.Type {
	case "text":
		if s, ok := chosen[field.Name]; ok {
			return event.StringOf(s)
		}
		return event.TextOf(f.text)
	case "integer":
		if field.Name == "http.response.code" {
			return event.IntOf(200)
		}
		return event.IntOf(8)
	case "number":
		return event.MillisOf(1500001)
	case "boolean":
		return event.BoolOf(true)
	case "time":
		return event.StringOf("2024-03-01T12:03:04.000000001Z")
	case "bytes":
		return event.BytesOf(&raw)
	case "pairs":
		return event.PairsOf(&pairs)
	case "ranges":
		return event.RangesOf(&ranges)
	case "objects":
		if field.Name == "websocket.rpc.batch" {
			return event.ObjectsOf(&messages)
		}
		return event.ObjectsOf(&objects)
	}
	return event.Value{}
}

// envelope are the fields that do not come from a Body.
var envelope = []string{"kind", "time", "frame.number", "frame.first", "tcp.stream", "client.ip", "client.port", "server.ip", "server.port",
	"from", "exchange", "complete", "incomplete"}

// bodyFields are the fields that a Body of a kind may have, those of TCP first.
func bodyFields(kind string) []Field {
	list := slices.DeleteFunc(Fields(), func(f Field) bool {
		return !slices.Contains(f.Kinds, kind) || slices.Contains(envelope, f.Name)
	})
	slices.SortStableFunc(list, func(a, b Field) int {
		return strings.Compare(b.Name[:min(4, len(b.Name))], a.Name[:min(4, len(a.Name))])
	})
	return list
}

// record is the line of a fact of that kind with every field that it may have.
func record(t *testing.T, kind, text string) []byte {
	t.Helper()
	body := &fact{kind: kind, fields: bodyFields(kind), text: text}
	if !utf8.ValidString(text) { // the text itself is under the name base64 then
		body.fields = slices.DeleteFunc(body.fields, func(f Field) bool { return strings.HasSuffix(f.Name, ".base64") })
	}
	e := event.Event{Frame: 9, First: 2, Nanos: 1, Incomplete: event.Gap, Body: body}
	has := func(name string) bool {
		return slices.ContainsFunc(Fields(), func(f Field) bool { return f.Name == name && slices.Contains(f.Kinds, kind) })
	}
	if has("tcp.stream") {
		e.Ends = &flow.Ends{Client: netip.MustParseAddrPort("10.0.0.1:1"), Server: netip.MustParseAddrPort("[::ffff:10.0.0.2]:80")}
	}
	if e.HasDir = has("from"); has("exchange") {
		e.Exchange = 1
	}
	var out bytes.Buffer
	if err := ndjson.New(&out, ndjson.Options{}).Emit([]event.Event{e}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func decode(t *testing.T, line []byte) map[string]any {
	t.Helper()
	object, err := ndjsontest.Decode(line)
	if err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return object
}

func TestRecordsWithEveryField(t *testing.T) {
	s := compile(t)
	for _, k := range Kinds() {
		for _, text := range []string{"some text", "not UTF-8: \xff"} {
			line := record(t, k.Name, text)
			object := decode(t, line)
			if err := s.Validate(object); err != nil {
				t.Errorf("%s: %v\n%s", k.Name, err, line)
			}
			if text != "some text" {
				continue
			}
			for _, f := range Fields() {
				if has := lookUp(object, f.Name) != nil; has != slices.Contains(f.Kinds, k.Name) {
					t.Errorf("%s: has %s: %v", k.Name, f.Name, has)
				}
			}
		}
	}
}

// lookUp is the value at the path of a field.
func lookUp(object map[string]any, name string) any {
	var v any = object
	for component := range strings.SplitSeq(strings.ReplaceAll(name, "*", "some_name"), ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[component]
	}
	return v
}

// The schema must refuse a record when a member is added to any of its objects,
// or when any value is of another type.
func TestRefusesWhatIsWrong(t *testing.T) {
	s := compile(t)
	for _, k := range Kinds() {
		object := decode(t, record(t, k.Name, "some text"))
		change(object, k.Name, func(path string) {
			if s.Validate(object) == nil {
				t.Errorf("a record with a wrong %s is valid", path)
			}
		})
		if err := s.Validate(object); err != nil {
			t.Errorf("%s: the record was not restored: %v", k.Name, err)
		}
	}
}

// change makes one change after the other to an object, calls check after each,
// and undoes it.
func change(object map[string]any, path string, check func(string)) {
	object["unknown"] = []any{}
	check(path + ".unknown")
	delete(object, "unknown")
	for _, name := range slices.Sorted(maps.Keys(object)) {
		was := object[name]
		if inner, ok := was.(map[string]any); ok {
			change(inner, path+"."+name, check)
		}
		object[name] = []any{[]any{}}
		check(path + "." + name)
		object[name] = was
	}
}

func TestRefusesContradictions(t *testing.T) {
	s := compile(t)
	for name, spoil := range map[string]func(map[string]any){
		"complete, and why not":       func(o map[string]any) { o["complete"] = true },
		"incomplete, without why":     func(o map[string]any) { delete(o, "incomplete") },
		"no kind":                     func(o map[string]any) { delete(o, "kind") },
		"another kind":                func(o map[string]any) { o["kind"] = "http.exchanges" },
		"the fields of another kind":  func(o map[string]any) { o["kind"] = "tcp.flow" },
		"no frame":                    func(o map[string]any) { delete(o, "frame") },
		"no flow":                     func(o map[string]any) { delete(o, "tcp") },
		"a time without nanoseconds":  func(o map[string]any) { o["time"] = "2024-03-01T12:03:04Z" },
		"a time that does not exist":  func(o map[string]any) { o["time"] = "2024-13-01T12:03:04.000000000Z" },
		"a sender that is not an end": func(o map[string]any) { o["from"] = "proxy" },
		"an address that is none":     func(o map[string]any) { o["client"].(map[string]any)["ip"] = "10.0.0.1.2" },
		"a port that is none":         func(o map[string]any) { o["client"].(map[string]any)["port"] = json.Number("65536") },
	} {
		object := decode(t, record(t, "http.exchange", "some text"))
		if spoil(object); s.Validate(object) == nil {
			t.Errorf("%s: the record is valid", name)
		}
	}
}

func TestGoldenRecords(t *testing.T) {
	files, err := filepath.Glob("../testdata/pcaps/*.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("NO GOLDEN RECORDS: there is no testdata/pcaps/*.ndjson, so none was validated")
	}
	s := compile(t)
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			if object, err := ndjsontest.Decode(line); err != nil {
				t.Errorf("%s: %v\n%s", name, err, line)
			} else if err := s.Validate(object); err != nil {
				t.Errorf("%s: %v\n%s", name, err, line)
			}
		}
	}
}

func TestEveryFieldIsDescribed(t *testing.T) {
	for _, f := range Fields() {
		if f.Title == "" || len(f.Description) < 20 || !strings.HasSuffix(f.Description, ".") || strings.ContainsAny(f.Description, "|\n") {
			t.Errorf("%s: title %q, description %q", f.Name, f.Title, f.Description)
		}
		if ms := strings.HasSuffix(f.Name, "_ms"); ms != (f.Unit == "ms" && f.Type == "number") {
			t.Errorf("%s is a %s in %q", f.Name, f.Type, f.Unit)
		}
		if !slices.Contains([]string{"text", "integer", "number", "boolean", "time", "address", "bytes", "pairs", "ranges", "objects"}, f.Type) {
			t.Errorf("%s has the type %q", f.Name, f.Type)
		}
	}
}

// A name means the same in every kind that has it.
func TestFieldsAgreeBetweenKinds(t *testing.T) {
	var root node
	if err := json.Unmarshal(JSON(), &root); err != nil {
		t.Fatal(err)
	}
	all := map[string]Field{}
	for _, f := range Fields() {
		all[f.Name] = f
	}
	for _, one := range root.OneOf {
		w := walker{defs: root.Defs, fields: map[string]*Field{}}
		w.walk("", w.resolve(one))
		for name, f := range w.fields {
			if want := all[name]; name != "kind" && (f.Type != want.Type || f.Unit != want.Unit || f.Description != want.Description) {
				t.Errorf("%s means two things: %q and %q", name, f.Description, want.Description)
			}
		}
	}
}

// A field that claims to be Wireshark's is one of Wireshark's.
func TestWiresharkNames(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("NO TSHARK: the names that are said to be Wireshark's were not checked")
	}
	out, err := exec.Command(tshark, "-G", "fields").Output()
	if err != nil {
		t.Skip("TSHARK FAILED, the names that are said to be Wireshark's were not checked: ", err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if columns := strings.Split(line, "\t"); columns[0] == "F" {
			known[columns[2]] = true
		}
	}
	for _, f := range Fields() {
		if known[f.Name] != f.Wireshark {
			t.Errorf("%s: Wireshark has it: %v, the schema says %v", f.Name, known[f.Name], f.Wireshark)
		}
	}
}

func TestReferenceIsCurrent(t *testing.T) {
	const path = "../docs/FIELDS.md"
	if *update {
		if err := os.WriteFile(path, []byte(Markdown()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != Markdown() {
		t.Errorf("%s is not what the schema says (%v): run go generate ./schema", path, err)
	}
}

func TestListsAreTheCallersOwn(t *testing.T) {
	fields, kinds, doc := Fields(), Kinds(), JSON()
	fields[0], kinds[0], doc[0] = Field{}, Kind{}, 'x'
	if Fields()[0].Name == "" || Kinds()[0].Name == "" || JSON()[0] != '{' {
		t.Error("a change by one caller is seen by the next")
	}
}
