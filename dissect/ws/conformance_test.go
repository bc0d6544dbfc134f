package ws_test

import (
	"strings"
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/dissecttest"
	"example.com/wirewatch/dissect/ws"
	"example.com/wirewatch/event"
	"example.com/wirewatch/internal/wsframe"
)

// frame is a frame in the words of wsframe.
func frame(t testing.TB, words, payload string) string {
	t.Helper()
	p, err := wsframe.Frame(strings.Fields(words), []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// pmd is a compressed message that follows others.
func pmd(t testing.TB, history, message string) string {
	t.Helper()
	p, err := wsframe.Deflate([]byte(history), []byte(message))
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// upgraded is an offer as HTTP makes it, with what was agreed on.
func upgraded(extensions string) dissect.Offer {
	terms := []event.Pair{
		{Name: ":method", Value: "GET"}, {Name: ":uri", Value: "http://example.com/chat"},
		{Name: "Upgrade", Value: "websocket"}, {Name: "Connection", Value: "Upgrade"},
		{Name: "Sec-WebSocket-Key", Value: "dGhlIHNhbXBsZSBub25jZQ=="}, {Name: "Sec-WebSocket-Version", Value: "13"},
	}
	answer := []event.Pair{
		{Name: ":status", Value: "101"}, {Name: "Upgrade", Value: "websocket"}, {Name: "Connection", Value: "Upgrade"},
		{Name: "Sec-WebSocket-Accept", Value: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
	}
	if extensions != "" {
		x := event.Pair{Name: "Sec-WebSocket-Extensions", Value: extensions}
		terms, answer = append(terms, x), append(answer, x)
	}
	return dissect.Offer{Exchange: 1, Token: "websocket", Params: append(terms, answer...)}
}

func TestConformance(t *testing.T) {
	plain, deflate := upgraded(""), upgraded("permessage-deflate")
	c := func(words, payload string) dissecttest.Piece {
		return dissecttest.Client(frame(t, words+" mask", payload))
	}
	s := func(words, payload string) dissecttest.Piece { return dissecttest.Server(frame(t, words, payload)) }
	text := strings.Repeat("a text that repeats, ", 20)
	dissecttest.Run(t, ws.Spec, []dissecttest.Sample{
		{Name: "chat", Offer: plain, Pieces: []dissecttest.Piece{
			c("text", "Hello"), s("text", "Hello, you"), s("ping", "1"), c("pong", "1"), c("binary", "\x00\x01"),
			c("close", "\x03\xe8bye"), s("close", "\x03\xe8"),
		}},
		{Name: "fragments", Offer: plain, Pieces: []dissecttest.Piece{
			c("text nofin", "Gr\xc3"), c("ping", "x"), c("more nofin", "\xbc\xc3"), s("pong", "x"), c("more", "\x9fe"),
			s("binary nofin", text), s("more", text), s("text", "a text that is long enough to be found"),
		}},
		{Name: "deflate", Offer: deflate, Pieces: []dissecttest.Piece{
			s("text rsv1", pmd(t, "", text)), s("text rsv1", pmd(t, text, text)), s("text", "plain"),
			c("text rsv1 nofin", pmd(t, "", text)[:10]), c("more", pmd(t, "", text)[10:]), s("text rsv1", pmd(t, text+text, "other")),
		}},
		{Name: "many", Offer: plain, Pieces: []dissecttest.Piece{
			dissecttest.Server(strings.Repeat(frame(t, "text", "a tick of some clock"), 30)), c("text", "ok"),
		}},
		{Name: "wrong", Offer: plain, Pieces: []dissecttest.Piece{
			s("text mask", "a"), s("more", "b"), s("text nofin rsv2", "c"), s("op=5", "d"), s("ping nofin", "e"), s("ping", strings.Repeat("f", 200)),
			dissecttest.Client(frame(t, "text len64", "g")), c("text", "\xff"), c("close", "\x00"), c("text", "late"),
			s("text len=0x8000000000000001", "never"), s("text", "found again, as it is text"),
		}},
		{Name: "deflate that is wrong", Offer: deflate, Pieces: []dissecttest.Piece{
			s("text rsv1", "\xff\xff"), s("text rsv1", pmd(t, text, text)), s("ping rsv1", ""), s("text rsv1 nofin", "\xf2"), s("close", ""),
		}},
		{Name: "large", Offer: plain, Pieces: []dissecttest.Piece{
			s("binary", strings.Repeat("0123456789", 2000)), c("binary", strings.Repeat("0123456789", 2000)), s("text", "ok"),
		}},
	})
}
