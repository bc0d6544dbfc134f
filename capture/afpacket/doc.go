// Package afpacket captures from network interfaces of Linux without libpcap, in
// pure Go: a socket of the family AF_PACKET and the ring that it shares with the
// kernel (TPACKET_V3; packet(7) and the kernel's packet_mmap.rst).
//
// The kernel writes frames into blocks of 256 KiB, and hands a block over when it
// is full or Options.Timeout old. So there is neither a call nor a copy per frame,
// and a ring of 64 MiB holds what comes in while nobody looks.
//
// Frames are what libpcap would make of them: with the VLAN tag that the kernel
// took out, once on the loopback interface, where the kernel shows each when it is
// sent and when it is received, and with the header of LINKTYPE_LINUX_SLL in front
// for "any" and interfaces whose own header is not known. There are no capture
// filters: it takes libpcap to compile them.
//
// On other systems Open fails with errors.ErrUnsupported.
package afpacket
