package afpacket

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// slot is what the kernel would leave of a frame.
func slot(mac int, status uint32, tpid, tci uint16, data []byte) []byte {
	s := make([]byte, mac, mac+len(data))
	binary.NativeEndian.PutUint16(s[frameMAC:], uint16(mac))
	binary.NativeEndian.PutUint32(s[frameStatus:], status)
	binary.NativeEndian.PutUint16(s[frameTPID:], tpid)
	binary.NativeEndian.PutUint32(s[frameTCI:], uint32(tci))
	address := s[frameAddress:]
	copy(address, []byte{unix.AF_PACKET, 0, 0x08, 0x00, 3, 0, 0, 0})
	binary.NativeEndian.PutUint16(address[8:], unix.ARPHRD_PPP)
	copy(address[10:], []byte{unix.PACKET_OUTGOING, 6, 1, 2, 3, 4, 5, 6, 0, 0})
	return append(s, data...)
}

func TestRestore(t *testing.T) {
	const tagged = unix.TP_STATUS_VLAN_VALID | unix.TP_STATUS_VLAN_TPID_VALID
	macs := []byte("ABCDEFabcdef")
	frame := append(bytes.Clone(macs), "\x08\x00payload"...)
	sll := []byte{0, 4, 2, 0, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0}
	for name, c := range map[string]struct {
		hardware uint16
		slot     []byte
		want     []byte
		more     int // on the wire
	}{
		"as it is":         {unix.ARPHRD_ETHER, slot(82, 0, 0x8100, 5, frame), frame, 0},
		"802.1Q":           {unix.ARPHRD_ETHER, slot(82, unix.TP_STATUS_VLAN_VALID, 0, 0x2005, frame), append(bytes.Clone(macs), "\x81\x00\x20\x05\x08\x00payload"...), 4},
		"802.1ad":          {unix.ARPHRD_ETHER, slot(82, tagged, 0x88a8, 5, frame), append(bytes.Clone(macs), "\x88\xa8\x00\x05\x08\x00payload"...), 4},
		"cut in addresses": {unix.ARPHRD_ETHER, slot(82, tagged, 0x88a8, 5, frame[:5]), frame[:5], 0},
		"raw":              {unix.ARPHRD_NONE, slot(96, tagged, 0x8100, 5, frame), frame, 0},
		"cooked":           {unix.ARPHRD_PPP, slot(96, 0, 0, 0, frame), append(bytes.Clone(sll), frame...), 16},
		"cooked, tagged": {unix.ARPHRD_PPP, slot(96, tagged, 0x8100, 5, frame),
			append(append(bytes.Clone(sll[:14]), 0x81, 0, 0, 5, 8, 0), frame...), 20},
	} {
		n := len(c.slot) - int(binary.NativeEndian.Uint16(c.slot[frameMAC:]))
		got, wire := linkwayOf(c.hardware).restore(c.slot, n, 100)
		if !bytes.Equal(got, c.want) || wire != 100+c.more {
			t.Errorf("%s: % x, %d on the wire; want % x, %d", name, got, wire, c.want, 100+c.more)
		}
	}
}

func TestLinks(t *testing.T) {
	for hardware, want := range map[uint16]uint16{
		unix.ARPHRD_ETHER: linkEthernet, unix.ARPHRD_LOOPBACK: linkEthernet, unix.ARPHRD_NONE: linkRaw, unix.ARPHRD_VOID: linkSLL,
		unix.ARPHRD_PPP: linkSLL, unix.ARPHRD_IEEE80211_RADIOTAP: linkRadiotap, unix.ARPHRD_IEEE80211: linkWiFi, unix.ARPHRD_IPGRE: linkSLL,
	} {
		if got := linkwayOf(hardware).link; got != want {
			t.Errorf("ARPHRD %d is link type %d, want %d", hardware, got, want)
		}
	}
}
