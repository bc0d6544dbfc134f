package save

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/pcapfile"
)

// Options say what is kept where. Only Name has no default.
type Options struct {
	// Name is the file's, "-" for Out. One that ends in ".pcap" is classic pcap
	// with times in nanoseconds, without notes and extras, any other pcapng.
	Name string
	Out  io.Writer // nil means os.Stdout
	Ring Ring
	Stop Stop // of which Duration and Packets are for others to keep

	OS          string           // as in pcapfile.NGOptions
	Application string           // as there
	Comments    []string         // as there, in every file
	Extras      []pcapfile.Extra // secrets and names, in every file

	Now  func() time.Time     // for the names of a ring's files; nil means time.Now
	Made func(*os.File) error // is told of each file that was not there before, empty as it is; nil for nobody
}

// Saver writes what is captured. One goroutine uses it.
type Saver struct {
	opt    Options
	cur    *file    // nil when it could not be made
	number int      // of cur in the ring, from 1 on
	kept   []string // names of the ring's files, oldest first
	latest int64    // how far the capture has got, as capture.Block.Until
	err    error    // what every method returns from now on
	closed bool
}

// Create makes the first file.
func Create(opt Options) (*Saver, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	s := &Saver{opt: opt}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("capture: create %s: %w", opt.Name, err)
	}
	if s.opt.Ring.turns() && s.opt.Ring.Filesize == 0 {
		s.opt.Ring.Filesize = opt.Stop.Filesize // as the manual of dumpcap has it
	}
	err := s.begin()
	if err == nil {
		err = s.cur.flush()
	}
	if err == nil {
		return s, nil
	}
	if s.cur != nil {
		_ = s.cur.close() // the first error counts
	}
	return nil, err
}

// check finds what cannot be meant.
func (s *Saver) check() error {
	name, ring := s.opt.Name, s.opt.Ring.turns()
	for _, suffix := range []string{".gz", ".zst"} {
		if strings.HasSuffix(strings.ToLower(name), suffix) {
			return errors.New("it would not be compressed: compress it afterwards, or write to \"-\" and pipe that through gzip or zstd")
		}
	}
	if s.opt.Stop.Files > 0 && !ring {
		return errors.New("-a files: is for a ring of files: say with -b when a file ends")
	}
	if !ring {
		return nil
	}
	if name == "-" {
		return errors.New("a ring of files (-b) cannot go to standard output")
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return errors.New("a ring of files (-b) needs the name of a file, and this is none")
	}
	return nil
}

// begin makes the next file, with all that it begins with.
func (s *Saver) begin() (err error) {
	s.number++
	name := s.opt.Name
	if s.opt.Ring.turns() {
		name = fileName(name, s.number, s.opt.Now())
		s.kept = append(s.kept, name)
	}
	if name == "-" {
		s.cur = &file{name: stdout, out: s.opt.Out}
		if s.opt.Out == nil {
			s.cur.out = os.Stdout
		}
	} else if s.cur, err = create(name, s.opt.Made); err != nil {
		return err
	}
	if !Classic(name) {
		s.cur.ng = pcapfile.NewNGWriter(s.cur.out, pcapfile.NGOptions{OS: s.opt.OS, Application: s.opt.Application, Comments: s.opt.Comments})
		for _, e := range s.opt.Extras {
			if err := s.cur.ng.WriteExtra(e); err != nil {
				return s.cur.failed(err)
			}
		}
	}
	return nil
}

// Write appends the frames of a block and its notes, of which it keeps nothing,
// and hands it all to the kernel. ifaces are the interfaces so far, by
// Record.Iface. After the first error, which says what could not be written to
// which file, it writes nothing more and returns that error again.
func (s *Saver) Write(b *capture.Block, ifaces []capture.Interface) error {
	if s.err == nil && s.closed {
		s.err = fmt.Errorf("capture: write %s: %w", s.opt.Name, os.ErrClosed)
	}
	if s.err == nil {
		s.err = s.write(b, ifaces)
	}
	return s.err
}

func (s *Saver) write(b *capture.Block, ifaces []capture.Interface) error {
	for from := 0; ; {
		if from < len(b.Frames) && s.mayTurn() && s.full(b.Frames[from].Nanos) {
			if err := s.turn(); err != nil {
				return err
			}
		}
		to := s.fit(b.Frames, from)
		if err := s.cur.write(b, from, to, ifaces); err != nil {
			return err
		}
		if from = to; from == len(b.Frames) {
			break
		}
	}
	if n := len(b.Frames); n > 0 {
		s.latest = max(s.latest, b.Frames[n-1].Nanos)
	}
	s.latest = max(s.latest, b.Until)
	return s.cur.flush()
}

// mayTurn reports that another file may follow. After the last there is none: what
// is left of a block when it is full goes there, too, so that what is saved is what
// others are given.
func (s *Saver) mayTurn() bool {
	return s.opt.Ring.turns() && (s.opt.Stop.Files == 0 || s.number < s.opt.Stop.Files)
}

// full reports that the file has all it should have, when the next frame has that
// time.
func (s *Saver) full(nanos int64) bool {
	return s.cur.frames > 0 && s.opt.Ring.over(s.cur.frames, s.cur.size(), nanos-s.cur.first)
}

// over reports that a file of so many frames and bytes, and with so many
// nanoseconds from its first frame to the next one, is full.
func (r *Ring) over(frames uint64, size, nanos int64) bool {
	return r.Packets > 0 && frames >= r.Packets || r.Filesize > 0 && size >= r.Filesize ||
		r.Duration > 0 && nanos >= int64(r.Duration)
}

// fit is the index of the first of the frames, from from on, that is not for the
// file that is being written.
func (s *Saver) fit(frames []capture.Record, from int) int {
	if !s.mayTurn() || from == len(frames) {
		return len(frames)
	}
	count, size, first := s.cur.frames, s.cur.size(), s.cur.first
	if count == 0 {
		first = frames[from].Nanos
	}
	for i := from; ; {
		count++
		size += s.cur.cost(&frames[i])
		if i++; i == len(frames) || s.opt.Ring.over(count, size, frames[i].Nanos-first) {
			return i
		}
	}
}

// turn ends the file and begins the next one, when the oldest has gone that would
// be too many.
func (s *Saver) turn() error {
	if err := s.cur.finish(); err != nil {
		return err
	}
	f := s.cur
	s.cur = nil
	if err := f.close(); err != nil {
		return err
	}
	if keep := s.opt.Ring.Files; keep > 0 && len(s.kept) >= keep {
		oldest := s.kept[0]
		if err := os.Remove(oldest); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("capture: remove %s: %w", oldest, cause(err))
		}
		s.kept = s.kept[1:]
	}
	return s.begin()
}

// Done reports that, as Stop has it, enough was saved. It is asked after a Write.
func (s *Saver) Done() bool {
	stop := &s.opt.Stop
	switch {
	case s.cur == nil:
		return false
	case s.opt.Ring.turns():
		return stop.Files > 0 && s.number >= stop.Files && s.full(s.latest)
	}
	return stop.Filesize > 0 && s.cur.size() >= stop.Filesize
}

// Name is what messages call the file that is being written.
func (s *Saver) Name() string {
	if s.cur == nil {
		return s.opt.Name
	}
	return s.cur.name
}

// Close ends the file with statistics of its interfaces, unless an error came
// before, and closes it. It returns the first error that there was.
func (s *Saver) Close() error {
	if s.closed || s.cur == nil {
		s.closed = true
		return s.err
	}
	s.closed = true
	if s.err == nil {
		s.err = s.cur.finish()
	}
	s.err = cmp.Or(s.err, s.cur.close())
	return s.err
}

// Extra writes secrets or names that have become known, into this file and those
// that come after it; classic pcap has no place for them.
func (s *Saver) Extra(e pcapfile.Extra) error {
	s.opt.Extras = append(s.opt.Extras, e)
	if s.err == nil && s.cur != nil && s.cur.ng != nil && !s.closed {
		if err := s.cur.ng.WriteExtra(e); err != nil {
			s.err = s.cur.failed(err)
		}
	}
	return s.err
}
