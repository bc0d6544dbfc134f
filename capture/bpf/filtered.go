package bpf

import (
	"context"

	"example.com/wirewatch/capture"
)

// Filtered returns a source of the frames of src that a capture filter passes.
// The others are as if they had not been captured: they have no number, and no
// part in Stats. program is asked once for the program of each link type, when
// the first frame of it comes; what it fails with ends the source. Close closes
// src.
func Filtered(src capture.Source, program func(link uint16) (*Program, error)) capture.Source {
	return &filtered{src: src, program: program, programs: map[uint16]*Program{}}
}

type filtered struct {
	src      capture.Source
	program  func(link uint16) (*Program, error)
	programs map[uint16]*Program

	tally capture.Tally
}

// Next returns the next block that has something left.
func (f *filtered) Next(ctx context.Context) (*capture.Block, error) {
	for {
		b, err := f.src.Next(ctx)
		if err != nil {
			return nil, err
		}
		if err := f.filter(b); err != nil {
			b.Release()
			return nil, err
		}
		if len(b.Frames) > 0 || len(b.Notes) > 0 || b.Skipped > 0 || b.Until > 0 {
			f.tally.Add(b)
			return b, nil
		}
		b.Release()
	}
}

// filter takes the frames that do not pass out of the block; a note stands
// before the next one that does.
func (f *filtered) filter(b *capture.Block) error {
	kept, note := 0, 0
	for i := range b.Frames {
		for ; note < len(b.Notes) && b.Notes[note].At <= i; note++ {
			b.Notes[note].At = kept
		}
		r := &b.Frames[i]
		p, err := f.of(r.Link)
		switch {
		case err != nil:
			return err
		case p.Match(b.Buf[r.Off:r.Off+r.Len], int(r.WireLen)):
			b.Frames[kept] = *r
			kept++
		}
	}
	for ; note < len(b.Notes); note++ {
		b.Notes[note].At = kept
	}
	b.Frames = b.Frames[:kept]
	return nil
}

// of returns the program for a link type.
func (f *filtered) of(link uint16) (*Program, error) {
	if p := f.programs[link]; p != nil {
		return p, nil
	}
	p, err := f.program(link)
	if err == nil {
		f.programs[link] = p
	}
	return p, err
}

// Stats counts the frames that passed; what was lost, was lost before the filter.
func (f *filtered) Stats() capture.Stats {
	s := f.src.Stats()
	f.tally.Into(&s)
	return s
}

// Close closes the source below.
func (f *filtered) Close() error { return f.src.Close() }
