// Package golden runs the program's pipeline over a capture for tests.
package golden

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"sort"
	"testing"

	"example.com/wirewatch/capture"
	"example.com/wirewatch/capture/decode"
	"example.com/wirewatch/capture/pcapfile"
	"example.com/wirewatch/dissect/all"
	"example.com/wirewatch/engine"
	"example.com/wirewatch/event"
	"example.com/wirewatch/export/ndjson"
	"example.com/wirewatch/track"
)

// Run feeds a capture file to sinks. Damage to the file is no error: the last
// fact says it.
func Run(path string, cfg engine.Config, sinks ...event.Sink) (err error) {
	src, err := pcapfile.Open([]string{path}, pcapfile.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	err = engine.Run(context.Background(), cfg, src, decode.New(decode.Options{}), all.Specs, sinks...)
	var damaged *capture.Damaged
	if errors.As(err, &damaged) {
		return nil
	}
	return err
}

// Config is the program's own, with so much kept of each body.
func Config(body int64) engine.Config {
	l := track.DefaultLimits()
	l.Dissect.Body = body
	return engine.Config{Limits: l}
}

// Records are a capture's records as NDJSON, progress and all.
func Records(t testing.TB, path string, cfg engine.Config) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Run(path, cfg, ndjson.New(&b, ndjson.Options{Progress: true})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Events are a capture's facts.
func Events(path string, cfg engine.Config) ([]event.Event, error) {
	var k Keep
	err := Run(path, cfg, &k)
	return k, err
}

// Keep is a sink that keeps every fact.
type Keep []event.Event

// Emit keeps a batch.
func (k *Keep) Emit(batch []event.Event) error {
	*k = append(*k, batch...)
	return nil
}

// Captures are the captures of testdata, seen from a package two levels down.
func Captures(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.pcap", "*.pcapng", "*.gz", "*.zst"} {
		m, err := filepath.Glob(filepath.Join("..", "..", "testdata", "pcaps", pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m...)
	}
	if len(all) < 10 {
		t.Fatalf("only %d captures in testdata", len(all))
	}
	sort.Strings(all)
	return all
}
