package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"golang.org/x/term"

	"example.com/wirewatch/capture/decode"
	"example.com/wirewatch/capture/pcapfile"
	"example.com/wirewatch/dissect/all"
	"example.com/wirewatch/engine"
	"example.com/wirewatch/event"
	"example.com/wirewatch/export/ndjson"
	"example.com/wirewatch/export/text"
	"example.com/wirewatch/track"
)

// run is the composition root: it names every concrete type.
func run(ctx context.Context, o *options, std streams) (err error) {
	start := time.Now()
	src, err := pcapfile.Open(o.files, pcapfile.Options{Stdin: std.in})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	out, done, err := o.output(std.out)
	if err != nil {
		return err
	}
	stopBar := o.bar(std.err, out, src.Progress)
	limits := track.DefaultLimits()
	limits.Dissect.Body = int64(o.body)
	err = engine.Run(ctx, engine.Config{Limits: limits}, src, decode.New(decode.Options{}), all.Specs, o.sink(out))
	stopBar()
	if err := done(); err != nil {
		return err
	}
	if o.verbose {
		st := src.Stats()
		report(std.err, st.Frames, st.Bytes, time.Since(start))
	}
	return err
}

// output is where records go, and what to do when the last one is written.
func (o *options) output(std io.Writer) (io.Writer, func() error, error) {
	if o.out == "" {
		return std, func() error { return nil }, nil
	}
	f, err := os.OpenFile(o.out, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("writing records: %w", err)
	}
	return f, func() error {
		if err := f.Close(); err != nil {
			return fmt.Errorf("writing records: %w", err)
		}
		return nil
	}, nil
}

func (o *options) sink(w io.Writer) event.Sink {
	if o.format == "ndjson" {
		return ndjson.New(w, ndjson.Options{Progress: o.progress})
	}
	opt := text.Options{Progress: o.progress}
	if width, ok := terminal(w); ok {
		opt.Width = width
		opt.ASCII = os.Getenv("TERM") == "dumb" || !utf8Locale()
		opt.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return text.New(w, opt)
}

// terminal reports whether w is one, and how wide.
func terminal(w any) (int, bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, true
	}
	return width, true
}

func report(w io.Writer, frames, bytes uint64, took time.Duration) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := took.Seconds()
	say(w, "wirewatch: %d frames, %.1f MB in %.3f s (%.0f frames/s, %.1f MB/s), %.0f MB from the system\n",
		frames, float64(bytes)/1e6, s, float64(frames)/s, float64(bytes)/1e6/s, float64(m.Sys)/1e6)
}
