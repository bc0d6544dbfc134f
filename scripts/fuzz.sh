#!/usr/bin/env bash
# Runs every fuzz target for some time each. usage: scripts/fuzz.sh TIME
#
# The go command at times reports "context deadline exceeded" when the time runs
# out in the middle of something. Without a failing input that is no failure.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for pkg in $("${GO:-go}" list ./...); do
  for target in $("${GO:-go}" test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
    echo "$pkg $target"
    if "${GO:-go}" test -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 10x "$pkg" >"$log" 2>&1; then
      tail -n 1 "$log"
    elif grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log" && ! grep -q '_test.go:' "$log"; then
      echo "  the time ran out; no failing input"
    else
      cat "$log"
      exit 1
    fi
  done
done
