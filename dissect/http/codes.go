package http

import "example.com/wirewatch/event"

// Codes are the anomalies that this package reports.
var Codes = []*event.Code{
	startLineInvalid, emptyLine, startLinePreceded, requestLineInvalid, statusLineInvalid, statusCodeInvalid,
	versionInvalid, targetInvalid, targetFragment, phraseInvalid,
	fieldLineInvalid, fieldNameInvalid, fieldValueInvalid, spaceBeforeColon, spaceBeforeFields,
	obsFold, bareLF, bareCR, headIncomplete,
	hostMissing, hostRepeated, hostInvalid, hostMismatch,
	lengthWithCoding, lengthConflict, lengthRepeated, lengthInvalid, lengthOverflow, lengthNotAllowed,
	codingUnknown, codingUnsupported, codingNotFinal, codingVersion, codingNotAllowed,
	chunkSizeInvalid, chunkSizeOverflow, chunkExtInvalid, chunkUnterminated, trailerInvalid,
	bodyShort, bodyNotAllowed, dataAfterClose,
	responseUnasked, switchUnasked, upgradeRefused, pairingUnknown,
	contentUnsupported, contentCorrupt, contentTruncated, contentBare, contentTrailing, contentLimit,
	headLimit, linesLimit, pipelineLimit, interimLimit, gapsLimit, eventLimit,
}

// The start-line.
var (
	startLineInvalid = &event.Code{
		Name: "http.start_line_invalid", Level: event.Error, Spec: "RFC 9112 §2.1",
		Text: "something else stands where a message has to begin",
	}
	emptyLine = &event.Code{
		Name: "http.empty_line", Level: event.Note, Spec: "RFC 9112 §2.2",
		Text: "an empty line stands where a message has to begin",
	}
	startLinePreceded = &event.Code{
		Name: "http.start_line_preceded", Level: event.Warn, Spec: "RFC 9112 §2.2",
		Text: "a message is preceded by more than empty lines",
	}
	requestLineInvalid = &event.Code{
		Name: "http.request_line_invalid", Level: event.Warn, Spec: "RFC 9112 §3",
		Text: "the parts of a request-line are not separated by single spaces",
	}
	statusLineInvalid = &event.Code{
		Name: "http.status_line_invalid", Level: event.Note, Spec: "RFC 9112 §4",
		Text: "the parts of a status-line are not separated by single spaces",
	}
	statusCodeInvalid = &event.Code{
		Name: "http.status_code_invalid", Level: event.Warn, Spec: "RFC 9110 §15",
		Text: "a status code is not a number from 100 to 599 in three digits",
	}
	versionInvalid = &event.Code{
		Name: "http.version_invalid", Level: event.Warn, Spec: "RFC 9112 §2.3",
		Text: "the version of a message is not HTTP/1.x",
	}
	targetInvalid = &event.Code{
		Name: "http.target_invalid", Level: event.Note, Spec: "RFC 9112 §3.2",
		Text: "a request-target is missing, or holds characters that no URI may hold",
	}
	targetFragment = &event.Code{
		Name: "http.target_fragment", Level: event.Note, Spec: "RFC 9112 §3.2",
		Text: "a request-target has a fragment, which is not for the server to see",
	}
	phraseInvalid = &event.Code{
		Name: "http.reason_phrase_invalid", Level: event.Warn, Spec: "RFC 9112 §4",
		Text: "a reason phrase holds a control character",
	}
)

// Field lines, and the lines of a head in general.
var (
	fieldLineInvalid = &event.Code{
		Name: "http.field_line_invalid", Level: event.Error, Spec: "RFC 9112 §5",
		Text: "a field line has no colon",
	}
	fieldNameInvalid = &event.Code{
		Name: "http.field_name_invalid", Level: event.Warn, Spec: "RFC 9110 §5.1",
		Text: "a field name is not a token",
	}
	fieldValueInvalid = &event.Code{
		Name: "http.field_value_invalid", Level: event.Warn, Spec: "RFC 9110 §5.5",
		Text: "a field value holds a control character",
	}
	spaceBeforeColon = &event.Code{
		Name: "http.space_before_colon", Level: event.Error, Spec: "RFC 9112 §5.1",
		Text: "whitespace stands between a field name and its colon",
	}
	spaceBeforeFields = &event.Code{
		Name: "http.space_before_fields", Level: event.Error, Spec: "RFC 9112 §2.2",
		Text: "whitespace stands between the start-line and the first field line",
	}
	obsFold = &event.Code{
		Name: "http.obs_fold", Level: event.Warn, Spec: "RFC 9112 §5.2",
		Text: "a field value is folded over several lines",
	}
	bareLF = &event.Code{
		Name: "http.bare_lf", Level: event.Warn, Spec: "RFC 9112 §2.2",
		Text: "a line ends in LF without CR",
	}
	bareCR = &event.Code{
		Name: "http.bare_cr", Level: event.Warn, Spec: "RFC 9112 §2.2",
		Text: "a line holds CR without LF",
	}
	headIncomplete = &event.Code{
		Name: "http.head_incomplete", Level: event.Warn, Spec: "RFC 9112 §8",
		Text: "the sender closed the connection within a head",
	}
	hostMissing = &event.Code{
		Name: "http.host_missing", Level: event.Warn, Spec: "RFC 9112 §3.2",
		Text: "an HTTP/1.1 request has no Host field",
	}
	hostRepeated = &event.Code{
		Name: "http.host_repeated", Level: event.Error, Spec: "RFC 9112 §3.2",
		Text: "a request has more than one Host field",
	}
	hostInvalid = &event.Code{
		Name: "http.host_invalid", Level: event.Warn, Spec: "RFC 9110 §7.2",
		Text: "the Host of a request is not a host with an optional port",
	}
	hostMismatch = &event.Code{
		Name: "http.host_mismatch", Level: event.Warn, Spec: "RFC 9112 §3.2.2",
		Text: "the Host of a request is not that of its request-target, which counts",
	}
)

// Message body length.
var (
	lengthWithCoding = &event.Code{
		Name: "http.content_length_with_transfer_encoding", Level: event.Error, Spec: "RFC 9112 §6.3",
		Text: "a message has both Content-Length and Transfer-Encoding, as request smuggling does",
	}
	lengthConflict = &event.Code{
		Name: "http.content_length_conflict", Level: event.Error, Spec: "RFC 9112 §6.3",
		Text: "a message declares different content lengths",
	}
	lengthRepeated = &event.Code{
		Name: "http.content_length_repeated", Level: event.Note, Spec: "RFC 9110 §8.6",
		Text: "a message declares the same content length more than once",
	}
	lengthInvalid = &event.Code{
		Name: "http.content_length_invalid", Level: event.Error, Spec: "RFC 9110 §8.6",
		Text: "a content length is not a number",
	}
	lengthOverflow = &event.Code{
		Name: "http.content_length_overflow", Level: event.Error, Spec: "RFC 9110 §8.6",
		Text: "a content length is larger than any content can be",
	}
	lengthNotAllowed = &event.Code{
		Name: "http.content_length_not_allowed", Level: event.Note, Spec: "RFC 9110 §8.6",
		Text: "a response that cannot have content declares a length",
	}
	codingUnknown = &event.Code{
		Name: "http.transfer_encoding_unknown", Level: event.Error, Spec: "RFC 9112 §6.1",
		Text: "a transfer coding is not registered, or has parameters",
	}
	codingUnsupported = &event.Code{
		Name: "http.transfer_encoding_unsupported", Level: event.Note, Spec: "RFC 9112 §7",
		Text: "a transfer coding cannot be undone here, so that the content is shown encoded",
	}
	codingNotFinal = &event.Code{
		Name: "http.transfer_encoding_not_final", Level: event.Error, Spec: "RFC 9112 §6.3",
		Text: "chunked is not the last transfer coding, or is applied twice",
	}
	codingVersion = &event.Code{
		Name: "http.transfer_encoding_version", Level: event.Error, Spec: "RFC 9112 §6.1",
		Text: "an HTTP/1.0 message has a Transfer-Encoding",
	}
	codingNotAllowed = &event.Code{
		Name: "http.transfer_encoding_not_allowed", Level: event.Note, Spec: "RFC 9112 §6.1",
		Text: "a response that cannot have content has a Transfer-Encoding",
	}
	chunkSizeInvalid = &event.Code{
		Name: "http.chunk_size_invalid", Level: event.Error, Spec: "RFC 9112 §7.1",
		Text: "a chunk size is not a hexadecimal number",
	}
	chunkSizeOverflow = &event.Code{
		Name: "http.chunk_size_overflow", Level: event.Error, Spec: "RFC 9112 §7.1",
		Text: "a chunk size is larger than any content can be",
	}
	chunkExtInvalid = &event.Code{
		Name: "http.chunk_extension_invalid", Level: event.Warn, Spec: "RFC 9112 §7.1.1",
		Text: "a chunk size is followed by something else than extensions",
	}
	chunkUnterminated = &event.Code{
		Name: "http.chunk_data_unterminated", Level: event.Error, Spec: "RFC 9112 §7.1",
		Text: "the data of a chunk is not followed by CRLF",
	}
	trailerInvalid = &event.Code{
		Name: "http.trailer_invalid", Level: event.Warn, Spec: "RFC 9110 §6.5.1",
		Text: "a trailer section holds a field that belongs in the head",
	}
	bodyShort = &event.Code{
		Name: "http.body_short", Level: event.Warn, Spec: "RFC 9112 §8",
		Text: "the sender closed the connection within a body",
	}
	bodyNotAllowed = &event.Code{
		Name: "http.body_not_allowed", Level: event.Note, Spec: "RFC 9110 §15.3.6",
		Text: "a 205 response has content",
	}
	dataAfterClose = &event.Code{
		Name: "http.data_after_close", Level: event.Warn, Spec: "RFC 9112 §9.6",
		Text: "bytes follow the message that was to be the last",
	}
)

// Exchanges.
var (
	responseUnasked = &event.Code{
		Name: "http.response_without_request", Level: event.Warn, Spec: "RFC 9110 §3.4",
		Text: "a response answers no request",
	}
	switchUnasked = &event.Code{
		Name: "http.switch_unasked", Level: event.Error, Spec: "RFC 9110 §7.8",
		Text: "a server switches to a protocol that the client did not offer",
	}
	upgradeRefused = &event.Code{
		Name: "http.upgrade_refused", Level: event.Warn, Spec: "RFC 6455 §4.2.2",
		Text: "a client asked for a WebSocket and did not get it",
	}
	pairingUnknown = &event.Code{
		Name: "http.pairing_unknown", Level: event.Note,
		Text: "data is missing, and a response could answer any of several requests",
	}
)

// Content codings.
var (
	contentUnsupported = &event.Code{
		Name: "http.content_unsupported", Level: event.Note, Spec: "RFC 9110 §8.4",
		Text: "a content coding is unknown here, so that the content is shown encoded",
	}
	contentCorrupt = &event.Code{
		Name: "http.content_corrupt", Level: event.Warn, Spec: "RFC 9110 §8.4",
		Text: "a content is not what its coding says",
	}
	contentTruncated = &event.Code{
		Name: "http.content_truncated", Level: event.Warn, Spec: "RFC 9110 §8.4",
		Text: "a content ends before its coding does",
	}
	contentBare = &event.Code{
		Name: "http.content_deflate_raw", Level: event.Note, Spec: "RFC 9110 §8.4.1.2",
		Text: "a content in the coding deflate lacks the zlib format around it",
	}
	contentTrailing = &event.Code{
		Name: "http.content_trailing", Level: event.Note, Spec: "RFC 9110 §8.4",
		Text: "bytes follow the end of a coded content",
	}
	contentLimit = &event.Code{
		Name: "http.content_over_limit", Level: event.Warn,
		Text: "a content decodes to so much more than its size that decoding was stopped",
	}
)

// Our own limits.
var (
	headLimit = &event.Code{
		Name: "http.head_limit", Level: event.Warn, Spec: "RFC 9110 §5.4",
		Text: "a head, a trailer section or a chunk's line is longer than the limit",
	}
	linesLimit = &event.Code{
		Name: "http.lines_limit", Level: event.Warn, Spec: "RFC 9110 §5.4",
		Text: "a head or a trailer section has more field lines than the limit",
	}
	pipelineLimit = &event.Code{
		Name: "http.pipeline_limit", Level: event.Warn,
		Text: "more requests wait for their responses than the limit",
	}
	interimLimit = &event.Code{
		Name: "http.interim_limit", Level: event.Note,
		Text: "a response is preceded by more interim ones than the limit, and those beyond it are left out",
	}
	gapsLimit = &event.Code{
		Name: "http.gaps_limit", Level: event.Note,
		Text: "a content has more gaps than the limit: the last one listed stands for the rest",
	}
	eventLimit = &event.Code{
		Name: "http.event_limit", Level: event.Note,
		Text: "the data of a server-sent event is longer than the limit, and was cut",
	}
)
