package main

import (
	"runtime"
	"testing"
)

func TestPercentFor(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 1 << 20: 400, 32 << 20: 400, 64 << 20: 200, 128 << 20: 100, 256 << 20: 50, 1 << 40: 50} {
		if got := percentFor(live); got != want {
			t.Errorf("%d bytes live: %d %%, want %d", live, got, want)
		}
	}
}

func TestLiveHeap(t *testing.T) {
	kept := make([]byte, 64<<20)
	runtime.GC()
	with := liveHeap()
	runtime.KeepAlive(kept)
	runtime.GC()
	if without := liveHeap(); with < 64<<20 || without > with-60<<20 {
		t.Errorf("%d bytes live, and %d without 64 MiB of them", with, without)
	}
}
