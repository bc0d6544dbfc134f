package wsframe

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
)

// The examples of RFC 6455 §5.7, and what no endpoint should send.
func TestFrame(t *testing.T) {
	long := strings.Repeat("x", 256)
	for words, want := range map[string]string{
		"text|Hello":                    "810548656c6c6f",
		"text mask|Hello":               "818537fa213d7f9f4d5158",
		"text nofin|Hel":                "010348656c",
		"more|lo":                       "80026c6f",
		"ping|Hello":                    "890548656c6c6f",
		"pong mask|Hello":               "8a8537fa213d7f9f4d5158",
		"binary|" + long:                "827e0100" + strings.Repeat("78", 256),
		"text len64|Hello":              "817f000000000000000548656c6c6f",
		"text len16|Hello":              "817e000548656c6c6f",
		"op=3 rsv2 rsv3 nofin|":         "3300",
		"text len=0x8000000000000001|":  "817f8000000000000001",
		"close mask=01020304 rsv1|\x03": "c8810102030402",
	} {
		w, payload, _ := strings.Cut(words, "|")
		got, err := Frame(strings.Fields(w), []byte(payload))
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %x (%v), want %s", words, got, err, want)
		}
	}
	for _, w := range []string{"tex", "op=16", "mask=zz", "len=x"} {
		if got, err := Frame([]string{w}, nil); err == nil {
			t.Errorf("%s: %x, want an error", w, got)
		}
	}
}

func TestDeflate(t *testing.T) {
	history, message := []byte("Hello, world"), []byte("world, Hello, world")
	p, err := Deflate(history, message)
	if err != nil {
		t.Fatal(err)
	}
	r := flate.NewReaderDict(bytes.NewReader(append(p, 0, 0, 0xff, 0xff)), history)
	got, err := io.ReadAll(r)
	if string(got) != string(message) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", got, err)
	}
	alone, err := Deflate(nil, message)
	if err != nil || len(alone) <= len(p) {
		t.Errorf("%d bytes with a context, %d without (%v)", len(p), len(alone), err)
	}
}
