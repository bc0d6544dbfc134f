#!/usr/bin/env bash
# Makes the captures that bench/run.sh measures, in bench-data/: what is there
# already is kept. Needs root; installs what it needs on Debian and Ubuntu.
# usage: bench/data.sh [SIZE_MB]
set -euo pipefail
cd "$(dirname "$0")/.."
MB=${1:-400}
need() { command -v "$1" >/dev/null || missing+=("$2"); }
missing=()
need nginx nginx; need wrk wrk; need tcpdump tcpdump; need curl curl; need ip iproute2
need ethtool ethtool; need node nodejs; need npm npm; need openssl openssl; need python3 python3; need tshark tshark
[ ${#missing[@]} = 0 ] || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null; }
mkdir -p bench-data
make_one() { # NAME SCRIPT SIZE
  [ -s "bench-data/$1.pcap" ] && return
  "bench/$2" "bench-data/$1.tmp" "$3"
  for f in bench-data/"$1".tmp*; do mv "$f" "${f/.tmp/.pcap}"; done
}
make_one bulk w-http-bulk.sh "$MB"
make_one small w-http-small.sh "$MB"
make_one ws w-ws.sh "$((MB / 2))"
