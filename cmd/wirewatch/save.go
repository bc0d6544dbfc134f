package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/spf13/pflag"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/pcapfile"
	"example.com/wirewatch/capture/save"
)

// saveOptions are those of keeping what is captured.
type saveOptions struct {
	name     string
	ringText []string
	stopText []string
	comments []string
	ring     save.Ring
	stop     save.Stop
}

func (s *saveOptions) addTo(f *pflag.FlagSet) {
	f.StringVarP(&s.name, "write", "w", "", "save the packets in `FILE`, which only you may read: pcapng, or classic pcap if it ends in .pcap; - is standard output")
	f.StringArrayVarP(&s.ringText, "ring-buffer", "b", nil, "begin another file `WHEN` there were so many in it: duration:SECONDS, filesize:KB or packets:N; keep files:N (repeatable)")
	f.StringArrayVarP(&s.stopText, "autostop", "a", nil, "stop `WHEN` it was enough: duration:SECONDS, filesize:KB, packets:N or files:N (repeatable)")
	f.StringArrayVar(&s.comments, "capture-comment", nil, "write the comment `TEXT` into the saved file (repeatable)")
}

// checkSave finds what cannot be meant.
func (o *options) checkSave(set *pflag.FlagSet) (err error) {
	s := &o.save
	if s.ring, err = save.ParseRing(s.ringText); err != nil {
		return err
	}
	if s.stop, err = save.ParseStop(s.stopText); err != nil {
		return err
	}
	if s.stop.Packets > 0 && (o.capture.packets == 0 || s.stop.Packets < o.capture.packets) {
		o.capture.packets = s.stop.Packets
	}
	live := len(o.capture.interfaces) > 0
	switch {
	case set.Changed("write") && s.name == "":
		return errors.New("-w: the FILE to write to has no name")
	case s.name == "" && len(s.ringText) > 0:
		return errors.New("-b: the ring of files has no name, which -w gives")
	case s.name == "" && (s.stop.Filesize > 0 || s.stop.Files > 0):
		return errors.New("-a: there is no file to measure, which -w names")
	case s.name == "" && len(s.comments) > 0:
		return errors.New("--capture-comment: there is no file for it, which -w names")
	case !live && s.stop.Duration > 0:
		return errors.New("-a duration: is for interfaces, which -i names")
	case s.name == "-" && o.out == "-" && (set.Changed("type") || set.Changed("json")):
		return errors.New("-w - and -T: packets and records cannot both go to standard output; -o FILE takes the records elsewhere")
	case s.name != "" && s.name != "-" && o.out != "-" && sameFile(s.name, o.out):
		return fmt.Errorf("-w and -o %s: packets and records cannot go to the same file", o.out)
	}
	return nil
}

// sameFile reports that two names are of one regular file, which need not be there
// yet.
func sameFile(a, b string) bool {
	if x, err := os.Stat(a); err == nil {
		y, err := os.Stat(b)
		return err == nil && x.Mode().IsRegular() && os.SameFile(x, y)
	}
	x, err := filepath.Abs(a)
	y, err2 := filepath.Abs(b)
	return err == nil && err2 == nil && x == y
}

// silent reports that standard output is for packets, and nothing takes records.
func (o *options) silent() bool { return o.save.name == "-" && o.out == "-" }

// keeper keeps what is captured, as far as it can: that a disk is full does not
// end the capture, and is said at once.
type keeper struct {
	saver  *save.Saver
	stderr io.Writer
	stop   func() // ends the capture
	err    error
}

// keep makes the file that -w names; nil if it names none.
func (o *options) keep(std streams, made func(*os.File) error) (*keeper, error) {
	if o.save.name == "" {
		return nil, nil
	}
	if _, tty := terminal(std.out); tty && o.save.name == "-" { // packets hold whatever their senders wanted
		return nil, usageError{errors.New("-w -: packets are not for a terminal: name a FILE, or pipe them into a program")}
	}
	if o.save.name != "-" && o.overwritesInput(o.save.name, std.in) {
		return nil, usageError{fmt.Errorf("-w %s: it is the capture itself, and would be overwritten", o.save.name)}
	}
	s, err := save.Create(save.Options{
		Name: o.save.name, Out: std.out, Ring: o.save.ring, Stop: o.save.stop, Made: made,
		OS: runtime.GOOS + " " + runtime.GOARCH, Application: "wirewatch " + version(), Comments: o.save.comments,
	})
	if err != nil {
		return nil, err
	}
	return &keeper{saver: s, stderr: std.err}, nil
}

// folder is where a ring makes its files, "" without one.
func (o *options) folder() string {
	if len(o.save.ringText) == 0 {
		return ""
	}
	return filepath.Dir(o.save.name)
}

// save keeps a block.
func (k *keeper) save(b *capture.Block, ifaces []capture.Interface) {
	if k.err != nil {
		return
	}
	k.err = k.saver.Write(b, ifaces)
	switch {
	case errors.Is(k.err, syscall.EPIPE): // whoever read the packets has had enough
		k.stop()
	case k.err != nil:
		say(k.stderr, "wirewatch: %v; packets are not saved any more\n", k.err)
		k.err = saidError{k.err}
	case k.saver.Done():
		k.stop()
	}
}

// end ends the file.
func (k *keeper) end() { k.err = cmp.Or(k.err, k.saver.Close()) }

// tee is a source of files whose packets are kept as they are read.
type tee struct {
	capture.Source
	files *pcapfile.Source
	keep  *keeper
	extra int // how many of the extras were written
	done  bool
}

func newTee(src capture.Source, files *pcapfile.Source, k *keeper) *tee {
	t := &tee{Source: src, files: files, keep: k}
	k.stop = func() { t.done = true }
	return t
}

// Next is that of the source.
func (t *tee) Next(ctx context.Context) (*capture.Block, error) {
	if t.done {
		return nil, io.EOF
	}
	b, err := t.Source.Next(ctx)
	if err != nil {
		return nil, err
	}
	t.extras()
	t.keep.save(b, t.interfaces())
	return b, nil
}

// extras writes the secrets and names that stand before the next frame.
func (t *tee) extras() {
	list, _ := t.files.Extras()
	for ; t.extra < len(list); t.extra++ {
		if t.keep.err == nil {
			t.keep.err = t.keep.saver.Extra(list[t.extra])
		}
	}
}

func (t *tee) interfaces() []capture.Interface {
	var list []capture.Interface
	for _, i := range t.files.Interfaces() {
		list = append(list, i.Interface)
	}
	return list
}
