// Command longws writes a capture of one long WebSocket to stdout: a handshake,
// many small messages both ways, and a clean close. What a program holds while
// it reads it is what one connection costs it.
//
// usage: longws MESSAGES >FILE
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"

	"example.com/wirewatch/capture/pcapfile"
	"example.com/wirewatch/packet"
)

const (
	ethernet = 1 // LINKTYPE_ETHERNET
	overhead = 14 + 20 + 20
	fin      = 0x01
	syn      = 0x02
	ack      = 0x10
)

// The handshake is the example of RFC 6455 §1.2.
const (
	request = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

// connection writes the segments of one connection, a millisecond apart.
type connection struct {
	w     *pcapfile.Writer
	frame packet.Frame
	next  [2]uint32 // sequence numbers of the client and the server
	err   error
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("longws: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: longws MESSAGES >FILE")
	}
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := write(os.Stdout, n); err != nil {
		log.Fatal(err)
	}
}

func write(to io.Writer, messages int) error {
	buf := bufio.NewWriterSize(to, 1<<20)
	c := &connection{w: pcapfile.NewWriter(buf, ethernet, false), next: [2]uint32{1000, 9000}}
	c.send(0, syn, nil)
	c.send(1, syn|ack, nil)
	c.send(0, ack, nil)
	c.send(0, ack, []byte(request))
	c.send(1, ack, []byte(response))
	var b []byte
	for i := range messages {
		from := i & 1
		b = frame(b[:0], 1, from == 0, fmt.Appendf(nil, `{"type":"tick","sequence":%d,"price":%d}`, i, i%9973))
		c.send(from, ack, b)
	}
	for from := range 2 {
		c.send(from, ack, frame(nil, 8, from == 0, []byte{1000 >> 8, 1000 & 0xff}))
	}
	c.send(1, fin|ack, nil)
	c.send(0, fin|ack, nil)
	c.send(1, ack, nil)
	if c.err != nil {
		return c.err
	}
	if err := c.w.Flush(); err != nil {
		return err
	}
	return buf.Flush()
}

// frame appends a WebSocket frame with a short payload, masked by a key that is
// not zero if it is a client's.
func frame(b []byte, opcode byte, masked bool, payload []byte) []byte {
	b = append(b, 0x80|opcode, byte(len(payload)))
	if !masked {
		return append(b, payload...)
	}
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	b[len(b)-1] |= 0x80
	b = append(b, key[:]...)
	for i, x := range payload {
		b = append(b, x^key[i%4])
	}
	return b
}

// send writes a segment from the client (0) or the server (1).
func (c *connection) send(from int, flags byte, payload []byte) {
	if c.err != nil {
		return
	}
	p := c.frame.Data[:0]
	p = append(p, 2, 0, 0, 0, 0, byte(1-from), 2, 0, 0, 0, 0, byte(from), 0x08, 0)
	p = append(p, 0x45, 0)
	p = binary.BigEndian.AppendUint16(p, uint16(overhead-14+len(payload)))
	p = append(p, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, byte(1+from), 192, 0, 2, byte(2-from))
	ports := [2]uint16{50000, 80}
	p = binary.BigEndian.AppendUint16(p, ports[from])
	p = binary.BigEndian.AppendUint16(p, ports[1-from])
	p = binary.BigEndian.AppendUint32(p, c.next[from])
	acked := c.next[1-from]
	if flags&ack == 0 {
		acked = 0
	}
	p = binary.BigEndian.AppendUint32(p, acked)
	p = append(p, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0)
	p = append(p, payload...)
	c.next[from] += uint32(len(payload))
	if flags&(syn|fin) != 0 {
		c.next[from]++
	}
	c.frame = packet.Frame{Number: c.frame.Number + 1, Nanos: c.frame.Nanos + 1e6, Link: ethernet, WireLen: len(p), Data: p}
	c.err = c.w.WriteFrame(&c.frame)
}
