package tcp

import (
	"encoding/binary"

	"example.com/wirewatch/packet"
)

// Options are those that a SYN carries (RFC 9293 §3.2, RFC 7323 §2, RFC 2018 §2).
type Options struct {
	MSS           uint16 // 0: not given
	WindowScale   uint8  // the shift count
	HasScale      bool
	SACKPermitted bool
}

const (
	optEnd       = 0
	optNop       = 1
	optMSS       = 2
	optScale     = 3
	optSACKOK    = 4
	optSACK      = 5
	lenMSS       = 4
	lenScale     = 3
	minOptionLen = 2
)

// walk calls f for each option of p until f returns false or p is malformed.
func walk(p []byte, f func(kind byte, body []byte) bool) {
	for len(p) > 0 && p[0] != optEnd {
		if p[0] == optNop {
			p = p[1:]
			continue
		}
		if len(p) < minOptionLen || int(p[1]) < minOptionLen || int(p[1]) > len(p) {
			return
		}
		if !f(p[0], p[2:p[1]]) {
			return
		}
		p = p[p[1]:]
	}
}

func parseOptions(p []byte) (o Options) {
	walk(p, func(kind byte, body []byte) bool {
		switch {
		case kind == optMSS && len(body) == lenMSS-2:
			o.MSS = binary.BigEndian.Uint16(body)
		case kind == optScale && len(body) == lenScale-2:
			o.WindowScale, o.HasScale = body[0], true
		case kind == optSACKOK && len(body) == 0:
			o.SACKPermitted = true
		}
		return true
	})
	return o
}

// parseSACK is old or, if the segment has a SACK option, what that reports, in
// the memory of old.
func parseSACK(old *sack, p []byte) *sack {
	walk(p, func(kind byte, body []byte) bool {
		if kind != optSACK {
			return true
		}
		if old == nil {
			old = &sack{}
		}
		old.n = 0
		for ; len(body) >= 8 && int(old.n) < len(old.ranges); body = body[8:] {
			old.ranges[old.n] = span{packet.Seq(binary.BigEndian.Uint32(body)), packet.Seq(binary.BigEndian.Uint32(body[4:]))}
			old.n++
		}
		return false
	})
	return old
}
