package tcp

import "example.com/wirewatch/event"

// The anomalies of TCP.
var (
	OverlapConflict = &event.Code{
		Name: "tcp.overlap_conflict", Level: event.Error, Spec: "RFC 9293 §3.10.7.4",
		Text: "two copies of the same bytes differ; the first one counts",
	}
	Gap = &event.Code{
		Name: "tcp.gap", Level: event.Warn,
		Text: "bytes are missing from the capture",
	}
	Snaplen = &event.Code{
		Name: "tcp.snaplen", Level: event.Note,
		Text: "the capture cut frames short, and bytes with them",
	}
	SequenceJump = &event.Code{
		Name: "tcp.sequence_jump", Level: event.Warn, Spec: "RFC 9293 §3.10.7.4",
		Text: "a segment lies far outside any window that its peer could have offered",
	}
	DataAfterFIN = &event.Code{
		Name: "tcp.data_after_fin", Level: event.Warn, Spec: "RFC 9293 §3.6",
		Text: "bytes beyond the FIN, where the stream had ended",
	}
	DataAfterRST = &event.Code{
		Name: "tcp.data_after_rst", Level: event.Warn, Spec: "RFC 9293 §3.5.3",
		Text: "bytes from the end that had reset the connection",
	}
	RSTAfterData = &event.Code{
		Name: "tcp.rst_after_data", Level: event.Note, Spec: "RFC 9293 §3.6.1",
		Text: "the connection was reset while bytes were not acknowledged",
	}
)

// Codes are all of them.
var Codes = []*event.Code{OverlapConflict, Gap, Snaplen, SequenceJump, DataAfterFIN, DataAfterRST, RSTAfterData}
