package ndjson

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.com/wirewatch/event"
	"example.com/wirewatch/export/ndjson/ndjsontest"
)

// namesFrom makes of any bytes a list of names as a Body may have them: those
// with a prefix in common stand together, and none is the prefix of another.
func namesFrom(data []byte) []string {
	var names []string
	var name strings.Builder
	for _, c := range data {
		switch {
		case c%8 == 7 && name.Len() > 0:
			names = append(names, name.String()+"z")
			name.Reset()
		case c%8 == 6 && name.Len() > 0 && !strings.HasSuffix(name.String(), "."):
			name.WriteByte('.')
		default:
			name.WriteByte("abcd"[c%4])
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(n string) bool {
		return strings.HasPrefix(n, "tcp.") || slices.ContainsFunc(names, func(m string) bool { return strings.HasPrefix(m, n+".") })
	})
}

// FuzzNames puts arbitrary names into two facts in turn: each line must be one
// object without a name that occurs twice, with every value at its path.
func FuzzNames(f *testing.F) {
	f.Add([]byte("\x00\x07\x00\x06\x01\x07\x00\x06\x02\x06\x03\x07"), []byte("\x01\x07"))
	f.Add([]byte("a.b.c"), []byte(nil))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		e := newEncoder(Options{})
		for _, names := range [][]string{namesFrom(one), namesFrom(two), namesFrom(one)} {
			var fields []field
			for i, name := range names {
				fields = append(fields, field{name, event.IntOf(i)})
			}
			ev := at(newFact("k", fields...))
			line := e.Append(nil, &ev)
			object, err := ndjsontest.Decode(line)
			if err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			for i, name := range names {
				if got := lookUp(object, name); fmt.Sprint(got) != fmt.Sprint(i) {
					t.Fatalf("%s is %v, want %d: %s", name, got, i, line)
				}
			}
		}
	})
}

// lookUp is the value at a path.
func lookUp(object map[string]any, path string) any {
	var v any = object
	for component := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[component]
	}
	return v
}

// There are more steps here than are remembered, so they displace each other.
func TestStepsShareTheirPlaces(t *testing.T) {
	enc := newEncoder(Options{})
	for round := range 2 {
		for i := range 3 * steps {
			name := fmt.Sprintf("a%d.b.c%d", i%7, i)
			ev := at(newFact("k", field{name, event.IntOf(1)}, field{name + "x.y", event.IntOf(2)}, field{"z", event.IntOf(3)}))
			if got, want := string(enc.Append(nil, &ev)), encode(t, Options{}, []event.Event{ev}); got != want {
				t.Fatalf("round %d: got %s, want %s", round, got, want)
			}
		}
	}
}
