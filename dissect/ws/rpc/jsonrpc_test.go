package rpc_test

import (
	"strings"
	"testing"
)

// The first are the examples of the specification (§7).
func TestJSONRPC(t *testing.T) {
	run(t, []conversation{
		{name: "calls", steps: []step{
			{`>{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}`, "json-rpc request request subtract #1"},
			{`<{"jsonrpc": "2.0", "result": 19, "id": 1}`, "json-rpc response response subtract #1 in 1 10ms"},
			{`>{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}`, "json-rpc notification notification update"},
			{`>{"jsonrpc": "2.0", "method": "foobar", "id": "1"}`, "json-rpc request request foobar #1"},
			{`<{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}`, "json-rpc response response foobar #1 failed in 4 10ms"},
			{`<{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}`, "json-rpc response response failed"},
			{`>{"jsonrpc": "2.0", "method": 1, "params": "bar"}`, "json-rpc"},
			{`>{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]`, ""},
		}},
		{name: "batches", steps: []step{
			{
				`>[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
				   {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
				   {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
				   {"foo": "boo"},
				   {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]`,
				"4: [json-rpc request request sum #1] [json-rpc notification notification notify_hello] " +
					"[json-rpc request request subtract #2] [json-rpc request request get_data #9]",
			},
			{
				`<[{"jsonrpc": "2.0", "result": 7, "id": "1"}, {"jsonrpc": "2.0", "result": 19, "id": "2"},
				   {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}]`,
				"3: [json-rpc response response sum #1 in 1 10ms] [json-rpc response response subtract #2 in 1 10ms] " +
					"[json-rpc response response failed]",
			},
			{`<{"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}`, "json-rpc response response get_data #9 in 1 20ms"},
			{`>[]`, "json"},
			{`>[1,2,3]`, "json"},
			{`>[1,{"jsonrpc": "2.0", "method": "m"}]`, "json"},
			{`>[{"jsonrpc": "2.0", "method": "m"}]`, "json-rpc notification notification m"},
			{`>[{"jsonrpc": "2.0", "method": "m"},]`, ""},
			{`>[{"jsonrpc": "2.0", "method": "m"},{"jsonrpc": "2.0", "method": "n", "par…`, "2: [json-rpc notification notification m] [json-rpc n]"},
		}},
		{name: "each end has its own ids, and numbers are no strings", steps: []step{
			{`>{"jsonrpc":"2.0","id":1,"method":"c"}`, "json-rpc request request c #1"},
			{`<{"jsonrpc":"2.0","id":1,"method":"s"}`, "json-rpc request request s #1"},
			{`<{"jsonrpc":"2.0","id":"1","result":null}`, "json-rpc response response #1"},
			{`<{"jsonrpc":"2.0","id":1,"result":null}`, "json-rpc response response c #1 in 1 30ms"},
			{`>{"jsonrpc":"2.0","id":1,"result":null}`, "json-rpc response response s #1 in 2 30ms"},
			{`<{"jsonrpc":"2.0","id":1,"result":null}`, "json-rpc response response #1"},
		}},
		{name: "an id that is used again is the later request's", steps: []step{
			{`>{"jsonrpc":"2.0","id":1,"method":"a"}`, "json-rpc request request a #1"},
			{`>{"jsonrpc":"2.0","id":1,"method":"b"}`, "json-rpc request request b #1"},
			{`<{"jsonrpc":"2.0","id":1,"result":0}`, "json-rpc response response b #1 in 2 10ms"},
			{`<{"jsonrpc":"2.0","id":1,"result":0}`, "json-rpc response response #1"},
		}},
		{name: "what proves it", steps: []step{
			{`>{"id":1,"method":"Page.enable","params":{}}`, "json"},
			{`>{"jsonrpc":"1.0","id":1,"method":"m"}`, "json"},
			{`>{"jsonrpc":2.0,"id":1,"method":"m"}`, "json"},
			{`>{"jsonrpc":"2.0","id":1}`, "json-rpc #1"},
			{`>{"a":{"jsonrpc":"2.0","method":"m"}}`, "json"},
			{`>{"a":"\",\"jsonrpc\":\"2.0\",\"method\":\"m"}`, "json"},
			{`>{"json\u0072pc":"\u0032.0","\u006dethod":"\"\\\/\ud83d\ude00\ud83d"}`, "json-rpc notification notification \"\\/😀�"},
			{`>{"jsonrpc":"1.0","method":"a","method":"b","jsonrpc":"2.0"}`, "json-rpc notification notification b"},
			{`>{"jsonrpc":"2.0","id":{},"method":"m"}`, "json-rpc request request m"},
			{`>{"jsonrpc":"2.0","id":null,"method":"m"}`, "json-rpc request request m"},
			{`<{"jsonrpc":"2.0","id":-1e400,"result":1,"error":null}`, "json-rpc response response #-1e400"},
		}},
		{name: "cut by the limit", steps: []step{
			{`>{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":[…`, "json-rpc request request m #1"},
			{`<{"jsonrpc":"2.0","id":1,"result":{"a":"…`, "json-rpc response response m #1 in 1 10ms"},
			{`>{"jsonrpc":"2.0","method":"m","params":[…`, "json-rpc m"},
			{`>{"jsonrpc":"2.0","id":12…`, "json-rpc"},
			{`>{"jsonrpc":"2.0","id":1,"met…`, "json-rpc #1"},
			{`<{"jsonrpc":"2.0","error":…`, "json-rpc response response"},
			{`>{"jsonrpc":"2.0","id":7,"method":"m…`, "json-rpc #7"},
			{`>{"method":"m","params":[…`, "json"},
		}},
		{name: "deep", steps: []step{
			{
				`>{"params":` + strings.Repeat(`[{"":`, 100_000) + "1" + strings.Repeat("}]", 100_000) + `,"jsonrpc":"2.0","method":"m"}`,
				"json-rpc notification notification m",
			},
		}},
	})
}
