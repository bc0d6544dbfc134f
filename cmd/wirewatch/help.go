package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is that of the help text in columns: the narrowest usual terminal.
const helpWidth = 80

const long = `wirewatch watches network interfaces, or reads packet captures, and says what
the clients and the servers there say to each other: TCP connections from
handshake to teardown, HTTP exchanges with their headers, bodies and timing,
server-sent events, WebSockets with every message, ping and close, and where the
traffic departs from the specifications or bytes are missing. On a terminal
lines are cut to its width; in a pipe they are whole.

Interfaces are those of this machine, which takes the right to capture, or of
another one, through ssh. Ctrl-C ends the capture, and all that was captured is
told.

Captures are pcap, pcapng, Microsoft Network Monitor or ERF, also compressed
with gzip or zstd, in files or on standard input (-). Several files are read as
one capture, in time order.`

const examples = `  wirewatch -i eth0 tcp port 8080              as it happens
  wirewatch -i any -w all.pcapng -T ndjson     the same for programs, and saved
  wirewatch -i ssh://admin@web1/eth0           on another machine
  wirewatch capture.pcap                       a line for each fact
  wirewatch -r capture.pcap -T ndjson          a JSON object for each fact
  wirewatch a.pcap b.pcap.gz --body-limit all  two captures as one, bodies whole
  tcpdump -U -w - | wirewatch -r -             from whatever can capture`

const afterFlags = `Exit codes:
  0  all went well, also when interrupted (Ctrl-C) or nobody reads on
  1  something failed
  2  the command line is wrong
  3  a capture is truncated or corrupt, and was processed up to there
  4  no permission to capture, with the command that gives it

For completion in your shell: wirewatch completion --help
`

// setHelp has the help of cmd, but not of its commands, show flags in groups.
func setHelp(cmd *cobra.Command, groups []group) {
	other := cmd.HelpFunc()
	cmd.SetHelpFunc(func(c *cobra.Command, args []string) {
		if c != cmd {
			other(c, args)
			return
		}
		say(c.OutOrStdout(), "%s", help(c, groups))
	})
}

func help(c *cobra.Command, groups []group) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage:\n  %s\n\nExamples:\n%s\n\n", c.Long, c.Use, c.Example)
	for _, g := range groups {
		fmt.Fprintf(&b, "%s:\n%s\n", g.title, g.flags.FlagUsagesWrapped(helpWidth))
	}
	b.WriteString(afterFlags)
	return b.String()
}
