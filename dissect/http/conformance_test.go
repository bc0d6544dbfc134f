package http_test

import (
	"testing"

	"example.com/wirewatch/dissect/dissecttest"
	"example.com/wirewatch/dissect/http"
)

func TestConformance(t *testing.T) {
	c, s := dissecttest.Client, dissecttest.Server
	dissecttest.Run(t, http.Spec, []dissecttest.Sample{
		{Name: "keep-alive", Pieces: []dissecttest.Piece{
			c("GET /a HTTP/1.1\r\nHost: example.com\r\nUser-Agent: x\r\n\r\n"),
			s("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello"),
			c("POST /b HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\r\nabc"),
			s("HTTP/1.1 204 No Content\r\n\r\n"),
		}},
	})
}
