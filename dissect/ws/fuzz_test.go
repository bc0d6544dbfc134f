package ws_test

import (
	"path/filepath"
	"strings"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/talk"
	"example.com/wirewatch/dissect/ws"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/internal/wsframe"
)

// handed is the protocol as HTTP hands over to it, so that the talks of a fuzzer
// begin with frames.
func handed(extensions string) func() []dissect.Spec {
	return func() []dissect.Spec {
		spec := ws.Spec
		spec.Join = nil
		spec.Probe = func(role flow.Dir, _ []byte) dissect.Match {
			if role == flow.ClientToServer {
				return dissect.Yes
			}
			return dissect.Maybe
		}
		spec.New = func(o dissect.Offer) dissect.Dissector {
			offer := upgraded(extensions)
			offer.Swapped = o.Swapped
			return ws.Spec.New(offer)
		}
		return []dissect.Spec{spec}
	}
}

// seeds adds the talks of testdata, of which a fuzzer sees the bytes.
func seeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.talk")
	if err != nil || len(files) == 0 {
		f.Fatalf("no talks: %v", err)
	}
	for _, file := range files {
		talks, err := talk.Parse(file)
		if err != nil {
			f.Fatal(err)
		}
		for i := range talks {
			_, frames, _ := strings.Cut(string(talks[i].Bytes()), "\r\n\r\n")
			f.Add(uint64(i), talks[i].Bytes())
			f.Add(uint64(i), append([]byte{0, byte(min(len(frames), 127))}, frames...))
		}
	}
}

// consistent checks what must hold of every message.
func consistent(t *testing.T, heard []talk.Heard) {
	t.Helper()
	for _, h := range heard {
		m, ok := h.Body.(*ws.Message)
		if !ok {
			continue
		}
		end := uint64(0)
		for i, g := range m.Gaps {
			if g.Len == 0 || g.Off < end || i > 0 && g.Off == end || m.Size >= 0 && g.Off+g.Len > uint64(m.Size) {
				t.Errorf("gaps %v in %d bytes", m.Gaps, m.Size)
			}
			end = g.Off + g.Len
		}
		if kept := len(m.Text) + len(m.Binary); m.Size >= 0 && uint64(kept) > uint64(m.Size) {
			t.Errorf("%d bytes kept of %d", kept, m.Size)
		}
		if !m.Compressed && m.Size != int64(m.WireSize) {
			t.Errorf("%d bytes in %d on the wire", m.Size, m.WireSize)
		}
		if m.Size < 0 && h.Incomplete == event.Complete || m.Frames == 0 {
			t.Errorf("size %d, %d frames, incomplete %q", m.Size, m.Frames, h.Incomplete)
		}
	}
}

// FuzzFrames: whatever is sent, in whatever pieces, with whatever holes, the
// facts are the same, and sizes add up.
func FuzzFrames(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, seed uint64, b []byte) {
		extensions := [...]string{"", "permessage-deflate", "permessage-deflate; server_no_context_takeover; client_max_window_bits=9", "x-other"}
		consistent(t, talk.FromBytes(b).Check(t, handed(extensions[seed%4]), seed))
	})
}

// FuzzHandshake: no field makes trouble, however it is sent, and what is agreed
// on is in bounds.
func FuzzHandshake(f *testing.F) {
	f.Add("GET", "websocket", "Upgrade", "dGhlIHNhbXBsZSBub25jZQ==", "13", "permessage-deflate; client_max_window_bits=9", "chat")
	f.Add("POST", "h2c, websocket", "keep-alive", "AAAA", "8, 13", `a;b="c,d";e, permessage-deflate;server_max_window_bits="10";server_max_window_bits`, ",")
	f.Add("CONNECT", "", "", "", "", "permessage-deflate;;,,=;\"", "\xff")
	f.Fuzz(func(t *testing.T, method, upgrade, connection, key, version, extensions, protocol string) {
		fields := []event.Pair{
			{Name: "upgrade", Value: upgrade}, {Name: "connection", Value: connection}, {Name: "sec-websocket-key", Value: key},
			{Name: "sec-websocket-accept", Value: key}, {Name: "sec-websocket-version", Value: version},
			{Name: "sec-websocket-extensions", Value: extensions}, {Name: "sec-websocket-protocol", Value: protocol},
		}
		terms := append([]event.Pair{{Name: ":method", Value: method}, {Name: ":uri", Value: protocol}}, fields...)
		terms = append(append(terms, event.Pair{Name: ":status", Value: "101"}), fields...)
		spec := handed("")()[0]
		spec.New = func(dissect.Offer) dissect.Dissector {
			return ws.Spec.New(dissect.Offer{Exchange: 1, Token: "websocket", Params: terms})
		}
		c := talk.FromBytes(nil)
		c.Add("> x")
		opened := 0
		heard := c.Play([]dissect.Spec{spec})
		for _, h := range heard {
			o, ok := h.Body.(*ws.Open)
			if !ok {
				continue
			}
			if opened++; o.Deflate == nil {
				continue
			}
			for _, d := range o.Deflate {
				if d.WindowBits < 8 || d.WindowBits > 15 {
					t.Errorf("a window of %d bits", d.WindowBits)
				}
			}
		}
		if opened != 1 || len(heard) > 32 {
			t.Errorf("%d openings in %d facts", opened, len(heard))
		}
	})
}

// FuzzDeflate: messages that are compressed one after the other come out as they
// went in, in whatever frames; if the first is lost, those that are said to be
// whole are right, and all sizes are.
func FuzzDeflate(f *testing.F) {
	f.Add([]byte("Hello"), []byte("Hello, Hello"), []byte("other"), uint8(3), false)
	f.Add([]byte("{\"a\":1}"), []byte("{\"a\":2}"), []byte("{\"a\":1}"), uint8(0), true)
	f.Add([]byte(strings.Repeat("abc", 4000)), []byte{}, []byte("abcabcabc"), uint8(200), true)
	f.Fuzz(func(t *testing.T, first, second, third []byte, at uint8, lost bool) {
		if len(first)+len(second)+len(third) > 32<<10 {
			t.Skip("further back than a window reaches")
		}
		messages := [][]byte{first, second, third}
		c := talk.FromBytes(nil)
		c.Limits.Body = -1
		c.Add("> \\x89\\x80\\x00\\x00\\x00\\x00")
		var history []byte
		for i, m := range messages {
			frames := compressed(t, history, m, int(at))
			history = append(history, m...)
			if i == 0 && lost {
				frames = append([]byte{0xc2, 126, 1, 0}, 0) // a message of 256 bytes, of which one comes
				c.AddData(flow.ServerToClient, frames)
				c.Add("!< 255")
				continue
			}
			c.AddData(flow.ServerToClient, frames)
		}
		var got []*ws.Message
		var whole []bool
		for _, h := range c.Check(t, handed("permessage-deflate"), uint64(at)) {
			if m, ok := h.Body.(*ws.Message); ok {
				got, whole = append(got, m), append(whole, h.Incomplete == event.Complete)
			}
		}
		if len(got) != len(messages) {
			t.Fatalf("%d messages", len(got))
		}
		for i, m := range got {
			if i == 0 && lost {
				continue
			}
			if m.Size != int64(len(messages[i])) || !lost && !whole[i] || whole[i] && string(m.Binary) != string(messages[i]) {
				t.Errorf("message %d: %d bytes, whole %t: %q, want %q", i, m.Size, whole[i], m.Binary, messages[i])
			}
		}
	})
}

// compressed is a binary message in two frames, cut at a byte.
func compressed(t *testing.T, history, message []byte, at int) []byte {
	t.Helper()
	p, err := wsframe.Deflate(history, message)
	if err != nil {
		t.Fatal(err)
	}
	at = min(at, len(p))
	return []byte(frame(t, "binary rsv1 nofin", string(p[:at])) + frame(t, "more", string(p[at:])))
}
