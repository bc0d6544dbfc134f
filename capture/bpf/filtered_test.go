package bpf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"example.com/wirewatch/capture"
)

// longer returns a program that passes frames of more than n bytes on the wire.
func longer(n uint32) *Program {
	return &Program{[]instr{{code: ldLen}, {code: jgt, jf: 1, k: n}, {code: retK, k: 1}, {code: retK}}}
}

type blocks struct {
	list   []*capture.Block
	closed bool
}

func (s *blocks) Next(context.Context) (*capture.Block, error) {
	if len(s.list) == 0 {
		return nil, io.EOF
	}
	b := s.list[0]
	s.list = s.list[1:]
	return b, nil
}

func (s *blocks) Stats() capture.Stats { return capture.Stats{Frames: 99, Bytes: 99, DroppedKernel: 7} }
func (s *blocks) Close() error         { s.closed = true; return nil }

func block(released *int, wire ...uint32) *capture.Block {
	frames := make([]capture.Record, len(wire))
	for i, w := range wire {
		frames[i] = capture.Record{Nanos: int64(i), Off: uint32(i), Len: 1, WireLen: w, Link: uint16(w % 2)}
	}
	return capture.View(make([]byte, len(wire)), frames, func() { *released++ })
}

func TestFiltered(t *testing.T) {
	released, asked := 0, 0
	mixed := block(&released, 1, 20, 30, 2, 41)
	for _, at := range []int{0, 1, 3, 4, 5, 5} {
		mixed.Notes = append(mixed.Notes, capture.Note{At: at})
	}
	noted := block(&released, 3)
	noted.Notes = []capture.Note{{At: 1, Loss: capture.Loss{Kernel: 1}}}
	late := block(&released)
	late.Until = 5
	in := &blocks{list: []*capture.Block{block(&released, 1, 2), mixed, noted, late, block(&released, 4)}}
	src := Filtered(in, func(uint16) (*Program, error) { asked++; return longer(10), nil })

	want := []string{
		"[{1 1 1 20 0 0} {2 2 1 30 0 0} {4 4 1 41 1 0}] at [0 0 2 2 3 3] until 0",
		"[] at [0] until 0",
		"[] at [] until 5",
	}
	for _, w := range want {
		b, err := src.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		at := []int{}
		for _, n := range b.Notes {
			at = append(at, n.At)
		}
		if got := fmt.Sprintf("%v at %v until %d", b.Frames, at, b.Until); got != w {
			t.Errorf("got %s, want %s", got, w)
		}
		b.Release()
	}
	if _, err := src.Next(context.Background()); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if released != 5 || asked != 2 {
		t.Errorf("%d of 5 blocks released, %d programs asked for, want 2", released, asked)
	}
	if s := src.Stats(); s != (capture.Stats{Frames: 3, Bytes: 3, Truncated: 3, DroppedKernel: 7}) {
		t.Errorf("%+v", s)
	}
	if err := src.Close(); err != nil || !in.closed {
		t.Error(err, in.closed)
	}
}

func TestFilteredProgramFails(t *testing.T) {
	released := 0
	fail := errors.New("no")
	src := Filtered(&blocks{list: []*capture.Block{block(&released, 1)}}, func(uint16) (*Program, error) { return nil, fail })
	if _, err := src.Next(context.Background()); !errors.Is(err, fail) || released != 1 {
		t.Error(err, released)
	}
}

// A program that leaves itself is not run.
func TestCheck(t *testing.T) {
	for name, code := range map[string][]instr{
		"nothing":       nil,
		"no end":        {{code: ldLen}},
		"a long jump":   {{code: jeq, jt: 1}, {code: retK}},
		"a far jump":    {{code: ja, k: 1}, {code: retK}},
		"a huge jump":   {{code: ja, k: 1<<32 - 1}, {code: retK}},
		"a memory word": {{code: st, k: memory}, {code: retK}},
	} {
		if (&Program{code}).check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := longer(1).check(); err != nil {
		t.Error(err)
	}
}
