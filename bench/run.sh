#!/usr/bin/env bash
# Measures wirewatch side by side with tshark and cat on the captures of
# bench/data.sh. usage: bench/run.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."
exec python3 bench/measure.py "${1:-3}" bin/wirewatch bench-data/bulk.pcap bench-data/small.pcap bench-data/ws.pcap
