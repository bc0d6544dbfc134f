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
need ethtool ethtool; need openssl openssl; need python3 python3; need tshark tshark
[ ${#missing[@]} = 0 ] || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null; }
mkdir -p bench-data
make_one() { # NAME SIZE
  [ -s "bench-data/$1.pcap" ] || { bench/w-http-"$1".sh "bench-data/$1.tmp" "$2" && mv "bench-data/$1.tmp" "bench-data/$1.pcap"; }
}
make_one bulk "$MB"
make_one small "$MB"
