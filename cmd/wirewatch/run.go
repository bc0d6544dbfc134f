package main

import (
	"cmp"
	"context"
	"io"
	"runtime"
	"time"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/bpf"
	"example.com/wirewatch/capture/decode"
	"example.com/wirewatch/capture/pcapfile"
	"example.com/wirewatch/dissect/all"
	"example.com/wirewatch/engine"
	"example.com/wirewatch/event"
	"example.com/wirewatch/track"
)

// run is the composition root: it names every concrete type. Of several errors it
// returns the first, which most likely caused the others.
func run(ctx context.Context, o *options, std streams) error {
	if len(o.capture.interfaces) > 0 {
		return o.watch(ctx, std)
	}
	return o.read(ctx, std)
}

// read tells what is in files.
func (o *options) read(ctx context.Context, std streams) (err error) {
	start := time.Now()
	files, err := pcapfile.Open(o.files, pcapfile.Options{Stdin: std.in})
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, files.Close()) }()
	src, err := o.choose(files)
	if err != nil {
		return err
	}
	out, done, err := o.output(std, anyones)
	if err != nil {
		return err
	}
	kept, err := o.keep(std, anyones)
	if err != nil {
		return err
	}
	if kept != nil {
		src = newTee(src, files, kept)
	}
	stopBar := o.bar(std.err, out, files.Progress)
	err = o.tell(ctx, src, o.sinks(out, std.err)...)
	if kept != nil {
		kept.end()
		err = cmp.Or(err, kept.err)
	}
	err = cmp.Or(err, done())
	stopBar()
	o.report(std.err, src, start)
	return err
}

// choose leaves what was not asked for out of what is read.
func (o *options) choose(src capture.Source) (capture.Source, error) {
	if f := o.capture.filter; f != "" {
		if err := checkFilter(f); err != nil {
			return nil, err
		}
		src = bpf.Filtered(src, func(link uint16) (*bpf.Program, error) { return bpf.Compile(f, link, 0) })
	}
	if n := o.capture.packets; n > 0 {
		src = &first{Source: src, left: n}
	}
	return src, nil
}

// workers is that of engine.Config: a capture on interfaces has the runtime use
// more threads at once, which are not for the engine.
var workers = min(runtime.GOMAXPROCS(0), 8)

// tell has the engine tell sinks what it finds in src.
func (o *options) tell(ctx context.Context, src capture.Source, sinks ...event.Sink) error {
	limits := track.DefaultLimits()
	limits.Dissect.Body = int64(o.body)
	return engine.Run(ctx, engine.Config{Workers: workers, Limits: limits}, src, decode.New(decode.Options{}), all.Specs, sinks...)
}

// report says how a run went.
func (o *options) report(w io.Writer, src capture.Source, start time.Time) {
	if !o.verbose {
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	st, s := src.Stats(), max(time.Since(start).Seconds(), 1e-6)
	say(w, "wirewatch: %d packets, %d bytes in %.3f s (%.0f packets/s, %.1f MB/s), %.0f MB from the system\n",
		st.Frames, st.Bytes, s, float64(st.Frames)/s, float64(st.Bytes)/1e6/s, float64(m.Sys)/1e6)
}

// first is the first frames of a source.
type first struct {
	capture.Source
	left uint64
}

// Next is that of the source, up to the last frame asked for.
func (f *first) Next(ctx context.Context) (*capture.Block, error) {
	if f.left == 0 {
		return nil, io.EOF
	}
	b, err := f.Source.Next(ctx)
	if err != nil {
		return nil, err
	}
	if uint64(len(b.Frames)) > f.left {
		b.Frames = b.Frames[:f.left]
		for len(b.Notes) > 0 && b.Notes[len(b.Notes)-1].At > len(b.Frames) {
			b.Notes = b.Notes[:len(b.Notes)-1]
		}
	}
	f.left -= uint64(len(b.Frames))
	return b, nil
}

// checkFilter reports a capture filter that means nothing on any kind of link. On
// some kind, most mean something else than on another, or nothing at all.
func checkFilter(expr string) error {
	if _, err := bpf.Compile(expr, linkEthernet, 0); err != nil {
		return usageError{err}
	}
	return nil
}

// linkEthernet is the LINKTYPE_ value of the kind of link that filters can say
// most of.
const linkEthernet = 1
