// Package schema publishes what a record looks like: a JSON Schema (draft
// 2020-12) of every kind that -T ndjson prints, and the reference of fields that
// is made from it. The schema is the source; nothing else says what a field
// means.
package schema

import (
	_ "embed" // for the schema
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

//go:embed wirewatch-1.schema.json
var document []byte

// JSON is the schema of a record. The caller owns the copy.
func JSON() []byte { return slices.Clone(document) }

// Kind is one kind of record.
type Kind struct {
	Name        string // "http.exchange"
	Title       string // "a request and its final response"
	Description string // when it is written, in sentences
	Progress    bool   // it is only written when progress is asked for
}

// Field is one field of records, by the name that filters and columns know it
// by. What stands in for a field whose bytes are not UTF-8 is not listed.
type Field struct {
	Name        string   // "http.request.method"; a last component * is any name
	Type        string   // "text", "integer", "number", "boolean", "time", "address", "bytes", "pairs", "ranges" or "objects"
	Unit        string   // "ms" or "bytes"; "" if it has none
	Title       string   // what it is, in two or three words
	Description string   // what it means, in sentences
	Kinds       []string // the kinds of records that may have it, in the order of Kinds
	Wireshark   bool     // Wireshark has a field of the same name and meaning
}

// Kinds are the kinds of records, in the order in which a flow comes by them.
func Kinds() []Kind { return slices.Clone(reference().kinds) }

// Fields are all fields, sorted by name. The caller may change the slice, but
// not the slices in it.
func Fields() []Field { return slices.Clone(reference().fields) }

// node is a part of the schema, as far as the reference needs it.
type node struct {
	Ref         string `json:"$ref"`
	Type        string
	Title       string
	Description string
	Const       string
	Format      string
	Encoding    string `json:"contentEncoding"`
	AnyOf       []*node
	OneOf       []*node
	Properties  map[string]*node
	Defs        map[string]*node `json:"$defs"`

	// Annotations of our own, which the schema's $comment explains.
	Unit     string
	Origin   string
	Sibling  string
	List     string
	Progress bool
}

type lists struct {
	kinds  []Kind
	fields []Field
}

// reference reads the schema once. It is part of the program, so what is wrong
// with it is a mistake of ours, which the tests find.
var reference = sync.OnceValue(func() lists {
	var root node
	if err := json.Unmarshal(document, &root); err != nil {
		panic("schema: " + err.Error())
	}
	w := walker{defs: root.Defs, fields: map[string]*Field{}}
	for _, one := range root.OneOf {
		n := w.resolve(one)
		w.kind = n.Properties["kind"].Const
		w.kinds = append(w.kinds, Kind{Name: w.kind, Title: n.Title, Description: n.Description, Progress: n.Progress})
		w.walk("", n)
	}
	return lists{w.kinds, w.sorted()}
})

// walker gathers the fields of one kind after the other.
type walker struct {
	defs   map[string]*node
	kind   string
	kinds  []Kind
	fields map[string]*Field
}

// resolve is what n refers to, or n.
func (w *walker) resolve(n *node) *node {
	if name, ok := strings.CutPrefix(n.Ref, "#/$defs/"); ok {
		return w.defs[name]
	}
	return n
}

// walk takes the members of an object, whose own path is prefix: those that it
// has by reference, and those that it adds.
func (w *walker) walk(prefix string, object *node) {
	if n := w.resolve(object); n != object {
		w.walk(prefix, n)
	}
	for name, member := range object.Properties {
		n := w.resolve(member)
		switch {
		case member.Sibling != "":
		case n.Properties != nil:
			w.walk(prefix+name+".", member)
		case n.Type == "object":
			w.add(prefix+name+".*", n, "integer")
		default:
			w.add(prefix+name, n, n.valueType())
		}
	}
}

// add notes that the kind at hand has a field.
func (w *walker) add(name string, n *node, typ string) {
	f := w.fields[name]
	if f == nil {
		f = &Field{Name: name, Type: typ, Unit: n.Unit, Title: n.Title, Description: n.Description, Wireshark: n.Origin == "wireshark"}
		w.fields[name] = f
	}
	f.Kinds = append(f.Kinds, w.kind)
}

// valueType is the type in the words of a field's user.
func (n *node) valueType() string {
	switch {
	case n.List != "":
		return n.List
	case n.Encoding == "base64":
		return "bytes"
	case n.Format == "date-time":
		return "time"
	case len(n.AnyOf) > 0 && n.AnyOf[0].Format == "ipv4":
		return "address"
	case n.Type == "string":
		return "text"
	}
	return n.Type
}

func (w *walker) sorted() []Field {
	list := make([]Field, 0, len(w.fields))
	for _, f := range w.fields {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return list
}
