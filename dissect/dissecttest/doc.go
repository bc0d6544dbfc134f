// Package dissecttest is the conformance suite of dissectors: what every
// dissect.Spec must do whatever its protocol is. A Spec passes it with a dozen
// conversations of its protocol as samples, and nothing else:
//
//	dissecttest.Run(t, http.Spec, []dissecttest.Sample{
//		{Name: "get", Pieces: []dissecttest.Piece{
//			dissecttest.Client("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
//			dissecttest.Server("HTTP/1.1 204 No Content\r\n\r\n"),
//		}},
//	})
//
// The facts of a sample must not depend on how its bytes are cut, and a sample
// may be cut off or have a hole anywhere. What a dissector was lent is spoiled
// as soon as it returns, and everything that it says and asks for is checked
// against the contract. Work is counted in calls and in bytes, never in time.
package dissecttest
