package content

import "strings"

// Limits bound what one content may decode to. Both have to be exceeded, so
// that neither a long content nor a well compressed short one is stopped.
type Limits struct {
	Decoded uint64 // decoded bytes from which on the ratio counts
	Ratio   uint64 // decoded bytes per encoded byte, counted in blocks of 4096
}

// maxCodings is how many codings may lie one over the other. Real messages
// have one, and each costs a window.
const maxCodings = 8

// Decoder undoes the codings of one content. It has one owner, and Close must
// be called when it is no longer wanted. The zero Decoder is not usable.
type Decoder struct {
	limits   Limits
	sink     func(p []byte)
	stages   []*stage // in the order in which they undo
	err      error
	trailing bool
	bare     bool
}

// New makes the decoder for a content whose codings are listed in the order in
// which they were applied (RFC 9110 §8.4), so that the last is undone first.
// Names are compared without regard to case. sink receives what is decoded; it
// may read p until it returns.
func New(applied []string, l Limits, sink func(p []byte)) (*Decoder, error) {
	d := &Decoder{limits: l, sink: sink}
	for i := len(applied) - 1; i >= 0; i-- {
		name := strings.ToLower(applied[i])
		if name == "identity" || name == "" {
			continue
		}
		c := codings[name]
		if c == nil || len(d.stages) == maxCodings {
			return nil, &Error{Kind: ErrUnsupported, Coding: name}
		}
		d.stages = append(d.stages, &stage{d: d, at: len(d.stages), name: name, coding: c})
	}
	return d, nil
}

// Write decodes p, which is not kept. After an error every further call returns
// the same error.
func (d *Decoder) Write(p []byte) error {
	if d.err == nil {
		d.push(0, p)
	}
	return d.err
}

// push gives bytes to the stage at index at, or to the sink behind the last.
func (d *Decoder) push(at int, p []byte) {
	switch {
	case len(p) == 0:
	case at == len(d.stages):
		d.sink(p)
	default:
		d.stages[at].write(p)
	}
}

// End says that no byte follows. It returns the reason for which the content is
// not whole, if it is not.
func (d *Decoder) End() error {
	for _, s := range d.stages {
		s.end()
	}
	return d.err
}

// Trailing reports that bytes followed the end of a coded stream. They are not
// part of the content. It is false after an error.
func (d *Decoder) Trailing() bool { return d.trailing && d.err == nil }

// Bare reports that a content in the coding "deflate" was RFC 1951's format
// alone, without the zlib format around it that the name stands for
// (RFC 9110 §8.4.1.2). It is false after an error, and while the end has not come.
func (d *Decoder) Bare() bool { return d.bare && d.err == nil }

// Close releases what the decoder holds. It may be called at any time, and more
// than once.
func (d *Decoder) Close() {
	for _, s := range d.stages {
		s.close()
	}
}

// fail notes the first error. What later stages have taken in is still decoded.
func (d *Decoder) fail(s *stage, e *Error) {
	if d.err == nil {
		e.Coding = s.name
		d.err = e
	}
	for _, next := range d.stages[s.at+1:] {
		next.end()
	}
}

// allow is how many of n more bytes may pass a stage that has given out so far.
func (d *Decoder) allow(out uint64, n int) int {
	most := max(d.limits.Decoded, d.limits.Ratio*d.stages[0].blocks())
	if d.limits.Ratio == 0 || out+uint64(n) <= most {
		return n
	}
	return int(max(most, out) - out)
}
