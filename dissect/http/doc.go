// Package http dissects HTTP/1.1, 1.0 and 0.9 (RFC 9110, RFC 9112, RFC 1945).
//
// A message is a pipeline: start-line, field lines, content in one of its
// framings, trailer section. Each step is a pure function named after its
// production, with the grammar above it. We watch and do not receive: where a
// recipient would have to refuse a message, we take the reading that most
// recipients share, and name the departure in an anomaly. But where it is in doubt
// how long a message is, recipients differ, and attackers live on that: there the
// reading is that of RFC 9112 §6.3 and §7.1, and where these have none, the
// message is malformed.
//
// # Exchanges
//
// Requests wait in a queue, and final responses take from its front (RFC 9112
// §9.3.2). An exchange is complete when both of its messages have ended; a
// response may end first (an early 413). A request that turns the connection
// into something else (CONNECT, Upgrade) holds back the bytes behind it until
// its response has decided what they are.
//
// # Missing data
//
// A hole inside content whose length is known, or that lasts until the
// connection closes, is a gap in that content. Any other hole ends the message
// in progress, and the direction looks for the next message that can be proved:
// a start-line that is right to the letter, field lines that are, and the empty
// line. Where the stream was cut into segments is no evidence, for that is
// chance; it is enough
//
//   - at a turn, a byte that its sender sent after it had received more than when
//     it sent the byte before: a client that waits for its responses begins each
//     request there, and its server each response;
//   - after a line, where the message before was garbage.
//
// Anywhere else it may be a content that quotes a message. There messages are
// believed that follow each other without a break, up to a turn or to the end of
// the stream, as those of a pipeline do. So what ends the bytes that were seen so
// far may be known for a message only later, and a response to it waits as long.
//
// From then on the front of the queue says nothing: responses, or requests, may
// be among the missing bytes. What the segments acknowledge decides instead,
// which does not change with the order in which they were captured. Let a(j) be
// how much of the response stream the client had received when it sent request
// j, which begins at b(j); X where in that stream a response begins; and r how
// much of the requests the server had received when it sent that. The response
// cannot answer a request with a(j) > X, for that was sent when the client
// already had the response, nor one with b(j) >= r, for the server did not know
// it. (So neither does one that comes unasked, where nothing is missing.) Of the
// others,
//
//   - a client that sends one request at a time has sent each only after it had
//     received all responses before: so the last one it is, unless another has
//     the same a(j), which only a client that pipelines can bring about;
//   - for a client that pipelines, the first of them it is if a(j) = X, since
//     nothing that it had not seen lies between, or if a(j) is where the response
//     before ended, or if it is the only one and no request can be missing.
//
// In all other cases the pairing is unknown, and says so: the response becomes
// an exchange without request, the candidates become exchanges without
// response. No response is ever paired by its position after a hole.
//
// # Incomplete messages
//
// A message is "malformed" where its framing is broken, so that its end cannot be
// found: what follows in its direction is taken up again where the next message
// can be proved. It is "closed" where its sender closed the connection within it.
//
// # Times
//
// wait_ms is from the last byte of the request to the first of the final
// response, not of an interim one, and 0 where the response was earlier than
// the request's end. stalled_ms counts both directions, from the first byte of
// the exchange to its end.
//
// # Switching
//
// After a 2xx to CONNECT both directions are probed anew. After a 101 they go to
// "ws" or "h2", or are probed; the offer has the token in lower case and, as
// terms, ":method" and ":uri" with the request's fields that matter, then
// ":status" with those of the response.
//
// # Event streams
//
// An event without a type is a "message". sse.id and sse.retry are told with the
// event that sent them, or if a block did that is no event, with the next one that
// is, and not repeated. An event that does not end is none.
//
// Bytes are borrowed downward: a callee may read p until it returns, and keeps
// nothing without copying. Nothing here locks: a dissector belongs to one
// worker. An Event belongs to everyone once emitted, so no one may change it.
package http
