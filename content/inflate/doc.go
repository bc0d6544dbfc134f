// Package inflate decodes DEFLATE (RFC 1951) as permessage-deflate uses it
// (RFC 7692): pushed as it comes, message by message, over one context.
//
// It does three things that no library does:
//
//   - It is a state machine, not a reader: Decode stops wherever its input
//     does, and between messages a Decoder is its window and little more. The
//     window is as long as what was decoded so far, at most 2^bits bytes.
//   - It holds the sender to the negotiated window (RFC 7692 §7.1.2): a distance
//     beyond it is an error, though the bytes might be there.
//   - It decodes without the history. Huffman codes do not depend on what was
//     decoded before, only matches do; so when messages were not captured, those
//     after them still have exact sizes, and each of their bytes is either known
//     or copied, however often, from what was lost (Forget).
//
// Blocks follow RFC 1951 §3.2. What is an error, and what is a code that may be
// incomplete, is as zlib judges it, since nearly every sender runs zlib.
//
// Since no history is needed to go on, memory is a matter of choice: a Pool has
// a Limit, and beyond it the decoders that were used longest ago give up their
// windows. Which these are depends on the order of the calls alone.
//
// Nothing here is shared: a Decoder and the Pool it borrows from belong to one
// goroutine. Once its window has grown, a Decoder does not allocate, but for a
// message that is put aside in the middle of a block (Release).
package inflate
