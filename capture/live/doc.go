// Package live captures frames from network interfaces: a capture.Source.
//
// # How
//
//	interface ─► handle ─► lane ─┐                    ┌─► Next: whoever looks at the frames
//	interface ─► handle ─► lane ─┴─► (merger) ─► store ┴─► Options.Save: whoever keeps them
//
// A handle is libpcap's, or an AF_PACKET socket of our own where the program is
// built without libpcap (tag nolive, or no cgo). A lane is the goroutine that
// owns a handle: every call of it is made there, since libpcap's handles bear
// nothing else, and it never waits for anything but its interface. Frames of
// several interfaces are merged by time.
//
// The store is a log in memory of bounded size. Each of its readers goes at its
// own pace; where one falls so far behind that the log is full, what it has not
// read of the oldest chunk is shed, and that is counted: a terminal, a pipe or a
// disk that stands still holds up nobody else, and the kernel's buffer stays
// empty.
//
// # Rules for the handle
//
// The kernel's ring is large (64 MiB) and handed over in blocks, when one is full
// or 20 ms old. That is the latency of a frame, and it is what makes a million
// frames a second possible; immediate mode, a wake-up for each frame, is for those
// who ask for it. The time-out is never infinite: a handle that waits for ever
// cannot be closed.
//
// # Interfaces that come and go
//
// An interface that goes down or disappears is said to have done so
// (Options.Say), and is captured on again when it is back, as long as the process
// may open it.
//
// Bytes are borrowed downward: a callee may read a slice until it returns, and
// keeps nothing without copying. A block belongs to whoever Next gave it to, until
// its Release.
package live
