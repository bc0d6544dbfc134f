package http

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/wirewatch/content"
	"example.com/wirewatch/dissect"
	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
)

// reader is what becomes of the content of a message as it arrives: it is
// decoded, its beginning kept, its events told. Where nothing of that is asked
// for, a reader does nothing. The zero reader is ready.
type reader struct {
	on      bool
	decoder *content.Decoder // nil: the content is not coded, or shown as it is
	coded   bool             // decoded counts what a coding gave
	ended   bool             // nothing further is to be decoded
	damaged bool             // what was decoded is not all
	said    uint8            // which complaints the framing made
	room    int64            // bytes that may still be kept; negative: any number
	decoded int64
	kept    strings.Builder
	events  *eventStream
	now     now
}

// begin prepares for a content.
func (r *reader) begin(f *feed, h *half, fs *fields) {
	*r = reader{}
	x, limits := h.x, f.c.Limits()
	x.contentOf(h.role).Encoding = joined(fs.encoded)
	stream := h.role == response && x.res.Code == 200 && isEventStream(fs.kind)
	if !limits.KeepsBody() && !stream {
		return
	}
	*r = reader{on: true, room: limits.Body}
	if stream {
		r.events = newEventStream(h, limits.Body)
	}
	if len(fs.content)+len(fs.coding) > 0 {
		r.open(f, h, fs)
	}
}

// open makes the decoder. A content in a coding that we cannot undo is kept as
// it is.
func (r *reader) open(f *feed, h *half, fs *fields) {
	limits := f.c.Limits()
	l := content.Limits{Decoded: uint64(max(0, limits.Decoded)), Ratio: uint64(max(0, limits.Ratio))}
	d, err := content.New(append(slices.Clone(fs.content), fs.coding...), l, r.keep)
	if err != nil {
		r.unsupported(f, h, fs, err)
		r.events = nil
		return
	}
	r.decoder, r.coded = d, true
}

// unsupported reports which coding cannot be undone. Those of the transfer come
// first; one that nobody knows has been reported.
func (r *reader) unsupported(f *feed, h *half, fs *fields, err error) {
	var e *content.Error
	switch {
	case !errors.As(err, &e) || !slices.Contains(fs.coding, e.Coding):
		f.report(contentUnsupported, h.x, joined(fs.content))
	case !fs.unknown:
		f.report(codingUnsupported, h.x, joined(fs.coding))
	}
}

// data takes the next bytes.
func (r *reader) data(f *feed, h *half, p []byte) {
	if !r.on || r.ended {
		return
	}
	r.now = f.now()
	if r.decoder == nil {
		r.keep(p)
	} else if err := r.decoder.Write(p); err != nil {
		r.fail(f, h, err)
	}
}

// now is the call in progress, for what the decoder calls back.
type now struct {
	c    *dissect.Conn
	dir  flow.Dir
	mark event.Mark // where the bytes that are being taken came from
}

func (f *feed) now() now { return now{f.c, f.dir, f.at(0)} }

// keep takes decoded bytes.
func (r *reader) keep(p []byte) {
	r.decoded += int64(len(p))
	if r.events != nil {
		r.events.write(p)
	}
	if n := int64(len(p)); r.room >= 0 {
		p = p[:min(n, r.room)]
		r.room -= int64(len(p))
	}
	r.kept.Write(p)
}

// fail stops decoding.
func (r *reader) fail(f *feed, h *half, err error) {
	r.ended, r.damaged = true, true
	code := contentCorrupt
	switch {
	case errors.Is(err, content.ErrTruncated):
		code = contentTruncated
	case errors.Is(err, content.ErrLimit):
		code = contentLimit
	}
	f.report(code, h.x, strings.TrimPrefix(err.Error(), "content: "))
}

// gap ends decoding: no coding survives a hole. Other content goes on behind it.
func (r *reader) gap(f *feed, h *half) {
	if r.events != nil {
		r.events.gap()
	}
	r.cut(f, h)
}

// cut ends decoding where the content is not whole, which is known and is no
// fault of its coding.
func (r *reader) cut(f *feed, h *half) {
	if r.decoder == nil || r.ended {
		return
	}
	r.now = f.now()
	_ = r.decoder.End() // gives what it still holds
	r.ended, r.damaged = true, true
}

// finish ends the content and notes in its exchange what is known of it.
func (r *reader) finish(f *feed, h *half) {
	if !r.on {
		return
	}
	if r.decoder != nil && !r.ended {
		r.now = f.now()
		if err := r.decoder.End(); err != nil {
			r.fail(f, h, err)
		}
		if r.decoder.Trailing() {
			f.report(contentTrailing, h.x, "")
		}
		if r.decoder.Bare() {
			f.report(contentBare, h.x, "")
		}
	}
	b := h.x.contentOf(h.role)
	if r.coded && !r.damaged {
		b.Decoded = r.decoded
	}
	if f.c.Limits().KeepsBody() {
		b.show(r.kept.String(), r.decoded, h.x.reason != event.Complete)
	}
	r.close()
}

// show notes what is kept of n decoded bytes. cut says that these are not all
// that there were: then a part of a character at the end is no sign of binary
// data, and is left out.
func (b *Content) show(kept string, n int64, cut bool) {
	text := kept
	if cut || int64(len(kept)) < n {
		text = whole(kept)
	}
	if utf8.ValidString(text) {
		b.Text = text
	} else {
		b.Binary = []byte(kept)
		text = kept
	}
	b.Truncated = int64(len(text)) < n
}

// whole is s without the part of a character at its end.
func whole(s string) string {
	for i := len(s) - 1; i >= 0 && i >= len(s)-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			if !utf8.FullRuneInString(s[i:]) {
				return s[:i]
			}
			return s
		}
	}
	return s
}

// close releases what the reader holds.
func (r *reader) close() {
	if r.decoder != nil {
		r.decoder.Close()
	}
	*r = reader{}
}

// isEventStream reports the media type of server-sent events.
func isEventStream(kind string) bool {
	kind, _, _ = strings.Cut(kind, ";")
	return strings.EqualFold(strings.TrimRight(kind, " \t"), "text/event-stream")
}
