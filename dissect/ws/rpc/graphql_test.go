package rpc_test

import (
	"strings"
	"testing"
)

func TestGraphQL(t *testing.T) {
	run(t, []conversation{
		{name: "graphql-transport-ws", subprotocol: "graphql-transport-ws", steps: []step{
			{`>{"type":"connection_init","payload":{"token":"t"}}`, "graphql-transport-ws control connection_init"},
			{`<{"type":"connection_ack"}`, "graphql-transport-ws control connection_ack in 1 10ms"},
			{
				`>{"id":"5f","type":"subscribe","payload":{"query":"subscription OnPrice($s: String!) {\n price(s: $s)\n}","variables":{"s":"X"}}}`,
				"graphql-transport-ws request subscribe OnPrice #5f",
			},
			{`<{"id":"5f","type":"next","payload":{"data":{"price":1}}}`, "graphql-transport-ws response next OnPrice #5f in 3 10ms"},
			{`<{"id":"5f","type":"next","payload":{"data":{"price":2}}}`, "graphql-transport-ws response next OnPrice #5f in 3"},
			{`<{"id":"5f","type":"complete"}`, "graphql-transport-ws response complete OnPrice #5f in 3"},
			{`<{"id":"5f","type":"next","payload":{}}`, "graphql-transport-ws response next #5f"},
			{`>{"id":"6","type":"subscribe","payload":{"operationName":"Op","query":"query Other { a } query Op { b }"}}`, "graphql-transport-ws request subscribe Op #6"},
			{`<{"id":"6","type":"error","payload":[{"message":"no"}]}`, "graphql-transport-ws response error Op #6 failed in 8 10ms"},
			{`<{"id":"6","type":"complete"}`, "graphql-transport-ws response complete #6"},
			{`>{"id":"7","type":"subscribe","payload":{"query":"{ a }"}}`, "graphql-transport-ws request subscribe #7"},
			{`>{"id":"7","type":"complete"}`, "graphql-transport-ws cancel complete #7"},
			{`<{"id":"7","type":"complete"}`, "graphql-transport-ws response complete #7"},
			{`<{"type":"ping"}`, "graphql-transport-ws control ping"},
			{`>{"type":"pong"}`, "graphql-transport-ws control pong in 14 10ms"},
			{`>{"type":"pong"}`, "graphql-transport-ws control pong"},
			{`<{"type":"connection_ack"}`, "graphql-transport-ws control connection_ack"},
			{`>{"type":"shrug","id":"1"}`, "graphql-transport-ws shrug"},
			{`>{"type":1}`, "json"},
			{`>{"jsonrpc":"2.0","method":"m"}`, "json-rpc notification notification m"},
		}},
		{name: "graphql-ws", subprotocol: "graphql-ws", steps: []step{
			{`>{"type":"connection_init","payload":{}}`, "graphql-ws control connection_init"},
			{`<{"type":"connection_error","payload":{"message":"no"}}`, "graphql-ws control connection_error failed in 1 10ms"},
			{`<{"type":"ka"}`, "graphql-ws control ka"},
			{`>{"id":1,"type":"start","payload":{"query":"mutation Do { a }"}}`, "graphql-ws request start Do #1"},
			{`<{"id":1,"type":"start_ack"}`, "graphql-ws response start_ack Do #1 in 4 10ms"},
			{`<{"id":1,"type":"data","payload":{"data":{}}}`, "graphql-ws response data Do #1 in 4"},
			{`<{"id":1,"type":"data","payload":{"data":{}}}`, "graphql-ws response data Do #1 in 4"},
			{`>{"id":1,"type":"stop"}`, "graphql-ws cancel stop #1"},
			{`<{"id":1,"type":"complete"}`, "graphql-ws response complete #1"},
			{`<{"type":"connection_error"}`, "graphql-ws control connection_error failed"},
			{`>{"type":"connection_terminate"}`, "graphql-ws control connection_terminate"},
		}},
		{name: "proved by an operation", steps: []step{
			{`>{"type":"connection_init"}`, "json"},
			{`<{"id":"1","type":"subscribe","payload":{"query":"{a}"}}`, "json"},
			{`>{"id":"1","type":"subscribe","payload":{"channel":"a"}}`, "json"},
			{`>{"type":"subscribe","payload":{"query":"{a}"}}`, "json"},
			{`>{"id":"1","type":"subscribe","payload":{"query":"{a}"}}`, "graphql-transport-ws request subscribe #1"},
			{`<{"id":"1","type":"next","payload":{}}`, "graphql-transport-ws response next #1 in 5 10ms"},
		}},
		{name: "proved by an operation of the older protocol", steps: []step{
			{`>{"id":"1","type":"start","payload":{"query":"subscription S { a }"}}`, "graphql-ws request start S #1"},
			{`<{"id":"1","type":"data","payload":{}}`, "graphql-ws response data S #1 in 1 10ms"},
		}},
	})
}

func TestOperationName(t *testing.T) {
	for query, want := range map[string]string{
		`query A { a }`:                       " A",
		`  # query Not { a }\n,\tquery B{a}`:  " B",
		`subscription\u0020C_1 @live { a }`:   " C_1",
		`query ($a: Int) { a }`:               "",
		`{ query A }`:                         "",
		`fragment F on T { a } query G { a }`: "",
		`querying A { a }`:                    "",
		`query`:                               "",
		`query Open`:                          "",
		``:                                    "",
		`query ` + strings.Repeat("x", 200) + `{a}`: " " + strings.Repeat("x", 128),
		`query ` + strings.Repeat("x", 300) + `{a}`: "",
	} {
		run(t, []conversation{{name: "query", subprotocol: "graphql-transport-ws", steps: []step{
			{`>{"type":"subscribe","payload":{"query":"` + query + `"}}`, "graphql-transport-ws request subscribe" + want},
		}}})
	}
}
