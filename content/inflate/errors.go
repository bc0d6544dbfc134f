package inflate

// Error is what is wrong with compressed data. Decode and EndMessage return no
// other errors.
type Error uint8

// Each error is one departure from RFC 1951 (the first ten) or RFC 7692.
const (
	ErrBlockType      Error = iota + 1 // §3.2.3: block type 3 is reserved
	ErrStoredLength                    // §3.2.4: LEN and NLEN do not agree
	ErrCounts                          // §3.2.7: more than 286 length or 30 distance codes
	ErrRepeat                          // §3.2.7: a repetition of nothing, or past the last code length
	ErrEndOfBlock                      // §3.2.7: no code for the end of the block
	ErrOversubscribed                  // §3.2.2: more codes than there is room for
	ErrIncomplete                      // §3.2.2: bits that begin no code, unless it is a single code of one bit
	ErrLength                          // §3.2.5: length symbol 286 or 287, or bits that begin no code
	ErrDistance                        // §3.2.5: distance symbol 30 or 31, or bits that begin no code
	ErrHistory                         // §3.2.5: a distance beyond the first byte of the context
	ErrWindow                          // RFC 7692 §7.1.2: a distance beyond the negotiated window
	ErrUnfinished                      // RFC 7692 §7.2.2: the message ends in the middle of a block
	ErrTrailing                        // RFC 7692 §7.2.2: one or two bits are left after the last block
)

var texts = [...]string{
	ErrBlockType:      "reserved block type",
	ErrStoredLength:   "length check of a stored block fails",
	ErrCounts:         "too many length or distance codes",
	ErrRepeat:         "invalid repetition of a code length",
	ErrEndOfBlock:     "no code for the end of the block",
	ErrOversubscribed: "over-subscribed code",
	ErrIncomplete:     "incomplete code",
	ErrLength:         "invalid literal or length symbol",
	ErrDistance:       "invalid distance symbol",
	ErrHistory:        "distance beyond the start of the data",
	ErrWindow:         "distance beyond the negotiated window",
	ErrUnfinished:     "message ends in the middle of a block",
	ErrTrailing:       "bits after the last block",
}

// Error says what is wrong.
func (e Error) Error() string {
	if e == 0 || int(e) >= len(texts) {
		return "inflate: unknown error"
	}
	return "inflate: " + texts[e]
}
