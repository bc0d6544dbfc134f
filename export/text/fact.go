package text

import (
	"strings"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/internal/safe"
)

// The widths of the columns between the flow and the words.
const (
	signWidth   = 2 // an alarm and an arrow
	resultWidth = 3 // "200", "fin"; longer results stand among the words
	sizeWidth   = len("1.20 kB")
	tookWidth   = len("12.3 ms")
)

// fact writes the line of one fact. The digest has all that an unknown kind
// needs; the kinds below say it better.
func (s *sink) fact(e *event.Event) {
	l, d := &s.line, e.Body.Digest()
	w := s.words(e, &d)
	l.put(dim, safe.Clean(clock(e.Nanos), safe.ASCII))
	l.space(2)
	if e.Ends != nil {
		l.stream(plain, e.Ends.Stream)
	} else {
		l.space(l.streams)
	}
	l.space(1)
	s.sign(e, d.Level)
	l.space(1)
	s.columns(e.Body.Kind(), &d)
	l.space(2)
	w.write(l)
	l.end()
}

// sign writes the alarm, if the fact is alarming, and the arrow.
func (s *sink) sign(e *event.Event, level event.Level) {
	l, kind := &s.line, e.Body.Kind()
	if level > event.Normal {
		l.put(levelStyle(level), l.glyphs.alarm)
	} else {
		l.space(1)
	}
	switch {
	case kind == "http.exchange":
		l.put(plain, l.glyphs.both)
	case kind == "tcp.flow":
		l.put(plain, l.glyphs.over)
	case kind == "tcp.open":
		l.put(plain, l.glyphs.open)
	case !e.HasDir:
		l.put(plain, l.glyphs.other)
	case e.Dir == flow.ClientToServer:
		l.put(blue, l.glyphs.right)
	default:
		l.put(magenta, l.glyphs.left)
	}
}

// columns writes the result, the size and the duration.
func (s *sink) columns(kind string, d *event.Digest) {
	l := &s.line
	var result, bytes, time safe.Text
	if short(d.Result) {
		result = l.word(d.Result)
	} else if kind == "http.exchange" {
		result = l.glyphs.dash
	}
	if d.Bytes > 0 {
		bytes = safe.Clean(size(d.Bytes), safe.ASCII)
	}
	if d.Took != 0 {
		time = safe.Clean(took(d.Took, s.opt.ASCII), safe.List)
	}
	l.right(resultStyle(d), result, resultWidth)
	l.space(2)
	l.right(plain, bytes, sizeWidth)
	l.space(2)
	l.right(plain, time, tookWidth)
}

// short reports that a result fits in its column.
func short(result string) bool { return result != "" && len(result) <= resultWidth }

// resultStyle is the colour of a status code's class (RFC 9110 §15), else of
// the level.
func resultStyle(d *event.Digest) style {
	if len(d.Result) == 3 {
		switch d.Result[0] {
		case '1', '3':
			return cyan
		case '2':
			return green
		case '4':
			return yellow
		case '5':
			return red
		}
	}
	return levelStyle(d.Level)
}

func levelStyle(level event.Level) style {
	switch level {
	case event.Note:
		return cyan
	case event.Warn:
		return yellow
	case event.Error:
		return red
	default:
		return plain
	}
}

// words are the part of a line whose length the traffic decides.
type words struct {
	verb   safe.Text // kept
	style  style     // of the verb
	target safe.Text // cut in its middle
	note   safe.Text // cut at its end, and left out first
	flag   safe.Text // kept: what is missing
}

// words are what the columns do not say.
func (s *sink) words(e *event.Event, d *event.Digest) words {
	l, kind := &s.line, e.Body.Kind()
	w := words{style: strong, target: l.word(d.Target), note: l.word(d.Note)}
	if e.Incomplete != event.Complete {
		w.flag = l.word("incomplete: " + e.Incomplete.String())
	}
	switch {
	case kind == "anomaly":
		w.verb, w.style = l.word(join(d.Level.String(), d.Result)), levelStyle(d.Level)
	case kind == "tcp.flow":
		verb, note := s.closing(e.Body, d)
		w.verb, w.note = l.word(verb), l.word(note)
	case kind == "sse.event":
		w.verb, w.note = l.word(d.Verb), l.word(s.eventNote(e.Body, d))
	case !strings.HasPrefix(kind, "http."):
		w.verb = l.word(join(join(orElse(d.Proto, kind), d.Verb), longResult(d)))
	default:
		w.verb = l.word(join(d.Verb, longResult(d)))
	}
	return w
}

// maxData is how many bytes of a server-sent event's data are shown.
const maxData = 256

// eventNote is the ID and the data of a server-sent event.
func (s *sink) eventNote(body event.Body, d *event.Digest) string {
	id, data := "", ""
	if d.Note != "" {
		id = "id " + d.Note
	}
	for name, v := range body.Fields() {
		if name == "sse.data" {
			data = v.Str()
		}
	}
	if len(data) > maxData {
		data = data[:maxData] + "..."
	}
	return s.list([]string{id, data})
}

func longResult(d *event.Digest) string {
	if short(d.Result) {
		return ""
	}
	return d.Result
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// join is two words with a space between, or the one that is not empty.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}

// The cells that the words keep while others have some to give.
const (
	noteFloor   = 12
	targetFloor = 20
)

// write writes the words, shortened to what is left of the line.
func (w *words) write(l *line) {
	note, target := w.note.Width(), w.target.Width()
	if l.max > 0 {
		over := w.verb.Width() + target + note + w.flag.Width() + w.gaps() - l.left()
		give(&note, noteFloor, &over)
		give(&target, targetFloor, &over)
		give(&note, 0, &over)
		give(&target, 1, &over)
	}
	l.put(w.style, w.verb)
	noteStyle := plain
	if target > 0 {
		l.space(1)
		l.put(plain, w.target.ClipMiddle(target, l.mode))
		noteStyle = dim
	}
	if w.verb != (safe.Text{}) || target > 0 {
		l.space(2)
	}
	if note > 0 {
		l.put(noteStyle, w.note.Clip(note, l.mode))
		l.space(2)
	}
	l.put(yellow, w.flag)
}

// gaps is how many cells stand between the words, at most.
func (w *words) gaps() int {
	n := 2
	if w.target != (safe.Text{}) {
		n++
	}
	if w.note != (safe.Text{}) && w.flag != (safe.Text{}) {
		n += 2
	}
	return n
}

// give takes up to *over cells from *n, but leaves floor.
func give(n *int, floor int, over *int) {
	d := min(max(*over, 0), max(*n-floor, 0))
	*n, *over = *n-d, *over-d
}
