package process

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"example.com/wirewatch/capture"
)

// mirror accepts connections and sends back what comes, until the test ends.
func mirror(t testing.TB) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b := make([]byte, 100)
				n, _ := c.Read(b)
				c.Write(b[:n])
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// short opens a connection, sends something, waits for the answer and closes.
func short(t testing.TB, server netip.AddrPort) ends {
	c, err := net.Dial("tcp4", server.String())
	if err != nil {
		t.Error(err)
		return ends{}
	}
	defer c.Close()
	c.Write([]byte("hello"))
	c.Read(make([]byte, 100))
	return endsOf(c)
}

// TestShortConnections has one process open 2,000 connections that live for less
// than a millisecond. How many are found is luck; that none is attributed to
// another process is not, nor that each is accounted for.
func TestShortConnections(t *testing.T) {
	needRoot(t)
	const n = 2000
	server := mirror(t)
	w := watcher(t, Options{})
	var got []capture.Owner
	var taken sync.WaitGroup
	taken.Go(func() {
		for o := range w.Owners() {
			got = append(got, o)
		}
	})
	opened := map[ends]bool{}
	for range n {
		e := short(t, server)
		opened[e], opened[e.swapped()] = true, true
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		s := w.Stats()
		if s.Asked >= 2*n && s.Asked == s.Found+s.Gone+s.Skipped {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%+v, want %d asked, and all accounted for", s, 2*n)
		}
	}
	w.Close()
	taken.Wait()
	found := 0
	for _, o := range got {
		if !opened[ends{o.Local, o.Remote}] {
			continue
		}
		found++
		if int(o.PID) != os.Getpid() {
			t.Fatalf("%v, want %d", o, os.Getpid())
		}
	}
	t.Logf("%d of %d ends found: %+v", found, 2*n, w.Stats())
}

// BenchmarkLoad measures what a watch in a child costs, all of its process, and
// how much of what it sees it finds, while as many clients as there are
// processors open connections as fast as they can. An operation is a connection.
func BenchmarkLoad(b *testing.B) {
	needRoot(b)
	for _, watched := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "watched"}[watched], func(b *testing.B) {
			server := mirror(b)
			cmd := &exec.Cmd{}
			var w *watching
			if watched {
				w = start(b, asChild)
				cmd = w.backend.(*child).cmd
				go func() {
					for range w.Owners() { //nolint:revive // taken, so that none is dropped
					}
				}()
			}
			b.ResetTimer()
			var clients sync.WaitGroup
			for range runtime.NumCPU() {
				clients.Go(func() {
					for range b.N / runtime.NumCPU() {
						short(b, server)
					}
				})
			}
			clients.Wait()
			b.StopTimer()
			if !watched {
				return
			}
			time.Sleep(statsEvery + 100*time.Millisecond) // the counts come then
			s := w.Stats()
			w.Close()
			spent := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			b.ReportMetric(100*spent.Seconds()/b.Elapsed().Seconds(), "%core")
			b.ReportMetric(100*float64(s.Found)/float64(s.Asked), "%found")
			b.ReportMetric(100*float64(s.Skipped)/float64(s.Asked), "%skipped")
		})
	}
}
