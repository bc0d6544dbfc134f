package privilege

import (
	"os/exec"
	"strings"
	"testing"
)

func TestAdvice(t *testing.T) {
	eth0 := Attempt{Program: "wirewatch", Interface: "eth0"}
	filtered := Attempt{Program: "./my tools/wirewatch", Interface: "any", Filter: "tcp port 80 and host 'x'", Args: []string{"-T", "ndjson"}}
	for want, got := range map[string]string{
		grant("/usr/bin/wirewatch") + "; or, without that, sudo tcpdump -i eth0 -U -w - | wirewatch -r -": eth0.with(obstacle{}, "/usr/bin/wirewatch"),
		"because; capture with sudo tcpdump -i eth0 -U -w - | wirewatch -r -":                             eth0.with(obstacle{why: "because"}, "/x"),
		"because, or capture elsewhere and read that: tcpdump -U -w - | wirewatch -r -":                   eth0.with(obstacle{"because", true}, "/x"),
		`because; capture with sudo tcpdump -i any -U -w - 'tcp port 80 and host '\''x'\''' | ` +
			`'./my tools/wirewatch' -r - -T ndjson`: filtered.with(obstacle{why: "because"}, "/x"),
		"because; capture with sudo tcpdump -U -w - | wirewatch -r -": Attempt{Program: "wirewatch"}.with(obstacle{why: "because"}, "/x"),
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if got := Advice(eth0); !strings.Contains(got, "| wirewatch -r -") || strings.Contains(got, "\n") {
		t.Errorf("advice of this program: %q", got)
	}
}

// FuzzQuote: a shell reads back what was quoted.
func FuzzQuote(f *testing.F) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Skip("SKIPPED: no sh")
	}
	for _, s := range []string{"", "eth0", "a b", "it's", "''", "$(id)", "`id`", "a;b", "-n", "~", "*", "\\", "a\nb\n", "!", "#x", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) {
			t.Skip("no word has a NUL")
		}
		out, err := exec.Command(sh, "-c", "printf %s. "+quote(s)).Output() //nolint:gosec // that is what is tested
		if err != nil || string(out) != s+"." {
			t.Errorf("%q, quoted %s, is read as %q, %v", s, quote(s), out, err)
		}
	})
}
