package rpc

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// member is one, as encoding/json has it.
type member struct{ name, value string }

// oracle is the members of valid JSON; ok is false if p is none.
func oracle(p []byte) (list []member, ok bool) {
	d := json.NewDecoder(bytes.NewReader(p))
	if open, err := d.Token(); !json.Valid(p) || err != nil || open != json.Delim('{') && open != json.Delim('[') {
		return nil, false
	}
	object := bytes.TrimLeft(p, " \t\r\n")[0] == '{'
	for d.More() {
		var m member
		if object {
			name, _ := d.Token()
			m.name = name.(string)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, false
		}
		m.value = string(raw)
		list = append(list, m)
	}
	return list, true
}

// read is the members that we find, and how it ended.
func read(p string) (list []member, end ending, rest string) {
	m := members{p: p}
	for m.next() {
		name := make([]byte, 0, len(m.name)+2*utf8.UTFMax)
		list = append(list, member{replaced(plain(m.name, name)), m.value})
	}
	return list, m.end, m.p
}

// replaced is a text in which every byte that is not UTF-8 is a replacement
// character, as in the names that encoding/json gives.
func replaced(p string) string { return string([]rune(p)) }

// FuzzMembers: of valid JSON, the members are those that encoding/json finds, and
// those of its beginning are the first of them.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{
		`{}`, `[]`, ` [ 1 , "a" ] `, `{"a":1,"a":{"b":[]},"":null}`, `{"\u0061\ud83d\ude00\"\\":"\\\"","b":-1.5e+3}`,
		`[[[[{"a":"]"}]]],true,false]`, `{"a":"\ud800"}`, `{"a" : 1 , "b" : [ ] }`, `{"a":1`, `{"a":1,}`, "{\"\xff\":\"\xff\"}",
	} {
		f.Add([]byte(s), uint(3))
	}
	f.Fuzz(func(t *testing.T, p []byte, at uint) {
		got, end, rest := read(string(p))
		want, valid := oracle(p)
		if !valid {
			return
		}
		if end != whole || len(skipSpace(rest)) != 0 {
			t.Fatalf("%q: ended %d, and %q was left", p, end, rest)
		}
		compare(t, got, want)
		for _, m := range got {
			compareString(t, m.value)
		}
		body := bytes.TrimRight(p, " \t\r\n")
		begun := bytes.IndexAny(body, "[{")
		k := begun + 1 + int(at%uint(len(body)-begun-1))
		part, end, _ := read(string(body[:k]))
		if end != cut || len(part) > len(want) {
			t.Fatalf("%q: ended %d, with %d of %d members", body[:k], end, len(part), len(want))
		}
		if n := len(part); n > 0 {
			compare(t, part[:n-1], want[:n-1])
			if part[n-1].name != want[n-1].name || !strings.HasPrefix(want[n-1].value, part[n-1].value) {
				t.Errorf("%q: the last of the members is %q, want %q", body[:k], part[n-1], want[n-1])
			}
		}
	})
}

func compare(t *testing.T, got, want []member) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d members, want %d: %q, %q", len(got), len(want), got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
}

// compareString compares what a string says, and where it is clipped.
func compareString(t *testing.T, raw string) {
	t.Helper()
	var want string
	if json.Unmarshal([]byte(raw), &want) != nil || raw[0] != '"' || !utf8.ValidString(raw) {
		return
	}
	got, all := str(raw)
	switch {
	case all != (len(want) <= maxText), all && got != want, !strings.HasPrefix(want, got), !utf8.ValidString(got),
		!all && len(got) <= maxText-utf8.UTFMax:
		t.Errorf("%s: got %q, all of it %v, want %q", raw, got, all, want)
	case !is(raw, want) && len(want) < 20:
		t.Errorf("%s is not %q", raw, want)
	}
}

// The escapes of RFC 8259 §7, and what cannot be one: half of a surrogate pair
// stands for no character, and neither does what is no number.
func TestEscapes(t *testing.T) {
	for raw, want := range map[string]string{
		`\"\\\/\b\f\n\r\t`:         "\"\\/\b\f\n\r\t",
		`\u00e9\u00E9\u20ac`:       "éé€",
		`\ud83d\ude00`:             "😀",
		`\ud83d`:                   "�",
		`\ud83da`:                  "�a",
		`\ud83d\u0061`:             "�a",
		`\ude00\ud83d`:             "��",
		`\u12`:                     "�12",
		`\u12g4`:                   "�12g4",
		`\a`:                       "a",
		`\`:                        "�",
		strings.Repeat(`\n`, 129):  strings.Repeat("\n", 128),
		strings.Repeat(`\"é`, 100): strings.Repeat(`"é`, 42) + `"`,
	} {
		if got, _ := str(`"` + raw + `"`); got != want {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	}
}
