package http

import (
	"bytes"
	"strings"

	"example.com/wirewatch/dissect"
)

// A client that expects 100 (Continue) may wait for it before it sends its
// content, and does not send it at all after a final status code (RFC 9110
// §10.1.1). The framing of its request then speaks of content that never comes,
// and the next request may follow at once.

// withheld decides whether what follows a head that expects 100 (Continue) is
// its content. It reports false where it is, or may as well be.
func (d *dissector) withheld(f *feed, h *half) (v dissect.Verdict, yes bool) {
	x, p := h.x, f.rest()
	switch {
	case x.continued():
	case !x.answered && (len(p) > 0 || f.end) && f.c.Owed(f.dir.Reverse()):
		return dissect.Wait, true
	case len(p) == 0:
		return dissect.More, true
	case x.answered:
		switch beginsRequest(p, f.end || len(p) >= f.c.Limits().Probe) {
		case dissect.Yes:
			d.finish(f, h)
			return dissect.More, true
		case dissect.Maybe:
			return dissect.More, true
		case dissect.No:
		}
	}
	x.expects = false // the content comes, asked for or not
	return dissect.More, false
}

// continued reports that the server asked for the content.
func (x *exchange) continued() bool {
	for _, r := range x.Interim {
		if r.Code == 100 {
			return true
		}
	}
	return false
}

// refused reports that the content of a request was never sent, because a final
// response came instead of 100 (Continue).
func (x *exchange) refused() bool {
	return x.expects && x.answered && x.Sent.Size == 0 && !x.continued()
}

// beginsRequest reports whether p begins with a request-line to the letter whose
// method is a known one. last says that there will be no more of p.
func beginsRequest(p []byte, last bool) dissect.Match {
	method, _, spaced := bytes.Cut(p[:min(len(p), maxMethod+1)], []byte{' '})
	if !known(string(method), spaced) {
		return dissect.No
	}
	line, _, whole := bytes.Cut(p, []byte{'\n'})
	switch {
	case whole && proves(request, bytes.TrimSuffix(line, []byte{'\r'})):
		return dissect.Yes
	case !whole && !last:
		return dissect.Maybe
	}
	return dissect.No
}

// known reports whether s is a known method or, unless it is whole, begins one.
func known(s string, whole bool) bool {
	if _, ok := methods[s]; ok || whole {
		return ok
	}
	for m := range methods {
		if strings.HasPrefix(m, s) {
			return true
		}
	}
	return false
}
