package process

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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

// BenchmarkLoad measures what a watch costs, all of its process once it has begun,
// and how much it finds of what it sees, while clients open connections: at a
// steady rate, or as fast as they can. An operation is a connection.
func BenchmarkLoad(b *testing.B) {
	needRoot(b)
	for _, rate := range []int{50, 200, 1000, 0} {
		for _, watched := range []bool{false, true} {
			name := map[bool]string{false: "alone", true: "watched"}[watched]
			b.Run(fmt.Sprintf("%d/%s", rate, name), func(b *testing.B) { load(b, rate, watched) })
		}
	}
}

// load opens b.N connections, so many a second, 0 for as many as may be.
func load(b *testing.B, rate int, watched bool) {
	server := mirror(b)
	if !watched {
		b.ResetTimer()
		clients(b, server, rate)
		return
	}
	w := start(b, asChild)
	go func() {
		for range w.Owners() { //nolint:revive // taken, so that none is dropped
		}
	}()
	spent := processTime(b, childPID(w.Watcher))
	b.ResetTimer()
	clients(b, server, rate)
	spent = processTime(b, childPID(w.Watcher)) - spent
	b.StopTimer()
	time.Sleep(statsEvery + maxWait) // the counts come then
	s := w.Stats()
	b.ReportMetric(100*spent.Seconds()/b.Elapsed().Seconds(), "%core")
	b.ReportMetric(100*float64(s.Found)/float64(s.Asked), "%found")
	b.ReportMetric(100*float64(s.Skipped)/float64(s.Asked), "%skipped")
}

// clients open b.N connections, as many at a time as there are processors.
func clients(b *testing.B, server netip.AddrPort, rate int) {
	var all sync.WaitGroup
	began, n := time.Now(), runtime.NumCPU()
	for first := range n {
		all.Go(func() {
			for i := first; i < b.N; i += n {
				if rate > 0 {
					time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
				}
				short(b, server)
			}
		})
	}
	all.Wait()
}

// processTime is the processor time that a process has used (clock_getcpuclockid(3)).
func processTime(b *testing.B, pid int) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}
