package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"example.com/wirewatch/capture/bpf"
)

func TestUsageErrors(t *testing.T) {
	for _, c := range []struct {
		args  []string
		words []string
	}{
		{nil, []string{"no capture given", "--help"}},
		{[]string{"-T", "ndjson"}, []string{"no capture given"}},
		{[]string{"--nonsense", demo}, []string{"--nonsense", "--help"}},
		{[]string{"-i", "eth0", "-r", demo}, []string{"-i and -r"}},
		{[]string{"-i", ""}, []string{"-i", "no name", "-D"}},
		{[]string{"-i", "ssh://-oProxyCommand=x/lo"}, []string{"ssh://"}},
		{[]string{"-i", "lo", "-s", "-1"}, []string{"-s -1"}},
		{[]string{"-i", "lo", "-B", "0"}, []string{"-B 0", "MiB"}},
		{[]string{"-i", "lo", "-B", "4000"}, []string{"-B 4000"}},
		{[]string{"-p", demo}, []string{"-p", "-i"}},
		{[]string{"--immediate", demo}, []string{"--immediate", "-i"}},
		{[]string{"-Z", "nobody", demo}, []string{"-Z", "-i"}},
		{[]string{"-i", "lo", "-Z", "no such user"}, []string{"no such user"}},
		{[]string{"-r", demo, "-f", "tcp", "udp"}, []string{"-f", "udp", "one capture filter"}},
		{[]string{"-r", demo, demo}, []string{demo, "each", "-r"}},
		{[]string{"-w", "", demo}, []string{"-w", "no name"}},
		{[]string{"-w", demo, demo}, []string{"-w", "overwritten"}},
		{[]string{"-w", "x", "-o", "x", demo}, []string{"-w", "-o", "same file"}},
		{[]string{"-w", "x", "-o", "../wirewatch/x", demo}, []string{"-w", "-o", "same file"}},
		{[]string{"-w", "command_test.go", "-o", "./command_test.go", demo}, []string{"-w", "-o", "same file"}},
		{[]string{"-w", "-", "-T", "text", demo}, []string{"-w -", "-o FILE"}},
		{[]string{"-b", "files:3", demo}, []string{"-b files:3"}},
		{[]string{"-b", "filesize:3", demo}, []string{"-b", "-w"}},
		{[]string{"-w", "x", "-b", "often", demo}, []string{"-b often", "KEY:VALUE"}},
		{[]string{"-a", "duration:3", demo}, []string{"-a duration:", "-i"}},
		{[]string{"-a", "filesize:3", demo}, []string{"-a", "-w"}},
		{[]string{"-a", "nonsense:3", demo}, []string{"-a nonsense:3"}},
		{[]string{"--capture-comment", "x", demo}, []string{"--capture-comment", "-w"}},
		{[]string{"-Y", "http", demo}, []string{"-Y", "jq"}},
		{[]string{"-e", "http.host", demo}, []string{"-e", "jq"}},
		{[]string{"-l", demo}, []string{"-l", "at once"}},
		{[]string{"-G", "10", demo}, []string{"-G", "-b duration:"}},
		{[]string{"-x", demo}, []string{"-x", "--help"}},
		{[]string{"--\x1b[31mred", demo}, []string{"[31mred"}},
		{[]string{"-T"}, []string{"-T", "--help"}},
		{[]string{"-T", "har", demo}, []string{"-T har", "text", "ndjson"}},
		{[]string{"-T", "", demo}, []string{"-T", "text", "ndjson"}},
		{[]string{"-T", "\x1b[31m", demo}, []string{"text", "ndjson"}},
		{[]string{"--json", "-T", "text", demo}, []string{"--json", "-T text"}},
		{[]string{"--body-limit", "much", demo}, []string{"--body-limit", `"much"`, "64KiB"}},
		{[]string{"--body-limit", "-1", demo}, []string{"--body-limit"}},
		{[]string{"-r"}, []string{"-r", "--help"}},
		{[]string{""}, []string{"no name"}},
		{[]string{"-r", "", "-r", demo}, []string{"no name"}},
		{[]string{"-o", "", demo}, []string{"-o", "no name"}},
		{[]string{"-", "-"}, []string{"only once"}},
		{[]string{"-r", "-", "-r", "-"}, []string{"only once"}},
		{[]string{"completion"}, []string{"no shell", "bash"}},
		{[]string{"completion", "tcsh"}, []string{"completion tcsh", "bash"}},
		{[]string{"completion", "bash", "more"}, []string{"completion bash"}},
		{[]string{"completion", "--nonsense"}, []string{"--nonsense"}},
	} {
		o := cli(t, c.args...)
		o.mustFail(t, exitUsage, c.words...)
		if o.out != "" {
			t.Errorf("stdout has %q", o.out)
		}
		if t.Failed() {
			t.Fatalf("that was wirewatch %q", c.args)
		}
	}
}

// TestFilterFault checks that where a capture filter is wrong is shown below what
// is wrong with it.
func TestFilterFault(t *testing.T) {
	if !bpf.Available {
		t.Skip("SKIPPED: this build has no capture filters")
	}
	o := cli(t, "-r", demo, "tcp", "porrt", "80")
	const want = "wirewatch: capture filter: syntax error at \"porrt\"\ntcp porrt 80\n    ^\n"
	if o.code != exitUsage || o.err != want {
		t.Errorf("exit code %d, stderr %q, want %q", o.code, o.err, want)
	}
}

// uses are how each flag can be used, with a capture, so that all goes well.
var uses = map[string][]string{
	"read": {"-r", demo, "-r"}, "type": {"-T", "ndjson"}, "json": {"--json"}, "progress": {"--progress"},
	"body-limit": {"--body-limit", "1k"}, "output": {"-o", "-"}, "no-names": {"-n"}, "quiet": {"-q"},
	"verbose": {"-v"}, "version": {"-V"}, "help": {"-h"}, "list-interfaces": {"-D"},
	"write": {"-w", "-"}, "ring-buffer": {"-V", "-b", "packets:5"}, "autostop": {"-a", "packets:5"}, "count": {"-c", "5"},
	"capture-comment": {"-w", "-", "--capture-comment", "x"}, "filter": {"-f", "tcp"},
}

// liveUses is the same for flags of captures on interfaces, of which no test has any
// but in a process of its own.
var liveUses = map[string][]string{
	"interface": {}, "snaplen": {"-s", "60"}, "no-promiscuous-mode": {"-p"}, "buffer-size": {"-B", "8"}, "immediate": {"--immediate"},
	"relinquish-privileges": {"-Z", "root"}, "no-process": {"--no-process"},
}

// noInterface is the name of an interface that there is not.
const noInterface = "ww-no-such-if"

// The help has every flag that works, and none that does not.
func TestHelpIsTrue(t *testing.T) {
	text := succeeds(t, "--help")
	listed := map[string]string{} // names to shorthands
	for _, m := range regexp.MustCompile(`(?m)^  (?:-(\w), |    )--([\w-]+)`).FindAllStringSubmatch(text, -1) {
		listed[m[2]] = m[1]
	}
	newCommand(nil, streams{}).Flags().VisitAll(func(f *pflag.Flag) {
		if short, ok := listed[f.Name]; !ok || short != f.Shorthand {
			t.Errorf("the help does not list -%s, --%s", f.Shorthand, f.Name)
		}
		delete(listed, f.Name)
		use, ok := uses[f.Name]
		liveUse, live := liveUses[f.Name]
		switch {
		case f.Name == "filter" && !bpf.Available: // as it says
		case live:
			o := cli(t, append(liveUse, "-i", noInterface)...)
			if !strings.Contains(o.err, noInterface) || o.code == exitUsage || o.code == exitOK {
				t.Errorf("--%s: exit code %d, %q", f.Name, o.code, o.err)
			}
		case !ok:
			t.Errorf("nothing is known of how --%s is used", f.Name)
		default:
			if o := cli(t, append(slices.Clone(use), demo)...); o.code != exitOK {
				t.Errorf("--%s: exit code %d, %q", f.Name, o.code, o.err)
			}
		}
	})
	for name := range listed {
		t.Errorf("the help lists --%s, which there is not", name)
	}
}

func TestHelpIsTidy(t *testing.T) {
	text := succeeds(t, "-h")
	if text != succeeds(t, "--help") {
		t.Error("-h and --help differ")
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); len(line) > helpWidth || strings.TrimRight(line, " \t") != line {
			t.Errorf("too long, or blanks at its end: %q", line)
		}
	}
	for _, title := range []string{"Usage:", "Examples:", "Reading:", "Writing:", "Other:", "Exit codes:"} {
		if strings.Count(text, "\n"+title+"\n") != 1 {
			t.Errorf("no single line %s", title)
		}
	}
	if strings.Contains(text, "Available Commands") || strings.Contains(text, "\n\n\n") {
		t.Errorf("cobra's own help shows through:\n%s", text)
	}
}

// commandLines are the command lines of wirewatch in a text, without what is
// piped into them and out of them, and without the explanation beside them.
func commandLines(text string) [][]string {
	var all [][]string
	for _, m := range regexp.MustCompile(`(?m)^\s*(?:tcpdump [^|\n]*\| )?wirewatch ((?:[^ \n|]+ ?)+)`).FindAllStringSubmatch(text, -1) {
		all = append(all, strings.Fields(m[1]))
	}
	return all
}

// readmeCode is what stands between fences in the README.
func readmeCode(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(regexp.MustCompile("(?s)```\n.*?```").FindAllString(string(readme), -1), "\n")
}

// The README shows lines that the demo really has.
func TestReadmeShowsTheDemo(t *testing.T) {
	shown := regexp.MustCompile(`(?m)^(?:\d\d:| +#).*$`).FindAllString(readmeCode(t), -1)
	if len(shown) < 5 {
		t.Errorf("found only %q", shown)
	}
	out := "\n" + succeeds(t, demo) + succeeds(t, filepath.Join(filepath.Dir(demo), "real-ws-node-heartbeat.pcap"))
	for _, line := range shown {
		if !strings.Contains(out, "\n"+line+"\n") {
			t.Errorf("the demo does not have %q", line)
		}
	}
}

// What the help and the README tell people to type is understood.
func TestExamplesAreUnderstood(t *testing.T) {
	code := readmeCode(t)
	for _, c := range []struct {
		name, text string
		least      int
	}{{"help", examples, 4}, {"README.md", code, 5}} {
		lines := commandLines(c.text)
		if len(lines) < c.least {
			t.Errorf("%s: found only %q", c.name, lines)
		}
		for _, args := range lines {
			cmd := newCommand(args, streams{})
			if err := cmd.ParseFlags(args); err != nil {
				t.Errorf("%s: wirewatch %q: %v", c.name, args, err)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	defer func(r string) { release = r }(release)
	release = "v1.2.3-4-gabcdef"
	for _, flag := range []string{"-V", "--version"} {
		if got := succeeds(t, flag); got != "wirewatch v1.2.3-4-gabcdef\n" {
			t.Errorf("%s prints %q", flag, got)
		}
	}
	release = ""
	if got := succeeds(t, "-V"); !regexp.MustCompile(`^wirewatch \S+\n$`).MatchString(got) {
		t.Errorf("without a release -V prints %q", got)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		script := succeeds(t, "completion", shell)
		if !strings.Contains(script, "__wirewatch_debug") && !strings.Contains(script, "__wirewatch_perform_completion") {
			t.Errorf("completion %s prints %.100q", shell, script)
		}
	}
	if got := succeeds(t, "completion", "--help"); !strings.Contains(got, "wirewatch completion [command]") {
		t.Errorf("completion --help prints %q", got)
	}
}

func TestCompletionOfBashParses(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("SKIPPED: there is no bash on this machine")
	}
	cmd := exec.Command(bash, "-n")
	cmd.Stdin = strings.NewReader(succeeds(t, "completion", "bash"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("bash -n: %v: %s", err, out)
	}
}

func TestCompletesFormats(t *testing.T) {
	o := cli(t, "__complete", "-T", "")
	if got := strings.Fields(o.out); !slices.Equal(got, []string{"text", "ndjson", ":4"}) { // 4: and no files
		t.Errorf("-T completes to %q", got)
	}
}

// Only as the first word does "completion" ask for a script.
func TestFileNamedCompletion(t *testing.T) {
	t.Chdir(filepath.Dir(temp(t, "completion", readDemo(t).bytes())))
	for _, args := range [][]string{{"./completion"}, {"-r", "completion"}, {"--", "completion"}} {
		if out := succeeds(t, args...); !strings.Contains(out, "capture") {
			t.Errorf("%q prints %q", args, out)
		}
	}
}
