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
	// Offset is how many encoded bytes of that coding had been read when it
	// showed. For br it is rounded down to a multiple of 4096.
	Offset uint64
	Reason string // what the decoder found, "" where Kind says it all
}

// Error is the coding, the kind, the place and the reason in one line.
func (e *Error) Error() string {
	s := "content: " + e.Coding + ": " + e.Kind.Error()
	if !errors.Is(e.Kind, ErrUnsupported) {
		s += " at encoded byte " + strconv.FormatUint(e.Offset, 10)
	}
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

// Unwrap is the kind.
func (e *Error) Unwrap() error { return e.Kind }
