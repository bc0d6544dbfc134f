package ws

import (
	"testing"
	"unsafe"
)

// An idle WebSocket is small: what a message in progress takes comes with it.
func TestSizeOfAnIdleWebSocket(t *testing.T) {
	const most = 512
	if n := unsafe.Sizeof(dissector{}); n > most {
		t.Errorf("%d bytes, want %d at most", n, most)
	}
}
