package tcp

import "encoding/binary"

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
	lenMSS       = 4
	lenScale     = 3
	minOptionLen = 2
)

// walk calls f for each option of p until p is malformed.
func walk(p []byte, f func(kind byte, body []byte)) {
	for len(p) > 0 && p[0] != optEnd {
		if p[0] == optNop {
			p = p[1:]
			continue
		}
		if len(p) < minOptionLen || int(p[1]) < minOptionLen || int(p[1]) > len(p) {
			return
		}
		f(p[0], p[2:p[1]])
		p = p[p[1]:]
	}
}

func parseOptions(p []byte) (o Options) {
	walk(p, func(kind byte, body []byte) {
		switch {
		case kind == optMSS && len(body) == lenMSS-2:
			o.MSS = binary.BigEndian.Uint16(body)
		case kind == optScale && len(body) == lenScale-2:
			o.WindowScale, o.HasScale = body[0], true
		case kind == optSACKOK && len(body) == 0:
			o.SACKPermitted = true
		}
	})
	return o
}
