package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/bpf"
	"example.com/wirewatch/capture/live"
	"example.com/wirewatch/capture/process"
	"example.com/wirewatch/capture/remote"
	"example.com/wirewatch/capture/save"
	"example.com/wirewatch/event"
	"example.com/wirewatch/internal/privilege"
)

// watch tells what happens on interfaces, until it is told to stop.
func (o *options) watch(ctx context.Context, std streams) (err error) {
	start := time.Now()
	stderr := newMessages(std.err)
	defer stderr.end()
	w := &watch{o: o, std: streams{std.in, std.out, stderr}}
	defer func() { err = cmp.Or(err, w.close()) }()
	if err := w.open(ctx); err != nil {
		return err
	}
	defer w.start(ctx)()
	if _, tty := terminal(std.err); tty {
		defer context.AfterFunc(ctx, func() { say(stderr, "\n") })() // behind the terminal's ^C
	}
	stop := o.status(std, stderr, w.out, w.src)
	err = o.tell(ctx, w.src, w.sinks(std.err)...)
	err = cmp.Or(err, w.end())
	stop()
	o.closing(std, stderr, w)
	o.report(stderr, w.src, start)
	return err
}

// watch is a capture on interfaces, and what has to do with it.
type watch struct {
	o      *options
	std    streams
	src    *live.Source
	out    io.Writer
	done   func() error // ends out
	kept   *keeper      // nil: nothing is saved
	owners *process.Watcher
	found  <-chan capture.Owner
}

// open opens the interfaces and what is written to, and gives up all privileges
// that this took.
func (w *watch) open(ctx context.Context) error {
	user, drop, err := privilege.Target(w.o.capture.user, os.Getenv)
	if err != nil {
		return usageError{err}
	}
	if w.src, err = w.o.openInterfaces(ctx, w.std.err); err != nil {
		return err
	}
	if err := w.o.oneLink(w.src); err != nil {
		return err
	}
	owned := anyones
	policy := privilege.Policy{Landlock: true, KeepRaw: true, ReadPaths: statistics, Children: w.o.anyFar()}
	if drop {
		owned = func(f *os.File) error { return privilege.Chown(f, user) }
		policy.User = &user
	}
	if w.out, w.done, err = w.o.output(w.std, owned); err != nil {
		return err
	}
	if w.kept, err = w.o.keep(w.std, owned); err != nil {
		return err
	}
	if dir := w.o.folder(); dir != "" {
		policy.WriteDirs = []string{dir}
	}
	w.owners = w.o.owners(w.std.err)
	w.found = w.o.ownersOf(w.owners) // now, since a filter may name hosts to be looked up
	return w.o.confine(policy, w.std.err)
}

// start begins to capture; ctx ends it. It returns what ends the waiting for that.
func (w *watch) start(ctx context.Context) (forget func()) {
	others := live.Readers{Owners: w.found}
	if w.kept != nil {
		w.kept.stop = w.src.Stop
		others.Save, others.Saved = w.kept.save, w.kept.end
	}
	w.src.Start(others)
	interrupted := context.AfterFunc(ctx, w.src.Stop)
	var timer *time.Timer
	if d := w.o.save.stop.Duration; d > 0 {
		timer = time.AfterFunc(d, w.src.Stop)
	}
	return func() {
		interrupted()
		if timer != nil {
			timer.Stop()
		}
	}
}

// sinks are what takes the facts.
func (w *watch) sinks(stderr io.Writer) []event.Sink {
	sinks := w.o.sinks(w.out, stderr)
	if w.owners != nil {
		sinks = append(sinks, asker{w.owners})
	}
	return sinks
}

// end ends what is written.
func (w *watch) end() error {
	err := cmp.Or(w.src.Close(), w.done())
	if w.kept != nil {
		err = cmp.Or(err, w.kept.err)
	}
	return err
}

// close ends what was opened, as far as it was.
func (w *watch) close() error {
	closeOwners(w.owners)
	if w.src == nil {
		return nil
	}
	return w.src.Close()
}

// oneLink refuses a file of classic pcap for interfaces whose frames are of several
// kinds, of which it can hold one.
func (o *options) oneLink(src *live.Source) error {
	list := src.Interfaces()
	if !save.Classic(o.save.name) || len(list) < 2 {
		return nil
	}
	for _, i := range list[1:] {
		if i.Link != list[0].Link {
			return usageError{fmt.Errorf("-w %s: packets of %s and %s are of different kinds, of which classic pcap holds one: use a name that ends in .pcapng",
				o.save.name, list[0].Name, i.Name)}
		}
	}
	return nil
}

// statistics is where libpcap reads what an interface has lost. The entries of the
// first are links into the second.
var statistics = []string{"/sys/class/net", "/sys/devices"}

// openInterfaces opens the interfaces asked for.
func (o *options) openInterfaces(ctx context.Context, stderr io.Writer) (*live.Source, error) {
	c := &o.capture
	list, listErr := live.Interfaces()
	var names []string
	for _, name := range c.interfaces {
		names = append(names, live.Resolve(name, list))
	}
	src, err := live.Open(names, live.Options{
		Snaplen: c.snaplen, Promiscuous: !c.private, Buffer: c.buffer << 20, Immediate: c.immediate,
		Filter: c.filter, Packets: c.packets,
		Say:  func(text string) { say(stderr, "wirewatch: %s\n", text) },
		Dial: func(url string) (live.Feed, error) { return o.dial(ctx, url, stderr) },
	})
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, permissionError{err, privilege.Advice(privilege.Attempt{
			Program: os.Args[0], Interface: names[0], Filter: c.filter,
		})}
	case errors.Is(err, live.ErrDown):
		return nil, fmt.Errorf("%w; it can be captured on when it is up", err)
	case errors.As(err, new(*bpf.SyntaxError)):
		return nil, usageError{err}
	case errors.Is(err, fs.ErrNotExist) && listErr == nil:
		return nil, fmt.Errorf("%w; there are: %s", err, candidates(list))
	}
	return src, err
}

// anyFar reports that there is an interface of another machine, and with it a child
// that may have to be killed.
func (o *options) anyFar() bool { return slices.ContainsFunc(o.capture.interfaces, remote.IsURL) }

// far reports that all interfaces are those of other machines.
func (o *options) far() bool {
	return !slices.ContainsFunc(o.capture.interfaces, func(name string) bool { return !remote.IsURL(name) })
}

// far is an interface of another machine.
type far struct {
	*remote.Source
	name string
}

// Describe is that of live.Feed.
func (f far) Describe(iface uint16) capture.Interface {
	if list := f.Interfaces(); int(iface) < len(list) {
		i := list[iface].Interface
		i.Name = f.name
		return i
	}
	return capture.Interface{Name: f.name}
}

// dial captures on another machine.
func (o *options) dial(ctx context.Context, url string, stderr io.Writer) (live.Feed, error) {
	target, err := remote.Parse(url)
	if err != nil {
		return nil, usageError{err}
	}
	c := &o.capture
	src, err := remote.Open(ctx, target, remote.Options{
		Filter: c.filter, Snaplen: c.snaplen, Promiscuous: !c.private, Buffer: c.buffer << 20, Immediate: c.immediate,
		Message: func(line string) { say(stderr, "wirewatch: %s\n", line) },
	})
	if err != nil {
		return nil, err
	}
	return far{src, target.String()}, nil
}

// candidates are the interfaces that carry traffic, and any.
func candidates(list []live.Interface) string {
	var names []string
	for _, i := range list {
		if i.State == live.Running || i.Name == "any" {
			names = append(names, i.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// permissionError is that the user may not capture, and what helps.
type permissionError struct {
	error
	advice string
}

func (e permissionError) Error() string { return e.error.Error() + ": " + e.advice }
func (e permissionError) Unwrap() error { return e.error }

// confine gives up what is not needed to go on.
func (o *options) confine(p privilege.Policy, stderr io.Writer) error {
	report, err := privilege.Confine(p)
	if err != nil {
		return fmt.Errorf("giving up privileges: %w", err)
	}
	if o.verbose {
		say(stderr, "wirewatch: %s\n", report)
	}
	return nil
}

// statusEvery is how often the status line is drawn.
const statusEvery = 500 * time.Millisecond

// status shows on stderr how the capture goes, where that is a terminal that can do
// it and the records are not written to one. It returns what wipes it.
func (o *options) status(std streams, stderr *messages, out io.Writer, src *live.Source) func() {
	columns, tty := terminal(std.err)
	if _, records := terminal(out); o.quiet || !tty || dumb() || records {
		return func() {}
	}
	if columns == 0 {
		columns = helpWidth
	}
	return every(statusEvery, func(time.Duration) {
		stderr.status(fmt.Sprintf("%.*s", columns-1, counted(src)))
	}, func() { stderr.status("") })
}

// counted says what was captured, and what was not.
func counted(src *live.Source) string {
	st := src.Stats()
	parts := []string{fmt.Sprintf("%d packets", st.Frames)}
	for _, c := range []struct {
		n    uint64
		what string
	}{
		{st.DroppedKernel, "dropped by the kernel"}, {st.DroppedInterface, "dropped by the interface"},
		{st.Shed, "captured but not looked at"}, {src.Unsaved(), "not saved in time"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// closing says what was captured, as capture programs do; not to whom the records
// have just said it.
func (o *options) closing(std streams, stderr io.Writer, w *watch) {
	_, records := terminal(w.out)
	_, tty := terminal(std.err)
	if o.quiet || records && tty && w.src.Unsaved() == 0 {
		return
	}
	say(stderr, "wirewatch: %s\n", counted(w.src))
}
