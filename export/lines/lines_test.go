package lines

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"example.com/wirewatch/event"
)

// numbers is a Format that says of each fact its frame, on a line as long as the
// frame says, and nothing of frame 0.
type numbers struct{ asked int }

func (f *numbers) Append(b []byte, e *event.Event) []byte {
	f.asked++
	if e.Frame == 0 {
		return b
	}
	return append(append(b, strings.Repeat("x", int(e.Frame))...), '\n')
}

func frames(n ...uint64) []event.Event {
	batch := make([]event.Event, len(n))
	for i := range n {
		batch[i].Frame = n[i]
	}
	return batch
}

// sizes notes how long each Write is.
type sizes []int

func (w *sizes) Write(p []byte) (int, error) {
	*w = append(*w, len(p))
	return len(p), nil
}

func TestWritesOncePerBatch(t *testing.T) {
	for _, c := range []struct {
		name  string
		batch []event.Event
		want  []int
	}{
		{"nothing", nil, nil},
		{"facts without lines", frames(0, 0), nil},
		{"a few", frames(1, 0, 2), []int{5}},
		{"just below the limit", frames(flushSize-3, 0, 1), []int{flushSize}},
		{"more than the limit, whole", frames(5, 2*flushSize, 7), []int{6 + 2*flushSize + 1, 8}},
	} {
		var got sizes
		if err := New(&got, &numbers{}).Emit(c.batch); err != nil || !slices.Equal(got, sizes(c.want)) {
			t.Errorf("%s: writes of %d, %v; want %d", c.name, got, err, c.want)
		}
	}
}

func TestBatchesFollowEachOther(t *testing.T) {
	var got bytes.Buffer
	s := New(&got, &numbers{})
	for _, batch := range [][]event.Event{frames(2, 1), nil, frames(3)} {
		if err := s.Emit(batch); err != nil {
			t.Fatal(err)
		}
	}
	if got.String() != "xx\nx\nxxx\n" {
		t.Errorf("wrote %q", got.String())
	}
}

func TestLargeBufferIsNotKept(t *testing.T) {
	s := New(io.Discard, &numbers{}).(*sink)
	for _, n := range []uint64{keepSize / 2, 2 * keepSize} {
		if err := s.Emit(frames(n)); err != nil || cap(s.buf) > keepSize {
			t.Errorf("%d bytes are kept, %v", cap(s.buf), err)
		}
	}
}

// failing writes short bytes less than it is given, and fails with err.
type failing struct {
	calls, short int
	err          error
}

func (f *failing) Write(p []byte) (int, error) {
	f.calls++
	return len(p) - f.short, f.err
}

func TestBrokenWriterIsReportedOnce(t *testing.T) {
	pipe := errors.New("broken pipe")
	for _, c := range []struct {
		w    *failing
		want error
	}{{&failing{err: pipe}, pipe}, {&failing{short: 1}, io.ErrShortWrite}} {
		f := &numbers{}
		s := New(c.w, f)
		if err := s.Emit(frames(flushSize, 1)); !errors.Is(err, c.want) {
			t.Errorf("the first Emit returns %v, want %v", err, c.want)
		}
		if err := s.Emit(frames(1)); err != nil || c.w.calls != 1 || f.asked != 1 {
			t.Errorf("the second Emit returns %v after %d writes and %d lines, want nil after 1 of each", err, c.w.calls, f.asked)
		}
	}
}
