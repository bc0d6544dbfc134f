package content

import (
	"errors"
	"strconv"
)

// The reasons for which a content is not decoded to its end. An Error wraps one
// of them.
var (
	ErrUnsupported = errors.New("unsupported content coding")
	ErrCorrupt     = errors.New("corrupt content coding")
	ErrTruncated   = errors.New("truncated content coding")
	ErrLimit       = errors.New("content over the limit")
)

// Error says why, and where, decoding stopped.
type Error struct {
	Kind   error  // one of the reasons above
	Coding string // the coding that it happened in, in lower case
	// Offset is about how many encoded bytes of that coding had been read when it
	// showed: decoders read ahead, by how much depends on the writes. For br it
	// is rounded down to a multiple of 4096.
	Offset  uint64
	Decoded uint64 // bytes that this coding had given by then
	Reason  string // what the decoder found, "" where Kind says it all
}

// Error is the coding, the kind, and how far it was decoded. It leaves out what
// depends on how the content was cut into writes.
func (e *Error) Error() string {
	s := "content: " + e.Coding + ": " + e.Kind.Error()
	if !errors.Is(e.Kind, ErrUnsupported) {
		s += " after " + strconv.FormatUint(e.Decoded, 10) + " decoded bytes"
	}
	return s
}

// Unwrap is the kind.
func (e *Error) Unwrap() error { return e.Kind }
