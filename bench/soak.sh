#!/usr/bin/env bash
# Sends the frames of a capture of many connections through a veth pair, over and
# over, each round with other clients, while wirewatch captures, dissects and saves
# in a ring of files. Prints memory, threads and descriptors as it goes, and at the
# end whether every frame is accounted for: sent = seen + counted as lost.
# usage: bench/soak.sh WIREWATCH CAPTURE.pcap [FRAMES] [RATE]     (root)
set -euo pipefail
ww=$(realpath "$1") pcap=$(realpath "$2") frames=${3:-3500000} rate=${4:-30000}
cd "$(dirname "$0")/.."
. bench/pair.sh
ip netns exec "$b" "$ww" -i wwrx -w "$dir/ring.pcapng" -b filesize:50000 -b files:4 -T ndjson -o "$dir/out.ndjson" --body-limit 0 2>"$dir/err" &
sleep 1.5
pid=$(pgrep -f -o "$ww -i wwrx")
ip netns exec "$a" "$dir/flood" -pps "$rate" -n "$frames" -frames 10000000 wwtx "$pcap" >"$dir/sent" &
flood=$!
echo "seconds  memory  threads  descriptors"
while kill -0 $flood 2>/dev/null; do
  printf '%7d  %s  %7s  %11s\n' $SECONDS "$(awk '/VmRSS/{printf "%4d MB", $2/1024}' "/proc/$pid/status")" \
    "$(awk '/Threads/{print $2}' "/proc/$pid/status")" "$(ls "/proc/$pid/fd" | wc -l)"
  sleep 10
done
sleep 2
kill -INT "$pid"
while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
cat "$dir/sent" "$dir/err"
tail -n 1 "$dir/out.ndjson" | SENT=$(cut -d' ' -f2 "$dir/sent") python3 -c '
import json, os, sys
c = json.load(sys.stdin)["capture"]; sent = int(os.environ["SENT"])
lost = c["dropped_kernel"] + c["dropped_interface"] + c.get("shed_packets", 0)
print("sent", sent, "= seen", c["packets"], "+ lost", lost, "" if sent == c["packets"] + lost else "NOT EQUAL", "flows", c["flows"])'
