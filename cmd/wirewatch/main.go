// Command wirewatch shows what clients and servers say to each other: it turns
// packets, of an interface or a capture file, into TCP flows, HTTP exchanges and
// WebSocket messages.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/bpf"
	"example.com/wirewatch/internal/safe"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // something failed while running
	exitUsage   = 2 // the command line is wrong
	exitDamaged = 3 // the input is truncated or corrupt, and was processed as far as it goes
	exitDenied  = 4 // the user may not capture
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == ownersChild {
		os.Exit(findOwners())
	}
	tuneMemory()
	// A reader that went away is an error of a write, not a signal.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(execute(interruptible(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// interruptible is a context that the first SIGINT, SIGTERM or SIGHUP ends,
// after which everything found is still written; a second one ends the program.
// Under nohup SIGHUP stays ignored.
func interruptible() context.Context {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, func() { time.AfterFunc(sameSignal, stop) })
	return ctx
}

// sameSignal is how long after the first signal another is no second one: timeout(1)
// sends each to the process and to its group.
const sameSignal = 200 * time.Millisecond

// streams are the standard streams.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// saidError is an error of which stderr was told when it happened.
type saidError struct{ error }

// usageError is a mistake on the command line.
type usageError struct{ error }

// Unwrap is that of errors: what is wrong with a capture filter is shown.
func (e usageError) Unwrap() error { return e.error }

// execute runs a command line and returns its exit code, having said on
// stderr, in one line, what went wrong.
func execute(ctx context.Context, args []string, std streams) int {
	err := newCommand(args, std).ExecuteContext(ctx)
	if err == nil || errors.Is(err, syscall.EPIPE) { // whoever read the records has had enough
		return exitOK
	}
	if errors.As(err, new(saidError)) {
		return exitFailure
	}
	mode := safe.Detail
	if _, tty := terminal(std.err); tty && asciiOnly() {
		mode = safe.ASCII
	}
	say(std.err, "wirewatch: %s\n", safe.Clean(err.Error(), mode))
	var usage usageError
	var damaged *capture.Damaged
	var denied permissionError
	var filter *bpf.SyntaxError
	if errors.As(err, &filter) {
		for line := range strings.SplitSeq(filter.Caret(), "\n") {
			say(std.err, "%s\n", safe.Clean(line, mode))
		}
	}
	switch {
	case errors.As(err, &denied):
		return exitDenied
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &damaged):
		return exitDamaged
	}
	return exitFailure
}

// say writes to stderr, of which nobody is told when it fails.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
