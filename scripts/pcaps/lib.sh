# What the scripts that make captures share; they source it. It makes a folder
# for the run ($tmp), names for three network namespaces, and removes both in
# the end. $out is where captures and truth logs go; OUT says another place.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

scripts=$PWD/scripts/pcaps
out=${OUT:-$PWD/testdata/pcaps}
tmp=$(mktemp -d)
chmod 755 "$tmp"
client=ww-client-$$ server=ww-server-$$ middle=ww-middle-$$
jobs_started=()

cleanup() {
	for pid in "${jobs_started[@]}"; do kill "$pid" 2>/dev/null || true; done
	for ns in "$client" "$server" "$middle"; do ip netns del "$ns" 2>/dev/null || true; done
	rm -rf "$tmp"
}
trap cleanup EXIT

in_client() { ip netns exec "$client" "$@"; }
in_server() { ip netns exec "$server" "$@"; }

# veth NS1 IF1 NS2 IF2: a cable. Offload is off, so that frames are of MTU size.
veth() {
	ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"
	for end in "$1 $2" "$3 $4"; do
		read -r ns dev <<<"$end"
		ip netns exec "$ns" ethtool -K "$dev" tso off gso off gro off tx off rx off >/dev/null
		ip netns exec "$ns" ip link set "$dev" up
	done
}

# address NS IF N: gives it 10.9.0.N and 2001:db8:9::N, and a fixed MAC.
address() {
	ip netns exec "$1" ip link set "$2" address "02:00:0a:09:00:0$3"
	ip netns exec "$1" ip addr add "10.9.0.$3/24" dev "$2"
	ip netns exec "$1" ip addr add "2001:db8:9::$3/64" dev "$2" nodad
}

setup_network() {
	for ns in "$client" "$server" "$middle"; do
		ip netns add "$ns"
		ip netns exec "$ns" ip link set lo up
		ip netns exec "$ns" sysctl -qw net.ipv4.tcp_congestion_control=cubic 2>/dev/null || true
	done
	veth "$client" wire "$server" wire
	address "$client" wire 1
	address "$server" wire 2
}

# lossy_network puts a relay between the two, at other addresses.
lossy_network() {
	veth "$client" bad "$middle" left
	veth "$middle" right "$server" bad
	for end in "$client 3" "$server 4"; do
		read -r ns n <<<"$end"
		ip netns exec "$ns" ip addr add "10.9.1.$n/24" dev bad
		ip netns exec "$ns" ip link set bad address "02:00:0a:09:01:0$n"
	done
}

# start CMD...: runs it in the background until stop.
start() {
	"$@" &
	jobs_started+=($!)
}

# stop: ends the last that was started.
stop() {
	local pid=${jobs_started[-1]}
	unset 'jobs_started[-1]'
	kill -"${1:-TERM}" "$pid"
	wait "$pid" || true
}

# wait_port NS PORT
wait_port() {
	for _ in $(seq 100); do
		ip netns exec "$1" ss -ltn "sport = :$2" | grep -q LISTEN && return
		sleep 0.1
	done
	echo "nobody listens on port $2" >&2
	exit 1
}

# record NS CMD...: starts tcpdump, dumpcap or tshark and waits until it listens.
record() {
	local ns=$1
	shift
	start ip netns exec "$ns" "$@" 2>"$tmp/record.log"
	for _ in $(seq 100); do
		grep -qE 'listening on|File: |Capturing on' "$tmp/record.log" && { sleep 0.3; return; }
		sleep 0.1
	done
	cat "$tmp/record.log" >&2
	exit 1
}

# recorded NAME: ends the recording. The kernel hands packets on in blocks, up
# to a second late, and what it still holds at the end is lost: so wait, and then
# compare what was received with what was captured.
recorded() {
	sleep 1.5
	stop INT
	if ! complete; then
		echo "$1: packets are missing:" >&2
		cat "$tmp/record.log" >&2
		exit 1
	fi
	echo "$1: done"
}

# complete tells whether the recorder's last words say that nothing was lost.
complete() {
	if grep -q 'received by filter' "$tmp/record.log"; then # tcpdump
		grep -q '^0 packets dropped' "$tmp/record.log" || return 1
		grep -qE 'listening on (lo|any)' "$tmp/record.log" && return # every packet of lo is received twice there
		[ "$(awk '/packets captured/ {print $1}' "$tmp/record.log")" = "$(awk '/received by filter/ {print $1}' "$tmp/record.log")" ]
	else # dumpcap, tshark
		! grep -E 'dropped' "$tmp/record.log" | grep -qE '/[1-9]|^[1-9]'
	fi
}

tcpdump_to() { # NAME IF [options]
	local name=$1 dev=$2
	shift 2
	record "$server" tcpdump -Z root -B 16384 -i "$dev" -w "$out/$name.pcap" "$@" tcp
}

# truth NAME FILE...: stops the server first, so that its log is complete.
truth() {
	local name=$1
	shift
	"$tmp/traffic" sort "$@" >"$out/$name.truth.jsonl"
}
