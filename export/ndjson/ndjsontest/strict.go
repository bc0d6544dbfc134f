// Package ndjsontest reads records more strictly than any consumer has to, so
// that tests notice what encoding/json forgives.
package ndjsontest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// Decode reads one line, which ends in a newline, as one JSON object. Numbers
// come back as json.Number. It refuses what is not UTF-8, a raw character that
// is not graphic, anything after the object, and a name that occurs twice in
// one object.
func Decode(line []byte) (map[string]any, error) {
	body, found := bytes.CutSuffix(line, []byte("\n"))
	if !found {
		return nil, errors.New("the line does not end in a newline")
	}
	if !utf8.Valid(body) {
		return nil, errors.New("the line is not UTF-8")
	}
	for i, r := range string(body) {
		if !unicode.IsGraphic(r) {
			return nil, fmt.Errorf("raw %U at offset %d", r, i)
		}
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	v, err := value(dec)
	if err != nil {
		return nil, err
	}
	if _, err = dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the line is a %T, not an object", v)
	}
	return object, nil
}

func value(dec *json.Decoder) (any, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		return object(dec)
	case json.Delim('['):
		return array(dec)
	}
	return t, nil
}

func object(dec *json.Decoder) (map[string]any, error) {
	m := map[string]any{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, fmt.Errorf("a name is %v", t)
		}
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("%q occurs twice in one object", name)
		}
		if m[name], err = value(dec); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return m, err
}

func array(dec *json.Decoder) ([]any, error) {
	list := []any{}
	for dec.More() {
		v, err := value(dec)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := dec.Token()
	return list, err
}
