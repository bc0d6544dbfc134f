// The Go ends of the real WebSocket captures: a module of its own, so that the
// program's has nothing to do with what it needs.
module example.com/wirewatch/scripts/pcaps/ws/go

go 1.26

require (
	github.com/coder/websocket v1.8.15
	github.com/gorilla/websocket v1.5.3
)
