package rpc

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/wirewatch/event"
)

// What takes more than linear time would not end: these are a megabyte each.
func TestHostileTextsTakeLinearTime(t *testing.T) {
	const n = 1 << 20
	for name, p := range map[string]string{
		"open brackets":      strings.Repeat("[", n),
		"open objects":       strings.Repeat(`{"":`, n),
		"backslashes":        `{"a":"` + strings.Repeat(`\`, n),
		"quotes":             `{"a":"` + strings.Repeat(`\"`, n),
		"names":              "{" + strings.Repeat(`"a":1,`, n),
		"a number":           `{"id":` + strings.Repeat("9", n) + "}",
		"a batch":            "[" + strings.Repeat(`{"jsonrpc":"2.0","method":"m","id":1},`, n) + `{}]`,
		"records":            strings.Repeat("{\"type\":6}\x1e", n),
		"digits":             "42" + strings.Repeat("1", n) + "[]",
		"header lines":       "SEND\n" + strings.Repeat("a:b\n", n),
		"comments":           `{"type":"subscribe","id":"1","payload":{"query":"` + strings.Repeat(`#\n`, n) + `"}}`,
		"escapes of a value": "SEND\ndestination:" + strings.Repeat(`\c`, n) + "\n\n\x00",
	} {
		var c Conn
		for _, truncated := range []bool{false, true} {
			if m := c.Text(0, p, truncated, event.Mark{Frame: 1}); m != nil && m.Protocol == Unknown {
				t.Errorf("%s: of no protocol", name)
			}
		}
	}
}

// No end keeps more requests than the limit, whatever is asked.
func TestPendingMemory(t *testing.T) {
	var c Conn
	for i := range 10 * maxPending {
		p := `{"jsonrpc":"2.0","method":"m","id":` + strings.Repeat("1", i%maxText) + "2}"
		c.Text(0, p, false, event.Mark{Frame: 1})
		if n := len(c.asked[0].list) - c.asked[0].gone; n > maxPending {
			t.Fatalf("%d requests wait", n)
		}
	}
	for i := range 10 * maxPending {
		c.asked[0].ask(request{key: keyOf(worded, string(rune(i)), true)})
	}
	if n, m := len(c.asked[0].list)-c.asked[0].gone, cap(c.asked[0].list); n != maxPending || m > 2*maxPending {
		t.Errorf("%d requests wait, in memory for %d", n, m)
	}
}

// TestPending compares with a plain list, where requests are answered in any
// order, taken back, asked again and forgotten.
func TestPending(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var (
		p    pending
		want []key
	)
	forgotten, inside := 0, 0
	for i := range 50_000 {
		k := keyOf(numeric, strconv.Itoa(r.IntN(20+i/20)), true)
		at := slices.Index(want, k)
		if r.IntN(3) < 2 {
			if at >= 0 {
				want = slices.Delete(want, at, at+1)
			} else if len(want) == maxPending {
				want = want[1:]
				forgotten++
			}
			want = append(want, k)
			p.ask(request{key: k, method: k.id})
			continue
		}
		if len(want) > 0 && r.IntN(2) == 0 {
			at = r.IntN(len(want))
			k = want[at]
			inside++
		}
		if got, found := p.answer(k, true); found != (at >= 0) || found && got.method != k.id {
			t.Fatalf("step %d: the request of %s: %+v, %v", i, k.id, got, found)
		}
		if at >= 0 {
			want = slices.Delete(want, at, at+1)
		}
		if n := len(p.list) - p.gone; n != len(want) || cap(p.list) > 2*maxPending {
			t.Fatalf("step %d: %d requests wait, not %d, in memory for %d", i, n, len(want), cap(p.list))
		}
	}
	if forgotten == 0 || inside == 0 {
		t.Error("the test does not test")
	}
}
