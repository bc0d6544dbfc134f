package event

import "time"

// ValueKind says what a Value holds.
type ValueKind uint8

// The kinds of values.
const (
	None    ValueKind = iota // absent: a consumer leaves the field out
	String                   // our own text, always valid UTF-8
	Text                     // bytes from the wire that are meant as text
	Bytes                    // bytes from the wire that are not
	Int                      // a signed integer
	Bool                     // true or false
	Millis                   // a duration, written as milliseconds
	Pairs                    // a list of [name, value], both from the wire
	Ranges                   // a list of [offset, length]
	Ints                     // a list of integers
	Objects                  // a list of groups of fields
)

// Value is the value of one field: 48 bytes, without boxing. Slices in it are
// shared and immutable, like the event that they belong to.
type Value struct {
	kind ValueKind
	num  int64
	str  string
	list any // a pointer to the slice: an interface holds that without an allocation
}

// Pair is a name and a value as sent: a field line of a message. Either may
// hold bytes that are not UTF-8.
type Pair struct{ Name, Value string }

// Range is a run of bytes in a stream or a body.
type Range struct{ Off, Len uint64 }

// StringOf is a value in our own words; the empty string is absent.
func StringOf(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{kind: String, str: s}
}

// TextOf is text from the wire, which need not be UTF-8.
func TextOf(s string) Value { return Value{kind: Text, str: s} }

// SomeTextOf is text from the wire; empty is absent.
func SomeTextOf(s string) Value {
	if s == "" {
		return Value{}
	}
	return TextOf(s)
}

// BytesOf is binary data from the wire; nil is absent, empty is not. p points
// into the body, so that no copy is made.
func BytesOf(p *[]byte) Value { return listOf(Bytes, p, *p == nil) }

func listOf(k ValueKind, p any, absent bool) Value {
	if absent {
		return Value{}
	}
	return Value{kind: k, list: p}
}

// IntOf is a number.
func IntOf[T int | int64 | uint64 | uint32 | uint16 | uint8](n T) Value {
	return Value{kind: Int, num: int64(n)}
}

// NaturalOf is a number; a negative one is absent.
func NaturalOf[T int | int64](n T) Value {
	if n < 0 {
		return Value{}
	}
	return IntOf(n)
}

// BoolOf is true or false.
func BoolOf(b bool) Value {
	v := Value{kind: Bool}
	if b {
		v.num = 1
	}
	return v
}

// FlagOf is true; false is absent.
func FlagOf(b bool) Value {
	if !b {
		return Value{}
	}
	return BoolOf(b)
}

// MillisOf is a duration.
func MillisOf(d time.Duration) Value { return Value{kind: Millis, num: int64(d)} }

// SpanOf is a duration; a negative one is absent.
func SpanOf(d time.Duration) Value {
	if d < 0 {
		return Value{}
	}
	return MillisOf(d)
}

// PairsOf is a list of names and values; nil is absent, empty is not.
func PairsOf(p *[]Pair) Value { return listOf(Pairs, p, *p == nil) }

// RangesOf is a list of ranges; an empty one is absent.
func RangesOf(r *[]Range) Value { return listOf(Ranges, r, len(*r) == 0) }

// IntsOf is a list of numbers; an empty one is absent.
func IntsOf(n *[]uint64) Value { return listOf(Ints, n, len(*n) == 0) }

// ObjectsOf is a list of groups of fields; an empty one is absent.
func ObjectsOf(o *[]Fields) Value { return listOf(Objects, o, len(*o) == 0) }

// Kind says which of the accessors holds the value.
func (v *Value) Kind() ValueKind { return v.kind }

// Str is the text of a String or Text.
func (v *Value) Str() string { return v.str }

// Raw is the data of a Bytes.
func (v *Value) Raw() []byte { return of[byte](v) }

// of is the list of a value that has one of that type, else nil.
func of[T any](v *Value) []T {
	if p, ok := v.list.(*[]T); ok {
		return *p
	}
	return nil
}

// Int is the number of an Int.
func (v *Value) Int() int64 { return v.num }

// Bool is the truth of a Bool.
func (v *Value) Bool() bool { return v.num != 0 }

// Duration is the length of a Millis.
func (v *Value) Duration() time.Duration { return time.Duration(v.num) }

// Pairs is the list of a Pairs.
func (v *Value) Pairs() []Pair { return of[Pair](v) }

// Ranges is the list of a Ranges.
func (v *Value) Ranges() []Range { return of[Range](v) }

// Ints is the list of an Ints.
func (v *Value) Ints() []uint64 { return of[uint64](v) }

// Objects is the list of an Objects.
func (v *Value) Objects() []Fields { return of[Fields](v) }
