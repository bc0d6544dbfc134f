package ws

import "example.com/wirewatch/event"

// Codes are the anomalies that this package reports.
var Codes = []*event.Code{
	methodInvalid, upgradeMissing, connectionMissing, versionUnsupported, keyMissing, keyInvalid,
	acceptMissing, acceptMismatch, protocolNotOffered, extensionInvalid, extensionNotOffered, deflateInvalid,
	frameEarly, maskMissing, maskUnexpected, rsvUnexpected, rsv1Misplaced, opcodeReserved,
	controlFragmented, controlTooLong, lengthNotMinimal, lengthInvalid, frameIncomplete,
	continuationUnexpected, continuationMissing, textInvalid,
	closePayloadShort, closeCodeReserved, closeCodeInvalid, closeReasonInvalid, dataAfterClose, noCloseFrame,
	inflateFailed, contextLost,
	messageLimit, windowLimit, gapsLimit, pingsLimit,
}

// The opening handshake.
var (
	methodInvalid = &event.Code{
		Name: "ws.method_invalid", Level: event.Error, Spec: "RFC 6455 §4.1",
		Text: "the request of a handshake is not a GET",
	}
	upgradeMissing = &event.Code{
		Name: "ws.upgrade_missing", Level: event.Error, Spec: "RFC 6455 §4.1",
		Text: "the Upgrade field of a handshake does not hold websocket",
	}
	connectionMissing = &event.Code{
		Name: "ws.connection_missing", Level: event.Error, Spec: "RFC 6455 §4.1",
		Text: "the Connection field of a handshake does not hold Upgrade",
	}
	versionUnsupported = &event.Code{
		Name: "ws.version_unsupported", Level: event.Error, Spec: "RFC 6455 §4.1",
		Text: "the Sec-WebSocket-Version of a handshake is not 13",
	}
	keyMissing = &event.Code{
		Name: "ws.key_missing", Level: event.Error, Spec: "RFC 6455 §4.1",
		Text: "the request of a handshake has no Sec-WebSocket-Key",
	}
	keyInvalid = &event.Code{
		Name: "ws.key_invalid", Level: event.Error, Spec: "RFC 6455 §4.1",
		Text: "the Sec-WebSocket-Key of a handshake is not 16 bytes in base64",
	}
	acceptMissing = &event.Code{
		Name: "ws.accept_missing", Level: event.Error, Spec: "RFC 6455 §4.2.2",
		Text: "the response of a handshake has no Sec-WebSocket-Accept",
	}
	acceptMismatch = &event.Code{
		Name: "ws.accept_mismatch", Level: event.Error, Spec: "RFC 6455 §4.2.2",
		Text: "the Sec-WebSocket-Accept of a handshake does not answer its key",
	}
	protocolNotOffered = &event.Code{
		Name: "ws.subprotocol_not_offered", Level: event.Error, Spec: "RFC 6455 §4.1",
		Text: "the server chose a subprotocol that the client did not offer",
	}
	extensionInvalid = &event.Code{
		Name: "ws.extensions_invalid", Level: event.Error, Spec: "RFC 6455 §9.1",
		Text: "a Sec-WebSocket-Extensions field is not a list of extensions",
	}
	extensionNotOffered = &event.Code{
		Name: "ws.extension_not_offered", Level: event.Error, Spec: "RFC 6455 §9.1",
		Text: "the server uses an extension that the client did not offer",
	}
	deflateInvalid = &event.Code{
		Name: "ws.deflate_parameter_invalid", Level: event.Error, Spec: "RFC 7692 §7.1",
		Text: "a parameter of permessage-deflate is unknown, repeated, has a wrong value, or does not answer the offer",
	}
)

// Frames.
var (
	frameEarly = &event.Code{
		Name: "ws.frame_early", Level: event.Error, Spec: "RFC 6455 §4.1",
		Text: "the client sent a frame before it had received the server's handshake",
	}
	maskMissing = &event.Code{
		Name: "ws.mask_missing", Level: event.Error, Spec: "RFC 6455 §5.1",
		Text: "a frame from the client is not masked",
	}
	maskUnexpected = &event.Code{
		Name: "ws.mask_unexpected", Level: event.Error, Spec: "RFC 6455 §5.1",
		Text: "a frame from the server is masked",
	}
	rsvUnexpected = &event.Code{
		Name: "ws.rsv_unexpected", Level: event.Error, Spec: "RFC 6455 §5.2",
		Text: "a reserved bit is set that no extension uses",
	}
	rsv1Misplaced = &event.Code{
		Name: "ws.rsv1_misplaced", Level: event.Error, Spec: "RFC 7692 §6.1",
		Text: "the bit that marks a compressed message is set on a frame that does not begin one",
	}
	opcodeReserved = &event.Code{
		Name: "ws.opcode_reserved", Level: event.Error, Spec: "RFC 6455 §5.2",
		Text: "a frame has an opcode that is not defined",
	}
	controlFragmented = &event.Code{
		Name: "ws.control_fragmented", Level: event.Error, Spec: "RFC 6455 §5.5",
		Text: "a control frame is fragmented",
	}
	controlTooLong = &event.Code{
		Name: "ws.control_too_long", Level: event.Error, Spec: "RFC 6455 §5.5",
		Text: "the payload of a control frame is longer than 125 bytes",
	}
	lengthNotMinimal = &event.Code{
		Name: "ws.length_not_minimal", Level: event.Error, Spec: "RFC 6455 §5.2",
		Text: "the length of a payload is not written in the fewest bytes",
	}
	lengthInvalid = &event.Code{
		Name: "ws.length_invalid", Level: event.Error, Spec: "RFC 6455 §5.2",
		Text: "the length of a payload has its most significant bit set, so that no frame can be read until one is found again",
	}
	frameIncomplete = &event.Code{
		Name: "ws.frame_incomplete", Level: event.Warn, Spec: "RFC 6455 §5.2",
		Text: "the sender closed the connection within a frame",
	}
)

// Messages.
var (
	continuationUnexpected = &event.Code{
		Name: "ws.continuation_unexpected", Level: event.Error, Spec: "RFC 6455 §5.4",
		Text: "a continuation frame continues no message",
	}
	continuationMissing = &event.Code{
		Name: "ws.continuation_missing", Level: event.Error, Spec: "RFC 6455 §5.4",
		Text: "a message begins before the one before it has ended",
	}
	textInvalid = &event.Code{
		Name: "ws.utf8_invalid", Level: event.Error, Spec: "RFC 6455 §8.1",
		Text: "a text message is not UTF-8",
	}
	inflateFailed = &event.Code{
		Name: "ws.inflate_failed", Level: event.Error, Spec: "RFC 7692 §7.2.2",
		Text: "a compressed message cannot be inflated",
	}
	contextLost = &event.Code{
		Name: "ws.context_lost", Level: event.Note, Spec: "RFC 7692 §7.1.1",
		Text: "compressed messages may refer to earlier ones that are missing: their sizes are exact, some of their bytes may be unknown",
	}
)

// Control frames, and the end.
var (
	closePayloadShort = &event.Code{
		Name: "ws.close_payload_short", Level: event.Error, Spec: "RFC 6455 §5.5.1",
		Text: "the payload of a Close frame is a single byte, where a code has two",
	}
	closeCodeReserved = &event.Code{
		Name: "ws.close_code_reserved", Level: event.Error, Spec: "RFC 6455 §7.4",
		Text: "a Close frame has a code that is reserved",
	}
	closeCodeInvalid = &event.Code{
		Name: "ws.close_code_invalid", Level: event.Error, Spec: "RFC 6455 §7.4.2",
		Text: "a Close frame has a code outside of 1000 to 4999",
	}
	closeReasonInvalid = &event.Code{
		Name: "ws.close_reason_invalid", Level: event.Error, Spec: "RFC 6455 §5.5.1",
		Text: "the reason of a Close frame is not UTF-8",
	}
	dataAfterClose = &event.Code{
		Name: "ws.data_after_close", Level: event.Warn, Spec: "RFC 6455 §5.5.1",
		Text: "a data frame follows the Close frame of its sender",
	}
	noCloseFrame = &event.Code{
		Name: "ws.no_close_frame", Level: event.Warn, Spec: "RFC 6455 §7.1.5",
		Text: "the connection ended without a Close frame",
	}
)

// Our own limits.
var (
	messageLimit = &event.Code{
		Name: "ws.message_limit", Level: event.Warn, Spec: "RFC 6455 §10.4",
		Text: "compressed messages inflate to so much more than their size that inflating one was stopped",
	}
	windowLimit = &event.Code{
		Name: "ws.window_limit", Level: event.Warn,
		Text: "compressed messages may refer to earlier ones that were given up, for too many are remembered: their sizes are exact, some of their bytes may be unknown",
	}
	gapsLimit = &event.Code{
		Name: "ws.gaps_limit", Level: event.Note,
		Text: "a message has more gaps than the limit: what follows the last one listed was not kept",
	}
	pingsLimit = &event.Code{
		Name: "ws.pings_limit", Level: event.Note,
		Text: "more pings wait for their pongs than the limit, and the oldest were given up",
	}
)
