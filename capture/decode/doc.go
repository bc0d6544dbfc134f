// Package decode finds the TCP segment in a captured frame: it walks link
// headers, tunnels and IP headers, and puts fragmented datagrams together.
//
// Every header is read by one small method of cursor, which takes it off the
// front of the bytes and names the protocol of what follows. A loop of bounded
// length calls them, so that no nesting costs more than any other and nothing
// recurses. What is not TCP is counted under the name of the protocol at which
// the walk ended; each frame is counted once, or is a segment or, where that
// was fragmented, a part of it.
//
// What is a segment, and how long it is, follows Wireshark with its default
// settings: checksums are not verified, lengths are those of the IP header,
// fragments are reassembled, and the addresses are those of the innermost IP
// header. A segment quoted in an ICMP error is not one. Of frames that carry
// several packets (A-MSDU, a batch of netlink messages) the first is read.
//
// Bytes are borrowed downward: a segment's slices point into the frame's
// bytes, and only fragments are copied. A Decoder belongs to one goroutine,
// knows no clock but that of the capture, and gives the same result whenever
// it is given the same frames.
package decode
