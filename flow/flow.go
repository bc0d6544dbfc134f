// Package flow says who talks to whom: the key of a flow, its name, its
// directions and the shard that owns it. It imports the standard library only,
// and nothing in it allocates on the path of a byte.
package flow

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// ID names a flow, one life of a 5-tuple: the number of the frame that opened
// it. It is unique in a run, ordered, the same at any worker count, and needs
// no counter to share. Zero means no flow.
type ID uint64

// Dir is the direction that bytes travel. The client is the end that sent the
// first SYN; when no SYN was captured, whichever end the tracker took for it.
type Dir uint8

// The two directions of a flow.
const (
	ClientToServer Dir = iota
	ServerToClient
)

// Reverse is the other direction.
func (d Dir) Reverse() Dir { return d ^ 1 }

// String names the sender: "client" or "server".
func (d Dir) String() string {
	if d == ClientToServer {
		return "client"
	}
	return "server"
}

// Key is a direction-free 5-tuple: comparable, free of pointers and padding.
// Both segments of a conversation have the same Key; the end that compares
// lower, by address and then by port, is Lo. The zero Key belongs to no flow.
//
// The addresses are big-endian numbers in halves, an IPv4 address as one that is
// mapped into IPv6 (RFC 4291 §2.5.5.2): as scalars they stay in registers.
type Key struct {
	lo1, lo2, hi1, hi2 uint64
	ports              uint32 // Lo's in the upper half
	// tag is the address family (4 or 6) in the top byte and the virtual
	// network identifier (VXLAN, GENEVE) below, so that the same addresses in
	// two virtual networks are two flows.
	tag uint32
}

const (
	mapped = 0xffff << 32
	family = 24
	vniMax = 1<<family - 1
)

// MakeKey4 makes the key of a TCP segment between two IPv4 ends; src and dst
// are 4 bytes each and are not kept. swapped reports that src is Hi. vni is the
// virtual network identifier of the innermost tunnel, 0 if there is none.
func MakeKey4(src, dst []byte, srcPort, dstPort uint16, vni uint32) (k Key, swapped bool) {
	a, b := binary.BigEndian.Uint32(src), binary.BigEndian.Uint32(dst)
	if a > b || a == b && srcPort > dstPort {
		a, b, srcPort, dstPort, swapped = b, a, dstPort, srcPort, true
	}
	return Key{
		lo2: mapped | uint64(a), hi2: mapped | uint64(b),
		ports: uint32(srcPort)<<16 | uint32(dstPort), tag: 4<<family | vni&vniMax,
	}, swapped
}

// MakeKey6 is MakeKey4 for IPv6; src and dst are 16 bytes each.
func MakeKey6(src, dst []byte, srcPort, dstPort uint16, vni uint32) (k Key, swapped bool) {
	a1, a2 := binary.BigEndian.Uint64(src), binary.BigEndian.Uint64(src[8:])
	b1, b2 := binary.BigEndian.Uint64(dst), binary.BigEndian.Uint64(dst[8:])
	if a1 > b1 || a1 == b1 && (a2 > b2 || a2 == b2 && srcPort > dstPort) {
		a1, a2, b1, b2, srcPort, dstPort, swapped = b1, b2, a1, a2, dstPort, srcPort, true
	}
	return Key{a1, a2, b1, b2, uint32(srcPort)<<16 | uint32(dstPort), 6<<family | vni&vniMax}, swapped
}

// Lo is the end that compares lower.
func (k *Key) Lo() netip.AddrPort { return netip.AddrPortFrom(k.addr(k.lo1, k.lo2), k.LoPort()) }

// Hi is the end that compares higher.
func (k *Key) Hi() netip.AddrPort { return netip.AddrPortFrom(k.addr(k.hi1, k.hi2), k.HiPort()) }

// LoPort is the port of the end that compares lower.
func (k *Key) LoPort() uint16 { return uint16(k.ports >> 16) }

// HiPort is the port of the end that compares higher.
func (k *Key) HiPort() uint16 { return uint16(k.ports) }

// VNI is the virtual network identifier that separates flows, 0 if none.
func (k *Key) VNI() uint32 { return k.tag & vniMax }

func (k *Key) addr(a1, a2 uint64) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], a1)
	binary.BigEndian.PutUint64(b[8:], a2)
	if k.tag>>family == 4 {
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return netip.AddrFrom16(b)
}

// NumShards is the number of shards: the unit of state and of determinism.
// Workers own whole shards, so the worker count cannot be seen in the output.
const NumShards = 64

// Shard is the shard that owns the flow. It is a fixed function of the key, so
// that what a limit evicts is the same in every run.
func (k *Key) Shard() int { return int(k.Hash(0) >> 58) }

// Hash mixes the key with a seed. With a seed that is random per process,
// nobody can aim collisions at a table that uses it: what a bit of the key does
// depends on the seed from the first multiplication on.
func (k *Key) Hash(seed uint64) uint64 {
	lo := fold(k.lo1^seed^salt1, k.lo2^bits.RotateLeft64(seed, 23)^salt2)
	hi := fold(k.hi1^bits.RotateLeft64(seed, 41)^salt3, k.hi2^seed^salt4)
	return fold(lo^uint64(k.tag)<<32^uint64(k.ports), hi^bits.RotateLeft64(seed, 11)^salt1)
}

// The salts keep apart what would else cancel out: they are the first digits
// of pi, and odd.
const (
	salt1 = 0x243F6A8885A308D3
	salt2 = 0x13198A2E03707345
	salt3 = 0xA4093822299F31D1
	salt4 = 0x082EFA98EC4E6C89
)

// fold multiplies two words and adds up both halves of the product, without
// carry.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// Ends are the two ends of a flow, as every fact about it carries them. A
// table makes one for each flow and settles Client and Server before the first
// fact leaves it; the collector sets Stream before a sink sees the first fact.
// From then on it is immutable and may be kept.
type Ends struct {
	ID             ID
	Client, Server netip.AddrPort
	// Stream counts the flows of the run from 0 by their first frames, as
	// Wireshark's tcp.stream does.
	Stream uint64
}

// Owner is the process that has an end of a flow.
type Owner struct {
	PID  uint32
	Name string // may hold any byte
}
