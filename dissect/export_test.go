package dissect

import "example.com/wirewatch/flow"

// Queued is what of dir waits to be delivered behind Rest: how many bytes are
// held, how many are missing, and the gaps that these are in.
func (c *Conn) Queued(dir flow.Dir) (held int, missing uint64, gaps int) {
	q := c.half[dir].queue
	if q == nil {
		return 0, 0, 0
	}
	for i := range q.parts {
		missing += q.parts[i].gap
	}
	return q.bytes, missing, len(q.parts)
}

// Mark is where bytes came from.
type Mark = mark

// Marks are where the bytes of Rest came from.
func (c *Conn) Marks(dir flow.Dir) []Mark { return c.half[dir].carry.from() }
