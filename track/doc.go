// Package track holds the flows of one shard: it finds the flow of a segment,
// and drives reassembly, the study of the connection, and the dissectors over
// it. Its clock is the capture's: what expires, expires at the boundaries of
// capture seconds, in the order of the flows' first frames, never of a table.
//
// A shard's table belongs to one worker for the whole run: no locks. Bytes are
// borrowed downward: what is kept is copied.
package track
