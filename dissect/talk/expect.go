package talk

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"example.com/wirewatch/event"
)

// expected is a line "= KIND NAME=VALUE …".
type expected struct {
	kind   string
	fields []field
}

type field struct {
	name, value string
	absent      bool
}

func parseExpected(s string) (e expected, err error) {
	e.kind, s, _ = strings.Cut(s, " ")
	for s = strings.TrimLeft(s, " "); s != ""; s = strings.TrimLeft(s, " ") {
		var f field
		if rest, ok := strings.CutPrefix(s, "!"); ok {
			f.absent = true
			f.name, s, _ = strings.Cut(rest, " ")
			e.fields = append(e.fields, f)
			continue
		}
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			return e, fmt.Errorf("%q is no NAME=VALUE", s)
		}
		f.name = name
		if f.value, s, err = parseValue(rest); err != nil {
			return e, fmt.Errorf("%s: %w", name, err)
		}
		e.fields = append(e.fields, f)
	}
	return e, nil
}

func parseValue(s string) (value, rest string, err error) {
	switch {
	case strings.HasPrefix(s, `"`):
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return "", "", err
		}
		value, err = strconv.Unquote(quoted)
		return value, s[len(quoted):], err
	case strings.HasPrefix(s, "["):
		d := json.NewDecoder(strings.NewReader(s))
		var list any
		if err := d.Decode(&list); err != nil {
			return "", "", err
		}
		b, err := json.Marshal(list)
		return string(b), s[d.InputOffset():], err
	}
	value, rest, _ = strings.Cut(s, " ")
	return value, rest, nil
}

// Fields are the fields of a fact as text, with those of its envelope.
func (f *Heard) Fields() map[string]string {
	m := map[string]string{
		"complete": strconv.FormatBool(f.Incomplete == event.Complete),
		"frame":    strconv.FormatUint(f.Frame, 10),
	}
	if f.First.Frame > 0 {
		m["first"] = strconv.FormatUint(f.First.Frame, 10)
	}
	if f.Incomplete != event.Complete {
		m["incomplete"] = f.Incomplete.String()
	}
	if f.Exchange != 0 {
		m["exchange"] = strconv.FormatUint(uint64(f.Exchange), 10)
	}
	if !f.NoDir {
		m["from"] = f.Dir.String()
	}
	for name, v := range f.Body.Fields() {
		if text, ok := textOf(&v); ok {
			m[name] = text
		}
	}
	return m
}

// textOf is a value as a talk writes it.
func textOf(v *event.Value) (string, bool) {
	switch v.Kind() {
	case event.None:
		return "", false
	case event.String, event.Text:
		return v.Str(), true
	case event.Bytes:
		return base64.StdEncoding.EncodeToString(v.Raw()), true
	case event.Int:
		return strconv.FormatInt(v.Int(), 10), true
	case event.Bool:
		return strconv.FormatBool(v.Bool()), true
	case event.Millis:
		return strconv.FormatFloat(float64(v.Duration())/float64(time.Millisecond), 'f', -1, 64), true
	case event.Pairs, event.Ranges, event.Ints, event.Objects:
	}
	b, err := json.Marshal(listOf(v))
	if err != nil {
		return err.Error(), true
	}
	return string(b), true
}

func listOf(v *event.Value) any {
	list := []any{}
	for _, p := range v.Pairs() {
		list = append(list, []string{p.Name, p.Value})
	}
	for _, r := range v.Ranges() {
		list = append(list, []uint64{r.Off, r.Len})
	}
	for _, n := range v.Ints() {
		list = append(list, n)
	}
	for _, o := range v.Objects() {
		m := map[string]any{}
		for name, v := range o {
			if text, ok := textOf(&v); ok {
				var inner any = text
				if strings.HasPrefix(text, "[") {
					inner = json.RawMessage(text)
				}
				m[name] = inner
			}
		}
		list = append(list, m)
	}
	return list
}

// missing says how a fact differs from what is expected, "" if it does not.
func (e *expected) missing(f *Heard) string {
	if kind := f.Body.Kind(); kind != e.kind {
		return "kind " + kind + ", want " + e.kind
	}
	got := f.Fields()
	for _, w := range e.fields {
		g, there := got[w.name]
		switch {
		case w.absent && there:
			return fmt.Sprintf("%s=%q, want it absent", w.name, g)
		case !w.absent && !there:
			return fmt.Sprintf("no %s, want %q", w.name, w.value)
		case !w.absent && g != w.value && !sameJSON(g, w.value):
			return fmt.Sprintf("%s=%q, want %q", w.name, g, w.value)
		}
	}
	return ""
}

func sameJSON(a, b string) bool {
	var x, y any
	return strings.HasPrefix(a, "[") && json.Unmarshal([]byte(a), &x) == nil &&
		json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}
