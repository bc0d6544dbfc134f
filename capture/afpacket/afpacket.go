package afpacket

import (
	"errors"
	"io/fs"
	"time"
)

// Options say how an interface is captured on. The zero value is ready for use.
type Options struct {
	Snaplen     int           // bytes of a frame to keep; 0 for 256 KiB
	Promiscuous bool          // capture what is not for this machine, too
	Buffer      int           // bytes of the ring; 0 for 64 MiB; less if the kernel has not as much
	Timeout     time.Duration // how old a block gets, and how long Read waits for one; 0 for 20 ms, at least 1 ms
}

// Defaults of Options.
const (
	defaultSnaplen = 256 << 10
	defaultBuffer  = 64 << 20
	defaultTimeout = 20 * time.Millisecond
)

func (o Options) complete() Options {
	if o.Snaplen <= 0 {
		o.Snaplen = defaultSnaplen
	}
	if o.Buffer <= 0 {
		o.Buffer = defaultBuffer
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	o.Timeout = max(o.Timeout, time.Millisecond)
	return o
}

// Any is the name that stands for all interfaces together.
const Any = "any"

// Errors of Open and Read.
var (
	// ErrTimeout says that no frame has come in time; one may come later.
	ErrTimeout = errors.New("capture: no frame in time")
	// ErrDown says that the interface is down. Read may be called again: frames come
	// when it is up.
	ErrDown = errors.New("the interface is down")
	// ErrGone says that the interface does not exist any more. It is an
	// fs.ErrNotExist.
	ErrGone error = gone{}
)

type gone struct{}

func (gone) Error() string        { return "the interface has been removed" }
func (gone) Is(target error) bool { return target == fs.ErrNotExist } //nolint:errorlint // errors.Is calls it for each error of a chain

// LINKTYPE_ values.
const (
	linkEthernet = 1
	linkRaw      = 101
	linkWiFi     = 105
	linkSLL      = 113
	linkRadiotap = 127
)

// Interface is one that can be captured on.
type Interface struct {
	Name        string
	Description string // "" for none
}
