// Package ws dissects WebSocket (RFC 6455) with permessage-deflate (RFC 7692).
//
// A direction is a run of frames; each is read as its header says, whatever is
// wrong with it, and what is wrong is an anomaly. We watch and do not receive:
// where an endpoint must fail the connection, we go on. Payload is consumed as
// it comes; only headers, and control frames up to the 125 bytes that they may
// have, are held until they are whole.
//
// # Facts
//
// A text message is told as text, or in base64 where it is not UTF-8; a binary
// message always in base64. What an extension may have changed that is not known
// here is opaque, and told as it was sent. A size is that of the message, holes
// included, and is left out where it is not known: inflating failed or was
// stopped.
//
// The WebSocket is over when its connection is closed in both directions, or
// nothing more is to come of that (RFC 6455 §7.1.4). Its code is that of the first
// Close frame, 1005 if that has none, and 1006 if both directions were closed or
// reset without such a frame (RFC 6455 §7.1.5). It has none where the Close frame or
// its code may be missing, or where the capture or our patience ended before the
// connection.
//
// The bytes of a message whose size is not known count as far as it was inflated.
//
// An anomaly is told ten times at most for each end, and counted beyond that.
//
// # Missing data
//
// A hole within a payload is known in size: the message goes on behind it, the
// masking-key by its offset. A hole that is larger, or in a header, ends the
// message in progress, and the direction looks for the next frame that can be
// proved: by the headers that follow it in a row, by text, and by where its sender
// goes on after it has received something. Until then the frames are held, and
// nothing of them is lost, unless they are long. A flow that was joined in its
// middle is recognised in the same way. Text within a binary message can look like
// a frame; so the first frames that are found are doubted, and where what follows
// them cannot be one, the direction looks again.
//
// After messages that were not captured, or not inflated, the history that later
// compressed messages refer to is unknown, while Huffman codes do not depend on
// it: such a message is inflated to its exact size, and what it copies of the
// history is a gap in it. One that copies none is whole, and known to be. The same
// goes for a direction whose history was given up, since the histories of a shard
// have a limit: those that were used longest ago go first.
//
// # Pings
//
// A pong answers the latest ping with its payload that its sender had received,
// and gives up the pings before that (RFC 6455 §5.5.3). One that answers none has
// no round-trip time, and nothing is wrong with it: it may be a heartbeat by
// itself. Where pongs may be missing, the pings that their sender had received before
// are given up, and those that it had received by the frame behind do not count as
// unanswered.
//
// Bytes are borrowed downward: a callee may read p until it returns, and keeps
// nothing without copying. Nothing here locks: a dissector belongs to one
// worker. An Event belongs to everyone once emitted, so no one may change it.
package ws
