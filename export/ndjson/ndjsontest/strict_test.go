package ndjsontest

import (
	"strings"
	"testing"
)

func TestDecodeRefuses(t *testing.T) {
	for line, want := range map[string]string{
		`{}`:                           "does not end in a newline",
		"{\"a\":\"\xff\"}\n":           "not UTF-8",
		"{\"a\":\"\u009b\"}\n":         "raw U+009B",
		"{\"a\":\n1}\n":                "raw U+000A",
		"{} {}\n":                      "something follows",
		"[1]\n":                        "not an object",
		"{\"a\":1,\"a\":2}\n":          "occurs twice",
		"[{\"a\":1},{\"b\":{}}\n":      "EOF",
		`{"a":{"b":1},"a":2}` + "\n":   "occurs twice",
		`{"x":[{"b":1,"b":2}]}` + "\n": "occurs twice",
		`{"x":` + "\n":                 "EOF",
		"\n":                           "EOF",
	} {
		if got, err := Decode([]byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Decode(%q) = %v, %v, want an error about %q", line, got, err, want)
		}
	}
}

func TestDecodeAllowsTheSameNameInTwoObjects(t *testing.T) {
	got, err := Decode([]byte(`{"a":{"b":1},"b":[{"b":2},{"b":[true,null,"x"]}]}` + "\n"))
	if err != nil || len(got) != 2 {
		t.Errorf("Decode = %v, %v", got, err)
	}
}
