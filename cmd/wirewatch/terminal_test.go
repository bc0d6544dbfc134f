package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// environ sets what decides on how a terminal is written to, and unsets the
// rest of it.
func environ(t *testing.T, set ...string) {
	t.Helper()
	for _, k := range []string{"NO_COLOR", "TERM", "LC_ALL", "LC_CTYPE", "LANG"} {
		t.Setenv(k, "")
	}
	for _, s := range set {
		k, v, _ := strings.Cut(s, "=")
		t.Setenv(k, v)
	}
}

// onScreen is what a terminal of so many columns is sent while f writes to it.
// Line ends are as they were written.
func onScreen(t *testing.T, columns int, f func(terminal *os.File)) string {
	t.Helper()
	master, terminal := openPTY(t, columns)
	screen := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(master) // it ends with EIO, once nobody has the terminal open
		screen <- string(b)
	}()
	f(terminal)
	terminal.Close()
	var got string
	within(t, "the end of the screen", func() { got = <-screen })
	return strings.ReplaceAll(got, "\r\n", "\n")
}

// show runs a command line whose stdout is a terminal.
func show(t *testing.T, columns int, args ...string) string {
	t.Helper()
	return onScreen(t, columns, func(terminal *os.File) {
		var stderr bytes.Buffer
		if code := execute(t.Context(), args, streams{nil, terminal, &stderr}); code != exitOK || stderr.Len() > 0 {
			t.Errorf("exit code %d, stderr %q", code, stderr.String())
		}
	})
}

const utf8Env = "LC_ALL=C.UTF-8"

func TestStyleOfTerminal(t *testing.T) {
	for _, c := range []struct {
		name          string
		env           []string
		colour, ascii bool
	}{
		{"xterm", []string{"TERM=xterm-256color", utf8Env}, true, false},
		{"locale unknown", []string{"TERM=xterm"}, true, false},
		{"NO_COLOR", []string{"TERM=xterm", utf8Env, "NO_COLOR=1"}, false, false},
		{"NO_COLOR empty", []string{"TERM=xterm", utf8Env, "NO_COLOR="}, true, false},
		{"dumb", []string{"TERM=dumb", utf8Env}, false, true},
		{"no TERM", []string{utf8Env}, false, true},
		{"LC_ALL=C", []string{"TERM=xterm", "LC_ALL=C", "LANG=C.UTF-8"}, true, true},
		{"LC_CTYPE=POSIX", []string{"TERM=xterm", "LC_CTYPE=POSIX", "LANG=C.UTF-8"}, true, true},
		{"LANG=de_DE.ISO-8859-1", []string{"TERM=xterm", "LANG=de_DE.ISO-8859-1"}, true, true},
		{"LANG=de_DE.utf8", []string{"TERM=xterm", "LANG=de_DE.utf8"}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			environ(t, c.env...)
			screen := show(t, 200, demo)
			if !strings.Contains(screen, "GET") {
				t.Fatalf("no records: %q", screen)
			}
			if got := strings.Contains(screen, "\x1b["); got != c.colour {
				t.Errorf("coloured: %v, want %v", got, c.colour)
			}
			if got := !strings.ContainsFunc(screen, func(r rune) bool { return r >= utf8.RuneSelf }); got != c.ascii {
				t.Errorf("ASCII only: %v, want %v", got, c.ascii)
			}
		})
	}
}

// Colours are all that a terminal is sent beside text.
func TestOnlyColours(t *testing.T) {
	environ(t, "TERM=xterm", utf8Env)
	screen := show(t, 200, demo)
	plain := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(screen, "")
	if strings.ContainsFunc(plain, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }) {
		t.Errorf("other control characters: %q", plain)
	}
	t.Setenv("NO_COLOR", "1")
	if show(t, 200, demo) != plain {
		t.Error("without colours the text is another one")
	}
}

// No line is wider than the terminal.
func TestWidthOfTerminal(t *testing.T) {
	environ(t, "TERM=dumb")
	long := filepath.Join("..", "..", "testdata", "pcaps", "http-long-target.pcap")
	for _, columns := range []int{20, 40, 80, 120} {
		widest := 0
		for line := range strings.Lines(show(t, columns, demo, long)) {
			widest = max(widest, len(strings.TrimSuffix(line, "\n")))
		}
		if widest > columns || widest < columns-columns/4 {
			t.Errorf("at %d columns the widest line has %d", columns, widest)
		}
	}
	if records := show(t, 80, "--json", demo); records != succeeds(t, "--json", demo) {
		t.Error("JSON is not the same on a terminal")
	}
}

func TestStandardInputIsTerminal(t *testing.T) {
	onScreen(t, 80, func(terminal *os.File) {
		cliWith(t, terminal, "-").mustFail(t, exitUsage, "terminal", "tcpdump")
		if o := cliWith(t, terminal, demo); o.code != exitOK {
			t.Errorf("exit code %d, though standard input is not asked for: %q", o.code, o.err)
		}
	})
}

// An error shows nothing on a terminal that it could not show.
func TestErrorOnTerminal(t *testing.T) {
	for env, want := range map[string]string{"TERM=xterm": "wirewatch: capture: open ␛ü: no such file or directory\n", "TERM=dumb": "wirewatch: capture: open ^[<U+00FC>: no such file or directory\n"} {
		environ(t, env, utf8Env)
		screen := onScreen(t, 80, func(terminal *os.File) {
			if code := execute(t.Context(), []string{"\x1bü"}, streams{nil, io.Discard, terminal}); code != exitFailure {
				t.Errorf("exit code %d", code)
			}
		})
		if screen != want {
			t.Errorf("%s: %q, want %q", env, screen, want)
		}
	}
}

// A damaged capture is told of once on a terminal, and in both streams if they go
// to different places.
func TestDamageIsSaidOnce(t *testing.T) {
	environ(t, "TERM=xterm", "NO_COLOR=1", utf8Env)
	c := readDemo(t)
	cut := temp(t, "cut.pcap", c.bytes(c.records...)[:3000])
	const what = "the file ends"
	screen := onScreen(t, 0, func(terminal *os.File) {
		if code := execute(t.Context(), []string{cut}, streams{nil, terminal, terminal}); code != exitDamaged {
			t.Errorf("exit code %d", code)
		}
	})
	if strings.Count(screen, what) != 1 || !strings.Contains(screen, "\nwirewatch: ") {
		t.Errorf("the screen does not say once, on stderr, what is wrong:\n%s", screen)
	}
	if o := cli(t, cut); !strings.Contains(o.out, what) || !strings.Contains(o.err, what) {
		t.Errorf("stdout has %q, stderr %q", o.out, o.err)
	}
}

// TestPacketsAreNotForTerminals checks that no byte from the wire gets to a
// terminal as it is.
func TestPacketsAreNotForTerminals(t *testing.T) {
	_, terminal := openPTY(t, 80)
	var stderr bytes.Buffer
	code := execute(t.Context(), []string{"-w", "-", demo}, streams{strings.NewReader(""), terminal, &stderr})
	outcome{code, "", stderr.String()}.mustFail(t, exitUsage, "-w -", "terminal")
}
