package privilege

import (
	"os"
	"path/filepath"
	"strings"
)

// Attempt is a capture that was refused.
type Attempt struct {
	Program   string   // as it was called: the first word of the command line
	Interface string   // "" if none was named
	Filter    string   // the capture filter; may be ""
	Args      []string // further words for wirewatch, as they would follow -r -
}

// Advice is one line that says how to be allowed to capture: the command that gives
// this very program the right, and the pipe that needs none. Where the command would
// not help, it says why and leaves the pipe. Words are quoted for a shell.
func Advice(a Attempt) string {
	exe, err := os.Executable()
	if err == nil {
		exe, err = filepath.EvalSymlinks(exe)
	}
	if err != nil {
		return a.with(obstacle{why: "the path of this program cannot be found out"}, "")
	}
	return a.with(hindrance(exe), exe)
}

// obstacle is why the usual command would not help.
type obstacle struct {
	why     string // "": it helps
	outside bool   // nor would sudo: no program started here may capture
}

// with is the advice for a program at exe.
func (a Attempt) with(o obstacle, exe string) string {
	switch {
	case o.outside:
		return o.why + ", or capture elsewhere and read that: tcpdump -U -w - | " + a.reader()
	case o.why != "":
		return o.why + "; capture with " + a.pipe()
	}
	return grant(exe) + "; or, without that, " + a.pipe()
}

// pipe captures with a program that sudo can run, and reads that without a right.
func (a Attempt) pipe() string {
	words := []string{"sudo", "tcpdump"}
	if a.Interface != "" {
		words = append(words, "-i", a.Interface)
	}
	words = append(words, "-U", "-w", "-")
	if a.Filter != "" {
		words = append(words, a.Filter)
	}
	return shell(words...) + " | " + a.reader()
}

func (a Attempt) reader() string {
	return shell(append([]string{a.Program, "-r", "-"}, a.Args...)...)
}

// shell joins words so that a POSIX shell takes them apart again.
func shell(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return strings.Join(quoted, " ")
}

// quote is a word as a POSIX shell reads it: itself where nothing in it means
// anything there, else between apostrophes, within which only they do.
func quote(w string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-"
	if w != "" && strings.Trim(w, plain) == "" {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}
