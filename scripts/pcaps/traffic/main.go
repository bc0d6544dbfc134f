// Command traffic makes the traffic of the real captures in testdata/pcaps: a
// server that logs what it served, clients with habits that curl does not have,
// a relay that loses frames, the merging of logs, and the removal of what tells about the machine.
// make.sh runs it.
package main

import (
	"fmt"
	"os"
)

var commands = map[string]func(args []string) error{
	"serve":     serve,
	"client":    client,
	"impair":    impair,
	"nginx":     nginxTruth,
	"sort":      sortTruth,
	"anonymise": anonymise,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: traffic serve|client|impair|nginx|sort|anonymise …")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "traffic %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
