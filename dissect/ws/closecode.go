package ws

// The codes that no Close frame holds (RFC 6455 §7.4.1): what is said of a
// WebSocket whose Close frame had none, or that had no Close frame.
const (
	noStatus = 1005
	abnormal = 1006
)

// closeNames are the registered codes (RFC 6455 §7.4.1 and the IANA registry of
// WebSocket close code numbers), in the registry's words.
var closeNames = map[uint16]string{
	1000: "normal closure", 1001: "going away", 1002: "protocol error", 1003: "unsupported data",
	noStatus: "no status received", abnormal: "abnormal closure", 1007: "invalid frame payload data",
	1008: "policy violation", 1009: "message too big", 1010: "mandatory extension", 1011: "internal error",
	1012: "service restart", 1013: "try again later", 1014: "invalid response of an upstream server", 1015: "TLS handshake",
	3000: "unauthorized", 3003: "forbidden", 3008: "timeout",
}

// mayClose judges a code that a Close frame holds (RFC 6455 §7.4): valid, or
// reserved for other uses, or outside of every range.
func mayClose(code uint16) (ok, reserved bool) {
	switch {
	case code < 1000 || code >= 5000:
		return false, false
	case code >= 3000: // of libraries, frameworks and applications
		return true, false
	case code == 1004 || code == noStatus || code == abnormal || code == 1015:
		return false, true
	}
	_, registered := closeNames[code]
	return registered, !registered
}
