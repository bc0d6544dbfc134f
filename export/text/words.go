package text

import (
	"strings"

	"example.com/wirewatch/event"
	"example.com/wirewatch/flow"
	"example.com/wirewatch/internal/safe"
)

// words are the part of a line whose length the traffic decides.
type words struct {
	verb   safe.Text // what is done: a method, a code
	style  style     // of the verb
	target safe.Text // to what
	path   safe.Text // the target without its authority, if it has one
	note   safe.Text // more about it
	spare  bool      // the note goes, all of it, before the target loses anything
	brief  safe.Text // the note without parameters, if it has some
	flag   safe.Text // what is missing
}

// words are what the columns do not say. The digest has all that an unknown kind
// needs; the kinds below say it better.
func (p *printer) words(e *event.Event, d *event.Digest) words {
	l, kind := &p.line, e.Body.Kind()
	w := words{style: strong, target: l.word(d.Target), note: l.word(head(d.Note, maxNote)), flag: p.missing(e)}
	switch {
	case kind == "anomaly":
		level := ""
		if p.layout.wordy {
			level = d.Level.String()
		}
		w.verb, w.style, w.note = l.word(join(level, d.Result)), levelStyle(d.Level), l.word(d.Note)
	case kind == "tcp.open":
		w.target, w.note, w.spare = p.ends(e), l.word(d.Result), true
	case kind == "tcp.flow":
		verb, note := p.closing(e.Body, d)
		w.verb, w.note = l.word(verb), l.word(note)
	case kind == "sse.event":
		w.verb, w.note = l.word(d.Verb), l.word(p.eventNote(e.Body, d))
	case kind == "websocket.message" || kind == "websocket.control": // the arrow says that they are messages
		w.verb = l.word(join(d.Verb, longResult(d)))
	case strings.HasPrefix(kind, "http."):
		p.http(e, d, &w)
	default:
		proto := orElse(d.Proto, kind)
		if d.Verb != "" && !p.layout.wordy {
			proto = ""
		}
		w.verb = l.word(join(join(proto, d.Verb), longResult(d)))
		if _, rest, ok := strings.Cut(d.Target, "://"); ok {
			w.path = p.path(rest)
		}
	}
	return w
}

// path is a target without its authority, if it has both; without a width it
// is not needed.
func (p *printer) path(target string) safe.Text {
	if i := strings.IndexByte(target, '/'); i > 0 && p.opt.Width > 0 {
		return p.line.word(p.line.glyphs.cut.String() + target[i:])
	}
	return safe.Text{}
}

// missing says why something of a fact is missing.
func (p *printer) missing(e *event.Event) safe.Text {
	switch {
	case e.Incomplete == event.Complete:
		return safe.Text{}
	case p.layout.wordy:
		return p.line.word("incomplete: " + e.Incomplete.String())
	}
	return p.line.word(e.Incomplete.String())
}

// http is the method, the target and the media type. A response has the first
// two of its request, if that was told.
func (p *printer) http(e *event.Event, d *event.Digest, w *words) {
	l := &p.line
	r := p.request(e, d)
	w.verb, w.target = l.word(join(r.verb, longResult(d))), l.word(r.target)
	if !strings.Contains(r.target, "://") { // what is asked of a proxy needs its authority
		w.path = p.path(r.target)
	}
	if kind, _, ok := strings.Cut(d.Note, ";"); ok {
		w.brief = l.word(head(kind, maxNote))
	}
}

// question is an exchange of a flow.
type question struct {
	flow     flow.ID
	exchange uint32
}

// request is what was asked in an exchange.
type request struct{ verb, target string }

// maxAsked bounds the memory of what was asked, which is needed until the
// answer is complete.
const maxAsked = 1 << 12

// request is what a fact of HTTP is about. Requests are remembered for the
// response, which does not repeat its request, until the exchange is over.
func (p *printer) request(e *event.Event, d *event.Digest) request {
	r := request{d.Verb, d.Target}
	if e.Ends == nil || e.Exchange == 0 {
		return r
	}
	q := question{e.Ends.ID, e.Exchange}
	switch e.Body.Kind() {
	case "http.request":
		if len(p.asked) >= maxAsked {
			clear(p.asked)
		}
		// A copy, since the target is a slice of a head that may be large.
		p.asked[q] = request{strings.Clone(head(r.verb, maxNote)), strings.Clone(head(r.target, maxNote))}
	case "http.response":
		if asked, ok := p.asked[q]; ok {
			return asked
		}
	default:
		delete(p.asked, q)
	}
	return r
}

// maxNote is how many bytes of a note are shown, such as of a message's text.
const maxNote = 256

// eventNote is the ID and the data of a server-sent event.
func (p *printer) eventNote(body event.Body, d *event.Digest) string {
	id, data := "", ""
	if d.Note != "" {
		id = "id " + head(d.Note, maxNote)
	}
	for name, v := range body.Fields() {
		if name == "sse.data" {
			data = head(v.Str(), maxNote)
		}
	}
	return p.list([]string{id, data})
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
	noteAmple   = 24
	noteFloor   = 12
	wordMin     = 5 // less says nothing
	targetFloor = 16
	targetMin   = 8
	verbMin     = 7 // "OPTIONS"
	wordGap     = 2 // before a note and a flag
)

// sizes are how many cells each of the words gets.
type sizes struct{ verb, target, note, flag int }

// fit shortens the words to so many cells. What says least goes first: what of a
// note is more than ample, a media type's parameters, a target's authority,
// which the flow's ends resemble; then the middle of the target and the end of
// the note by turns; the verb and a bit of the target remain, and of what is
// missing as much as fits.
func (w *words) fit(room int) (n sizes) {
	n = sizes{w.verb.Width(), w.target.Width(), w.note.Width(), w.flag.Width()}
	over := n.verb + n.target + n.note + n.flag + w.gaps() - room
	give(&n.note, noteAmple, &over)
	shorten(&w.note, w.brief, &n.note, &over)
	shorten(&w.target, w.path, &n.target, &over)
	if w.spare && over > 0 {
		give(&n.note, 0, &over)
		w.note, n.note, over = safe.Text{}, 0, over-n.note-wordGap
	}
	give(&n.target, targetFloor, &over)
	give(&n.note, noteFloor, &over)
	give(&n.note, 0, &over)
	give(&n.target, targetMin, &over)
	give(&n.verb, verbMin, &over)
	give(&n.flag, 0, &over)
	drop(&n.note, &w.note, &over)
	drop(&n.flag, &w.flag, &over)
	n.target = max(min(n.target-over, w.target.Width()), min(w.target.Width(), 1))
	return n
}

// drop takes what is left of a word where that is too little to say anything,
// and the cells before it.
func drop(n *int, t *safe.Text, over *int) {
	if *n < wordMin && *n < t.Width() {
		*over -= *n + wordGap
		*n = 0
	}
}

// write writes the words, shortened to what is left of the line.
func (w *words) write(l *line) {
	start, n := l.cells, w.fit(l.room())
	l.put(w.style, w.verb.Clip(n.verb, l.mode))
	aside := plain
	if n.target > 0 {
		if l.cells > start {
			l.space(1)
		}
		l.put(plain, w.target.ClipMiddle(n.target, l.mode))
		aside = dim
	}
	w.add(l, start, aside, w.note.Clip(n.note, l.mode))
	w.add(l, start, yellow, w.flag.Clip(n.flag, l.mode))
}

// add writes one more of the words, which start at a cell.
func (w *words) add(l *line, start int, st style, t safe.Text) {
	if l.cells > start && t != (safe.Text{}) {
		l.space(wordGap)
	}
	l.put(st, t)
}

// gaps is how many cells stand between the words, at most.
func (w *words) gaps() int {
	n := 0
	if w.verb != (safe.Text{}) && w.target != (safe.Text{}) {
		n++
	}
	if w.note != (safe.Text{}) {
		n += wordGap
	}
	if w.flag != (safe.Text{}) {
		n += wordGap
	}
	return n
}

// shorten puts a shorter text in the place of t, which has *n cells, where cells
// are needed.
func shorten(t *safe.Text, shorter safe.Text, n, over *int) {
	if *over <= 0 {
		return
	}
	if width := shorter.Width(); width > 0 && width < *n {
		*over -= *n - width
		*t, *n = shorter, width
	}
}

// give takes up to *over cells from *n, but leaves floor.
func give(n *int, floor int, over *int) {
	d := min(max(*over, 0), max(*n-floor, 0))
	*n, *over = *n-d, *over-d
}
