package dissect_test

import (
	"strings"
	"testing"

	"example.com/wirewatch/dissect/dissecttest"
)

var (
	client = dissecttest.Client
	server = dissecttest.Server
)

func TestConformanceOfLines(t *testing.T) {
	dissecttest.Run(t, linesSpec, []dissecttest.Sample{
		{Name: "one", Pieces: []dissecttest.Piece{client("HELLO a\n"), server("OK b\n")}},
		{Name: "several", Pieces: []dissecttest.Piece{
			client("HELLO a\nHELLO b\nHELLO c\n"), server("OK 1\nOK 2\n"), client("HELLO d\n"), server("OK 3\nOK 4\n"),
		}},
		{Name: "cut", Pieces: []dissecttest.Piece{client("HELLO a\nHELL"), server("OK 1\nOK")}},
		{Name: "handoff", Pieces: []dissecttest.Piece{
			client("HELLO a\n"), server("OK SWITCH packets\n" + answer("x")), client(ask("abc")), server(answer("yz") + answer("")),
		}},
		{Name: "long", Pieces: []dissecttest.Piece{
			client("HELLO " + strings.Repeat("x", 3000) + "\n"), server("OK " + strings.Repeat("y", 5000) + "\n"),
		}},
	}, packetsSpec)
}

func TestConformanceOfPackets(t *testing.T) {
	dissecttest.Run(t, packetsSpec, []dissecttest.Sample{
		{Name: "both", Pieces: []dissecttest.Piece{client(ask("abc") + ask("")), server(answer(strings.Repeat("z", 300)))}},
		{Name: "to lines", Pieces: []dissecttest.Piece{
			client(ask("a") + ask("go:lines") + "HELLO 1\n"), server("OK 2\n"), client("HELLO 3\n"), server("OK 4\n"),
		}},
	}, linesSpec)
}
