package pcapgen

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// mods are the modifiers of a statement.
type mods struct {
	bits                             byte // of the words syn, synack, fin, rst, ack
	flags                            byte
	hasFlags                         bool
	seq, ack                         ref
	win                              int // -1: unchanged
	opts                             func(base uint32) []byte
	again, mss, frag, fragLost, snap int
	split                            []int
	lost, dup                        pick
	delays                           map[int]time.Duration // by segment, 0: every one
	stay, keepalive, tso, badSum     bool
	noAck, fragReverse               bool
}

func newMods() *mods { return &mods{win: -1, snap: maxSnaplen, delays: map[int]time.Duration{}} }

// pick is some of the segments of a statement.
type pick struct {
	all bool
	nth []int
}

func (p *pick) has(n int) bool {
	for _, i := range p.nth {
		if i == n {
			return true
		}
	}
	return p.all
}

// ref is a sequence number as a source writes it.
type ref struct {
	set  bool
	kind byte // '@' the number itself, '+' relative to the default, 0 a stream offset
	n    int64
}

// resolve is the sequence number, where def is the default and base that of
// stream offset 0.
func (r ref) resolve(def, base uint32) uint32 {
	n := uint32(r.n) // modulo 2^32
	switch {
	case !r.set:
		return def
	case r.kind == '+':
		return def + n
	case r.kind == '@':
		return n
	}
	return base + n
}

func parseRef(s string) (ref, error) {
	r := ref{set: true}
	if s != "" && (s[0] == '+' || s[0] == '-') {
		r.kind = '+'
	} else if rest, ok := strings.CutPrefix(s, "@"); ok {
		r.kind, s = '@', rest
	}
	var err error
	r.n, err = strconv.ParseInt(s, 10, 64)
	return r, err
}

// words are the modifiers without a value.
var words = map[string]func(*mods){
	"syn":         func(m *mods) { m.bits |= syn },
	"synack":      func(m *mods) { m.bits |= syn | ack },
	"fin":         func(m *mods) { m.bits |= fin | ack },
	"rst":         func(m *mods) { m.bits |= rst | ack },
	"ack":         func(m *mods) { m.bits |= ack },
	"stay":        func(m *mods) { m.stay = true },
	"keepalive":   func(m *mods) { m.keepalive, m.bits = true, m.bits|ack },
	"tso":         func(m *mods) { m.tso = true },
	"badsum":      func(m *mods) { m.badSum = true },
	"noack":       func(m *mods) { m.noAck = true },
	"fragreverse": func(m *mods) { m.fragReverse = true },
	"lost":        func(m *mods) { m.lost.all = true },
	"dup":         func(m *mods) { m.dup.all = true },
}

// parse takes one modifier.
func (m *mods) parse(t token) error {
	name, val, has := strings.Cut(t.text, "=")
	if set, ok := words[name]; ok && !has && t.kind == word {
		set(m)
		return nil
	}
	if t.kind != word || !has {
		return fmt.Errorf("unexpected %q", t.text)
	}
	if err := m.value(name, val); err != nil {
		return fmt.Errorf("%s: %w", t.text, err)
	}
	return nil
}

// value sets the modifier NAME=VALUE.
func (m *mods) value(name, val string) (err error) {
	switch name {
	case "flags":
		err = m.setFlags(val)
	case "seq":
		m.seq, err = parseRef(val)
	case "ack":
		m.ack, err = parseRef(val)
	case "opts":
		m.opts, err = parseOptions(val)
	case "split":
		m.split, err = numbers(val, maxData)
	case "lost":
		m.lost.nth, err = numbers(val, maxData)
	case "dup":
		m.dup.nth, err = numbers(val, maxData)
	case "delay":
		err = m.setDelay(val)
	default:
		return m.setNumber(name, val)
	}
	return err
}

// setNumber sets a modifier whose value is a count.
func (m *mods) setNumber(name, val string) error {
	vars := map[string]struct {
		p        *int
		min, max int
	}{
		"win": {&m.win, 0, 0xffff}, "again": {&m.again, 1, maxData}, "mss": {&m.mss, 1, maxSegment},
		"snap": {&m.snap, 1, maxSnaplen}, "frag": {&m.frag, 8, maxSegment}, "fraglost": {&m.fragLost, 1, maxData},
	}
	v, ok := vars[name]
	if !ok {
		return errors.New("unknown modifier")
	}
	n, err := strconv.Atoi(val)
	if err != nil || n < v.min || n > v.max {
		return fmt.Errorf("a number from %d to %d is needed", v.min, v.max)
	}
	if name == "frag" && n%8 != 0 {
		return errors.New("fragments are multiples of 8 bytes")
	}
	*v.p = n
	return nil
}

func (m *mods) setFlags(s string) error {
	m.hasFlags = true
	for _, r := range s {
		i := strings.IndexRune(flagLetters, r)
		if i < 0 {
			return fmt.Errorf("no control bit %q", r)
		}
		m.flags |= 1 << i
	}
	return nil
}

func (m *mods) setDelay(s string) error {
	nth, dur, some := strings.Cut(s, ":")
	if !some {
		nth, dur = "0", s
	}
	n, err := strconv.Atoi(nth)
	if err != nil || some && n < 1 {
		return fmt.Errorf("bad segment %q", nth)
	}
	m.delays[n], err = duration(dur)
	return err
}

func (m *mods) delayOf(nth int) time.Duration { return m.delays[0] + m.delays[nth] }

// empty tells that the modifiers alone make no segment.
func (m *mods) empty() bool {
	return m.bits == 0 && !m.hasFlags && m.win < 0 && !m.ack.set && m.opts == nil
}

// flagsOf are the control bits of part i of n: SYN on the first, PSH and what
// ends a stream on the last.
func (m *mods) flagsOf(i, n int, data bool) byte {
	if m.hasFlags {
		return m.flags
	}
	if m.bits == syn {
		return syn
	}
	f := byte(ack)
	if i == 0 {
		f |= m.bits & syn
	}
	if i == n-1 {
		f |= m.bits & (fin | rst)
		if data {
			f |= psh
		}
	}
	return f
}

// cut divides data into segments: at the offsets that were given, or else by
// size. No data are one empty segment.
func (m *mods) cut(data []byte, mss int) ([][]byte, error) {
	switch {
	case m.tso:
		if len(data) > maxOffload {
			return nil, fmt.Errorf("tso of more than %d bytes", maxOffload)
		}
		mss = maxOffload
	case m.mss > 0:
		mss = m.mss
	}
	var parts [][]byte
	last := 0
	for _, off := range append(m.split, len(data)) {
		if off < last || off > len(data) {
			return nil, fmt.Errorf("cannot split %d bytes at %d", len(data), off)
		}
		for ; last < off; last = min(last+mss, off) {
			parts = append(parts, data[last:min(last+mss, off)])
		}
	}
	if parts == nil {
		parts = [][]byte{nil}
	}
	return parts, nil
}

// numbers is a list of them, from 1 to most.
func numbers(s string, most int) ([]int, error) {
	var out []int
	for f := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(f)
		if err != nil || n < 1 || n > most {
			return nil, fmt.Errorf("bad number %q", f)
		}
		out = append(out, n)
	}
	return out, nil
}

// synOptions are those of a SYN that says nothing else.
func synOptions(mss int) []byte {
	o := binary.BigEndian.AppendUint16([]byte{2, 4}, uint16(mss)) // at most maxSegment
	return append(o, 4, 2, 1, 3, 3, 7, 1, 1)
}

// maxOptions is what the data offset leaves for options (RFC 9293 §3.1).
const maxOptions = 40

// parseOptions makes the options, given the sequence number of offset 0 of
// the peer's stream, to which SACK blocks refer.
func parseOptions(s string) (func(base uint32) []byte, error) {
	build := func(base uint32) ([]byte, error) {
		var out []byte
		for o := range strings.SplitSeq(s, ",") {
			p, err := option(o, base)
			if err != nil {
				return nil, err
			}
			out = append(out, p...)
		}
		for len(out)%4 != 0 {
			out = append(out, 1)
		}
		if len(out) > maxOptions {
			return nil, fmt.Errorf("more than %d bytes of options", maxOptions)
		}
		return out, nil
	}
	if _, err := build(0); err != nil {
		return nil, err
	}
	return func(base uint32) []byte { p, _ := build(base); return p }, nil
}

// option is one TCP option (RFC 9293 §3.2, RFC 7323, RFC 2018).
func option(s string, base uint32) ([]byte, error) {
	be := binary.BigEndian
	name, val, _ := strings.Cut(s, ":")
	switch name {
	case "nop":
		return []byte{1}, nil
	case "sackok":
		return []byte{4, 2}, nil
	case "hex":
		return hex.DecodeString(val)
	case "mss":
		n, err := strconv.ParseUint(val, 10, 16)
		return be.AppendUint16([]byte{2, 4}, uint16(n)), err
	case "ws":
		n, err := strconv.ParseUint(val, 10, 8)
		return []byte{3, 3, byte(n)}, err
	case "ts":
		a, b, err := two(val, ":")
		return be.AppendUint32(be.AppendUint32([]byte{8, 10}, a), b), err
	case "sack":
		a, b, err := two(val, "-")
		return be.AppendUint32(be.AppendUint32([]byte{5, 10}, base+a), base+b), err
	}
	return nil, fmt.Errorf("unknown option %q", s)
}

// two are a pair of numbers.
func two(s, sep string) (a, b uint32, err error) {
	l, r, _ := strings.Cut(s, sep)
	x, err := strconv.ParseUint(l, 10, 32)
	if err != nil {
		return 0, 0, err
	}
	y, err := strconv.ParseUint(r, 10, 32)
	return uint32(x), uint32(y), err // parsed as 32 bits
}
