// Package rpc says what the text messages of a WebSocket mean to those who send
// them: which sub-protocol they speak, what kind of message each is, and which
// request a response answers. It reads no more than that takes.
//
//	json-rpc               JSON-RPC 2.0, single and batch
//	graphql-transport-ws   GraphQL over WebSocket, the protocol of the graphql-ws library
//	graphql-ws             its predecessor, of the subscriptions-transport-ws library
//	engine.io, socket.io   Engine.IO 3 and 4, Socket.IO 4 and 5
//	signalr                the hub protocol of ASP.NET Core SignalR, encoded as JSON
//	stomp                  STOMP 1.0, 1.1 and 1.2
//	json                   any other object or array
//
// To be taken for one that is not spoken is worse than not to be known. So a
// message is only of a protocol by what the handshake agreed on, by a message
// before it that proves it, or by itself; each protocol's function says what
// proves it. Of a text that was cut, what its beginning says is told, and nothing
// that the rest could change, unless a sender repeats the name of a member: then
// the last counts, as it does for those who receive it.
//
// A request and its response are paired by the id that one end chose and the
// other repeats. The two ends choose independently: each has its own name space.
// Ids that look the same but are a number in one message and a string in the
// other are different. Latency is from the end of the request to the end of the
// first message that answers it. Handshakes and heartbeats that are answered pair
// likewise.
//
// A Conn belongs to one connection and is not safe for concurrent use. It keeps no
// text: every string of a Message is a copy, clipped to 128 bytes. A text of no
// known protocol costs no memory. Of each end at most 256 requests wait, which is
// at most 180 KB for a connection.
package rpc
