#!/bin/bash
# Makes the real WebSocket captures in testdata/pcaps: implementations that
# people use, talking to each other over a veth pair, and what each end says that it sent
# as truth. What they say is planned in ws/plans.json.
#
#   ws.sh            all of them
#   ws.sh NAME...    these (function names below, with "_" for "-")
#
# Needs root and Go, and on Debian:
#   apt-get install nodejs npm tcpdump ethtool iproute2 python3-websockets chromium gcc pkg-config libwebsockets-dev
# node's ws comes from npm and the Go packages from the module proxy, in the
# versions of ws/node/package-lock.json and ws/go/go.sum.
#
# A capture is rejected if the kernel dropped a packet of it. Ports, times,
# sequence numbers and masking keys differ from run to run.
. "$(dirname "$0")/lib.sh"
host=10.9.0.2:8080

# node_peer: node's ws, installed for this run.
node_peer() {
	[ -d "$tmp/ws/node/node_modules" ] && return
	mkdir -p "$tmp/ws"
	cp -r "$scripts/ws/node" "$scripts/ws/plans.json" "$scripts/ws/browser.html" "$tmp/ws/"
	(cd "$tmp/ws/node" && npm ci --no-audit --no-fund --silent)
}

node_server() {
	node_peer
	start ip netns exec "$server" node "$tmp/ws/node/server.js" 8080 "$tmp/server.jsonl"
	wait_port "$server" 8080
}

node_client() { # PLAN:SETTING...
	node_peer
	in_client node "$tmp/ws/node/client.js" "ws://$host" "$tmp/client.jsonl" "$@"
}

# made NAME: ends the recording and the server, and writes the truth log.
made() {
	recorded "$1"
	stop
	"$tmp/traffic" sort "$tmp/server.jsonl" "$tmp/client.jsonl" >"$out/$1.truth.jsonl"
}

# every PLAN SETTING...: the plan with each of the settings.
every() {
	local plan=$1
	shift
	printf "$plan:%s\n" "$@"
}

# --- the captures ---------------------------------------------------------------

real_ws_node() {
	node_server
	tcpdump_to real-ws-node wire
	node_client sizes fragments pongs chat
	made real-ws-node
}

real_ws_node_deflate() {
	node_server
	tcpdump_to real-ws-node-deflate wire
	node_client $(every chat on some server-no-context client-no-context no-context bits-9 bits-10 bits-15) fragments:on sizes:on
	made real-ws-node-deflate
}

real_ws_node_ends() {
	node_server
	tcpdump_to real-ws-node-ends wire
	node_client close-client close-server close-without-code close-application close-refused close-both \
		reset-client reset-server end-client end-server reset-server:on
	made real-ws-node-ends
}

real_ws_node_heartbeat() {
	node_server
	tcpdump_to real-ws-node-heartbeat wire
	node_client heartbeat heartbeat:on
	made real-ws-node-heartbeat
}

real_ws_node_large() {
	node_server
	tcpdump_to real-ws-node-large wire
	node_client large large:on
	made real-ws-node-large
	gzip -nf "$out/real-ws-node-large.pcap"
}

real_ws_node_lossy() {
	lossy_network
	start ip netns exec "$middle" "$tmp/traffic" impair -loss 0.04 -reorder 0.06 -duplicate 0.02 left right
	node_server
	tcpdump_to real-ws-node-lossy bad
	host=10.9.1.4:8080 node_client bulk bulk:on bulk:no-context chat:on
	made real-ws-node-lossy
	stop
}

# Each of the others as server and as client, some of them across.
SETTINGS=(on no-context server-no-context client-no-context bits-9 bits-10 bits-15)
ENDS=(close-client close-server close-without-code close-both reset-client reset-server end-client end-server)

python_server() {
	start ip netns exec "$server" /usr/bin/python3 "$scripts/ws/python/peer.py" server 8080 "$tmp/server.jsonl"
	wait_port "$server" 8080
}

python_client() { in_client /usr/bin/python3 "$scripts/ws/python/peer.py" client "ws://$host" "$tmp/client.jsonl" "$@"; }

go_peer() { [ -x "$tmp/wspeer" ] || (cd "$scripts/ws/go" && go build -o "$tmp/wspeer" .); }

go_server() { # LIBRARY
	go_peer
	start ip netns exec "$server" "$tmp/wspeer" "$1" "$scripts/ws/plans.json" "$tmp/server.jsonl" server :8080
	wait_port "$server" 8080
}

go_client() { # LIBRARY PLAN:SETTING...
	go_peer
	in_client "$tmp/wspeer" "$1" "$scripts/ws/plans.json" "$tmp/client.jsonl" client "ws://$host" "${@:2}"
}

real_ws_python() {
	python_server
	tcpdump_to real-ws-python wire
	python_client sizes fragments pongs heartbeat chat "${ENDS[@]}"
	made real-ws-python
}

real_ws_python_deflate() {
	python_server
	tcpdump_to real-ws-python-deflate wire
	python_client $(every chat "${SETTINGS[@]}") fragments:on sizes:no-context
	made real-ws-python-deflate
}

real_ws_coder() {
	go_server coder
	tcpdump_to real-ws-coder wire
	go_client coder sizes fragments heartbeat chat "${ENDS[@]}" $(every chat on some no-context) fragments:on sizes:on
	made real-ws-coder
}

real_ws_gorilla() {
	go_server gorilla
	tcpdump_to real-ws-gorilla wire
	go_client gorilla sizes fragments pongs heartbeat chat "${ENDS[@]}" chat:on fragments:on sizes:on
	made real-ws-gorilla
}

real_ws_python_node() {
	node_server
	tcpdump_to real-ws-python-node wire
	python_client $(every chat on some no-context bits-9 bits-10) close-server close-application end-server
	made real-ws-python-node
}

real_ws_node_coder() {
	go_server coder
	tcpdump_to real-ws-node-coder wire
	node_client $(every chat on no-context client-no-context) close-server close-client
	made real-ws-node-coder
}

real_ws_gorilla_python() {
	python_server
	tcpdump_to real-ws-gorilla-python wire
	go_client gorilla $(every chat off on no-context) close-server close-client
	made real-ws-gorilla-python
}

# On loopback, for a browser hashes for pages of a secure origin only.
real_ws_chromium() {
	local plans=chat,sizes,pongs,heartbeat:on,close-client,close-server,close-without-code,close-application,reset-server,end-server setting
	for setting in some "${SETTINGS[@]}"; do plans+=,chat:$setting; done
	node_server
	tcpdump_to real-ws-chromium lo
	start ip netns exec "$server" chromium --headless --no-sandbox --disable-gpu --no-first-run --user-data-dir="$tmp/chromium" \
		"http://127.0.0.1:8080/page#$plans" >"$tmp/chromium.log" 2>&1
	for _ in $(seq 300); do
		grep -q '"/done"' "$tmp/server.jsonl" && break
		sleep 0.1
	done
	grep -q '"/done"' "$tmp/server.jsonl" || { cat "$tmp/chromium.log" >&2; exit 1; }
	stop
	: >"$tmp/client.jsonl"
	made real-ws-chromium
}

# lws_steps PLAN: the client's, in the words of lws/client.c.
lws_steps() {
	node -e 'console.log(require(process.argv[1])[process.argv[2]].client.map((s) => {
		const parts = s.parts ? `/${s.parts}` : "";
		if ("text" in s) return `t${s.text}${parts}`;
		if ("binary" in s) return `b${s.binary}${parts}`;
		if ("await" in s) return `a${s.await}`;
		if ("sleep" in s) return `s${s.sleep}`;
		return "close" in s ? `c${s.close}` : `p${s.ping}`;
	}).join(" "))' "$scripts/ws/plans.json" "$1"
}

# libwebsockets 4.1.6 stops at an empty ping where permessage-deflate is agreed on,
# and dies of an assertion with some of the other settings.
real_ws_lws() {
	local w
	gcc -O -o "$tmp/lws" "$scripts/ws/lws/client.c" $(pkg-config --cflags --libs libwebsockets libcrypto)
	: >"$tmp/client.jsonl"
	node_server
	tcpdump_to real-ws-lws wire
	for w in chat:off sizes:off fragments:off heartbeat:off close-client:off close-server:off \
		reset-server:off end-server:on sizes:on fragments:on $(every chat some on no-context); do
		in_client timeout 20 "$tmp/lws" "${host%:*}" "${host#*:}" "/${w%:*}?deflate=${w#*:}&heard" "$tmp/client.jsonl" $(lws_steps "${w%:*}")
	done
	made real-ws-lws
}

all=(real_ws_node real_ws_node_deflate real_ws_node_ends real_ws_node_heartbeat real_ws_node_large real_ws_node_lossy
	real_ws_python real_ws_python_deflate real_ws_coder real_ws_gorilla real_ws_python_node real_ws_node_coder real_ws_gorilla_python
	real_ws_chromium real_ws_lws)

go build -o "$tmp/traffic" ./scripts/pcaps/traffic
setup_network
if [ $# -gt 0 ]; then all=("${@//-/_}"); fi
for f in "${all[@]}"; do "$f"; done
