package differential

import (
	"fmt"
	"testing"

	"example.com/wirewatch/event"
)

// messages are what is compared of the HTTP/1 messages of a capture, each with
// how often it occurs.
type messages struct{ requests, responses, pairs map[string]int }

func newMessages() messages {
	return messages{map[string]int{}, map[string]int{}, map[string]int{}}
}

// ours are the messages of our exchanges.
func ours(ev []event.Event) messages {
	m := newMessages()
	for i := range ev {
		e := &ev[i]
		if e.Body.Kind() != "http.exchange" {
			continue
		}
		f := map[string]event.Value{}
		for name, v := range e.Body.Fields() {
			f[name] = v
		}
		str := func(name string) string { v := f[name]; return v.Str() }
		flow := pair(e.Ends.Client.String(), e.Ends.Server.String())
		if method := str("http.request.method"); method != "" {
			m.requests[fmt.Sprint(flow, " request ", method, " ", str("http.request.uri"), " ", str("http.request.version"))]++
		}
		if code := f["http.response.code"]; code.Kind() != event.None {
			m.responses[fmt.Sprint(flow, " response ", code.Int(), " ", str("http.response.version"))]++
			m.pairs[fmt.Sprint(flow, " response ", code.Int(), " to ", str("http.request.uri"))]++
		}
		interim := f["http.response.interim"]
		for _, o := range interim.Objects() {
			for name, v := range o {
				if name == "code" {
					m.responses[fmt.Sprint(flow, " interim ", v.Int())]++
				}
			}
		}
	}
	return m
}

func pair(a, b string) string {
	if a > b {
		a, b = b, a
	}
	return a + " " + b
}

// counts reports that a message is HTTP/1 in clear text on TCP, as far as
// tshark knows.
func (x *truth) counts() bool { return x.TLS == 0 && x.ICMP == nil && x.Alt == nil && x.Suspect == nil }

// theirs are tshark's messages.
func theirs(tr []truth) messages {
	m := newMessages()
	flows, uris := map[int]string{}, map[uint64][]string{}
	for _, x := range tr {
		switch {
		case x.T == "stream":
			flows[x.Stream] = pair(addr(x.AIP, x.APort).String(), addr(x.BIP, x.BPort).String())
		case x.T == "req" && x.counts():
			uris[x.Frame] = append(uris[x.Frame], x.URI)
			m.requests[fmt.Sprint(flows[x.Stream], " request ", x.Method, " ", x.URI, " ", x.Version)]++
		}
	}
	for _, x := range tr {
		switch flow := flows[x.Stream]; {
		case x.T != "resp" || !x.counts():
		case x.Status >= 100 && x.Status < 200 && x.Status != 101:
			m.responses[fmt.Sprint(flow, " interim ", x.Status)]++
		default:
			m.responses[fmt.Sprint(flow, " response ", x.Status, " ", x.Version)]++
			if u := uris[x.BestReq]; len(u) == 1 { // a frame with several requests does not say which
				m.pairs[fmt.Sprint(flow, " response ", x.Status, " to ", u[0])]++
			}
		}
	}
	return m
}

// TestHTTP compares the HTTP/1 messages: requests by method, target and
// version, responses by status, version and the target of their request.
func TestHTTP(t *testing.T) {
	d := load(t, "http.txt")
	captures(t, func(t *testing.T, name string, tr []truth, ev []event.Event) {
		got, want := ours(ev), theirs(tr)
		diffs := append(compare(got.requests, want.requests), compare(got.responses, want.responses)...)
		for p, n := range want.pairs {
			if got.pairs[p] < n && len(diffs) == 0 {
				diffs = append(diffs, "only tshark pairs: "+p)
			}
		}
		d.check(t, name, diffs)
	})
	d.finish(t, 97)
}
