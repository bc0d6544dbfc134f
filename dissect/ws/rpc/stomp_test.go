package rpc_test

import (
	"strings"
	"testing"
)

func TestSTOMP(t *testing.T) {
	run(t, []conversation{
		{name: "a session", subprotocol: "v12.stomp", steps: []step{
			{">CONNECT\naccept-version:1.0,1.1,2.0\nhost:stomp.example.org\n\n\x00", "stomp control CONNECT"},
			{"<CONNECTED\nversion:1.1\n\n\x00", "stomp control CONNECTED in 1 10ms"},
			{">SEND\ndestination:/queue/a\ncontent-type:text/plain\n\nhello queue a\x00", "stomp notification SEND /queue/a"},
			{">SUBSCRIBE\r\nid:0\r\ndestination:/queue/foo\r\nack:client\r\n\r\n\x00\r\n", "stomp notification SUBSCRIBE /queue/foo #0"},
			{"<MESSAGE\nsubscription:0\nmessage-id:007\ndestination:/queue/foo\n\nhello\x00", "stomp notification MESSAGE /queue/foo #0"},
			{">ACK\nid:12345\n\n\x00", "stomp notification ACK #12345"},
			{">SEND\ndestination:/queue/b\nreceipt:message-1\\c2\n\n\x00", "stomp request SEND /queue/b #message-1:2"},
			{"<RECEIPT\nreceipt-id:message-1\\c2\n\n\x00", "stomp response RECEIPT /queue/b #message-1:2 in 7 10ms"},
			{">SEND\ndestination:/a\ndestination:/b\nreceipt:2\n\n\x00", "stomp request SEND /a #2"},
			{"<ERROR\nreceipt-id:2\nmessage:malformed\n\nThe message\x00", "stomp response ERROR /a #2 failed in 9 10ms"},
			{"<ERROR\nmessage:gone\n\n\x00", "stomp control ERROR failed"},
			{"<\n", "stomp control heart-beat"},
			{">\r\n", "stomp control heart-beat"},
			{">BEGIN\ntransaction:tx1\n\n\x00", "stomp notification BEGIN"},
			{">SEND\ndestination:a\\\\b\\r\\n\\x\\\n\n\x00", "stomp notification SEND a\\b \\x\\"},
			{">SEND\ndestination:/large\n\npart of a body", "stomp notification SEND /large"},
			{">SEND\ndestination:/large\nhea…", "stomp SEND /large"},
			{">and the rest\x00", ""},
			{">DISCONNECT\nreceipt:77\n\n\x00", "stomp request DISCONNECT #77"},
			{"<RECEIPT\nreceipt-id:77\n\n\x00", "stomp response RECEIPT #77 in 19 10ms"},
		}},
		{name: "1.0 has no escapes", subprotocol: "v10.stomp", steps: []step{
			{">SEND\ndestination:a\\cb\n\n\x00", "stomp notification SEND a\\cb"},
		}},
		{name: "refused", subprotocol: "v11.stomp", steps: []step{
			{">STOMP\nhost:a\n\n\x00", "stomp control STOMP"},
			{"<ERROR\nversion:1.2\n\n\x00", "stomp control ERROR failed in 1 10ms"},
		}},
		{name: "what proves it", steps: []step{
			{">\n", ""},
			{"<CONNECT\n\n\x00", ""},
			{">MESSAGE\n\n\x00", ""},
			{">CONNECT\nhost\n\n\x00", ""},
			{">CONNECT\n:a\n\n\x00", ""},
			{">CONNECT\nhost:a\n\n", ""},
			{">CONNECT\nhost:a\n\x00", ""},
			{">CONNECT host:a\n\n\x00", ""},
			{">CONNECT", ""},
			{">SEND\ndestination:/a\n\nlong…", ""},
			{">SEND\n\n\x00", "stomp notification SEND"},
			{">\n", "stomp control heart-beat"},
		}},
		{name: "clipped", subprotocol: "v12.stomp", steps: []step{
			{">SEND\ndestination:" + strings.Repeat("\\c", 200) + "\n\n\x00", "stomp notification SEND " + strings.Repeat(":", 128)},
			{">SEND\ndestination:" + strings.Repeat("a", 200) + "\\c\n\n\x00", "stomp notification SEND " + strings.Repeat("a", 128)},
		}},
	})
}
