package text

import (
	"time"

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

// fact writes the line of one fact.
func (p *printer) fact(e *event.Event) {
	l, d := &p.line, e.Body.Digest()
	w := p.words(e, &d)
	if p.layout.clock != "" {
		l.put(dim, safe.Clean(time.Unix(0, e.Nanos).UTC().Format(p.layout.clock), safe.ASCII))
		l.space(p.layout.gap)
	}
	if e.Ends != nil {
		l.stream(plain, e.Ends.Stream)
	} else {
		l.space(l.streams)
	}
	l.space(1)
	p.sign(e, d.Level)
	p.columns(e.Body.Kind(), &d)
	w.write(l)
	l.end()
}

// sign writes the alarm, if the fact is alarming, and the arrow.
func (p *printer) sign(e *event.Event, level event.Level) {
	l, kind := &p.line, e.Body.Kind()
	if level > event.Normal {
		l.put(levelStyle(level), l.glyphs.alarm)
	} else {
		l.space(1)
	}
	switch {
	case kind == "http.exchange":
		l.put(plain, l.glyphs.both)
	case kind == "tcp.flow" || kind == "websocket.close":
		l.put(plain, l.glyphs.over)
	case kind == "tcp.open" || kind == "websocket.open":
		l.put(plain, l.glyphs.open)
	case !e.HasDir:
		l.put(plain, l.glyphs.other)
	case e.Dir == flow.ClientToServer:
		l.put(blue, l.glyphs.right)
	default:
		l.put(magenta, l.glyphs.left)
	}
}

// column is one of a line's columns, aligned to the right.
type column struct {
	text  safe.Text
	style style
	width int
}

// columns writes the result, the size and the duration, and leaves what
// separates them from the words.
func (p *printer) columns(kind string, d *event.Digest) {
	gap := 1 // the sign belongs to what follows it
	all, n := p.filled(kind, d)
	for _, c := range all[:n] {
		p.line.space(gap)
		p.line.right(c.style, c.text, c.width)
		gap = p.layout.gap
	}
	p.line.space(gap)
}

// filled are the columns, and how many of them are written: those up to the last
// that is not empty, or all.
func (p *printer) filled(kind string, d *event.Digest) (all [3]column, n int) {
	l := &p.line
	result := column{width: resultWidth, style: resultStyle(d)}
	if short(d.Result) {
		result.text = l.word(d.Result)
	} else if kind == "http.exchange" {
		result.text = l.glyphs.dash
	}
	all[0], n = result, 1
	if p.layout.size {
		all[n] = column{width: sizeWidth, text: sizeText(d.Bytes)}
		n++
	}
	if p.layout.took {
		all[n] = column{width: tookWidth, text: tookText(d.Took, p.opt.ASCII)}
		n++
	}
	for !p.layout.steady && n > 0 && all[n-1].text == (safe.Text{}) {
		n--
	}
	return all, n
}

func sizeText(n uint64) safe.Text {
	if n == 0 {
		return safe.Text{}
	}
	return safe.Clean(size(n), safe.ASCII)
}

func tookText(d time.Duration, ascii bool) safe.Text {
	if d == 0 {
		return safe.Text{}
	}
	return safe.Clean(took(d, ascii), safe.List)
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
