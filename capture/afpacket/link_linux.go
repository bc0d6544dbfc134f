package afpacket

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// linkway is how frames of a kind of interface are fetched and presented.
type linkway struct {
	socket int    // SOCK_RAW, with the link header, or SOCK_DGRAM without
	link   uint16 // LINKTYPE_ value
	tag    int    // where a VLAN tag goes, counted from the start of the frame; 0 for nowhere
}

// sllSize is the length of the header of LINKTYPE_LINUX_SLL; its last two bytes
// are the EtherType.
const sllSize = 16

// linkwayOf is that for an ARPHRD_ value. An interface whose header is not known,
// or that may have any, as with PPP, gets a header of our making.
func linkwayOf(hardware uint16) linkway {
	switch hardware {
	case unix.ARPHRD_ETHER, unix.ARPHRD_LOOPBACK:
		return linkway{unix.SOCK_RAW, linkEthernet, 12}
	case unix.ARPHRD_NONE, unix.ARPHRD_RAWIP:
		return linkway{unix.SOCK_RAW, linkRaw, 0}
	case unix.ARPHRD_IEEE80211:
		return linkway{unix.SOCK_RAW, linkWiFi, 0}
	case unix.ARPHRD_IEEE80211_RADIOTAP:
		return linkway{unix.SOCK_RAW, linkRadiotap, 0}
	}
	return linkway{unix.SOCK_DGRAM, linkSLL, sllSize - 2}
}

// restore returns the frame in a slot of the ring, of which so many bytes were
// captured, and the length that it had on the wire: with a header and a VLAN tag
// before what the kernel left. They are written into the slot, where the kernel
// leaves room behind the struct sockaddr_ll: 14 bytes before an Ethernet header,
// and 28 where it has left out the header.
func (l linkway) restore(slot []byte, n, wire int) ([]byte, int) {
	from := int(binary.NativeEndian.Uint16(slot[frameMAC:]))
	end := from + n
	if l.socket == unix.SOCK_DGRAM {
		from -= sllSize
		cook(slot[from:from+sllSize], slot[frameAddress:])
		wire += sllSize
	}
	if tpid, tci, ok := vlan(slot); ok && l.tag > 0 && end-from >= l.tag {
		from -= 4
		copy(slot[from:], slot[from+4:from+4+l.tag])
		binary.BigEndian.PutUint16(slot[from+l.tag:], tpid)
		binary.BigEndian.PutUint16(slot[from+l.tag+2:], tci)
		wire += 4
	}
	return slot[from:end:end], wire
}

// vlan returns the tag that the kernel, or the interface, took out of a frame. A
// kernel that does not tell its protocol means 802.1Q.
func vlan(slot []byte) (tpid, tci uint16, ok bool) {
	status := binary.NativeEndian.Uint32(slot[frameStatus:])
	if status&unix.TP_STATUS_VLAN_VALID == 0 {
		return 0, 0, false
	}
	tpid = unix.ETH_P_8021Q
	if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		tpid = binary.NativeEndian.Uint16(slot[frameTPID:])
	}
	return tpid, uint16(binary.NativeEndian.Uint32(slot[frameTCI:])), true
}

// cook makes the header of LINKTYPE_LINUX_SLL of a struct sockaddr_ll: whom the
// frame is for, the kind of interface, the length of its addresses, the sender's
// address, and the EtherType.
func cook(header, address []byte) {
	const protocol, hardware, kind, size, addr = 2, 8, 10, 11, 12
	binary.BigEndian.PutUint16(header, uint16(address[kind]))
	binary.BigEndian.PutUint16(header[2:], binary.NativeEndian.Uint16(address[hardware:]))
	binary.BigEndian.PutUint16(header[4:], uint16(address[size]))
	copy(header[6:14], address[addr:addr+8])
	copy(header[14:16], address[protocol:protocol+2])
}
