// Package content undoes content codings (RFC 9110 §8.4) as the bytes arrive:
// gzip and x-gzip (RFC 1952), deflate (RFC 1950, and RFC 1951 without its
// wrapping, as many servers send it), br (RFC 7932), zstd (RFC 8878), identity,
// and several of them one over the other.
//
// A Decoder is pushed: Write takes encoded bytes and gives to the sink all that
// they decode to before it returns. The libraries that do the work want to
// pull, so each runs in a coroutine (iter.Pull) that stops where its input
// does: no goroutine is ever scheduled, and nothing happens between two calls.
//
// Memory is bounded by the window of each coding (32 KiB for gzip and deflate,
// 16 MiB for br, 8 MiB for zstd as RFC 9659 §3 has it), not by the input. What
// a Decoder gives, and where it fails, does not depend on how the input was cut,
// with one exception: the br library does not give up what it decoded from the
// 4096 encoded bytes in which it found damage, unless a cut made it do so before.
package content
