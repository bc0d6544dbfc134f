package pcapfile

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"
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
type Interface struct {
	File    int    // index of the input in the source
	Name    string // "" if it has none
	Link    uint16 // LINKTYPE_ value; frames of ERF and Network Monitor may have others
	Snaplen uint32 // as the input claims; 0 for no limit
}

// Extra is a block of a pcapng file that says something about the capture: a
// Name Resolution Block or a Decryption Secrets Block. Nobody changes one.
type Extra struct {
	Type  uint32           // its block type: ExtraNames or ExtraSecrets
	Order binary.ByteOrder // of the section that it stands in
	Body  []byte           // its body, without block type and total lengths
}

// Types of an Extra (draft-ietf-opsawg-pcapng §4.5, §4.7).
const (
	ExtraNames   = blockNames
	ExtraSecrets = blockSecrets
)

// SecretsTLS is the type of secrets that are lines of a TLS key log, as
// SSLKEYLOGFILE has them (draft-ietf-opsawg-pcapng §4.7).
const SecretsTLS = 0x544c534b

// Secrets returns what a Decryption Secrets Block holds and of which type it
// is. The data is part of Body. For another block, and for one whose length
// field is wrong, ok is false.
func (e Extra) Secrets() (kind uint32, data []byte, ok bool) {
	if e.Type != ExtraSecrets || len(e.Body) < 8 {
		return 0, nil, false
	}
	n := e.Order.Uint32(e.Body[4:])
	if int64(n) > int64(len(e.Body)-8) {
		return 0, nil, false
	}
	return e.Order.Uint32(e.Body), e.Body[8 : 8+n], true
}

// Bounds on what is kept of all inputs together.
const (
	maxExtras  = 16 << 20 // bytes
	extraCost  = 64       // what keeping one costs beside its body
	maxIndices = math.MaxUint16 + 1
)

// meta is what is known about a capture beside its frames. Any goroutine may
// use it.
type meta struct {
	mu     sync.Mutex
	files  []File
	ifaces []Interface
	extras []Extra
	used   int64 // of maxExtras
	lost   uint64
	drops  drops
}

// addInterface returns the index over the source of a new interface. Those past
// the last index that a record can hold share that.
func (m *meta) addInterface(i Interface) uint16 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.ifaces) < maxIndices {
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
