package rpc_test

import "testing"

func TestSignalR(t *testing.T) {
	run(t, []conversation{
		{name: "a session", steps: []step{
			{">{\"protocol\":\"json\",\"version\":1}\x1e", "signalr control HandshakeRequest json"},
			{"<{}\x1e", "signalr control HandshakeResponse json in 1 10ms"},
			{">{\"arguments\":[42,\"Test\"],\"invocationId\":\"0\",\"target\":\"Send\",\"type\":1}\x1e", "signalr request Invocation Send #0"},
			{
				"<{\"type\":1,\"target\":\"ReceiveMessage\",\"arguments\":[\"a\"]}\x1e{\"type\":3,\"invocationId\":\"0\",\"result\":null}\x1e",
				"2: [signalr notification Invocation ReceiveMessage] [signalr response Completion Send #0 in 3 10ms]",
			},
			{">{\"type\":4,\"invocationId\":\"1\",\"target\":\"Counter\",\"arguments\":[10]}\x1e", "signalr request StreamInvocation Counter #1"},
			{"<{\"type\":2,\"invocationId\":\"1\",\"item\":0}\x1e", "signalr response StreamItem Counter #1 in 5 10ms"},
			{"<{\"type\":2,\"invocationId\":\"1\",\"item\":1}\x1e", "signalr response StreamItem Counter #1 in 5"},
			{"<{\"type\":3,\"invocationId\":\"1\",\"error\":\"It didn't work!\"}\x1e", "signalr response Completion Counter #1 failed in 5"},
			{">{\"type\":4,\"invocationId\":\"2\",\"target\":\"Counter\",\"arguments\":[]}\x1e", "signalr request StreamInvocation Counter #2"},
			{">{\"type\":5,\"invocationId\":\"2\"}\x1e", "signalr cancel CancelInvocation #2"},
			{"<{\"type\":3,\"invocationId\":\"2\"}\x1e", "signalr response Completion #2"},
			{"<{\"type\":1,\"invocationId\":\"0\",\"target\":\"GetName\",\"arguments\":[]}\x1e", "signalr request Invocation GetName #0"},
			{">{\"type\":3,\"invocationId\":\"0\",\"result\":\"x\"}\x1e", "signalr response Completion GetName #0 in 12 10ms"},
			{"<{\"type\":6} \x1e", "signalr control Ping"},
			{">{\"type\":8,\"sequenceId\":1394}\x1e{\"type\":9,\"sequenceId\":1234}\x1e", "2: [signalr control Ack] [signalr control Sequence]"},
			{"<{\"type\":7,\"error\":\"Connection closed because of an error!\",\"allowReconnect\":true}\x1e", "signalr control Close failed"},
			{"<{\"type\":7}\x1e", "signalr control Close"},
		}},
		{name: "what proves it", steps: []step{
			{"<{}\x1e", ""},
			{"<{\"error\":\"no\"}\x1e", ""},
			{"<{\"type\":6}", "json"},
			{"<{\"type\":0}\x1e", ""},
			{"<{\"type\":10}\x1e", ""},
			{"<{\"type\":\"6\"}\x1e", ""},
			{"<{\"type\":1}\x1e", ""},
			{"<{\"type\":1,\"target\":7}\x1e", ""},
			{"<{\"type\":2}\x1e", ""},
			{"<{\"type\":4,\"target\":\"t\"}\x1e", ""},
			{"<{\"protocol\":\"json\",\"version\":1}\x1e", ""},
			{">{\"protocol\":\"json\"}\x1e", ""},
			{"<{\"type\":6}\x1e", "signalr control Ping"},
		}},
		{name: "a handshake that fails", steps: []step{
			{">{\"protocol\":\"messagepack\",\"version\":1}\x1e", "signalr control HandshakeRequest messagepack"},
			{"<{\"error\":\"Requested protocol is not available.\"}\x1e", "signalr control HandshakeResponse messagepack failed in 1 10ms"},
		}},
		{name: "what follows the first is read as far as it goes", steps: []step{
			{"<{\"type\":6}\x1e{\"type\":6}", "signalr control Ping"},
			{"<{\"type\":6}\x1e \n", "signalr control Ping"},
			{"<{\"type\":6}\x1e{\"type\":", "signalr control Ping"},
			{"<{\"type\":6}\x1e[]\x1e", "signalr control Ping"},
			{"<{\"type\":6}\x1e\x1e{\"type\":6}\x1e", "signalr control Ping"},
		}},
		{name: "cut by the limit", steps: []step{
			{">{\"type\":1,\"invocationId\":\"1\",\"target\":\"Send\",\"arguments\":[…", "json"},
			{"<{\"type\":6}\x1e{\"type\":1,\"target\":\"Big\",\"argu…", "2: [signalr control Ping] [signalr Invocation Big]"},
			{">{\"type\":1,\"invocationId\":\"1\",\"target\":\"Send\",\"arguments\":[…", "signalr request Invocation Send #1"},
			{">{\"arguments\":[…", "json"},
			{"<{\"type\":6}\x1e…", "signalr control Ping"},
		}},
	})
}
