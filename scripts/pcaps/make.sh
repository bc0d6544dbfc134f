#!/bin/bash
# Makes the real captures in testdata/pcaps: real servers and clients in two
# network namespaces, and what they themselves say was exchanged as truth.
#
#   make.sh            all of them
#   make.sh NAME...    these (function names below, with "_" for "-")
#
# Needs root, and these programs, which it does not install (Debian):
#   apt-get install nginx-core tcpdump tshark curl nodejs brotli zstd iproute2 ethtool
#
# A capture is rejected if the kernel dropped a packet of it. What would tell
# about the machine (pcapng's names of hardware and system) is blanked. Ports, times,
# sequence numbers and the order of concurrent exchanges differ from run to run.
. "$(dirname "$0")/lib.sh"
host=10.9.0.2:8080

go_server() { start ip netns exec "$server" "$tmp/traffic" serve -addr "${1:-:8080}" -truth "$tmp/go.jsonl"; wait_port "$server" 8080; }
go_client() { in_client "$tmp/traffic" client "$@"; }

nginx_server() {
	: >"$tmp/access.jsonl"
	: >"$tmp/curl.jsonl"
	start ip netns exec "$server" nginx -c "$tmp/nginx.conf"
	wait_port "$server" 8080
}

nginx_truth() { "$tmp/traffic" nginx "$tmp/access.jsonl" "$tmp/curl.jsonl" >"$out/$1.truth.jsonl"; }

# fetch NS CURL-ARGUMENTS: saves every body in a file of its own and what curl says of it in curl.jsonl.
fetch() {
	local ns=$1 args=() a
	shift
	for a in "$@"; do
		[[ $a == http://* ]] && args+=(-o "$(mktemp -u "$tmp/body.XXXXXX")")
		args+=("$a")
	done
	ip netns exec "$ns" curl -sS -w '%{json}\n' "${args[@]}" >>"$tmp/curl.jsonl" || true
}

documents() {
	mkdir -p "$tmp/www/br" "$tmp/www/zstd"
	{ echo '<!doctype html><title>index</title><ul>'; for i in $(seq 60); do echo "<li>item $i</li>"; done; echo '</ul>'; } >"$tmp/www/index.html"
	for i in $(seq 80); do echo ".c$i { margin: ${i}px; }"; done >"$tmp/www/style.css"
	echo '{"ok": true}' >"$tmp/www/small.json"
	for i in $(seq 4000); do echo "line $i of a large file, which is served uncompressed"; done >"$tmp/www/large.bin"
	for i in $(seq 100); do echo "line $i"; done >"$tmp/www/lines.txt"
	brotli -q 5 -c "$tmp/www/lines.txt" >"$tmp/www/br/lines"
	zstd -q -c "$tmp/www/lines.txt" >"$tmp/www/zstd/lines"
	touch -d 2024-01-01T00:00:00Z "$tmp"/www/* "$tmp"/www/*/*
	sed "s|@DIR@|$tmp|" "$scripts/nginx.conf" >"$tmp/nginx.conf"
	chmod -R a+rX "$tmp/www"
}

# --- the captures ---------------------------------------------------------------

real_nginx_curl() {
	nginx_server
	tcpdump_to real-nginx-curl wire
	local u=http://$host
	fetch "$client" $u/index.html $u/style.css $u/small.json $u/none $u/empty
	fetch "$client" --compressed $u/index.html $u/style.css $u/br/lines $u/zstd/lines
	fetch "$client" --compressed $u/lines.txt
	fetch "$client" -I $u/index.html $u/none
	fetch "$client" -L $u/old
	fetch "$client" -z 'Mon, 01 Jan 2024 00:00:00 GMT' $u/index.html
	fetch "$client" -H 'Connection: close' $u/small.json
	fetch "$client" -0 $u/small.json $u/lines.txt
	fetch "$client" -X POST -d 'a=1' $u/index.html
	recorded real-nginx-curl
	stop
	nginx_truth real-nginx-curl
}

real_nginx_ranges() {
	nginx_server
	tcpdump_to real-nginx-ranges wire
	local u=http://$host/large.bin
	fetch "$client" -r 0-99 $u
	fetch "$client" -r 0-9,100-119,-5 $u
	fetch "$client" -r 1000000- $u
	recorded real-nginx-ranges
	stop
	nginx_truth real-nginx-ranges
}

real_nginx_http09() {
	nginx_server
	tcpdump_to real-nginx-http09 wire
	go_client $host http09
	recorded real-nginx-http09
	stop
	nginx_truth real-nginx-http09
}

real_nginx_loopback() {
	nginx_server
	tcpdump_to real-nginx-loopback lo
	fetch "$server" http://127.0.0.1:8080/large.bin http://127.0.0.1:8080/small.json
	recorded real-nginx-loopback
	stop
	nginx_truth real-nginx-loopback
}

real_proxy_any() {
	start ip netns exec "$server" "$tmp/traffic" serve -addr 127.0.0.1:8081 -truth "$tmp/go.jsonl"
	nginx_server
	tcpdump_to real-proxy-any any -y LINUX_SLL2
	local u=http://$host/go
	fetch "$client" --compressed $u/text?lines=3 "$u/chunked?n=3" $u/encoded/gzip $u/status/404
	fetch "$client" -d 'x=1' $u/echo
	recorded real-proxy-any
	stop
	stop
	"$tmp/traffic" nginx "$tmp/access.jsonl" "$tmp/curl.jsonl" >"$tmp/nginx.jsonl"
	truth real-proxy-any "$tmp/nginx.jsonl" "$tmp/go.jsonl"
}

real_go_curl_bodies() {
	go_server
	tcpdump_to real-go-curl-bodies wire
	local u=http://$host
	head -c 30000 "$tmp/www/large.bin" >"$tmp/upload"
	gzip -nc "$tmp/upload" >"$tmp/upload.gz"
	fetch "$client" -d 'name=value' -d 'other=a+b' $u/echo
	fetch "$client" -F 'title=A file' -F "file=@$tmp/www/small.json" $u/upload
	fetch "$client" -H 'Expect: 100-continue' -T "$tmp/upload" $u/upload
	fetch "$client" -H 'Transfer-Encoding: chunked' -T - $u/upload <"$tmp/upload"
	fetch "$client" -H 'Content-Encoding: gzip' --data-binary "@$tmp/upload.gz" $u/upload
	fetch "$client" -H 'Expect: 100-continue' -d 'refused=1' $u/refuse $u/text
	fetch "$client" --compressed $u/encoded/gzip $u/encoded/br $u/encoded/deflate $u/encoded/zstd
	fetch "$client" -r 10-20 $u/range
	fetch "$client" -r 0-4,30-34 $u/range
	fetch "$client" -I $u/text
	fetch "$client" -L $u/redirect
	recorded real-go-curl-bodies
	stop
	truth real-go-curl-bodies "$tmp/go.jsonl"
}

real_go_client() {
	go_server
	record "$server" dumpcap -q -i wire -f tcp -w "$out/real-go-client.pcapng"
	go_client $host keepalive bodies
	in_client curl -sS -o "$tmp/x" http://$host/text -o "$tmp/x" http://$host/close
	recorded real-go-client
	stop
	"$tmp/traffic" anonymise "$out/real-go-client.pcapng"
	truth real-go-client "$tmp/go.jsonl"
}

real_go_pipeline() {
	go_server
	tcpdump_to real-go-pipeline wire
	go_client $host pipeline dribble
	recorded real-go-pipeline
	stop
	truth real-go-pipeline "$tmp/go.jsonl"
}

real_go_resets() {
	go_server
	tcpdump_to real-go-resets wire
	go_client $host resets halfclose
	recorded real-go-resets
	stop
	truth real-go-resets "$tmp/go.jsonl"
}

real_go_slow() {
	go_server
	tcpdump_to real-go-slow wire
	go_client $host slowreader idle
	in_client curl -sS -o "$tmp/x" "http://$host/slow?ms=900"
	in_client curl -sS -o "$tmp/x" -m 0.5 "http://$host/slow?ms=3000" 2>/dev/null || true
	recorded real-go-slow
	stop
	truth real-go-slow "$tmp/go.jsonl"
}

real_go_many() {
	go_server
	tcpdump_to real-go-many wire --time-stamp-precision=nano
	go_client $host many
	recorded real-go-many
	stop
	truth real-go-many "$tmp/go.jsonl"
	gzip -nf "$out/real-go-many.pcap"
}

real_go_snaplen() {
	go_server
	tcpdump_to real-go-snaplen wire -s 320
	go_client $host keepalive
	recorded real-go-snaplen
	stop
	truth real-go-snaplen "$tmp/go.jsonl"
}

real_go_lossy() {
	lossy_network
	start ip netns exec "$middle" "$tmp/traffic" impair -loss 0.04 -reorder 0.06 -duplicate 0.02 left right
	go_server
	tcpdump_to real-go-lossy bad
	go_client 10.9.1.4:8080 bulk keepalive
	recorded real-go-lossy
	stop
	stop
	truth real-go-lossy "$tmp/go.jsonl"
}

real_go_ipv6() {
	go_server
	record "$server" tshark -q -F pcapng -i wire -f tcp -w "$out/real-go-ipv6.pcapng"
	go_client '[2001:db8:9::2]:8080' keepalive
	in_client curl -sS -g -o "$tmp/x" 'http://[2001:db8:9::2]:8080/text' -o "$tmp/x" 'http://[2001:db8:9::2]:8080/chunked'
	recorded real-go-ipv6
	stop
	"$tmp/traffic" anonymise "$out/real-go-ipv6.pcapng"
	truth real-go-ipv6 "$tmp/go.jsonl"
}

real_node_fetch() {
	start ip netns exec "$server" node "$scripts/server.js" 8080 "$tmp/node.jsonl"
	wait_port "$server" 8080
	tcpdump_to real-node-fetch wire
	in_client node "$scripts/client.js" http://$host
	recorded real-node-fetch
	stop
	truth real-node-fetch "$tmp/node.jsonl"
}

real_sse() {
	start ip netns exec "$server" node "$scripts/server.js" 8082 "$tmp/node.jsonl"
	wait_port "$server" 8082
	go_server
	tcpdump_to real-sse wire
	in_client curl -sSN -o "$tmp/x" "http://10.9.0.2:8082/events"
	in_client curl -sSN -o "$tmp/x" "http://$host/sse?n=10"
	in_client curl -sSN --http1.0 -o "$tmp/x" "http://$host/sse?n=3"
	recorded real-sse
	stop
	stop
	truth real-sse "$tmp/go.jsonl" "$tmp/node.jsonl"
}

demo() {
	go_server
	tcpdump_to demo wire
	local u=http://$host
	in_client curl -sS -L --compressed -A 'Mozilla/5.0 (demo)' -o "$tmp/x" $u/shop -o "$tmp/x" $u/style.css -o "$tmp/x" $u/app.js \
		-o "$tmp/x" $u/api/items -o "$tmp/x" $u/favicon.ico
	sleep 0.3
	in_client curl -sS -H 'If-None-Match: "7f3a"' -o "$tmp/x" $u/style.css
	in_client curl -sS -H 'Accept: application/json' -o "$tmp/x" $u/api/items/2 -o "$tmp/x" $u/api/items/9
	in_client curl -sS -H 'Content-Type: application/json' -d '{"item": 2, "cups": 3, "note": "без сахара"}' -o "$tmp/x" $u/api/orders
	in_client curl -sSN -H 'Accept: text/event-stream' -o "$tmp/x" $u/api/orders/17/events &
	local events=$!
	sleep 0.2
	go_client $host poll
	wait $events
	in_client curl -sS -o "$tmp/x" $u/api/report
	in_client curl -sS -o "$tmp/x" $u/api/export 2>/dev/null || true
	in_client curl -sS -o "$tmp/x" $u/api/recommendations
	recorded demo
	stop
	truth demo "$tmp/go.jsonl"
}

all=(real_nginx_curl real_nginx_ranges real_nginx_http09 real_nginx_loopback real_proxy_any real_go_curl_bodies real_go_client
	real_go_pipeline real_go_resets real_go_slow real_go_many real_go_snaplen real_go_lossy real_go_ipv6 real_node_fetch real_sse demo)

go build -o "$tmp/traffic" ./scripts/pcaps/traffic
documents
setup_network
if [ $# -gt 0 ]; then all=("${@//-/_}"); fi
for f in "${all[@]}"; do "$f"; done
