package schema

import (
	"fmt"
	"strings"
)

//go:generate go test -run=TestReferenceIsCurrent -update .

// Markdown is the reference of kinds and fields, as docs/FIELDS.md has it.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Records and fields

<!-- Generated from schema/wirewatch-1.schema.json by go generate ./schema: edit that. -->

A record is a fact: written once, never changed, one JSON object per line of ` + "`-T ndjson`" + `. The name of a field is its path in
that object, its name in a display filter and its column. Where Wireshark has a field of the same name and meaning, the last
column says so. Durations are numbers of milliseconds, with fractions down to the capture's resolution; sizes are bytes.

Records stand in the order in which they became certain, which is not always that of their frames: that a connection was reset is
known for certain, and written, some seconds after its RST, with the frame and the time of that RST.

Text from the wire is a JSON string only when it is valid UTF-8. Otherwise its bytes are in base64, under a name beside its own:
` + "`uri_base64` for `uri`, and for a field whose last component is `text`, `base64` for `text`" + `. In a list of pairs, each a
[name, value], such a component is the object ` + "`{\"base64\": \"…\"}`" + `.

## Kinds

| kind | what | when |
|---|---|---|
`)
	kinds := Kinds()
	for _, k := range kinds {
		name := "`" + k.Name + "`"
		if k.Progress {
			name += " *progress*"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, k.Title, k.Description)
	}
	var every, some []Field
	for _, f := range Fields() {
		if len(f.Kinds) == len(kinds) {
			every = append(every, f)
		} else {
			some = append(some, f)
		}
	}
	b.WriteString("\nRecords that are *progress* are only written with `--progress`.\n")
	table(&b, "Fields of every kind", every, false)
	table(&b, "Fields of some kinds", some, true)
	return b.String()
}

// table writes fields, with their kinds if they differ in those.
func table(b *strings.Builder, title string, fields []Field, kinds bool) {
	head, rule := "field | type | meaning", "---|---|---"
	if kinds {
		head, rule = head+" | kinds", rule+"|---"
	}
	fmt.Fprintf(b, "\n## %s\n\n| %s | Wireshark |\n|%s|---|\n", title, head, rule)
	for _, f := range fields {
		typ, same := f.Type, ""
		if f.Unit != "" {
			typ += ", " + f.Unit
		}
		if f.Wireshark {
			same = "same"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |", f.Name, typ, f.Description)
		if kinds {
			fmt.Fprintf(b, " %s |", strings.Join(f.Kinds, ", "))
		}
		fmt.Fprintf(b, " %s |\n", same)
	}
}
