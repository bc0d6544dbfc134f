// Package tcp studies the segments of a flow: the states of both ends from the
// handshake to the teardown (RFC 9293), what was retransmitted, reordered or
// held up, and round trips. It sees what reassembly hides, so the flow's owner
// calls it with segments, not with bytes.
//
// Retransmissions, out-of-order segments, duplicate ACKs, zero windows, window
// updates and keep-alives are counted by the definitions of Wireshark's
// tcp.analysis. So a fast retransmission is one of the very segment that two
// duplicate ACKs asked for, in 20 ms: neither what SACK shows to be missing beside
// it (RFC 6675) nor a tail loss probe (RFC 8985).
//
// Segments of one end only, where the others were not captured, tell of the other
// end what they acknowledge, and nothing of its state.
//
// The state diagram, of one end, drawn from the table in state.go:
//
//	UNKNOWN       SND SYN         → SYN-SENT
//	              RCV SYN         → SYN-RECEIVED
//	              SND SYN,ACK     → SYN-RECEIVED
//	              RCV SYN,ACK     → ESTABLISHED
//	              SND FIN         → FIN-WAIT-1
//	              RCV FIN         → CLOSE-WAIT
//	              segment         → ESTABLISHED
//	              RST             → CLOSED
//	SYN-SENT      RCV SYN         → SYN-RECEIVED
//	              SND SYN,ACK     → SYN-RECEIVED
//	              RCV SYN,ACK     → ESTABLISHED
//	              SND FIN         → FIN-WAIT-1
//	              segment         → ESTABLISHED
//	              RST             → CLOSED
//	SYN-RECEIVED  RCV SYN,ACK     → ESTABLISHED
//	              RCV ACK of SYN  → ESTABLISHED
//	              SND FIN         → FIN-WAIT-1
//	              RCV FIN         → CLOSE-WAIT
//	              segment         → ESTABLISHED
//	              RST             → CLOSED
//	ESTABLISHED   SND FIN         → FIN-WAIT-1
//	              RCV FIN         → CLOSE-WAIT
//	              RST             → CLOSED
//	FIN-WAIT-1    RCV FIN         → CLOSING
//	              RCV ACK of FIN  → FIN-WAIT-2
//	              RST             → CLOSED
//	FIN-WAIT-2    RCV FIN         → TIME-WAIT
//	              RST             → CLOSED
//	CLOSE-WAIT    SND FIN         → LAST-ACK
//	              SND FIN too     → CLOSING
//	              RST             → CLOSED
//	CLOSING       RCV ACK of FIN  → TIME-WAIT
//	              RST             → CLOSED
//	LAST-ACK      RCV ACK of FIN  → CLOSED
//	              RST             → CLOSED
//	TIME-WAIT     RST             → CLOSED
//
//go:generate go test -run TestDiagram -update .
package tcp
