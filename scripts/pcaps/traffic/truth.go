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

// sortTruth prints the lines of truth logs by connection and ordinal, so that
// the order in which a server finished them does not show.
func sortTruth(files []string) error {
	var all []exchange
	for _, name := range files {
		lines, err := readLines[exchange](name)
		if err != nil {
			return err
		}
		all = append(all, lines...)
	}
	return printTruth(all)
}

func printTruth(all []exchange) error {
	slices.SortStableFunc(all, func(a, b exchange) int {
		return cmp.Or(cmp.Compare(a.Server, b.Server), cmp.Compare(a.Client, b.Client), cmp.Compare(a.Ordinal, b.Ordinal))
	})
	out := &truthLog{w: os.Stdout}
	for i := range all {
		out.add(&all[i])
	}
	return nil
}
