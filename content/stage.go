package content

import (
	"errors"
	"io"
	"iter"
)

// block is how many encoded bytes a library is given at most in one read, and
// what reads are aligned to. The ratio is counted in blocks, because a library
// that reads ahead does not tell how much of a block it has used.
const block = 4096

// errStopped makes a library return when nobody wants its output any more.
var errStopped = errors.New("decoding stopped")

// stage undoes one coding. It is the io.Reader that the library pulls from.
type stage struct {
	d      *Decoder
	at     int // index in d.stages
	name   string
	coding *coding

	in      []byte // borrowed from the write in progress
	read    uint64 // bytes that the library has taken
	out     uint64 // bytes that it has given
	eof     bool   // nothing follows in
	over    bool   // the coroutine has returned
	stopped bool
	busy    bool // the library's output is on its way: a panic is not its fault

	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
}

// write resumes the coroutine until it has used p up.
func (s *stage) write(p []byte) {
	if s.over {
		s.d.trailing = true
		return
	}
	s.in = p
	s.resume()
	s.in = nil
}

// end resumes the coroutine for the last time. A content without a byte is
// empty in every coding: servers declare one for bodies that they do not send.
func (s *stage) end() {
	if s.eof || s.next == nil {
		return
	}
	s.eof = true
	s.resume()
}

func (s *stage) resume() {
	if s.over {
		return
	}
	if s.next == nil {
		s.next, s.stop = iter.Pull(s.run)
	}
	if _, more := s.next(); !more {
		s.over = true
		s.stop()
	}
}

func (s *stage) close() {
	if s.stop != nil {
		s.stop()
	}
	s.over = true
}

// run is the coroutine. It ends with its coding's stream.
func (s *stage) run(yield func(struct{}) bool) {
	s.yield = yield
	l := s.coding.get()
	defer func() {
		if s.busy {
			return // a panic of the sink: not ours to hide
		}
		if r := recover(); r != nil {
			s.d.fail(s, &Error{Kind: ErrCorrupt, Offset: s.read &^ (block - 1), Decoded: s.out, Reason: "the decoder gave up"})
		}
	}()
	err := l.decode(s, s.give)
	offset, rest := l.position(s)
	if err == nil && rest {
		s.d.trailing = true
	}
	if err == nil || errors.Is(err, errStopped) {
		s.coding.put(l)
		return
	}
	e := &Error{Kind: ErrCorrupt, Offset: offset, Decoded: s.out, Reason: err.Error()}
	switch {
	case errors.Is(err, ErrLimit):
		e.Kind, e.Reason = ErrLimit, ""
	case errors.Is(err, io.ErrUnexpectedEOF) && s.eof && len(s.in) == 0:
		e.Kind, e.Reason = ErrTruncated, ""
	}
	s.coding.put(l)
	s.d.fail(s, e)
}

// give passes on what the library decoded, as far as the limit allows.
func (s *stage) give(p []byte) error {
	n := s.d.allow(s.out, len(p))
	s.out += uint64(n)
	s.busy = true
	s.d.push(s.at+1, p[:n])
	s.busy = false
	switch {
	case n < len(p):
		return ErrLimit
	case s.d.err != nil:
		return errStopped // a later stage has failed
	}
	return nil
}

// blocks is how many bytes the library has taken, in whole blocks.
func (s *stage) blocks() uint64 { return (s.read + block - 1) &^ (block - 1) }

// Read gives the library what there is of the input, and suspends it when
// there is nothing.
func (s *stage) Read(p []byte) (int, error) {
	for len(s.in) == 0 {
		if s.eof {
			return 0, io.EOF
		}
		if s.stopped || !s.yield(struct{}{}) {
			s.stopped = true // yield must not be called again
			return 0, errStopped
		}
	}
	n := copy(p[:min(len(p), block-int(s.read%block))], s.in)
	s.in = s.in[n:]
	s.read += uint64(n)
	return n, nil
}
