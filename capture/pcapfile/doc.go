// Package pcapfile reads captures from files, pipes and any other stream of
// bytes, and writes them: a capture.Source in pure Go.
//
// # What is read
//
//   - pcap (draft-ietf-opsawg-pcap): either byte order, microseconds or
//     nanoseconds, and the "modified" variant of 1999 with 24-byte record
//     headers;
//   - pcapng (draft-ietf-opsawg-pcapng): several sections, each with its own
//     byte order and interfaces; Enhanced, Simple and (obsolete) Packet Blocks;
//   - Microsoft Network Monitor, versions 1.x and 2.x;
//   - ERF, Endace's Extensible Record Format: Ethernet, HDLC and IP;
//   - any of them in gzip (RFC 1952) or Zstandard (RFC 8878), known by
//     content and not by name, several members or frames in a row too.
//
// Several files are read as one capture, merged by time.
//
// # How
//
//	input ──► reader ──► scanner ──► capture.Block
//	          (room, carry, skip)    (pcap, pcapng, ERF)
//
// A reader reads straight into the buffer of the block that it will hand on; a
// scanner finds the records in there and notes where their bytes lie. So a
// frame is copied by the kernel and by nobody else, and there is no call and no
// allocation per frame. A record that the end of a block cuts in two is carried
// over to the next block. An input that can make us wait (a pipe, a terminal)
// or that costs time (a decompressor) is read by a goroutine of its own.
//
// A Network Monitor file says at its end where its frames are, so it cannot be
// read in one go: a regular file is read where its frame table points, with a
// copy per frame, and anything else, compressed files too, is held in memory
// until it has ended, up to 256 MiB. So it cannot be followed as it grows.
//
// # What is written
//
// Writer writes classic pcap; NGWriter pcapng, with all that a capture knows
// beside its frames, each at its place between two frames: what was lost as an
// Interface Statistics Block with the counts up to there (§4.6), which makes a
// note again when it is read, as those of other programs do; and who owns a
// connection as a block of a type for local use (0x80005757, see owner.go for its
// layout), which other programs pass over. Both hand on whole blocks only, so
// that what is there is a good file at any time.
//
// # Hostile input
//
// No length field is believed before the bytes have come: memory grows by
// doubling with what was really read, or piece by piece, and never past a fixed
// bound; a flood of notes goes out in blocks as large as those of frames. Every frame
// before the damage is handed on, then Next says what is wrong, and where, in a
// *capture.Damaged.
//
// Bytes are borrowed downward: a callee may read a slice until it returns, and
// keeps nothing without copying. A block belongs to its epoch: the reader fills
// it, workers read it, the collector recycles it.
package pcapfile
