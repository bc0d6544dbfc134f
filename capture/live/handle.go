package live

import (
	"errors"
	"time"
)

// handle is an interface that is open for capture. One goroutine uses it.
type handle interface {
	// read returns the next frame, whose bytes are good until the next call. It
	// fails with errTimeout when none has come for as long as the handle was opened
	// for, and with ErrDown while the interface is down; any other error is final.
	read() (frame, error)
	// stats returns counts since the handle was opened.
	stats() (counts, error)
	link() uint16 // LINKTYPE_ value
	close()
}

// frame is what a handle reads.
type frame struct {
	data  []byte
	nanos int64 // as capture.Record
	wire  int   // bytes on the wire
}

// counts are what a handle knows of the frames that passed its filter.
type counts struct{ received, kernel, iface uint64 }

// ErrDown says that an interface is down.
var ErrDown = errors.New("the interface is down")

var errTimeout = errors.New("capture: no frame in time")

// retire is how old a block of the kernel's ring gets before it is handed over,
// and how long a handle waits for one.
const retire = 20 * time.Millisecond

// settings are how a handle is opened.
type settings struct {
	snaplen     int
	promiscuous bool
	buffer      int // bytes
	immediate   bool
	filter      string
}
