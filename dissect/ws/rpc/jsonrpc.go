package rpc

// jsonRPC reads an object of JSON-RPC 2.0 (§4, §5). What proves it is the member
// "jsonrpc" with the value "2.0", which the specification demands of all of them.
// One that is neither a request nor a response has no type. An error of null,
// which some senders put beside a result, is none.
func jsonRPC(e *envelope) (s said, ok bool) {
	if !is(e.jsonrpc, "2.0") {
		return s, false
	}
	s.Protocol = JSONRPC
	s.key = identifier(e.id)
	s.ID = s.key.id
	switch {
	case e.method != "":
		s.called(e)
	case e.err != "" || e.result != "":
		s.Type, s.Kind, s.role, s.Error = "response", Response, finishes, failed(e.err)
	}
	return s, true
}

// called completes a request object. Without an id it is a notification; with
// one that is null it is a request still, though one that is hard to answer. An
// id that is not in the beginning of a text may be in the rest.
func (s *said) called(e *envelope) {
	switch {
	case !isString(e.method):
		return
	case e.id != "":
		s.Type, s.Kind, s.role = "request", Request, asks
	case e.end == whole:
		s.Type, s.Kind = "notification", Notification
	}
	s.Method, _ = str(e.method)
}

// jsonRPCBatch reads an array of them (§6), nil if its first is none. What is no
// object of JSON-RPC is passed over: the specification has the server answer it
// with an error.
func (c *Conn) jsonRPCBatch(in *input) (m *Message) {
	list := members{p: in.text}
	for list.next() {
		var s said
		ok := len(list.value) > 0 && list.value[0] == '{'
		if ok {
			var e envelope
			e.read(list.value)
			s, ok = jsonRPC(&e)
			ok = ok && e.end != broken
		}
		switch {
		case ok:
			m = c.tellAnother(in, m, s)
		case m == nil:
			return nil
		}
	}
	return m
}
