package pcapgen

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"example.com/wirewatch/internal/wsframe"
)

// maxData bounds every count and every piece of data in bytes, so that a slip
// of the pen is an error and no hour of compiling.
const maxData = 64 << 20

// exprs evaluates data expressions; vars are the names that "let" gave.
type exprs struct{ vars map[string][]byte }

// item is what one prefix of a data expression does; its name has been taken.
type item func(e *exprs, t *tokens, name string) ([]byte, error)

// lookup is the prefix of that name, nil if there is none.
func (e *exprs) lookup(name string) item {
	switch name {
	case "hex":
		return (*exprs).hex
	case "rep", "each":
		return (*exprs).repeat
	case "zeros", "noise":
		return (*exprs).fill
	case "take", "skip", "but":
		return (*exprs).part
	case "wsframe", "wsmasked":
		return (*exprs).webSocket
	case "ws":
		return (*exprs).frame
	case "pmd", "pmdafter":
		return (*exprs).message
	case "h2frame":
		return (*exprs).h2
	case "body", "chunk":
		return (*exprs).braced
	}
	if codings[name] != nil {
		return (*exprs).braced
	}
	return nil
}

// starts tells whether a data item begins at the next token.
func (e *exprs) starts(t *tokens) bool {
	k := t.peek()
	return k.kind == str || k.kind == word && (strings.HasPrefix(k.text, "$") || e.lookup(k.text) != nil)
}

// all evaluates items for as long as there are any.
func (e *exprs) all(t *tokens) ([]byte, error) {
	var out []byte
	for e.starts(t) {
		p, err := e.one(t)
		if err != nil {
			return nil, err
		}
		if out = append(out, p...); len(out) > maxData {
			return nil, fmt.Errorf("more than %d bytes of data", maxData)
		}
	}
	return out, nil
}

// one evaluates one item.
func (e *exprs) one(t *tokens) ([]byte, error) {
	k := t.take()
	if k.kind == str {
		return []byte(k.text), nil
	}
	if name, ok := strings.CutPrefix(k.text, "$"); ok {
		if p, ok := e.vars[name]; ok {
			return p, nil
		}
		return nil, fmt.Errorf("%s is not defined", k.text)
	}
	if f := e.lookup(k.text); f != nil {
		return f(e, t, k.text)
	}
	return nil, fmt.Errorf("data expected, not %q", k.text)
}

func (e *exprs) hex(t *tokens, _ string) ([]byte, error) {
	k := t.take()
	p, err := hex.DecodeString(strings.Join(strings.Fields(k.text), ""))
	if err != nil || k.kind != str {
		return nil, fmt.Errorf("hex needs a string of hexadecimal digits, not %q", k.text)
	}
	return p, nil
}

func (e *exprs) repeat(t *tokens, name string) ([]byte, error) {
	n, p, err := e.counted(t, name)
	if err != nil {
		return nil, err
	}
	if n > 0 && len(p) > maxData/n {
		return nil, fmt.Errorf("%s makes more than %d bytes", name, maxData)
	}
	if name == "rep" {
		return bytes.Repeat(p, n), nil
	}
	var out []byte
	for i := range n {
		out = append(out, bytes.ReplaceAll(p, []byte("%d"), strconv.AppendInt(nil, int64(i+1), 10))...)
	}
	return out, nil
}

func (e *exprs) part(t *tokens, name string) ([]byte, error) {
	n, p, err := e.counted(t, name)
	if err != nil {
		return nil, err
	}
	if n > len(p) {
		return nil, fmt.Errorf("%s %d of only %d bytes", name, n, len(p))
	}
	switch name {
	case "take":
		return p[:n], nil
	case "but":
		return p[:len(p)-n], nil
	}
	return p[n:], nil
}

// counted is a number and an item.
func (e *exprs) counted(t *tokens, name string) (int, []byte, error) {
	n, err := t.number(name)
	if err != nil {
		return 0, nil, err
	}
	p, err := e.one(t)
	return n, p, err
}

func (e *exprs) fill(t *tokens, name string) ([]byte, error) {
	n, err := t.number(name)
	if err != nil {
		return nil, err
	}
	p := make([]byte, n)
	if name == "noise" {
		noise(p)
	}
	return p, nil
}

// noise fills p with the top bytes of a linear congruential generator (Knuth's
// MMIX constants), which no coding can compress and no release of Go changes.
func noise(p []byte) {
	x := uint64(1)
	for i := range p {
		x = x*6364136223846793005 + 1442695040888963407
		p[i] = byte(x >> 56)
	}
}

// braced is NAME{…}.
func (e *exprs) braced(t *tokens, name string) ([]byte, error) {
	if err := t.expect(open, "{", name); err != nil {
		return nil, err
	}
	p, err := e.all(t)
	if err != nil {
		return nil, err
	}
	if err := t.expect(shut, "}", name); err != nil {
		return nil, err
	}
	switch name {
	case "body":
		return append(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n", len(p)), p...), nil
	case "chunk":
		return fmt.Appendf(nil, "%x\r\n%s\r\n", len(p), p), nil
	}
	return codings[name](p)
}

// maskingKey is the one of the examples in RFC 6455 §5.7.
var maskingKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// webSocket is a frame with this first byte (FIN, RSV and opcode).
func (e *exprs) webSocket(t *tokens, name string) ([]byte, error) {
	first, err := strconv.ParseUint(t.take().text, 16, 8)
	if err != nil {
		return nil, fmt.Errorf("%s needs the first byte in hexadecimal", name)
	}
	p, err := e.one(t)
	if err != nil {
		return nil, err
	}
	out := []byte{byte(first)}
	switch n := len(p); {
	case n < 126:
		out = append(out, byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, 126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, 127), uint64(n))
	}
	if name == "wsframe" {
		return append(out, p...), nil
	}
	out[1] |= 0x80
	out = append(out, maskingKey[:]...)
	for i, b := range p {
		out = append(out, b^maskingKey[i%4])
	}
	return out, nil
}

// frame is a WebSocket frame that words describe.
func (e *exprs) frame(t *tokens, _ string) ([]byte, error) {
	var words []string
	for t.peek().kind == word && t.more() && !e.starts(t) {
		words = append(words, t.take().text)
	}
	p, err := e.one(t)
	if err != nil {
		return nil, err
	}
	return wsframe.Frame(words, p)
}

// message is what permessage-deflate makes of a message, with those before it as
// its context.
func (e *exprs) message(t *tokens, name string) (_ []byte, err error) {
	var history []byte
	if name == "pmdafter" {
		if history, err = e.one(t); err != nil {
			return nil, err
		}
	}
	p, err := e.one(t)
	if err != nil {
		return nil, err
	}
	return wsframe.Deflate(history, p)
}

// h2 is an HTTP/2 frame: type, flags, stream identifier, payload.
func (e *exprs) h2(t *tokens, name string) ([]byte, error) {
	var head [3]int
	for i := range head {
		n, err := t.number(name)
		if err != nil {
			return nil, err
		}
		head[i] = n
	}
	if head[0] > 0xff || head[1] > 0xff {
		return nil, fmt.Errorf("%s: type and flags are one byte each", name)
	}
	p, err := e.one(t)
	if err != nil {
		return nil, err
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(len(p))<<8|uint32(head[0])) // at most maxData
	out = append(out, byte(head[1]))
	out = binary.BigEndian.AppendUint32(out, uint32(head[2])) // at most maxData
	return append(out, p...), nil
}
