#!/usr/bin/env bash
# Floods one end of a veth pair at rising rates, and has tcpdump, dumpcap and
# wirewatch capture at the other, by turns, with rings of the same size, each
# writing all that it gets; wirewatch dissects it as well. Prints what was lost.
# RING is the size of the rings in MiB, SENDER_NICE the priority of the sender.
# usage: bench/live.sh WIREWATCH CAPTURE.pcap [FRAMES] [RATE ...]     (root)
set -euo pipefail
ww=$(realpath "$1") pcap=$(realpath "$2") frames=${3:-1000000}
rates=("${@:4}")
[ ${#rates[@]} -gt 0 ] || rates=(100000 200000 400000 600000 800000 2000000)
cd "$(dirname "$0")/.."
. bench/pair.sh
ring=${RING:-64}
inside() { ip netns exec "$b" "$@"; }
start() { # program -> pid, once it captures
  case $1 in
    tcpdump) inside tcpdump -i wwrx -s 262144 -B $((ring * 1024)) -w "$dir/out.pcap" 2>"$dir/err" & ;;
    dumpcap) inside dumpcap -q -i wwrx -s 262144 -B $ring -w "$dir/out.pcapng" 2>"$dir/err" & ;;
    wirewatch) inside "$ww" -i wwrx -B $ring -w "$dir/out.pcapng" -T ndjson -o "$dir/out.ndjson" 2>"$dir/err" & ;;
  esac
  pid=$!
  sleep 1.5
}
lost() { # what the program says it has lost
  case $1 in
    tcpdump) awk '/dropped by kernel/{print $1}' "$dir/err" ;;
    dumpcap) sed -n "s/.*received\/dropped on interface.*: [0-9]*\/\([0-9]*\).*/\1/p" "$dir/err" ;;
    wirewatch) tail -n 1 "$dir/out.ndjson" | python3 -c 'import json,sys; c=json.load(sys.stdin)["capture"]; print(c["dropped_kernel"], "shed", c.get("shed_packets", 0))' ;;
  esac
}
printf '%-10s %10s  %-28s %12s  %s\n' program asked sent saved lost
for rate in "${rates[@]}"; do
  for p in tcpdump dumpcap wirewatch; do
    rm -f "$dir"/out*; start $p
    sent=$(nice -n "${SENDER_NICE:-0}" ip netns exec "$a" "$dir/flood" -pps "$rate" -n "$frames" wwtx "$pcap")
    sleep 2
    cpu=$(ps -o cputimes= --ppid "$pid" --pid "$pid" | tail -n1 | tr -d ' ')
    pkill -INT -P "$pid" 2>/dev/null || kill -INT "$pid"; wait "$pid" || true
    saved=$(capinfos -M -c "$dir"/out.pcap* | sed -n 's/.*= *//p; s/Number of packets: *//p' | tail -n1)
    printf '%-10s %10s  %-28s %12s  %s  cpu %ss\n' $p "$rate" "$(awk "{print \$2, \$6\"/s\"}" <<<"$sent")" "$saved" "$(lost $p)" "$cpu"
  done
done
