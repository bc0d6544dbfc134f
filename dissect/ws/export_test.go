package ws

import "example.com/wirewatch/dissect"

// Held is how many bytes the decoders of c's shard hold.
func Held(c *dissect.Conn) int { return c.Shared(Spec.Name, newShared).(*shared).pool.Held() }
