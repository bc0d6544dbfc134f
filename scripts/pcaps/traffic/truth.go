package main

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"sync"
)

// exchange is one line of a truth log; testdata/pcaps/README.md documents it.
type exchange struct {
	By         string   `json:"by"`
	Client     string   `json:"client"`
	Server     string   `json:"server"`
	Ordinal    int      `json:"ordinal,omitempty"`
	Method     string   `json:"method"`
	Target     string   `json:"target"`
	Status     int      `json:"status"`
	Interim    []int    `json:"interim,omitempty"`
	Request    *content `json:"request,omitempty"`
	Response   *content `json:"response,omitempty"`
	Incomplete string   `json:"incomplete,omitempty"`
}

// content is the content of a message after content codings are undone.
type content struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Encoded is the size before the content coding is undone, 0 if there is none.
	Encoded int64 `json:"encoded_size,omitempty"`
}

// digest counts and hashes what is written to it.
type digest struct {
	h hash.Hash
	n int64
}

func newDigest() *digest { return &digest{h: sha256.New()} }

func (d *digest) Write(p []byte) (int, error) {
	d.n += int64(len(p))
	return d.h.Write(p)
}

func (d *digest) content() *content {
	return &content{Size: d.n, SHA256: hex.EncodeToString(d.h.Sum(nil))}
}

// truthLog writes exchanges as JSON lines; safe for concurrent use.
type truthLog struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *truthLog) add(e *exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := json.NewEncoder(l.w).Encode(e); err != nil {
		fmt.Fprintln(os.Stderr, "truth:", err)
	}
}

// readLines decodes a file of JSON lines.
func readLines[T any](name string) ([]T, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var out []T
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var v T
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, v)
	}
	return out, s.Err()
}

// place is what truth logs are sorted by; what else a line says is kept as it
// is.
type place struct {
	Client  string `json:"client"`
	Server  string `json:"server"`
	From    string `json:"from"`
	Ordinal int    `json:"ordinal"`
}

// sortTruth prints the lines of truth logs by connection, sender and ordinal,
// so that the order in which an end logged them does not show.
func sortTruth(files []string) error {
	var all []json.RawMessage
	for _, name := range files {
		lines, err := readLines[json.RawMessage](name)
		if err != nil {
			return err
		}
		all = append(all, lines...)
	}
	return printTruth(all)
}

// printTruth prints lines of a truth log, sorted.
func printTruth[T any](all []T) error {
	type line struct {
		place
		text []byte
	}
	lines := make([]line, len(all))
	for i, v := range all {
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		lines[i].text = append(text, '\n')
		if err := json.Unmarshal(text, &lines[i].place); err != nil {
			return err
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.Server, b.Server), cmp.Compare(a.Client, b.Client),
			cmp.Compare(a.From, b.From), cmp.Compare(a.Ordinal, b.Ordinal))
	})
	for _, l := range lines {
		if _, err := os.Stdout.Write(l.text); err != nil {
			return err
		}
	}
	return nil
}
