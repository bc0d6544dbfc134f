package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"example.com/wirewatch/capture/live"
	"example.com/wirewatch/internal/safe"
)

// captureOptions are those of capturing, from interfaces or files.
type captureOptions struct {
	interfaces []string
	list       bool
	filter     string
	words      string // the filter as words of the command line
	snaplen    int
	private    bool // not promiscuous
	buffer     int  // MiB
	immediate  bool
	packets    uint64
	user       string
	noProcess  bool
}

func (c *captureOptions) addTo(f *pflag.FlagSet) {
	f.StringArrayVarP(&c.interfaces, "interface", "i", nil, "capture on the interface `IF`: its name, its number in -D, any, or ssh://[user@]host/IF for one of another machine (repeatable)")
	f.BoolVarP(&c.list, "list-interfaces", "D", false, "list the interfaces that -i takes, and exit")
	f.StringVarP(&c.filter, "filter", "f", "", "take only packets that pass the capture filter `BPF` (see pcap-filter(7)), of files too; words behind -i or -r are the same")
	f.IntVarP(&c.snaplen, "snaplen", "s", 0, "keep the first `N` bytes of each packet; 0 keeps all")
	f.BoolVarP(&c.private, "no-promiscuous-mode", "p", false, "take only packets for this machine, or from it")
	f.IntVarP(&c.buffer, "buffer-size", "B", live.DefaultBuffer>>20, "have the kernel hold up to `N` MiB of packets for each interface")
	f.BoolVar(&c.immediate, "immediate", false, "take each packet at once, not up to 20 ms later; loses packets under load")
	f.Uint64VarP(&c.packets, "count", "c", 0, "stop after `N` packets; 0 does not")
	f.StringVarP(&c.user, "relinquish-privileges", "Z", "", "run as `USER` once the interfaces are open; unless given, root becomes who ran sudo; root stays root")
	f.BoolVar(&c.noProcess, "no-process", false, "do not find out the names of the processes at the ends of connections")
}

// maxBuffer is that of the kernel's ring, in MiB: its size is an int32.
const maxBuffer = 2047

// checkCapture finds what cannot be meant.
func (o *options) checkCapture(set *pflag.FlagSet) error {
	c := &o.capture
	if c.words != "" && c.filter != "" {
		return fmt.Errorf("-f and the words %q: one capture filter at a time", c.words)
	}
	if c.words != "" {
		if _, err := os.Stat(c.words); err == nil {
			return fmt.Errorf("%s is a file, where words behind -i and -r are a capture filter: name each FILE with -r", c.words)
		}
		c.filter = c.words
	}
	switch {
	case c.snaplen < 0 || c.snaplen > live.DefaultSnaplen:
		return fmt.Errorf("-s %d: a packet has from 1 to %d bytes", c.snaplen, live.DefaultSnaplen)
	case c.buffer < 1 || c.buffer > maxBuffer:
		return fmt.Errorf("-B %d: the buffer has from 1 to %d MiB", c.buffer, maxBuffer)
	}
	for _, name := range c.interfaces {
		if name == "" {
			return errors.New("-i: the interface has no name (-D lists those that there are)")
		}
	}
	if len(c.interfaces) > 0 {
		return nil
	}
	for _, name := range []string{"snaplen", "no-promiscuous-mode", "buffer-size", "immediate", "relinquish-privileges", "no-process"} {
		if f := set.Lookup(name); f.Changed {
			return fmt.Errorf("%s is for interfaces, which -i names", shownFlag(f))
		}
	}
	return nil
}

// shownFlag is a flag as most people type it.
func shownFlag(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "-" + f.Shorthand
	}
	return "--" + f.Name
}

// listInterfaces writes what -i takes, a line each.
func listInterfaces(out io.Writer) error {
	list, err := live.Interfaces()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for n, i := range list {
		var addrs []string
		for _, a := range i.Addresses {
			addrs = append(addrs, a.String())
		}
		say(w, "%d\t%s\t%s\t%s\t%s\n", n+1, safe.Clean(i.Name, safe.Detail), i.State, strings.Join(addrs, " "), safe.Clean(i.Description, safe.Detail))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("listing interfaces: %w", err)
	}
	return nil
}
