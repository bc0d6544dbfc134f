package dissect

// Starter is a Dissector that has something to say before the first byte: Start
// is called once, when the driver has made it.
type Starter interface{ Start(c *Conn) }

// Shared is what all flows of the shard share under a name, that of a Spec:
// buffers whose content matters only during a call, free lists. It is made when
// it is first asked for. It has one owner, like the shard.
func (c *Conn) Shared(name string, made func() any) any {
	s := c.env.shared[name]
	if s == nil {
		if c.env.shared == nil {
			c.env.shared = map[string]any{}
		}
		s = made()
		c.env.shared[name] = s
	}
	return s
}

// start lets the dissector that was just made speak.
func (c *Conn) start() {
	if s, ok := c.d.(Starter); ok {
		s.Start(c)
	}
}
