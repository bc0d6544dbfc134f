package differential

import (
	"fmt"
	"slices"
	"testing"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// messages are what is compared of the HTTP/1 messages of a capture, each with
// how often it occurs. Those that excused counts need not be tshark's: our own
// records say why it is silent about them.
type messages struct{ requests, responses, pairs, excused map[string]int }

func newMessages() messages {
	return messages{map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}}
}

// silent are the anomalies of a start-line for which tshark does not take a
// message for one.
var silent = []string{
	"http.start_line_invalid", "http.start_line_preceded", "http.request_line_invalid", "http.status_line_invalid",
	"http.status_code_invalid", "http.version_invalid", "http.target_invalid",
}

// exchangeOf names an exchange.
type exchangeOf struct {
	flow    *flow.Ends
	ordinal uint32
}

// malformed are the exchanges with one of the silent anomalies, and those of a
// flow that has one between its exchanges.
func malformed(ev []event.Event) map[exchangeOf]bool {
	m := map[exchangeOf]bool{}
	for i := range ev {
		if a, ok := ev[i].Body.(*event.Anomaly); ok && slices.Contains(silent, a.Name) {
			m[exchangeOf{ev[i].Ends, ev[i].Exchange}] = true
		}
	}
	return m
}

// ours are the messages of our exchanges.
func ours(ev []event.Event) messages {
	m, bad := newMessages(), malformed(ev)
	for i := range ev {
		e := &ev[i]
		if e.Body.Kind() != "http.exchange" {
			continue
		}
		excused := e.Incomplete != event.Complete || bad[exchangeOf{e.Ends, e.Exchange}] || bad[exchangeOf{e.Ends, 0}]
		add := func(to map[string]int, parts ...any) {
			s := fmt.Sprint(parts...)
			to[s]++
			if excused {
				m.excused[s]++
			}
		}
		f := map[string]event.Value{}
		for name, v := range e.Body.Fields() {
			f[name] = v
		}
		str := func(name string) string { v := f[name]; return v.Str() }
		flow := pair(e.Ends.Client.String(), e.Ends.Server.String())
		if method := str("http.request.method"); method != "" {
			add(m.requests, flow, " request ", method, " ", str("http.request.uri"), " ", str("http.request.version"))
		}
		if code := f["http.response.code"]; code.Kind() != event.None {
			add(m.responses, flow, " response ", code.Int(), " ", str("http.response.version"))
			add(m.pairs, flow, " response ", code.Int(), " to ", str("http.request.uri"))
		}
		interim := f["http.response.interim"]
		for _, o := range interim.Objects() {
			for name, v := range o {
				if name == "code" {
					add(m.responses, flow, " interim ", v.Int())
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
		diffs := append(compare(got.requests, want.requests, got.excused), compare(got.responses, want.responses, got.excused)...)
		for p, n := range want.pairs {
			if got.pairs[p] < n && len(diffs) == 0 {
				diffs = append(diffs, "only tshark pairs: "+p)
			}
		}
		d.check(t, name, diffs)
	})
	d.finish(t, 97)
}
