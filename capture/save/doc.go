// Package save keeps what is captured: in a file, in a ring of files, or on
// standard output, as pcapng or classic pcap.
//
// After each Write all of it is with the kernel, in whole blocks: whatever
// happens to this process then, the file can be read to its end. When a disk is
// full the file is cut back to its last whole block, and nothing more is written.
//
// # Rings
//
// They work as those of dumpcap, whose manual the flags follow. Where it matters,
// dumpcap 4.0 was watched:
//
//   - NAME.pcapng becomes NAME_00001_20261121170933.pcapng and so on: the number
//     of the file, and the local time at which it was made. A name without a
//     suffix gets none.
//   - A file is full when it has reached its size, so the frame that makes it pass
//     is its last: it is larger than asked by up to a frame. A kB has 1000 bytes.
//   - The oldest file is removed before one is begun that would be too many.
//   - -a files:N ends when file N is full; -a packets:N counts those of all files.
//
// Differences: dumpcap begins the next file as soon as one is full, and for
// duration: goes by the wall clock, so that an idle network fills a folder with
// empty files (one a second for duration:1). Here a file begins with a frame, and
// its duration goes by the times of its frames, so that it covers the time that
// was asked for however late they were written. dumpcap closes the files of a ring
// without statistics; here each ends with them, and counts what it has itself: so
// files that are read together count no loss twice.
//
// Bytes are borrowed downward: nothing of a block is kept.
package save
