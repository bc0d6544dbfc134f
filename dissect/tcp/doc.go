// Package tcp studies the segments of a flow: the states of both ends from the
// handshake to the teardown (RFC 9293), what was retransmitted, reordered or
// held up, and round trips. It sees what reassembly hides, so the flow's owner
// calls it with segments, not with bytes.
//
// Retransmissions, out-of-order segments, duplicate ACKs, zero windows, window
// updates and keep-alives are counted by the definitions of Wireshark's
// tcp.analysis.
//
// The state diagram, of one end, drawn from the table in state.go:
//
//go:generate go test -run TestDiagram -update .
package tcp
