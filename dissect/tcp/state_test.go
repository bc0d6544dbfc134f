package tcp

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the diagram in doc.go")

// diagram draws the table: a line for each state, with what leaves it.
func diagram() string {
	var b strings.Builder
	for from := range table {
		var out []string
		for m := range table[from] {
			if to := table[from][m]; to != Unknown {
				out = append(out, fmt.Sprintf("%-15s → %s", moveNames[m], to))
			}
		}
		for i, l := range out {
			name := ""
			if i == 0 {
				name = State(from).String()
			}
			fmt.Fprintf(&b, "//\t%-13s %s\n", name, l)
		}
	}
	return b.String()
}

// TestDiagram fails when the diagram in doc.go is not that of the table.
func TestDiagram(t *testing.T) {
	data, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	const head, tail = "drawn from the table in state.go:\n//\n", "//\n//go:generate"
	i, j := strings.Index(doc, head), strings.Index(doc, tail)
	if i < 0 || j < 0 {
		t.Fatal("doc.go has no place for the diagram")
	}
	i += len(head)
	if doc[i:j] == diagram() {
		return
	}
	if !*update {
		t.Fatal("the diagram in doc.go is not that of the table: go generate ./dissect/tcp")
	}
	if err := os.WriteFile("doc.go", []byte(doc[:i]+diagram()+doc[j:]), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestEveryStateIsReached keeps the table from having a state that nothing leads to.
func TestEveryStateIsReached(t *testing.T) {
	reached := map[State]bool{Unknown: true} // where ends begin
	for from := range table {
		for _, to := range table[from] {
			reached[to] = true
		}
	}
	for s := range numStates {
		if !reached[s] {
			t.Errorf("nothing leads to %s", s)
		}
	}
	if Closed.after(sndSYN) != Closed {
		t.Error("CLOSED is final")
	}
}
