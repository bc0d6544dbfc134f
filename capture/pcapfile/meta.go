package pcapfile

import (
	"math"
	"slices"
	"sync"

	"example.com/wirewatch/capture"
)

// File is one of the inputs of a source.
type File struct {
	Name string
	// Format is "pcap", "nanosecond pcap", "modified pcap", "pcapng", "ERF",
	// "Network Monitor 1" or "Network Monitor 2"; "" until it is known.
	Format      string
	Compression string // "gzip", "zstd", or "" for none
}

// Interface is an interface that frames were captured on, as the input describes
// it. A pcap or Network Monitor file has one, an ERF file one for each port seen,
// without names.
// Frames of ERF and Network Monitor may have other link types than theirs, and
// the snaplen is as the input claims.
type Interface struct {
	File int // index of the input in the source
	capture.Interface
}

// Bounds on what is kept of all inputs together.
const (
	maxExtras  = 16 << 20 // bytes
	extraCost  = 64       // what keeping one costs beside its body
	maxIndices = math.MaxUint16 + 1
	maxText    = 8 << 20 // bytes of the interfaces' descriptions and filters
)

// meta is what is known about a capture beside its frames. Any goroutine may
// use it.
type meta struct {
	mu     sync.Mutex
	files  []File
	ifaces []Interface
	extras []Extra
	used   int64 // of maxExtras
	text   int   // of maxText
	lost   uint64
	drops  drops
}

// addInterface returns the index over the source of a new interface. Those past
// the last index that a record can hold share that. What is said about one for
// which there is no room is left out.
func (m *meta) addInterface(i Interface) uint16 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.ifaces) < maxIndices {
		if m.text += len(i.Description) + len(i.Filter); m.text > maxText {
			i.Description, i.Filter = "", ""
		}
		m.ifaces = append(m.ifaces, i)
	}
	return uint16(len(m.ifaces) - 1) //nolint:gosec // bounded just now
}

// room reports whether an extra of n bytes can be kept.
func (m *meta) room(n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used+n+extraCost <= maxExtras
}

// keep adds an extra, for which there is room.
func (m *meta) keep(e Extra) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used += int64(len(e.Body)) + extraCost
	m.extras = append(m.extras, e)
}

// lose counts an extra for which there is no room.
func (m *meta) lose() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost++
}

// dropped replaces an interface's counts. The sums are modulo 2^64, and right
// whenever what the files say is.
func (m *meta) dropped(was, now drops) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drops.iface += now.iface - was.iface
	m.drops.kernel += now.kernel - was.kernel
}

// identified says what an input turned out to be.
func (m *meta) identified(file int, format, compression string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[file].Format, m.files[file].Compression = format, compression
}

func (m *meta) dropCounts() drops {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.drops
}

// Files returns the inputs in the order given. Any goroutine may call it.
func (s *Source) Files() []File {
	s.meta.mu.Lock()
	defer s.meta.mu.Unlock()
	return slices.Clone(s.meta.files)
}

// Interfaces returns the interfaces described so far, by the index that
// Record.Iface has; it grows as blocks are read. Any goroutine may call it.
func (s *Source) Interfaces() []Interface {
	s.meta.mu.Lock()
	defer s.meta.mu.Unlock()
	return slices.Clone(s.meta.ifaces)
}

// Extras returns the name resolution and decryption secrets blocks read so far,
// in their order, and how many more there were than there is room for (16 MiB).
// An extra stands in the list before Next returns the first frame after it. Any
// goroutine may call it; nobody may change what it returns.
func (s *Source) Extras() (extras []Extra, lost uint64) {
	s.meta.mu.Lock()
	defer s.meta.mu.Unlock()
	return s.meta.extras[:len(s.meta.extras):len(s.meta.extras)], s.meta.lost
}
