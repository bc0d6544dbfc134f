package process

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"example.com/wirewatch/capture"
)

func messages() []message {
	owner := capture.Owner{
		Local:  netip.MustParseAddrPort("127.0.0.1:80"),
		Remote: netip.MustParseAddrPort("[2001:db8::1]:65535"),
		PID:    1<<32 - 1,
		Name:   strings.Repeat("n", MaxName),
	}
	nameless := owner
	nameless.Name = ""
	return []message{
		{kind: kindReady},
		{kind: kindFailed, text: "not permitted"},
		{kind: kindOwner, owner: owner},
		{kind: kindOwner, owner: nameless},
		{kind: kindStats, stats: Stats{1, 2, 3, 1<<64 - 1}},
	}
}

func TestMessages(t *testing.T) {
	var b []byte
	for _, m := range messages() {
		b = appendMessage(b, m)
	}
	r := bytes.NewReader(b)
	for _, want := range messages() {
		got, err := readMessage(r)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	if m, err := readMessage(r); !errors.Is(err, io.EOF) {
		t.Errorf("%+v, %v, want EOF", m, err)
	}
}

// TestMessagesAreBounded has what is too long for a message cut.
func TestMessagesAreBounded(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, m := range []message{{kind: kindFailed, text: long}, {kind: kindOwner, owner: capture.Owner{Name: long}}} {
		got, err := readMessage(bytes.NewReader(appendMessage(nil, m)))
		if err != nil || len(got.text)+len(got.owner.Name) == 0 || len(got.text) > 255 || len(got.owner.Name) > MaxName {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestBadMessages(t *testing.T) {
	for name, b := range map[string]string{
		"unknown kind":   "X\x00",
		"ready and more": "R\x01.",
		"short stats":    "S\x1f" + strings.Repeat(".", 31),
		"long stats":     "S\x21" + strings.Repeat(".", 33),
		"short owner":    "O\x27" + strings.Repeat(".", 39),
		"long name":      "O\x69" + strings.Repeat(".", 105),
	} {
		if m, err := readMessage(strings.NewReader(b)); !errors.Is(err, errProtocol) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	for _, b := range []string{"R", "O\x28...", "E\x01"} {
		if m, err := readMessage(strings.NewReader(b)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %+v, %v", b, m, err)
		}
	}
}

func TestMagic(t *testing.T) {
	if err := readMagic(strings.NewReader(magic)); err != nil {
		t.Error(err)
	}
	if err := readMagic(strings.NewReader("wwps\x02")); !errors.Is(err, errProtocol) {
		t.Errorf("another version: %v", err)
	}
	if err := readMagic(strings.NewReader("ww")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an early end: %v", err)
	}
}

// FuzzMessages checks that whatever is read as messages, is written as the same
// bytes: there is one way to say a thing.
func FuzzMessages(f *testing.F) {
	for _, m := range messages() {
		f.Add(appendMessage(nil, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		var again []byte
		for {
			m, err := readMessage(r)
			if err != nil {
				break
			}
			if len(m.owner.Name) > MaxName {
				t.Fatalf("a name of %d bytes", len(m.owner.Name))
			}
			again = appendMessage(again, m)
		}
		if !bytes.HasPrefix(b, again) {
			t.Fatalf("read  % x\nwrote % x", b, again)
		}
	})
}

// FuzzQuestions checks that both ends of a connection survive the way to a child.
func FuzzQuestions(f *testing.F) {
	f.Add(appendEnds(nil, ends{netip.MustParseAddrPort("127.0.0.1:80"), netip.MustParseAddrPort("[::1]:1")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < endsLen {
			return
		}
		if again := appendEnds(nil, parseEnds([endsLen]byte(b))); !bytes.Equal(again, b[:endsLen]) {
			t.Fatalf("read  % x\nwrote % x", b, again)
		}
	})
}
