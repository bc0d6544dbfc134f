package differential

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	"example.com/wirewatch/dissect/tcp"
	"example.com/wirewatch/event"
)

func TestTCPProbe(t *testing.T) {
	type k struct {
		a, b  netip.AddrPort
		first uint64
	}
	key := func(a, b netip.AddrPort, first uint64) k {
		if a.Compare(b) > 0 {
			a, b = b, a
		}
		return k{a, b, first}
	}
	var n, same, r, o, c int
	var files, fsame int
	out, _ := os.Create("/tmp/tcpdiff.txt")
	captures(t, func(t *testing.T, name string, tr []truth, ev []event.Event) {
		m := map[k]*tcp.Flow{}
		for _, e := range ev {
			if f, ok := e.Body.(*tcp.Flow); ok {
				m[key(e.Ends.Client, e.Ends.Server, uint64(e.Ends.ID))] = f
			}
		}
		files++
		ok := true
		for _, x := range tr {
			if x.T != "stream" {
				continue
			}
			f := m[key(addr(x.AIP, x.APort), addr(x.BIP, x.BPort), x.First)]
			if f == nil {
				continue
			}
			n++
			gr, go_ := f.Ends[0].Retransmissions+f.Ends[1].Retransmissions, f.Ends[0].OutOfOrder+f.Ends[1].OutOfOrder
			if gr != x.Retrans {
				r++
			}
			if go_ != x.OOO {
				o++
			}
			if f.Completeness != x.Compl {
				c++
			}
			if gr == x.Retrans && go_ == x.OOO && f.Completeness == x.Compl {
				same++
			} else {
				ok = false
				fmt.Fprintf(out, "%s stream %d: retrans %d want %d, ooo %d want %d, completeness %d want %d\n", name, x.Stream, gr, x.Retrans, go_, x.OOO, f.Completeness, x.Compl)
			}
		}
		if ok {
			fsame++
		}
	})
	t.Logf("streams %d same %d (%.2f%%) retrans-diff %d ooo-diff %d compl-diff %d; files %d same %d", n, same, 100*float64(same)/float64(n), r, o, c, files, fsame)
}
