package http

import (
	"bytes"
	"slices"
	"strings"

	"example.com/wirewatch/event"
)

// section is the lines of a head or a trailer section, and what is wrong with
// them.
type section struct {
	pairs []event.Pair
	value []byte // of the last pair, while it is being unfolded
	flaws [len(lineFlaws)]struct {
		found bool
		where string // the first line that has it
	}
}

// lineFlaw is an index into lineFlaws.
type lineFlaw uint8

const (
	isBareLF lineFlaw = iota
	isBareCR
	isFolded
	isSpaced
	isSpacedName
	isNoField
	isBadName
	isBadValue
)

// lineFlaws are reported once for a section each.
var lineFlaws = [...]*event.Code{
	isBareLF: bareLF, isBareCR: bareCR, isFolded: obsFold, isSpaced: spaceBeforeFields,
	isSpacedName: spaceBeforeColon, isNoField: fieldLineInvalid, isBadName: fieldNameInvalid, isBadValue: fieldValueInvalid,
}

// once notes a flaw and the first line that has it.
func (s *section) once(flaw lineFlaw, where string) {
	if f := &s.flaws[flaw]; !f.found {
		f.found, f.where = true, where
	}
}

// report reports the flaws.
func (s *section) report(f *feed, x *exchange) {
	for i := range s.flaws {
		if s.flaws[i].found {
			f.report(lineFlaws[i], x, s.flaws[i].where)
		}
	}
}

// parse reads the lines of p from the one numbered skip on, up to the empty one.
// text is the same bytes: names and values are slices of it.
func (s *section) parse(p []byte, text string, skip int) {
	terminated := 0
	for at, n := 0, 0; at < len(p); n++ {
		end := at + bytes.IndexByte(p[at:], '\n')
		if end < at {
			break
		}
		line := p[at:end]
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
			terminated++
		} else {
			s.once(isBareLF, "")
		}
		if n >= skip {
			s.line(line, text[at:at+len(line)])
		}
		at = end + 1
	}
	s.unfold()
	if bytes.Count(p, []byte{'\r'}) != terminated {
		s.once(isBareCR, "")
	}
}

// line reads one line, without its terminator.
func (s *section) line(line []byte, text string) {
	if len(line) == 0 {
		return
	}
	if isSpace(line[0]) {
		if hasControl(line) {
			s.once(isBadValue, text)
		}
		s.fold(strings.Trim(text, " \t\r"))
		return
	}
	if line[0] == '\r' { // LF CR as a line terminator
		line, text = line[1:], text[1:]
		if len(line) == 0 {
			return
		}
	}
	s.unfold()
	name, value, ok := fieldLine(line)
	switch {
	case !ok:
		s.once(isNoField, text)
	case line[name.to] != ':':
		s.once(isSpacedName, text)
	}
	if ok && !isToken(name.of(line)) {
		s.once(isBadName, text)
	}
	if hasControl(value.of(line)) {
		s.once(isBadValue, text)
	}
	s.pairs = append(s.pairs, event.Pair{Name: name.in(text), Value: value.in(text)})
}

// fold appends a continuation line to the value before it:
//
//	obs-fold = OWS CRLF RWS   (RFC 9112 §5.2)
//
// which counts as one SP. Where there is no value before it, it is kept as a
// value without a name, like a line without a colon.
func (s *section) fold(text string) {
	n := len(s.pairs)
	if n == 0 {
		s.once(isSpaced, text)
		s.pairs = append(s.pairs, event.Pair{Value: text})
		return
	}
	s.once(isFolded, text)
	if len(s.value) == 0 {
		s.value = append(s.value, s.pairs[n-1].Value...)
	}
	if len(s.value) > 0 && text != "" {
		s.value = append(s.value, ' ')
	}
	s.value = append(s.value, text...)
}

// unfold ends a value that was folded. It is put together only now, for a value
// may have thousands of lines.
func (s *section) unfold() {
	if len(s.value) > 0 {
		s.pairs[len(s.pairs)-1].Value = string(s.value)
		s.value = s.value[:0]
	}
}

// fields is what the field lines of a head say about its message.
type fields struct {
	pairs    []event.Pair
	host     string // value of the first Host
	hosts    int
	length   int64       // of the first valid Content-Length, else -1
	declared bool        // there is a Content-Length
	badly    *event.Code // what is wrong with it
	bad      string      // the value that is
	coding   []string    // Transfer-Encoding, in order
	unknown  bool        // one of them cannot be undone, because nobody knows it
	content  []string    // Content-Encoding, in order
	encoded  []string    // the same, as sent
	offers   []string    // Upgrade, as sent
	kind     string      // Content-Type
	upgrades bool        // Connection has upgrade
	expects  bool        // Expect is 100-continue
	close    bool        // Connection has close
	keep     bool        // Connection has keep-alive
}

func fieldsOf(pairs []event.Pair) fields {
	fs := fields{pairs: pairs, length: -1}
	for i := range pairs {
		fs.add(pairs[i].Name, pairs[i].Value)
	}
	return fs
}

// add looks at one field line.
func (fs *fields) add(name, value string) {
	is := func(s string) bool { return strings.EqualFold(name, s) }
	switch len(name) {
	case len("Host"):
		if is("Host") {
			fs.addHost(value)
		}
	case len("Expect"):
		if is("Expect") {
			fs.expects = strings.EqualFold(value, "100-continue")
		}
	case len("Upgrade"):
		if is("Upgrade") {
			fs.offers = append(fs.offers, value)
		}
	case len("Connection"):
		if is("Connection") {
			elements(value, fs.addOption)
		}
	case len("Content-Type"):
		if is("Content-Type") && fs.kind == "" {
			fs.kind = value
		}
	case len("Content-Length"):
		if is("Content-Length") {
			fs.addLength(value)
		}
	case len("Content-Encoding"): // and Proxy-Connection
		switch {
		case is("Content-Encoding"):
			fs.encoded = append(fs.encoded, value)
			elements(value, func(e string) bool { fs.content = append(fs.content, e); return true })
		case is("Proxy-Connection"):
			elements(value, fs.addOption)
		}
	case len("Transfer-Encoding"):
		if is("Transfer-Encoding") {
			elements(value, func(e string) bool { fs.coding = append(fs.coding, e); return true })
		}
	}
}

// joined puts field values of one name together (RFC 9110 §5.3).
func joined(values []string) string { return strings.Join(values, ", ") }

func (fs *fields) addHost(value string) {
	if fs.hosts == 0 {
		fs.host = value
	}
	fs.hosts++
}

func (fs *fields) addOption(option string) bool {
	switch {
	case strings.EqualFold(option, "close"):
		fs.close = true
	case strings.EqualFold(option, "keep-alive"):
		fs.keep = true
	case strings.EqualFold(option, "upgrade"):
		fs.upgrades = true
	}
	return true
}

// addLength takes
//
//	Content-Length = 1*DIGIT   (RFC 9110 §8.6)
//
// and a list of it, which RFC 9110 §8.6 allows recipients to accept where all
// members are the same. Of what is wrong, the worst counts.
func (fs *fields) addLength(value string) {
	for {
		e, rest, more := strings.Cut(value, ",")
		fs.addLengthOf(strings.Trim(e, " \t"), more)
		if !more {
			return
		}
		value = rest
	}
}

// addLengthOf takes one length. listed says that it is not alone.
func (fs *fields) addLengthOf(e string, listed bool) {
	n, ok := digits(e)
	switch {
	case !ok && isDigits(e):
		fs.spoil(lengthOverflow, e)
	case !ok:
		fs.spoil(lengthInvalid, e)
	case fs.length < 0:
		fs.length = n
	case fs.length != n:
		fs.spoil(lengthConflict, "")
	}
	if fs.declared || listed {
		fs.spoil(lengthRepeated, "")
	}
	fs.declared = true
}

// spoil notes what is wrong with the Content-Length, unless something worse is.
func (fs *fields) spoil(code *event.Code, value string) {
	rank := func(c *event.Code) int {
		return slices.Index([]*event.Code{nil, lengthRepeated, lengthConflict, lengthOverflow, lengthInvalid}, c)
	}
	if rank(code) > rank(fs.badly) {
		fs.badly, fs.bad = code, value
	}
}

// unframed reports a Content-Length from which nobody can tell how long the
// content is (RFC 9112 §6.3, rule 5).
func (fs *fields) unframed() bool { return fs.badly != nil && fs.badly != lengthRepeated }

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// digits is 1*DIGIT below 2^63.
func digits(s string) (n int64, ok bool) {
	for i := range len(s) {
		if !isDigit(s[i]) || n > (1<<63-1-9)/10 {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, s != ""
}

// closes reports whether the connection is not to persist behind a response of
// this version (RFC 9112 §9.3).
func (fs *fields) closes(version string) bool {
	return fs.close || isOld(version) && !fs.keep
}

// isOld reports a version before HTTP/1.1.
func isOld(version string) bool {
	return version == "HTTP/1.0" || hasPrefixFold([]byte(version), "HTTP/0") || version == "ICY" || version == "0.9" ||
		strings.EqualFold(version, "HTTP/1.0")
}
