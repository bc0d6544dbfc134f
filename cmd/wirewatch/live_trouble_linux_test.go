package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pairAddr are the ends of a veth pair: ours, and the peer's.
const (
	ourAddr   = "10.77.0.1"
	theirAddr = "10.77.0.2"
)

// TestLiveInterfaceDown checks that an interface that goes down and comes up again
// is captured on throughout.
func TestLiveInterfaceDown(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	q := p.peer("wwa", ourAddr+"/24", "wwb", theirAddr+"/24")
	url := q.serve(theirAddr+":0", path)
	file := scratch(t, "down.pcapng")
	w := p.watch("-i", "wwa", "-w", file, "--json")
	ask(t, p.client(), url+"/0")
	w.untilRecords("http.exchange", 1)
	p.link("set", "wwa", "down")
	w.until("word that it is down", func() bool { return strings.Contains(w.err.String(), "wwa is down") })
	p.link("set", "wwa", "up")
	w.until("word that it is up", func() bool { return strings.Contains(w.err.String(), "wwa is up again") })
	ask(t, p.client(), url+"/1")
	w.untilRecords("http.exchange", 2)
	out := w.stop(os.Interrupt, exitOK)
	mustHaveAsked(t, out, 2)
	mustEqualFile(t, out, file)
}

// TestLiveInterfaceGone checks that an interface that is deleted and made again is
// captured on again, where that is permitted, and that it is said where not.
func TestLiveInterfaceGone(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		word string
		told int
	}{
		{"root", nil, "wwa is back\n", 2},
		{"nobody", []string{"-Z", "nobody"}, "wwa is back, but opening it again takes privileges", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			q := p.peer("wwa", ourAddr+"/24", "wwb", theirAddr+"/24")
			file := scratch(t, "gone.pcapng")
			w := p.watch(append(c.args, "-i", "wwa", "-w", file, "--json")...)
			ask(t, p.client(), q.serve(theirAddr+":8001", path)+"/0")
			w.untilRecords("http.exchange", 1)
			p.link("del", "wwa")
			w.until("word that it is gone", func() bool { return strings.Contains(w.err.String(), "wwa: the interface is gone") })
			p.connect(q, "wwa", ourAddr+"/24", "wwb", theirAddr+"/24")
			w.until(c.word, func() bool { return strings.Contains(w.err.String(), c.word) })
			ask(t, p.client(), q.serve(theirAddr+":8002", path)+"/1")
			if c.told == 2 {
				w.untilRecords("http.exchange", 2)
			}
			out := w.stop(os.Interrupt, exitOK)
			mustHaveAsked(t, out, c.told)
			mustEqualFile(t, out, file)
		})
	}
}

// TestLiveSecondInterrupt checks that one whose records nobody takes is ended by
// the second interrupt.
func TestLiveSecondInterrupt(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	url := p.serve("127.0.0.1:0", path)
	r, out := newPipe(t)
	fill(t, out)
	w := p.prepare("-i", "lo", "--json")
	w.Stdout = out
	w.begin()
	ask(t, p.client(), url+"/0")
	eventually(t, "the end by a second interrupt", func() bool {
		_ = w.Process.Signal(os.Interrupt)
		select {
		case <-w.done:
			return true
		default:
			return false
		}
	})
	if s := w.ProcessState.Sys().(syscall.WaitStatus); !s.Signaled() || s.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v, stderr %q", w.ProcessState, w.err.String())
	}
	r.Close()
}

// TestLiveSignalTwice checks that a signal that comes to the process and to its
// group at once, as timeout(1) sends it, is one.
func TestLiveSignalTwice(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	url := p.serve("127.0.0.1:0", path)
	for range 2 {
		file := scratch(t, "twice.pcapng")
		w := p.watch("-i", "lo", "-w", file, "--json")
		stop := load(p, url)
		w.untilRecords("http.exchange", 50)
		for began := time.Now(); time.Since(began) < sameSignal/2; time.Sleep(time.Millisecond) {
			_ = w.Process.Signal(syscall.SIGTERM) // it may have ended
		}
		out := w.ends(exitOK)
		stop()
		mustEqualFile(t, out, file)
	}
}

// TestLiveKilled checks that of a capture that is killed the file has all but the
// last moment.
func TestLiveKilled(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	url := p.serve("127.0.0.1:0", path)
	file := scratch(t, "killed.pcapng")
	w := p.watch("-i", "lo", "-w", file, "--json")
	askMany(t, p.client(), url, 100)
	time.Sleep(100 * time.Millisecond) // what is older must be there
	stop := load(p, url)
	w.untilRecords("http.exchange", 150)
	if err := w.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	within(t, "the end", func() { <-w.done })
	stop()
	o := cli(t, "--json", "-r", file)
	if o.code != exitOK && o.code != exitDamaged {
		t.Errorf("the file is read with exit code %d: %s", o.code, o.err)
	}
	if n := len(of(t, o.out, "http.exchange")); n < 100 {
		t.Errorf("%d exchanges are in the file, of 100 that were long done", n)
	}
}

// TestLiveDiskFull checks that a full disk ends neither the capture nor the file.
func TestLiveDiskFull(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	url := p.serve("127.0.0.1:0", path)
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("SKIPPED: no tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	file := filepath.Join(dir, "full.pcapng")
	w := p.watch("-i", "lo", "-w", file, "--json")
	const n = 600
	askMany(t, p.client(), url, n)
	w.untilRecords("http.exchange", n)
	out := w.stop(os.Interrupt, exitFailure)
	mustHaveAsked(t, out, n)
	if said := strings.Count(w.err.String(), "no space left on device"); said != 1 {
		t.Errorf("it was said %d times that the disk is full: %q", said, w.err.String())
	}
	o := cli(t, "--json", "-r", file)
	if o.code != exitOK || len(of(t, o.out, "http.exchange")) == 0 {
		t.Errorf("the file is read with exit code %d, %q, and has %v", o.code, o.err, kinds(t, o.out))
	}
}

// TestLiveStalledReader checks that nobody who does not take the records holds up
// what is saved, that what was not looked at is said, and that what follows has the
// numbers it has in the file.
func TestLiveStalledReader(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: it takes a hundred megabytes of traffic")
	}
	p := newPlace(t)
	const megabytes = 160 // more than what may wait in memory
	url := p.serve("127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/big" {
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20))
			return
		}
		path(w, r)
	})
	r, out := newPipe(t)
	file := scratch(t, "stalled.pcapng")
	w := p.prepare("-i", "lo", "-w", file, "--json", "--progress", "--body-limit", "1k")
	w.Stdout = out
	fill(t, out)
	w.begin()
	out.Close()
	for n := range megabytes {
		ask(t, p.client(), url+"/big")
		w.until("the file to have what was sent before", func() bool { s, err := os.Stat(file); return err == nil && s.Size() > int64(n-8)<<20 })
	}
	go func() { _, _ = io.Copy(dropNUL{&w.out}, r) }()
	w.until("word that packets were not looked at", func() bool { return strings.Contains(w.out.String(), "capture.packets_shed") })
	ask(t, p.client(), url+"/last")
	w.until("the last exchange", func() bool { return strings.Contains(w.out.String(), `"uri":"/last"`) })
	w.stop(os.Interrupt, exitOK)
	eventually(t, "the summary", func() bool { return w.out.count("capture.summary") == 1 })
	records := w.out.String()
	want := succeeds(t, "--json", "--body-limit", "1k", "-r", file)
	s, all := summary(t, records), summary(t, want)
	if get(s, "packets").(float64)+get(s, "shed_packets").(float64) != get(all, "packets").(float64) {
		t.Errorf("looked at %v, shed %v; the file has %v", s["packets"], s["shed_packets"], all["packets"])
	}
	if got, want := exchangeAt(t, records, "/last"), exchangeAt(t, want, "/last"); got != want {
		t.Errorf("the last exchange is at %s, and in the file at %s", got, want)
	}
}

// dropNUL leaves out what fill has written.
type dropNUL struct{ w io.Writer }

func (d dropNUL) Write(p []byte) (int, error) {
	if _, err := d.w.Write(bytes.ReplaceAll(p, []byte{0}, nil)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// exchangeAt is where the frames of an exchange are.
func exchangeAt(t *testing.T, out, uri string) string {
	t.Helper()
	for _, r := range of(t, out, "http.exchange") {
		if get(r, "http.request.uri") == uri {
			return fmt.Sprint(r["frame"], r["time"])
		}
	}
	return "nowhere"
}
