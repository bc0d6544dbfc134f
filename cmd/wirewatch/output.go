package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"example.com/wirewatch/event"
	"example.com/wirewatch/export/ndjson"
	"example.com/wirewatch/export/text"
)

// output is where records go, and what to do when the last one is written.
//
// made is told of a file that was not there before.
func (o *options) output(std streams, made func(*os.File) error) (io.Writer, func() error, error) {
	if o.out == "-" {
		return std.out, func() error { return nil }, nil
	}
	if o.overwritesInput(o.out, std.in) {
		return nil, nil, usageError{fmt.Errorf("-o %s: it is the capture itself, and would be overwritten", o.out)}
	}
	f, err := create(o.out, made)
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

// overwritesInput reports that a file to write to is one of the inputs, by whatever
// name.
func (o *options) overwritesInput(name string, stdin io.Reader) bool {
	out, err := os.Stat(name)
	if err != nil || !out.Mode().IsRegular() {
		return false
	}
	for _, name := range o.files {
		in, err := statInput(name, stdin)
		if err == nil && os.SameFile(in, out) {
			return true
		}
	}
	return false
}

func statInput(name string, stdin io.Reader) (fs.FileInfo, error) {
	if name != "-" {
		return os.Stat(name)
	}
	if f, ok := stdin.(*os.File); ok {
		return f.Stat()
	}
	return nil, errors.ErrUnsupported
}

// create opens a file for records, which are as private as the traffic was: a
// regular file, new or old, becomes empty and its owner's only. Anything else,
// such as a pipe or a device, is written to as it is. made is told of a new one.
func create(name string, made func(*os.File) error) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
		made = wipe
	}
	if err != nil {
		return nil, err
	}
	if err := made(f); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

// wipe empties a regular file and makes it its owner's only.
func wipe(f *os.File) error {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	if err := f.Chmod(0o600); err != nil {
		return err
	}
	return f.Truncate(0)
}

// anyones is for a file that belongs to whoever runs the program.
func anyones(*os.File) error { return nil }

// sinks are what the records go to.
func (o *options) sinks(w, stderr io.Writer) []event.Sink {
	if o.silent() {
		return nil
	}
	return []event.Sink{o.sink(w, stderr)}
}

// sink makes what writes records to w. Where both w and stderr are a terminal, a
// reader sees on it what execute says of an error, and need not read it twice.
func (o *options) sink(w, stderr io.Writer) event.Sink {
	if o.format == "ndjson" {
		return ndjson.New(w, ndjson.Options{Progress: o.progress})
	}
	opt := text.Options{Progress: o.progress}
	if width, ok := terminal(w); ok {
		_, opt.HideError = terminal(stderr)
		opt.Width = width
		opt.ASCII = asciiOnly()
		opt.Color = os.Getenv("NO_COLOR") == "" && !dumb()
	}
	return text.New(w, opt)
}
