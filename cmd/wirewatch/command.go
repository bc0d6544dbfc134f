package main

import (
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// options are what the command line asks for.
type options struct {
	files    []string
	format   string
	json     bool
	progress bool
	body     bodyLimit
	out      string
	quiet    bool
	verbose  bool
	noNames  bool // accepted: names are never resolved
}

const long = `wirewatch reads packet captures and says what the clients and the servers in
them said to each other: TCP connections from handshake to teardown, HTTP
exchanges with their headers, bodies and timing, server-sent events, and where
the traffic departs from the specifications or bytes are missing.

Captures are pcap or pcapng, also compressed with gzip or zstd, in files or on
standard input ("-"). Several files are read as one capture, in time order.`

const examples = `  wirewatch capture.pcap                       a line for each fact
  wirewatch -r capture.pcap -T ndjson          a JSON object for each fact
  wirewatch a.pcap b.pcap.gz --body-limit all  two captures as one, bodies whole
  tcpdump -U -w - | wirewatch -r -             as it happens`

func newCommand(std streams) *cobra.Command {
	o := &options{body: 64 << 10}
	cmd := &cobra.Command{
		Use:               "wirewatch [flags] FILE...",
		Short:             "See what a client and a server said to each other",
		Long:              long,
		Example:           examples,
		Version:           version(),
		Args:              cobra.ArbitraryArgs,
		SilenceUsage:      true,
		SilenceErrors:     true,
		DisableAutoGenTag: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.files = append(o.files, args...)
			if err := o.check(); err != nil {
				return usageError{err}
			}
			return run(cmd.Context(), o, std)
		},
	}
	cmd.SetIn(std.in)
	cmd.SetOut(std.out)
	cmd.SetErr(std.err)
	cmd.SetVersionTemplate("wirewatch {{.Version}}\n")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w (see wirewatch --help)", err)}
	})
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVarP(&o.files, "read", "r", nil, "read a capture `FILE`, or - for standard input (repeatable)")
	f.StringVarP(&o.format, "type", "T", "text", "write text or ndjson")
	f.BoolVar(&o.json, "json", false, "the same as -T ndjson")
	f.BoolVar(&o.progress, "progress", false, "also write facts as they happen that a later fact repeats")
	f.Var(&o.body, "body-limit", "keep so much of each decoded body: a `SIZE` such as 64KiB, 0 for none (and nothing is decoded), or all")
	f.StringVarP(&o.out, "output", "o", "", "write to `FILE` (readable by you only) instead of standard output")
	f.BoolVarP(&o.noNames, "no-names", "n", false, "accepted: addresses are never resolved to names")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress bar")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "say on standard error what was read, how fast, and in what memory")
	f.BoolP("version", "V", false, "print the version")
	return cmd
}

func (o *options) check() error {
	if o.json {
		o.format = "ndjson"
	}
	if o.format != "text" && o.format != "ndjson" {
		return fmt.Errorf("-T %s: the formats are text and ndjson", o.format)
	}
	if len(o.files) == 0 {
		return errors.New("no capture given: name a FILE, or - for standard input (see wirewatch --help)")
	}
	return nil
}

// bodyLimit is a size in bytes; negative is all.
type bodyLimit int64

func (b *bodyLimit) Type() string { return "size" }

func (b *bodyLimit) String() string {
	switch n := int64(*b); {
	case n < 0:
		return "all"
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + "MiB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + "KiB"
	default:
		return strconv.FormatInt(n, 10)
	}
}

var units = []struct {
	suffix string
	size   int64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9},
	{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"b", 1},
}

// Set parses "all", or a number with an optional unit: k, KiB (1024), kB (1000)
// and so on.
func (b *bodyLimit) Set(s string) error {
	low := strings.ToLower(strings.TrimSpace(s))
	if low == "all" {
		*b = -1
		return nil
	}
	unit := int64(1)
	for _, u := range units {
		if t, ok := strings.CutSuffix(low, u.suffix); ok {
			low, unit = strings.TrimSpace(t), u.size
			break
		}
	}
	n, err := strconv.ParseUint(low, 10, 63)
	if err != nil || n > math.MaxInt64/uint64(unit) {
		return errors.New("want a size such as 4096, 64KiB or 1MB, or all")
	}
	*b = bodyLimit(int64(n) * unit)
	return nil
}

// release is set by the linker for a release build.
var release string

func version() string {
	if release != "" {
		return release
	}
	if i, ok := debug.ReadBuildInfo(); ok && i.Main.Version != "" {
		return i.Main.Version
	}
	return "(devel)"
}
