package pcapfile

import (
	"encoding/binary"
	"net/netip"

	"example.com/wirewatch/capture"
)

// An owner block says which process has one end of a connection. Its place among
// the packets is when that became known. The draft (§11.1) leaves block types
// with the most significant bit set to whoever wants one: another program may use
// the same, so the body starts with a magic. All but the magic and the texts is
// in the section's byte order.
//
//	 0  "WWOWNER", and the version as a byte: 1
//	 8  nanoseconds since the Unix epoch, signed, 64 bits
//	16  PID                     32 bits
//	20  port of the local end   16 bits
//	22  port of the other end   16 bits
//	24  bytes of the local end's address: 4, 16, or 0 for none
//	25  bytes of the other end's address: the same
//	26  bytes of the process's name, at most 64
//	27  0
//	28  the local address, the other one, the name, padding to 32 bits
//
// A reader ignores a version that it does not know, and what follows the name.
const (
	ownerMagic = "WWOWNER\x01"
	ownerHead  = 28
	maxOwner   = 64 // bytes of a process's name, see capture.Owner
)

// appendOwner appends the body of o's block, of that time, little-endian. Zones of addresses,
// which no packet has, are left out.
func appendOwner(p []byte, nanos int64, o *capture.Owner) []byte {
	local, remote := o.Local.Addr().AsSlice(), o.Remote.Addr().AsSlice()
	name := o.Name[:min(len(o.Name), maxOwner)]
	p = append(p, ownerMagic...)
	p = binary.LittleEndian.AppendUint64(p, uint64(nanos))
	p = binary.LittleEndian.AppendUint32(p, o.PID)
	p = binary.LittleEndian.AppendUint16(p, o.Local.Port())
	p = binary.LittleEndian.AppendUint16(p, o.Remote.Port())
	p = append(p, byte(len(local)), byte(len(remote)), byte(len(name)), 0)
	p = append(append(append(p, local...), remote...), name...)
	return pad(p)
}

// parseOwner reads the body of an owner block, and its time; nil for one that is
// not ours or not as it should be: a capture is no worse for it.
func parseOwner(order binary.ByteOrder, body []byte) (nanos int64, o *capture.Owner) {
	if len(body) < ownerHead || string(body[:8]) != ownerMagic {
		return 0, nil
	}
	local, remote, name := int(body[24]), int(body[25]), int(body[26])
	text := body[ownerHead:]
	if local+remote+name > len(text) || name > maxOwner {
		return 0, nil
	}
	from, ok := ownerAddr(text[:local])
	to, ok2 := ownerAddr(text[local : local+remote])
	if !ok || !ok2 {
		return 0, nil
	}
	return int64(order.Uint64(body[8:])), &capture.Owner{
		Local:  netip.AddrPortFrom(from, order.Uint16(body[20:])),
		Remote: netip.AddrPortFrom(to, order.Uint16(body[22:])),
		PID:    order.Uint32(body[16:]),
		Name:   string(text[local+remote : local+remote+name]),
	}
}

// ownerAddr is the address in p, the zero one for none.
func ownerAddr(p []byte) (netip.Addr, bool) {
	if len(p) == 0 {
		return netip.Addr{}, true
	}
	return netip.AddrFromSlice(p)
}
