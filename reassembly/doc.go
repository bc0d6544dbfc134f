// Package reassembly turns one direction's segments into ordered bytes, gaps
// and an end, whatever was lost, duplicated, reordered, re-segmented or made to
// overlap on the way, across the sequence wrap too.
//
// The first copy of a byte wins; a later copy that differs is reported as a
// conflict. A gap is declared when the peer has acknowledged the missing bytes
// and they still do not come, when a limit is hit, or when the flow ends; what
// follows it is delivered all the same. Nothing is rejected by window or
// timestamp: the scale is unknown in the middle of a stream, and offload and
// loopback break such checks.
//
// Bytes are borrowed downward: a callee may read them until it returns, and
// keeps nothing without copying. A Stream has one owner and does no I/O.
package reassembly
