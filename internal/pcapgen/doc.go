// Package pcapgen compiles a text that describes TCP conversations into a
// classic pcap file, so that every capture of an edge case has a source that
// can be reviewed: testdata/pcaps/src/NAME.txt makes testdata/pcaps/NAME.pcap.
// The same text gives the same bytes on every machine. After a change of a
// source,
//
//	go test ./internal/pcapgen -update
//
// writes the captures anew; without the flag the test compares them.
//
// # Lines
//
// A source is read line by line and frames leave in that order, one step of
// the clock apart. "#" starts a comment; the first line of a source is one, and
// says what the capture shows.
//
//	start 2024-01-01T00:00:00Z     capture time of the first frame
//	step 1ms                       time between two frames
//	+250ms                         time passes
//	precision ns                   resolution of the file: us or ns
//	snaplen 96                     capture no more than this of any frame
//	link ethernet vlan=5,7 pad     also: sll, sll2, null, loop, raw
//	capture off                    also: both, client, server: whose frames are captured
//	acks off                       no automatic acknowledgments
//	let page = "<p>hi</p>"         names bytes, used as $page
//	frame hex "ffffffffffff…"      any frame at all
//
//	flow NAME 192.0.2.1:40000 > [2001:db8::2]:80 isn=1000,5000 mss=1460 win=64240
//
// declares a flow, client first; the lines after it are about that flow, and
// "NAME:" before a line makes that one line about another. Declaring the same
// ends twice is how a port is reused. Before the first flow line there is a flow
// from 192.0.2.1:40000 to 198.51.100.2:80.
//
//	handshake                      SYN, SYN+ACK, ACK
//	close                          FIN, ACK, FIN, ACK; client first, or: close server
//	> DATA MODIFIERS               the client sends
//	< DATA MODIFIERS               the server sends
//
// The bytes sent are cut into segments of at most mss bytes, the last has PSH,
// and the peer acknowledges them with one segment. Lines that follow may go on
// with the data: "| TEXT" is a line of text, ended by CRLF, with escapes but
// without blanks at its end, and "+ DATA" is more data.
//
// # Data
//
//	"text\r\n\x00"                 escapes as in Go, and \xNN is one byte
//	hex "00 01 ff"                 bytes in hexadecimal
//	rep 3 ITEM                     ITEM three times
//	each 3 ITEM                    likewise, with %d in it replaced by 1, 2, 3
//	zeros 9, noise 9               null bytes; bytes that do not compress
//	take 5 ITEM, skip 5 ITEM       the first 5 bytes, or all after them
//	but 5 ITEM                     all but the last 5 bytes
//	gzip{…} zlib{…} deflate{…}     RFC 1952, 1950, 1951
//	br{…} zstd{…}                  RFC 7932, 8878
//	body{…}                        "Content-Length: N", an empty line, and the N bytes
//	chunk{…}                       one chunk (RFC 9112 §7.1)
//	wsframe 81 ITEM, wsmasked …    a WebSocket frame with this first byte (RFC 6455 §5.2)
//	ws text mask ITEM              likewise, in the words of internal/wsframe
//	pmd ITEM, pmdafter ITEM ITEM   a message as permessage-deflate compresses it (RFC 7692
//	                               §7.2.1), alone or behind what was sent before
//	h2frame 4 0 1 ITEM             an HTTP/2 frame: type, flags, stream (RFC 9113 §4.1)
//
// # Modifiers
//
//	syn, synack, fin, rst, ack     control bits (rst is RST+ACK); a bare "ack" sends an ACK
//	flags=RA                       exactly these, of FSRPAUEC
//	seq=5, ack=5                   stream offset, 0 being the first byte of data
//	seq=+5, ack=-1                 relative to what it would have been
//	seq=@5, ack=@5                 the number itself
//	win=0                          window, now and from now on
//	opts=mss:1460,sackok,ws:7      options; also ts:1:2, sack:10-20 (offsets), nop, hex:0101
//	stay                           does not count as sent: SND.NXT is what it was
//	keepalive                      an empty segment one below SND.NXT, and its answer
//	again=2                        sends the second last segment with data once more
//	mss=100, split=3,9             how the data are cut: by size, or at these offsets
//	lost, lost=1,3                 was sent, and is not in the capture (which segments)
//	dup, dup=2                     is in the capture twice
//	delay=20ms, delay=2:20ms       is captured so much later (which segment)
//	snap=80                        captured up to this many bytes of the frame
//	frag=600                       in IP fragments of this much payload; also with
//	fragreverse, fraglost=2        last one first; without the second
//	tso                            one segment of any size, IP total length 0
//	badsum                         wrong TCP checksum
//	noack                          is not acknowledged automatically
package pcapgen
