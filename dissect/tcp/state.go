package tcp

// State is the state of one end of a connection, as far as the wire shows it
// (RFC 9293 §3.3.2).
type State uint8

// The states. Unknown is before anything was seen: CLOSED or LISTEN.
const (
	Unknown State = iota
	SynSent
	SynReceived
	Established
	FinWait1
	FinWait2
	CloseWait
	Closing
	LastAck
	TimeWait
	Closed
	numStates
)

var stateNames = [numStates]string{
	"UNKNOWN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2",
	"CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT", "CLOSED",
}

// String is the state's name in RFC 9293.
func (s State) String() string { return stateNames[s] }

// move is something that one end does or that happens to it: every segment
// moves its sender and, since the wire shows no more, its receiver.
type move uint8

const (
	sndSYN move = iota
	rcvSYN
	sndSYNACK
	rcvSYNACK
	rcvACKofSYN
	sndFIN
	sndFINToo // without having received the peer's
	rcvFIN
	rcvACKofFIN
	sndData // any segment of an established connection, though no SYN,ACK was seen
	rst     // sent or received
	numMoves
)

var moveNames = [numMoves]string{
	"SND SYN", "RCV SYN", "SND SYN,ACK", "RCV SYN,ACK", "RCV ACK of SYN", "SND FIN", "SND FIN too", "RCV FIN",
	"RCV ACK of FIN", "segment", "RST",
}

// table is the state diagram of RFC 9293 §3.3.2 (figure 5), as seen from the
// wire: what is not in it leaves the state as it is. It is laxer than the RFC
// in one way: where the capture missed a segment, the next one makes up for it,
// since we watch and do not receive. LISTEN and the end of TIME-WAIT are not in
// it, for no segment shows them.
var table = [numStates][numMoves]State{
	Unknown: {
		sndSYN: SynSent, rcvSYN: SynReceived, sndSYNACK: SynReceived, rcvSYNACK: Established,
		sndData: Established, sndFIN: FinWait1, rcvFIN: CloseWait, rst: Closed,
	},
	SynSent: {
		rcvSYN: SynReceived, sndSYNACK: SynReceived, rcvSYNACK: Established, sndData: Established,
		sndFIN: FinWait1, rst: Closed,
	},
	SynReceived: {
		rcvACKofSYN: Established, rcvSYNACK: Established, sndData: Established, sndFIN: FinWait1, rcvFIN: CloseWait, rst: Closed,
	},
	Established: {sndFIN: FinWait1, rcvFIN: CloseWait, rst: Closed},
	FinWait1:    {rcvACKofFIN: FinWait2, rcvFIN: Closing, rst: Closed},
	FinWait2:    {rcvFIN: TimeWait, rst: Closed},
	CloseWait:   {sndFIN: LastAck, sndFINToo: Closing, rst: Closed},
	Closing:     {rcvACKofFIN: TimeWait, rst: Closed},
	LastAck:     {rcvACKofFIN: Closed, rst: Closed},
	TimeWait:    {rst: Closed},
}

// after is the state after m.
func (s State) after(m move) State {
	if t := table[s][m]; t != Unknown {
		return t
	}
	return s
}

// again is the state of an end whose peer tries once more to connect.
func (s State) again() State {
	if s == Closed {
		return Unknown
	}
	return s
}
