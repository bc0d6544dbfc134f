package talk

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/internal/wsframe"
)

// Talk is one conversation and what is expected of it.
type Talk struct {
	Name     string
	Limits   dissect.Limits
	Mid      bool
	Firm     bool
	steps    []step
	facts    []expected
	progress []expected
	where    string
}

// step is one line that happens.
type step struct {
	op    string // "data", "gap", "snaplen", "fin", "rst", "expire", "owed", "wait", "stall", "connect"
	dir   flow.Dir
	data  []byte
	n     int64
	unack bool
	known bool // dir is whose RST it is
	whole bool // never cut
}

// Parse reads the talks of a file.
func Parse(path string) ([]Talk, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("talk: %w", err)
	}
	var talks []Talk
	for i, line := range join(string(text)) {
		where := fmt.Sprintf("%s:%d", path, i+1)
		switch {
		case strings.HasPrefix(line, "== "):
			talks = append(talks, Talk{Name: line[3:], Limits: dissect.DefaultLimits(), where: where})
		case line == "" || line[0] == '#':
		case len(talks) == 0:
			return nil, fmt.Errorf("%s: a line before the first talk", where)
		default:
			if err := talks[len(talks)-1].add(line); err != nil {
				return nil, fmt.Errorf("%s: %w", where, err)
			}
		}
	}
	return talks, nil
}

// join puts lines together that go on; what was joined leaves empty lines, so
// that line numbers stay right.
func join(text string) []string {
	lines := strings.Split(text, "\n")
	for i := len(lines) - 2; i >= 0; i-- {
		if head, ok := strings.CutSuffix(lines[i], `\`); ok && !strings.HasSuffix(head, `\`) {
			lines[i] = head + strings.TrimLeft(lines[i+1], " \t")
			lines[i+1] = ""
		}
	}
	return lines
}

// Add appends a line. It panics where that cannot be read: it is for lines
// that are written in a test.
func (t *Talk) Add(line string) {
	if err := t.add(line); err != nil {
		panic(err)
	}
}

// AddData appends a segment.
func (t *Talk) AddData(dir flow.Dir, p []byte) {
	t.steps = append(t.steps, step{op: "data", dir: dir, data: p})
}

func (t *Talk) add(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case ">", "<", ">~", "<~", ">|", "<|":
		data, err := unescape(rest)
		t.steps = append(t.steps, step{op: "data", dir: dirOf(word[0]), data: data,
			unack: strings.HasSuffix(word, "~"), whole: strings.HasSuffix(word, "|")})
		return err
	case "!>", "!<":
		return t.number("gap", dirOf(word[1]), rest)
	case "~>", "~<":
		return t.number("snaplen", dirOf(word[1]), rest)
	case ".>", ".<", ".>~", ".<~":
		t.steps = append(t.steps, step{op: "fin", dir: dirOf(word[1]), unack: strings.HasSuffix(word, "~")})
	case "RST", "EXPIRE":
		s := step{op: strings.ToLower(word), known: rest != ""}
		if s.known {
			s.dir = dirOf(rest[0])
		}
		t.steps = append(t.steps, s)
	case "owed":
		t.steps = append(t.steps, step{op: word, dir: dirOf(rest[0])})
	case "wait", "connect":
		return t.number(word, 0, rest)
	case "stall":
		return t.number(word, dirOf(rest[0]), rest[2:])
	case "set":
		return t.set(rest)
	case "mid":
		t.Mid = true
	case "firm":
		t.Firm = true
	case "=", "+":
		e, err := parseExpected(rest)
		if word == "=" {
			t.facts = append(t.facts, e)
		} else {
			t.progress = append(t.progress, e)
		}
		return err
	default:
		return fmt.Errorf("unknown line %q", line)
	}
	return nil
}

func dirOf(c byte) flow.Dir {
	if c == '<' {
		return flow.ServerToClient
	}
	return flow.ClientToServer
}

func (t *Talk) number(op string, dir flow.Dir, text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	t.steps = append(t.steps, step{op: op, dir: dir, n: n})
	return err
}

func (t *Talk) set(text string) error {
	name, value, _ := strings.Cut(text, "=")
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return err
	}
	l := &t.Limits
	ints := map[string]*int{
		"probe": &l.Probe, "carry": &l.Carry, "head": &l.Head, "lines": &l.Lines, "exchanges": &l.Exchanges, "ranges": &l.Ranges,
		"windows": &l.Windows,
	}
	longs := map[string]*int64{"body": &l.Body, "decoded": &l.Decoded, "ratio": &l.Ratio}
	switch {
	case ints[name] != nil:
		*ints[name] = int(n)
	case longs[name] != nil:
		*longs[name] = n
	default:
		return fmt.Errorf("unknown limit %q", name)
	}
	return nil
}

// unescape reads BYTES.
func unescape(s string) ([]byte, error) {
	b, rest, err := unescapeTo(s, false)
	if err == nil && rest != "" {
		err = fmt.Errorf("stray %q", rest)
	}
	return b, err
}

// unescapeTo reads BYTES up to the brace that closes them, if they are inside.
func unescapeTo(s string, inside bool) (b []byte, rest string, err error) {
	simple := map[byte]byte{'r': '\r', 'n': '\n', 't': '\t', '\\': '\\', '}': '}'}
	for s != "" {
		switch {
		case s[0] == '}' && inside:
			return b, s[1:], nil
		case s[0] != '\\':
			b, s = append(b, s[0]), s[1:]
		case len(s) > 1 && simple[s[1]] != 0:
			b, s = append(b, simple[s[1]]), s[2:]
		case len(s) > 3 && s[1] == 'x':
			n, err := strconv.ParseUint(s[2:4], 16, 8)
			if err != nil {
				return nil, "", err
			}
			b, s = append(b, byte(n)), s[4:]
		case len(s) > 1 && s[1] == '{':
			name, inner, _ := strings.Cut(s[2:], ":")
			var data []byte
			if data, s, err = unescapeTo(inner, true); err != nil {
				return nil, "", err
			}
			if data, err = apply(name, data); err != nil {
				return nil, "", err
			}
			b = append(b, data...)
		default:
			return nil, "", fmt.Errorf("bad escape in %q", s)
		}
	}
	if inside {
		return nil, "", io.ErrUnexpectedEOF
	}
	return b, "", nil
}

// apply is what \{NAME:BYTES} stands for.
func apply(name string, p []byte) ([]byte, error) {
	if n, err := strconv.Atoi(name); err == nil {
		return bytes.Repeat(p, n), nil
	}
	if words := strings.Fields(name); len(words) > 0 && words[0] == "ws" {
		return wsframe.Frame(words[1:], p)
	}
	if history, ok := strings.CutPrefix(name, "pmd="); ok || name == "pmd" {
		return wsframe.Deflate([]byte(strings.TrimPrefix(history, "pmd")), p)
	}
	var b bytes.Buffer
	var w io.WriteCloser
	switch name {
	case "chunk":
		if len(p) == 0 {
			return []byte("0\r\n\r\n"), nil
		}
		return fmt.Appendf(nil, "%x\r\n%s\r\n", len(p), p), nil
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		var err error
		if w, err = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1)); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("unknown escape %q", name)
	}
	if _, err := w.Write(p); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}
