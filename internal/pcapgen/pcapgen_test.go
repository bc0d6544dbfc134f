package pcapgen

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/pcaps/NAME.pcap from src/NAME.txt")

const dir = "../../testdata/pcaps"

// TestSources holds every generated capture to its source, byte for byte.
func TestSources(t *testing.T) {
	sources, err := filepath.Glob(filepath.Join(dir, "src", "*.txt"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources in %s (%v)", dir, err)
	}
	for _, path := range sources {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(name, func(t *testing.T) { testSource(t, path, filepath.Join(dir, name+".pcap")) })
	}
}

func testSource(t *testing.T, source, target string) {
	src, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(src, []byte("# ")) {
		t.Error("the first line does not say what the capture shows")
	}
	got, err := Compile(string(src))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(target, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what its source makes; run go test ./internal/pcapgen -update and review", target)
	}
	checkFrames(t, got, bytes.Contains(src, []byte("badsum")))
}

// checkFrames verifies the checksums of every whole segment, and that times do
// not go back.
func checkFrames(t *testing.T, p []byte, someWrong bool) {
	linkType, recs := readFile(t, p)
	if len(recs) == 0 {
		t.Error("no frames")
	}
	wrong := 0
	for i, r := range recs {
		if i > 0 && r.at.Before(recs[i-1].at) {
			t.Errorf("frame %d is before the one before it", i+1)
		}
		ip := stripLink(t, linkType, r.data)
		if _, _, err := dissect(ip, r.wireLen-(len(r.data)-len(ip))); err != nil {
			wrong++
			if !someWrong {
				t.Errorf("frame %d: %v", i+1, err)
			}
		}
	}
	if someWrong && wrong == 0 {
		t.Error("no checksum is wrong, yet the source says badsum")
	}
}

func TestConversation(t *testing.T) {
	for _, tc := range []struct{ name, src, want string }{
		{"whole", `
handshake
> "hi"
< "yo"
close
`, `
40000 S 1000 0 ""
80 SA 5000 1001 ""
40000 A 1001 5001 ""
40000 PA 1001 5001 "hi"
80 A 5001 1003 ""
80 PA 5001 1003 "yo"
40000 A 1003 5003 ""
40000 FA 1003 5003 ""
80 A 5003 1004 ""
80 FA 5003 1004 ""
40000 A 1004 5004 ""
`},
		{"server closes", "close server", `
80 FA 5001 1001 ""
40000 A 1001 5002 ""
40000 FA 1001 5002 ""
80 A 5002 1002 ""
`},
		{"segments, fin on the last", `> "abcde" mss=2 fin`, `
40000 A 1001 5001 "ab"
40000 A 1003 5001 "cd"
40000 FPA 1005 5001 "e"
80 A 5001 1007 ""
`},
		{"split", `< "abcde" split=1,4 noack`, `
80 A 5001 1001 "a"
80 A 5002 1001 "bcd"
80 PA 5005 1001 "e"
`},
		{"lost is acknowledged", `> "abcd" mss=2 lost=1`, `
40000 PA 1003 5001 "cd"
80 A 5001 1005 ""
`},
		{"delay", `> "abcd" mss=2 delay=1:5ms`, `
40000 PA 1003 5001 "cd"
40000 A 1001 5001 "ab"
80 A 5001 1005 ""
`},
		{"dup, again", "acks off\n> \"ab\" dup\n> \"cd\"\n> again=2", `
40000 PA 1001 5001 "ab"
40000 PA 1001 5001 "ab"
40000 PA 1003 5001 "cd"
40000 PA 1001 5001 "ab"
`},
		{"numbers", "acks off\n> \"abcd\"\n> \"XY\" seq=1\n> \"e\"\n< \"f\" ack=2\n< \"g\" ack=-1\n< rst seq=@7 ack=@9\n> ack seq=+100 ack=+3\n> ack", `
40000 PA 1001 5001 "abcd"
40000 PA 1002 5001 "XY"
40000 PA 1005 5001 "e"
80 PA 5001 1003 "f"
80 PA 5002 1005 "g"
80 RA 7 9 ""
40000 A 1106 5006 ""
40000 A 1006 5003 ""
`},
		{"wrap", "flow a 192.0.2.1:1 > 192.0.2.2:2 isn=4294967294,0\n> \"abcd\"", `
1 PA 4294967295 1 "abcd"
2 A 1 3 ""
`},
		{"keepalive", "> \"a\"\n> keepalive", `
40000 PA 1001 5001 "a"
80 A 5001 1002 ""
40000 A 1001 5001 ""
80 A 5001 1002 ""
`},
		{"stay", "acks off\n> \"a\" stay\n> \"ab\"", `
40000 PA 1001 5001 "a"
40000 PA 1001 5001 "ab"
`},
		{"one side", "capture server\nhandshake\n> \"hi\"\n< \"yo\"", `
80 SA 5000 1001 ""
80 A 5001 1003 ""
80 PA 5001 1003 "yo"
`},
		{"flows", "flow a 192.0.2.1:1 > 192.0.2.9:80\nflow b [2001:db8::1]:2 > [2001:db8::9]:80\nacks off\na: > \"1\"\n> \"2\"\na: > \"3\"", `
1 PA 1001 5001 "1"
2 PA 1001 5001 "2"
1 PA 1002 5001 "3"
`},
		{"flags, refused", "> flags=UC\n> syn\n< rst seq=@0", `
40000 UC 1001 0 ""
40000 S 1000 0 ""
80 RA 0 1001 ""
`},
		{"tso", "> rep 3000 \"x\" tso noack\n> \"y\" noack", "\n" +
			`40000 PA 1001 5001 "` + strings.Repeat("x", 3000) + "\"\n" +
			"40000 PA 4001 5001 \"y\"\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := "\n" + lines(compile(t, tc.src)); got != tc.want {
				t.Errorf("got %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestData(t *testing.T) {
	for _, tc := range []struct{ src, want string }{
		{`"a\x00\r\n\"é\\" "b" # comment`, "a\x00\r\n\"é\\b"},
		{`hex "00 fF"`, "\x00\xff"},
		{`rep 2 "ab" each 2 "n%d "`, "ababn1 n2 "},
		{`take 2 "abc" skip 2 "abc" but 1 "abc"`, "abcab"},
		{`take 2 zeros 9`, "\x00\x00"},
		{`take 4 noise 9`, "\x6c\x82\xa5\x62"},
		{`body{"abc"}`, "Content-Length: 3\r\n\r\nabc"},
		{`chunk{rep 17 "x"}`, "11\r\n" + strings.Repeat("x", 17) + "\r\n"},
		{`wsframe 81 "Hello"`, "\x81\x05Hello"},
		{`wsmasked 81 "Hello"`, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"}, // RFC 6455 §5.7
		{`take 4 wsframe 82 zeros 256`, "\x82\x7e\x01\x00"},
		{`take 10 wsframe 82 zeros 65536`, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"},
		{`h2frame 4 1 2147483 "ab"`, "\x00\x00\x02\x04\x01\x00\x20\xc4\x9bab"},
	} {
		c := newCompiler()
		list, err := lex(tc.src)
		if err != nil {
			t.Fatal(err)
		}
		toks := &tokens{list}
		got, err := c.all(toks)
		if err == nil {
			err = toks.none()
		}
		if err != nil || string(got) != tc.want {
			t.Errorf("%s: got %q, %v; want %q", tc.src, got, err, tc.want)
		}
	}
}

func TestContinuation(t *testing.T) {
	got := compile(t, `
let page = "<p>"
> noack "A "
  | B # no comment\t
  |
  |  two blanks
  + $page body{} # a comment
+5ms
> "x" noack
`)
	const want = "A B # no comment\t\r\n\r\n two blanks\r\n<p>Content-Length: 0\r\n\r\n"
	if len(got) != 2 || string(got[0].data) != want {
		t.Errorf("got %v, want %q", got, want)
	}
	if d := got[1].at.Sub(got[0].at); d.Milliseconds() != 6 {
		t.Errorf("%v between the frames, want a step and 5ms", d)
	}
}

func TestOptionsAndWindow(t *testing.T) {
	got := compile(t, "> syn\n> syn opts=mss:536,ws:3,nop,ts:1:2\n> ack win=0 opts=sack:10-20,hex:fe02\n> ack")
	want := []string{
		"\x02\x04\x05\xb4\x04\x02\x01\x03\x03\x07\x01\x01",
		"\x02\x04\x02\x18\x03\x03\x03\x01\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x02\x01\x01",
		"\x05\x0a\x00\x00\x13\x93\x00\x00\x13\x9d\xfe\x02",
		"",
	}
	for i, w := range want {
		if string(got[i].opts) != w {
			t.Errorf("options %d: % x, want % x", i, got[i].opts, w)
		}
	}
	if got[1].win != 64240 || got[2].win != 0 || got[3].win != 0 {
		t.Errorf("windows %d, %d, %d; want 64240 and then 0", got[1].win, got[2].win, got[3].win)
	}
}

// TestLinks checks that the same segment is in every kind of frame.
func TestLinks(t *testing.T) {
	for _, l := range []string{"ethernet", "ethernet vlan=5", "ethernet vlan=5,7 pad", "null", "loop", "raw", "sll", "sll2"} {
		for _, flow := range []string{"192.0.2.1:1 > 192.0.2.2:2", "[2001:db8::1]:1 > [2001:db8::2]:2"} {
			got := lines(compile(t, "link "+l+"\nflow a "+flow+"\n> \"x\" noack"))
			if got != "1 PA 1001 5001 \"x\"\n" {
				t.Errorf("link %s, %s: %s", l, flow, got)
			}
		}
	}
}

// TestFragments puts the fragments of one segment together again.
func TestFragments(t *testing.T) {
	p, err := Compile("> rep 100 \"0123456789\" noack frag=400 fragreverse\n> rep 100 \"x\" noack frag=64 fraglost=2")
	if err != nil {
		t.Fatal(err)
	}
	_, recs := readFile(t, p)
	if len(recs) != 3+1 {
		t.Fatalf("%d frames, want 3 and 1", len(recs))
	}
	datagram := make([]byte, 1020)
	for _, r := range recs[:3] {
		ip := r.data[14:]
		off := (int(ip[6])<<8 | int(ip[7])) & 0x1fff * 8
		copy(datagram[off:], ip[20:])
	}
	if !strings.HasPrefix(string(datagram[20:]), "0123456789") || !bytes.HasSuffix(datagram, []byte("789")) {
		t.Errorf("not the segment: %q", datagram)
	}
	if first := recs[0].data[14+6]; first&0x20 != 0 {
		t.Error("the first frame has the more-fragments flag, but the last fragment was to come first")
	}
}

func TestSnaplenAndPrecision(t *testing.T) {
	p, err := Compile("precision ns\nstart 2024-01-01T00:00:00.000000007Z\nsnaplen 100\n> rep 200 \"x\" noack\n> rep 200 \"x\" noack snap=60")
	if err != nil {
		t.Fatal(err)
	}
	_, recs := readFile(t, p)
	if len(recs[0].data) != 100 || len(recs[1].data) != 60 || recs[0].wireLen != 254 {
		t.Errorf("captured %d and %d of %d", len(recs[0].data), len(recs[1].data), recs[0].wireLen)
	}
	if recs[0].at.Nanosecond() != 7 {
		t.Errorf("time %v", recs[0].at)
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct{ src, want string }{
		{"\n\nbogus", "line 3: unknown statement"},
		{"> \"a", "line 1: string does not end"},
		{"> \"\\q\"", "line 1: bad escape"},
		{">", "line 1: nothing to send"},
		{"> bogus", "unexpected \"bogus\""},
		{"> bogus=1", "unknown modifier"},
		{"> \"a\" seq=x", "seq=x"},
		{"> win=65536", "from 0 to 65535"},
		{"> \"a\" frag=9", "multiples of 8"},
		{"> again=1", "no such segment"},
		{"> \"a\" split=2", "cannot split 1 bytes at 2"},
		{"> ack opts=bogus", "unknown option"},
		{"> ack opts=hex:" + strings.Repeat("00", 41), "more than 40"},
		{"> flags=Z", "no control bit"},
		{"> $x", "$x is not defined"},
		{"> hex \"0\"", "hexadecimal"},
		{"> gzip \"x\"", "gzip needs \"{\""},
		{"> gzip{\"x\"", "gzip needs \"}\""},
		{"> rep 99999999999 \"x\"", "rep"},
		{"> rep 60000000 \"xx\"", "more than"},
		{"> take 3 \"x\"", "take 3 of only 1"},
		{"x: > \"a\"", "flow \"x\" is not declared"},
		{"flow a 1.2.3.4:5 > [::1]:6", "address family"},
		{"flow a 1.2.3.4 > 1.2.3.4:6", "client"},
		{"flow a 1.2.3.4:1 > 1.2.3.4:6 isn=1", "bad flow option"},
		{"handshake now", "unexpected \"now\""},
		{"close both", "expected"},
		{"handshake\n| x", "line 1: only > and < can be continued"},
		{"link token", "unknown link type"},
		{"link raw vlan=1", "unknown link option"},
		{"step soon", "bad duration"},
		{"capture some", "capture both"},
	} {
		_, err := Compile(tc.src)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: got %v, want an error with %q", tc.src, err, tc.want)
		}
	}
}

// FuzzCompile looks for panics and for captures that cannot be read.
func FuzzCompile(f *testing.F) {
	sources, _ := filepath.Glob(filepath.Join(dir, "src", "*.txt"))
	for _, path := range sources {
		if p, err := os.ReadFile(path); err == nil && !bytes.Contains(p, []byte("zeros")) {
			f.Add(string(p))
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		if p, err := Compile(src); err == nil {
			readFile(t, p)
		}
	})
}
