package main

import (
	"cmp"
	"context"
	"io"
	"runtime"
	"time"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/decode"
	"example.com/wirewatch/capture/pcapfile"
	"example.com/wirewatch/dissect/all"
	"example.com/wirewatch/engine"
	"example.com/wirewatch/track"
)

// run is the composition root: it names every concrete type. Of several errors it
// returns the first, which most likely caused the others.
func run(ctx context.Context, o *options, std streams) (err error) {
	start := time.Now()
	src, err := pcapfile.Open(o.files, pcapfile.Options{Stdin: std.in})
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, src.Close()) }()
	out, done, err := o.output(std)
	if err != nil {
		return err
	}
	limits := track.DefaultLimits()
	limits.Dissect.Body = int64(o.body)
	stopBar := o.bar(std.err, out, src.Progress)
	err = engine.Run(ctx, engine.Config{Limits: limits}, src, decode.New(decode.Options{}), all.Specs, o.sink(out, std.err))
	err = cmp.Or(err, done())
	stopBar()
	if o.verbose {
		report(std.err, src.Stats(), time.Since(start))
	}
	return err
}

// report says how a run went.
func report(w io.Writer, st capture.Stats, took time.Duration) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := max(took.Seconds(), 1e-6)
	say(w, "wirewatch: %d packets, %d bytes in %.3f s (%.0f packets/s, %.1f MB/s), %.0f MB from the system\n",
		st.Frames, st.Bytes, s, float64(st.Frames)/s, float64(st.Bytes)/1e6/s, float64(m.Sys)/1e6)
}
