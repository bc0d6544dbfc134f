package main

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// options are what the command line asks for.
type options struct {
	files    []string
	capture  captureOptions
	save     saveOptions
	format   string
	json     bool
	progress bool
	body     bodyLimit
	out      string // "-" is standard output
	quiet    bool
	verbose  bool
	noNames  bool // accepted: names are never resolved
}

// defaultBody is the body limit unless the command line sets one.
const defaultBody bodyLimit = 64 << 10

// newCommand makes the command that args are going to be parsed with.
func newCommand(args []string, std streams) *cobra.Command {
	o := &options{body: defaultBody}
	cmd := &cobra.Command{
		Use:               "wirewatch [flags] FILE...\n  wirewatch [flags] -i IF [FILTER]",
		Short:             "See what a client and a server said to each other",
		Long:              long,
		Example:           examples,
		Version:           version(),
		Args:              cobra.ArbitraryArgs,
		SilenceUsage:      true,
		SilenceErrors:     true,
		DisableAutoGenTag: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.words(args)
			if o.capture.list {
				return listInterfaces(std.out)
			}
			if err := o.check(cmd.Flags(), std.in); err != nil {
				return usageError{err}
			}
			return run(cmd.Context(), o, std)
		},
	}
	cmd.SetArgs(args)
	cmd.SetIn(std.in)
	cmd.SetOut(std.out)
	cmd.SetErr(std.err)
	cmd.SetVersionTemplate("wirewatch {{.Version}}\n")
	cmd.SetFlagErrorFunc(flagError)
	groups := o.groups()
	for _, g := range groups {
		cmd.Flags().AddFlagSet(g.flags)
	}
	setHelp(cmd, groups)
	setCompletion(cmd, args)
	return cmd
}

// group is flags that the help shows together.
type group struct {
	title string
	flags *pflag.FlagSet
}

// groups are all flags.
func (o *options) groups() []group {
	set := func() *pflag.FlagSet {
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		f.SortFlags = false
		return f
	}
	r, l, k, w, m := set(), set(), set(), set(), set()
	r.StringArrayVarP(&o.files, "read", "r", nil, "read the capture `FILE`, or standard input if it is -; the same as naming it without -r, but that further words are a capture filter (repeatable)")
	o.capture.addTo(l)
	o.save.addTo(k)

	w.StringVarP(&o.format, "type", "T", "text", "write in this `FORMAT`: text or ndjson")
	w.BoolVar(&o.json, "json", false, "the same as -T ndjson")
	w.BoolVar(&o.progress, "progress", false, "also write what a later record repeats, as soon as it is known: connections opened, requests and responses begun")
	w.Var(&o.body, "body-limit", "keep up to this `SIZE` of each decoded body, such as 4096, 64KiB or 1MB; 0 decodes none, all keeps all")
	w.StringVarP(&o.out, "output", "o", "-", "write to `FILE`, which only you may read, or to standard output if it is -")

	m.BoolVarP(&o.noNames, "no-names", "n", false, "accepted and ignored: addresses are never resolved to names")
	m.BoolVarP(&o.quiet, "quiet", "q", false, "show no progress bar")
	m.BoolVarP(&o.verbose, "verbose", "v", false, "when done, say on standard error how much was read, how fast, and in what memory")
	m.BoolP("version", "V", false, "print the version and exit")
	m.BoolP("help", "h", false, "print this help and exit")
	return []group{{"Reading", r}, {"Capturing", l}, {"Saving", k}, {"Writing", w}, {"Other", m}}
}

// check looks at the options as a whole.
func (o *options) check(set *pflag.FlagSet, stdin io.Reader) error {
	if o.json {
		if set.Changed("type") && o.format != "ndjson" {
			return fmt.Errorf("--json and -T %s contradict each other", o.format)
		}
		o.format = "ndjson"
	}
	switch {
	case !slices.Contains(formats, o.format):
		return fmt.Errorf("-T %s: the formats are text and ndjson", o.format)
	case o.out == "":
		return errors.New("-o: the FILE to write to has no name")
	case len(o.files) == 0 && len(o.capture.interfaces) == 0:
		return errors.New("no capture given: name a FILE, - for standard input, or an interface with -i" + seeHelp)
	case len(o.files) > 0 && len(o.capture.interfaces) > 0:
		return errors.New("-i and -r: either interfaces or files can be captured from")
	}
	if err := o.checkCapture(set); err != nil {
		return err
	}
	if err := o.checkSave(set); err != nil {
		return err
	}
	return checkInputs(o.files, stdin)
}

// words takes the words of the command line that are no flags: a capture filter
// where it is said what to capture from, else the names of files.
func (o *options) words(args []string) {
	if len(args) == 0 {
		return
	}
	if len(o.files) == 0 && len(o.capture.interfaces) == 0 {
		o.files = args
		return
	}
	o.capture.words = strings.Join(args, " ")
}

// formats are what -T takes.
var formats = []string{"text", "ndjson"}

// checkInputs finds what cannot be meant.
func checkInputs(files []string, stdin io.Reader) error {
	stdins := 0
	for _, name := range files {
		switch name {
		case "":
			return errors.New("the capture FILE has no name" + seeHelp)
		case "-":
			stdins++
		}
	}
	if stdins > 1 {
		return errors.New("standard input (-) can be read only once")
	}
	if _, tty := terminal(stdin); stdins > 0 && tty {
		return errors.New("standard input is a terminal: pipe a capture into it, as in: tcpdump -U -w - | wirewatch -")
	}
	return nil
}

const seeHelp = " (see wirewatch --help)"

// insteads are what serves those who type a flag of tshark or tcpdump that we do
// not have.
var insteads = map[string]string{
	"A": "; for bodies as text: wirewatch -T ndjson --body-limit all",
	"C": "; for several files: -w FILE -b filesize:KB",
	"F": "; for classic pcap: -w FILE.pcap",
	"G": "; for several files: -w FILE -b duration:SECONDS",
	"U": "; packets are always saved at once",
	"W": "; for several files: -w FILE -b files:N",
	"l": "; lines are always written at once",
	"e": "; to choose fields: wirewatch -T ndjson FILE | jq .http.request.uri",
	"Y": "; to choose records: wirewatch -T ndjson FILE | jq 'select(...)'",
}

// flagError makes an error of a flag that names the next thing to try.
func flagError(_ *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && insteads[unknown.GetSpecifiedName()] != "" {
		return usageError{fmt.Errorf("%w%s", err, insteads[unknown.GetSpecifiedName()])}
	}
	return usageError{fmt.Errorf("%w%s", err, seeHelp)}
}

// setCompletion completes what flags take, and makes the command that prints
// completion scripts: cobra's, if it is what args ask for, since otherwise
// "completion" is the name of a file like any other.
func setCompletion(cmd *cobra.Command, args []string) {
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // it fails for want of the flag only
	cmd.InitDefaultCompletionCmd(args...)
	for _, c := range cmd.Commands() {
		c.RunE = func(_ *cobra.Command, args []string) error { return shellError(args) }
		c.Args = cobra.ArbitraryArgs
		for _, shell := range c.Commands() {
			shell.Args = func(_ *cobra.Command, args []string) error {
				if len(args) > 0 {
					return usageError{fmt.Errorf("completion %s takes no arguments", shell.Name())}
				}
				return nil
			}
		}
	}
}

// shellError is that of a completion for no shell, or for one that we do not
// know.
func shellError(args []string) error {
	const shells = "the shells are bash, zsh, fish and powershell (see wirewatch completion --help)"
	if len(args) == 0 {
		return usageError{errors.New("completion: no shell given: " + shells)}
	}
	return usageError{fmt.Errorf("completion %s: %s", args[0], shells)}
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
