package rpc_test

import "testing"

const socketURI = "/socket.io/?EIO=4&transport=websocket"

// The packets are those of the protocol's own document.
func TestSocketIO(t *testing.T) {
	run(t, []conversation{
		{name: "a session", uri: socketURI, steps: []step{
			{`<0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],"pingInterval":25000,"pingTimeout":5000,"maxPayload":1000000}`, "engine.io control open"},
			{`>40`, "socket.io control CONNECT"},
			{`<40{"sid":"wZX3oN0bSVIhsaknAAAI"}`, "socket.io control CONNECT in 2 10ms"},
			{`>40/admin,{"token":"123"}`, "socket.io control CONNECT /admin"},
			{`<44/admin,{"message":"Not authorized"}`, "socket.io control CONNECT_ERROR /admin failed in 4 10ms"},
			{`>42["foo"]`, "socket.io notification EVENT foo"},
			{`<42/admin,["bar"]`, "socket.io notification EVENT bar"},
			{`<451-["baz",{"_placeholder":true,"num":0}]`, "socket.io notification BINARY_EVENT baz"},
			{`>452-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "socket.io notification BINARY_EVENT baz"},
			{`>4212["foo"]`, "socket.io request EVENT foo #12"},
			{`<4312[]`, "socket.io response ACK foo #12 in 10 10ms"},
			{`<42/admin,13["foo"]`, "socket.io request EVENT foo #13"},
			{`>4313["bar"]`, "socket.io response ACK #13"},
			{`>43/admin,13["bar"]`, "socket.io response ACK foo #13 in 12 20ms"},
			{`>451-14["foo",{"_placeholder":true,"num":0}]`, "socket.io request BINARY_EVENT foo #14"},
			{`<4314["bar"]`, "socket.io response ACK foo #14 in 15 10ms"},
			{`<4215["foo"]`, "socket.io request EVENT foo #15"},
			{`>461-15["bar",{"_placeholder":true,"num":0}]`, "socket.io response BINARY_ACK foo #15 in 17 10ms"},
			{`<2`, "engine.io control ping"},
			{`>3`, "engine.io control pong in 19 10ms"},
			{`>41/admin,`, "socket.io control DISCONNECT /admin"},
			{`>42["\u0061","…`, "socket.io notification EVENT a"},
			{`>42["a…`, "socket.io notification EVENT"},
			{`>42[3,1]`, "socket.io notification EVENT 3"},
			{`>4hello`, "engine.io notification message"},
			{`>42["foo"`, "socket.io notification EVENT foo"},
			{`>45["foo"]`, "engine.io notification message"},
			{`>42/admin["foo"]`, "engine.io notification message"},
			{`>47`, "engine.io notification message"},
			{`>4`, "engine.io notification message"},
			{`>1`, "engine.io control close"},
			{`<6`, "engine.io control noop"},
			{`<7`, ""},
			{`<{"a":1}`, "json"},
		}},
		{name: "proved by the URI", uri: "ws://example.com/chat/?transport=websocket&EIO=3&t=1", steps: []step{
			{`<2`, "engine.io control ping"},
			{`>40`, "socket.io control CONNECT"},
		}},
		{name: "proved by the open packet", steps: []step{
			{`<2`, ""},
			{`>40`, ""},
			{`>0{"sid":"a","pingInterval":25000}`, ""},
			{`<0{"sid":"a"}`, ""},
			{`<0{"sid":"a","pingInterval":25000…`, ""},
			{`<0{"sid":"a","pingInterval":25000}`, "engine.io control open"},
			{`<2`, "engine.io control ping"},
		}},
		{name: "proved by the probe", steps: []step{
			{`<2probe`, ""},
			{`>2probe`, "engine.io control ping"},
			{`<3probe`, "engine.io control pong in 2 10ms"},
			{`>5`, "engine.io control upgrade"},
		}},
		{name: "proved by an event", steps: []step{
			{`>42`, ""},
			{`>42[1]`, ""},
			{`>42["foo",]`, ""},
			{`>42["foo"]x]`, ""},
			{`>43["foo"]`, ""},
			{`>40{"sid":"a"}`, ""},
			{`>4.2`, ""},
			{`>423`, ""},
			{`>421-["foo"]`, ""},
			{`>42["foo","…`, ""},
			{`>42["foo",{"a":1}]`, "socket.io notification EVENT foo"},
			{`>40`, "socket.io control CONNECT"},
		}},
		{name: "not proved without a query", uri: "/EIO=4&transport=websocket", steps: []step{{`>40`, ""}}},
		{name: "not proved by a path", uri: "/socket.io/?transport=websocket", steps: []step{{`>40`, ""}}},
		{name: "not proved by a version", uri: "/socket.io/?EIO=4&transport=polling", steps: []step{{`>40`, ""}}},
		{name: "another subprotocol", subprotocol: "graphql-ws", uri: socketURI, steps: []step{{`>42["foo"]`, ""}}},
	})
}
