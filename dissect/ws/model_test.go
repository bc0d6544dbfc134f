package ws_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/wirewatch/dissect/talk"
	"example.com/wirewatch/flow"
)

// TestModel has both ends send frames at random, right and wrong ones, and
// wants what a model of RFC 6455 makes of them, which reads frames rather than
// bytes.
func TestModel(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(4, seed))
		conv := open(terms{})
		var ends [2]model
		for range 1 + r.IntN(25) {
			dir := flow.Dir(r.IntN(2))
			var segment []byte
			for range 1 + r.IntN(3) {
				x := ends[dir].next(r)
				ends[dir].read(x)
				segment = append(segment, x.bytes(t, dir)...)
			}
			conv.AddData(dir, segment)
		}
		heard := after(t, check(t, conv, 2))
		for dir := range flow.Dir(2) {
			ends[dir].cut("capture-end")
			compare(t, fmt.Sprintf("seed %d, %s", seed, dir), facts(heard, dir), ends[dir].told)
		}
	}
}

// modelFrame is a frame, and what is wrong with it.
type modelFrame struct {
	opcode  int
	fin     bool
	rsv     string // words of wsframe
	form    string
	badMask bool
	payload string
}

func (x *modelFrame) bytes(t *testing.T, dir flow.Dir) []byte {
	words := fmt.Sprintf("op=%d %s %s", x.opcode, x.rsv, x.form)
	if !x.fin {
		words += " nofin"
	}
	if (dir == flow.ClientToServer) != x.badMask {
		words += " mask"
	}
	return mustFrame(t, words, []byte(x.payload))
}

// model is one end: the message in progress, and what is to be told.
type model struct {
	on      bool
	opcode  int // of the message, 0 if it began with a continuation
	frames  int
	payload string
	invalid bool // it was said that the message is not UTF-8
	wrong   map[string]int
	told    []string
}

// next is what the end sends next. Most frames are right.
func (m *model) next(r *rand.Rand) modelFrame {
	x := modelFrame{fin: r.IntN(3) > 0, payload: randomText(r), opcode: []int{1, 2, 9, 1, 2, 1}[r.IntN(6)]}
	if m.on && x.opcode < 3 && r.IntN(6) > 0 {
		x.opcode = 0
	}
	if x.opcode > 7 {
		x.fin = true
	}
	switch r.IntN(24) {
	case 0:
		x.rsv = []string{"rsv2", "rsv3", "rsv2 rsv3"}[r.IntN(3)]
	case 1:
		x.badMask = true
	case 2:
		x.opcode = []int{3, 4, 5, 6, 7, 11, 12, 13, 14, 15}[r.IntN(10)]
	case 3:
		x.form = []string{"len16", "len64"}[r.IntN(2)]
	case 4:
		x.opcode, x.fin = 9, false
	case 5:
		x.opcode, x.payload = 9, strings.Repeat("p", 126+r.IntN(200))
	case 6:
		x.opcode = r.IntN(3)
	}
	return x
}

// randomText is mostly UTF-8, and may be cut within a character.
func randomText(r *rand.Rand) string {
	s := strings.Repeat([]string{"a", "é", "€", "𝄞", ""}[r.IntN(5)], r.IntN(50))
	switch r.IntN(12) {
	case 0:
		s += "\xff"
	case 1, 2:
		s = s[:r.IntN(len(s)+1)]
	case 3:
		s = s[r.IntN(len(s)+1):]
	}
	return s
}

// read is RFC 6455 §5 for a frame that came whole.
func (m *model) read(x modelFrame) {
	control := x.opcode > 7
	known := x.opcode < 3 || x.opcode == 9
	m.say(x.badMask, "mask")
	m.say(x.rsv != "", "ws.rsv_unexpected")
	m.say(!known, "ws.opcode_reserved")
	m.say(x.form == "len16" && len(x.payload) < 126 || x.form == "len64" && len(x.payload) < 65536, "ws.length_not_minimal")
	m.say(control && known && !x.fin, "ws.control_fragmented")
	m.say(control && known && len(x.payload) > 125, "ws.control_too_long")
	switch {
	case !known:
	case control:
		m.tell("ping %d", len(x.payload))
	default:
		m.data(x)
	}
}

// data is a data frame (§5.4).
func (m *model) data(x modelFrame) {
	if x.opcode != 0 && m.on {
		m.say(true, "ws.continuation_missing")
		m.cut("malformed")
	}
	m.say(x.opcode == 0 && !m.on, "ws.continuation_unexpected")
	if !m.on {
		m.on, m.opcode, m.frames, m.payload, m.invalid = true, x.opcode, 0, "", false
	}
	m.frames++
	m.payload += x.payload
	if m.opcode == 1 && !m.invalid && (x.fin && !utf8.ValidString(m.payload) || broken(m.payload)) {
		m.invalid = true
		m.say(true, "ws.utf8_invalid")
	}
	switch {
	case !x.fin:
	case m.opcode == 0:
		m.cut("malformed")
	default:
		m.cut("")
	}
}

// broken reports that s is no beginning of any text.
func broken(s string) bool {
	for s != "" {
		c, n := utf8.DecodeRuneInString(s)
		if c == utf8.RuneError && n == 1 {
			return utf8.FullRuneInString(s)
		}
		s = s[n:]
	}
	return false
}

// cut tells the message in progress.
func (m *model) cut(why string) {
	if !m.on {
		return
	}
	m.on = false
	if m.opcode == 0 {
		why = "malformed"
	}
	size := len(m.payload)
	if m.opcode == 1 && why != "" { // what is there stays a text
		m.payload = m.payload[:len(m.payload)-unfinished(m.payload)]
	}
	m.tell("message %s %d in %d %q %s", []string{"", "text", "binary"}[m.opcode], size, m.frames, m.payload, why)
}

// unfinished is how many bytes at the end of s are a part of a character.
func unfinished(s string) int {
	for i := max(0, len(s)-3); i < len(s); i++ {
		if utf8.RuneStart(s[i]) && !utf8.FullRuneInString(s[i:]) {
			return len(s) - i
		}
	}
	return 0
}

func (m *model) say(is bool, code string) {
	if !is {
		return
	}
	if m.wrong == nil {
		m.wrong = map[string]int{}
	}
	if m.wrong[code]++; m.wrong[code] <= 10 { // and no more are told
		m.told = append(m.told, code)
	}
}

func (m *model) tell(format string, args ...any) {
	m.told = append(m.told, fmt.Sprintf(format, args...))
}

// facts are those of one sender, as the model tells them.
func facts(heard []talk.Heard, dir flow.Dir) (list []string) {
	for i := range heard {
		f := heard[i].Fields()
		if f["from"] != dir.String() {
			continue
		}
		switch heard[i].Body.Kind() {
		case "anomaly":
			code := f["anomaly.code"]
			if strings.HasPrefix(code, "ws.mask_") {
				code = "mask"
			}
			list = append(list, code)
		case "websocket.control":
			list = append(list, fmt.Sprintf("ping %s", f["websocket.size"]))
		case "websocket.message":
			payload, isText := f["websocket.text"]
			if !isText {
				b, _ := base64.StdEncoding.DecodeString(f["websocket.base64"])
				payload = string(b)
			}
			list = append(list, fmt.Sprintf("message %s %s in %s %q %s", f["websocket.opcode"], f["websocket.size"], f["websocket.frames"], payload, f["incomplete"]))
		}
	}
	return list
}

// compare wants the same facts in the same order, and the same anomalies, whose
// order within a frame is nobody's business.
func compare(t *testing.T, where string, got, want []string) {
	t.Helper()
	gotFacts, gotWrong := part(got)
	wantFacts, wantWrong := part(want)
	for i := range max(len(gotFacts), len(wantFacts)) {
		if g, w := at(gotFacts, i), at(wantFacts, i); g != w {
			t.Fatalf("%s: fact %d: %s, want %s", where, i+1, g, w)
		}
	}
	if !slices.Equal(gotWrong, wantWrong) {
		t.Errorf("%s: anomalies %q, want %q", where, gotWrong, wantWrong)
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "none"
}

// part takes facts and anomalies apart; these come sorted.
func part(list []string) (facts, wrong []string) {
	for _, s := range list {
		if strings.Contains(s, " ") {
			facts = append(facts, s)
		} else {
			wrong = append(wrong, s)
		}
	}
	slices.Sort(wrong)
	return facts, wrong
}
