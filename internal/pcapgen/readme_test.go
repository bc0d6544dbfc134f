package pcapgen

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var generatedTable = regexp.MustCompile(`(?s)(<!-- begin: [^\n]*-->\n)(.*)(<!-- end -->)`)

// TestReadme holds the table of generated captures to the sources' first
// lines, and asks that every other capture has a row and a truth log.
func TestReadme(t *testing.T) {
	path := filepath.Join(dir, "README.md")
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	readme := string(p)
	m := generatedTable.FindStringSubmatch(readme)
	if m == nil {
		t.Fatal("no place for the table of generated captures")
	}
	want := sourceTable(t)
	if *update {
		readme = strings.Replace(readme, m[0], m[1]+want+m[3], 1)
		if err := os.WriteFile(path, []byte(readme), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if m[2] != want {
		t.Error("the table of generated captures is old; run go test ./internal/pcapgen -update")
	}
	for _, name := range captures(t) {
		stem, _, _ := strings.Cut(strings.Replace(name, ".pcap", "\x00", 1), "\x00")
		if exists(filepath.Join(dir, "src", stem+".txt")) {
			continue
		}
		if !strings.Contains(readme, "\n| `"+name+"` |") {
			t.Errorf("%s: has neither a source nor a row in the README", name)
		}
		if !exists(filepath.Join(dir, stem+".truth.jsonl")) {
			t.Errorf("%s: has neither a source nor a truth log", name)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// captures are the names of all capture files.
func captures(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"*.pcap", "*.pcapng", "*.gz"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			out = append(out, filepath.Base(p))
		}
	}
	return out
}

func sourceTable(t *testing.T) string {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(dir, "src", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| capture | what it shows |\n|---|---|\n")
	for _, path := range sources {
		p, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(p), "\n")
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		fmt.Fprintf(&b, "| `%s.pcap` | %s |\n", name, strings.TrimPrefix(first, "# "))
	}
	return b.String()
}
