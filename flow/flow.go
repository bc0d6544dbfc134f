// Package flow says who talks to whom: the key of a flow, its name, its
// directions and the shard that owns it. It imports the standard library only,
// and nothing in it allocates on the path of a byte.
package flow

import (
	"bytes"
	"encoding/binary"
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
type Key struct {
	lo, hi         [16]byte
	loPort, hiPort uint16
	// tag is the address family (4 or 6) in the top byte and the virtual
	// network identifier (VXLAN, GENEVE) below, so that the same addresses in
	// two virtual networks are two flows.
	tag uint32
}

// v4in6 is the prefix under which an IPv4 address is stored (RFC 4291 §2.5.5.2).
var v4in6 = [12]byte{10: 0xff, 11: 0xff}

// MakeKey4 makes the key of a TCP segment between two IPv4 ends; src and dst
// are 4 bytes each and are not kept. swapped reports that src is Hi. vni is the
// virtual network identifier of the innermost tunnel, 0 if there is none.
func MakeKey4(src, dst []byte, srcPort, dstPort uint16, vni uint32) (k Key, swapped bool) {
	a, b := binary.BigEndian.Uint32(src), binary.BigEndian.Uint32(dst)
	if a > b || a == b && srcPort > dstPort {
		src, dst, srcPort, dstPort, swapped = dst, src, dstPort, srcPort, true
	}
	copy(k.lo[:], v4in6[:])
	copy(k.hi[:], v4in6[:])
	copy(k.lo[12:], src[:4])
	copy(k.hi[12:], dst[:4])
	k.loPort, k.hiPort, k.tag = srcPort, dstPort, 4<<24|vni&0xffffff
	return k, swapped
}

// MakeKey6 is MakeKey4 for IPv6; src and dst are 16 bytes each.
func MakeKey6(src, dst []byte, srcPort, dstPort uint16, vni uint32) (k Key, swapped bool) {
	if c := bytes.Compare(src[:16], dst[:16]); c > 0 || c == 0 && srcPort > dstPort {
		src, dst, srcPort, dstPort, swapped = dst, src, dstPort, srcPort, true
	}
	copy(k.lo[:], src[:16])
	copy(k.hi[:], dst[:16])
	k.loPort, k.hiPort, k.tag = srcPort, dstPort, 6<<24|vni&0xffffff
	return k, swapped
}

// Lo is the end that compares lower.
func (k *Key) Lo() netip.AddrPort { return netip.AddrPortFrom(k.addr(k.lo), k.loPort) }

// Hi is the end that compares higher.
func (k *Key) Hi() netip.AddrPort { return netip.AddrPortFrom(k.addr(k.hi), k.hiPort) }

// LoPort and HiPort are the ports of the two ends, without making addresses.
func (k *Key) LoPort() uint16 { return k.loPort }

// HiPort is the port of the end that compares higher.
func (k *Key) HiPort() uint16 { return k.hiPort }

// VNI is the virtual network identifier that separates flows, 0 if none.
func (k *Key) VNI() uint32 { return k.tag & 0xffffff }

func (k *Key) addr(a [16]byte) netip.Addr {
	if k.tag>>24 == 4 {
		return netip.AddrFrom4([4]byte(a[12:]))
	}
	return netip.AddrFrom16(a)
}

// NumShards is the number of shards: the unit of state and of determinism.
// Workers own whole shards, so the worker count cannot be seen in the output.
const NumShards = 64

// Shard is the shard that owns the flow. It is a fixed function of the key, so
// that what a limit evicts is the same in every run.
func (k *Key) Shard() int { return int(k.Hash(0) >> 58) }

// Hash mixes the key with a seed. With a seed that is random per process,
// nobody can aim collisions at a table that uses it.
func (k *Key) Hash(seed uint64) uint64 {
	const m = 0x9E3779B97F4A7C15
	h := seed ^ m
	h = (h ^ binary.LittleEndian.Uint64(k.lo[:8])) * m
	h ^= h >> 32
	h = (h ^ binary.LittleEndian.Uint64(k.lo[8:])) * m
	h ^= h >> 32
	h = (h ^ binary.LittleEndian.Uint64(k.hi[:8])) * m
	h ^= h >> 32
	h = (h ^ binary.LittleEndian.Uint64(k.hi[8:])) * m
	h ^= h >> 32
	h = (h ^ (uint64(k.tag)<<32 | uint64(k.loPort)<<16 | uint64(k.hiPort))) * m
	return h ^ h>>29
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
