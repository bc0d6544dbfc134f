// Package talk plays conversations, written as text, to the dissectors, and
// compares the facts that come out. It is for tests.
//
// A file holds talks; each begins with a line "== NAME". In a talk, a line is
//
//	> BYTES        a segment from the client
//	< BYTES        a segment from the server
//	>~ BYTES       the same, though its sender has not yet acknowledged what it was sent since its last segment
//	>| BYTES       the same, but it is never cut
//	!> N           N bytes of the client's were never captured (!< for the server's)
//	~> N           the same, because the capture cut its frames
//	.>             the client's FIN (.< for the server's; .>~ though it has not yet seen the other's)
//	RST            a reset: both directions end (RST > by the client, RST < by the server)
//	EXPIRE         nothing was seen of the flow for too long
//	owed >         bytes of the client's are known to be on their way, until its next line
//	wait N         N milliseconds go by
//	stall > N      the client's direction has lost N milliseconds
//	connect N      the handshake took N milliseconds
//	set NAME=N     one of dissect.Limits
//	mid            the flow was joined in its middle
//	firm           the roles of the ends are certain (the flow began with a SYN)
//	= KIND ...     the next fact
//	+ KIND ...     the next progress fact; without such lines they are not compared
//	# ...          a comment
//
// Every line on the wire is a frame, numbered from 1 and a millisecond after
// the one before. The capture ends with the talk.
//
// BYTES knows the escapes \r \n \t \\ \xNN, \{N:BYTES} for N times, \{CODING:BYTES}
// for a content coding, \{chunk:BYTES} for a chunk, \{ws WORDS:BYTES} for a WebSocket
// frame (internal/wsframe has the words), and \{pmd:BYTES} for a message that
// permessage-deflate has compressed, \{pmd=HISTORY:BYTES} behind others that it may
// refer to, which hold neither colons nor escapes. A line that ends in a
// single backslash goes on in the next, without the whitespace that begins it.
//
// A fact is a kind and fields, NAME=VALUE: those that are named must be as they
// are written, others may be. !NAME must be absent. Beside the fields there are
// complete, incomplete, exchange, from, frame and first. A value is a word, a
// quoted string, or JSON.
//
// Each talk is played as it is written, with every segment byte by byte, and
// with every segment cut at every point; the facts must be the same. Buffers
// are overwritten as soon as they are given back.
package talk
