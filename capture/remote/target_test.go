package remote

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for s, want := range map[string]Target{
		"ssh://web1/eth0":                             {Host: "web1", Iface: "eth0"},
		"ssh://root@web1.example.com:2222/any":        {User: "root", Host: "web1.example.com", Port: 2222, Iface: "any"},
		"ssh://[2001:db8::1]:22/eth0.5":               {Host: "2001:db8::1", Port: 22, Iface: "eth0.5"},
		"ssh://[fe80::1%25eth0]/lo":                   {Host: "fe80::1%eth0", Iface: "lo"},
		"ssh://[fe80::1%eth0]/lo":                     {Host: "fe80::1%eth0", Iface: "lo"},
		"ssh://a%40b@h/br-1%3F?sudo":                  {User: "a@b", Host: "h", Iface: "br-1?", Sudo: true},
		"ssh://h_1/-weird":                            {},
		"ssh://-oProxyCommand=id/eth0":                {},
		"ssh://-h/eth0":                               {},
		"ssh://x@-h/eth0":                             {},
		"ssh://-l@h/eth0":                             {},
		"ssh://u:secret@h/eth0":                       {},
		"ssh://h":                                     {},
		"ssh://h/":                                    {},
		"ssh:///eth0":                                 {},
		"ssh://h/eth0/1":                              {},
		"ssh://h/eth0%2F1":                            {},
		"ssh://h/eth0%0aid":                           {},
		"ssh://h/eth0%00":                             {},
		"ssh://h/eth%zz":                              {},
		"ssh://h:0/eth0":                              {},
		"ssh://h:65536/eth0":                          {},
		"ssh://h:/eth0":                               {},
		"ssh://h:+22/eth0":                            {},
		"ssh://[::1/eth0":                             {},
		"ssh://[::1]22/eth0":                          {},
		"ssh://[1.2.3.4]/eth0":                        {},
		"ssh://::1/eth0":                              {},
		"ssh://h;id/eth0":                             {},
		"ssh://$(id)/eth0":                            {},
		"ssh://h i/eth0":                              {},
		"ssh://h/eth0?x":                              {},
		"ssh://h/eth0?sudo&x":                         {},
		"http://h/eth0":                               {},
		"ssh://" + strings.Repeat("h", 300) + "/eth0": {},
	} {
		got, err := Parse(s)
		if got != want || (err == nil) != (want.Host != "") {
			t.Errorf("%s: %+v, %v, want %+v", s, got, err, want)
		}
		if err == nil {
			if again, err := Parse(got.String()); again != got || err != nil {
				t.Errorf("%s is written %s, and that is %+v, %v", s, got, again, err)
			}
		}
	}
}

// What is taken never looks like an option, and is read back from what it is
// written as.
func FuzzParse(f *testing.F) {
	f.Add("ssh://root@web1:22/eth0?sudo")
	f.Add("ssh://[fe80::1%eth0]/%2Dany")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Parse(s)
		if err != nil {
			return
		}
		if !IsURL(s) || got.Host == "" || strings.HasPrefix(got.Host, "-") || strings.HasPrefix(got.User, "-") ||
			strings.ContainsAny(got.Host, " ;$`'\"\\|&<>()\n\x00") || strings.ContainsAny(got.Iface, "/\n\x00") {
			t.Errorf("%q: %+v", s, got)
		}
		if again, err := Parse(got.String()); again != got || err != nil {
			t.Errorf("%q: %+v is written %s, and that is %+v, %v", s, got, got, again, err)
		}
	})
}
