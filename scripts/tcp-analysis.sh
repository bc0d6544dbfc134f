#!/bin/sh
# Writes what tshark's TCP analysis counts in the captures of testdata, for the
# test that compares ours with it (internal/differential, TestTCPAnalysis). Run
# it in the root of the repository after a change of a capture, with the version
# that the corpus was read with, 4.0:
#
#	scripts/tcp-analysis.sh > internal/differential/testdata/tcp-analysis.txt
#
# Two passes, since in one a frame shows the completeness that it found, not
# what it made of it.
set -eu

fields='tcp.analysis.retransmission tcp.analysis.fast_retransmission tcp.analysis.out_of_order
	tcp.analysis.duplicate_ack tcp.analysis.zero_window tcp.analysis.window_update tcp.analysis.keep_alive'

echo "# $(tshark --version 2>/dev/null | head -n 1)"
echo '# capture stream retransmissions fast out_of_order duplicate_acks zero_windows window_updates keep_alives completeness initial_rtt'
for capture in testdata/pcaps/tcp-*.pcap testdata/pcaps/real-go-lossy.pcap; do
	# shellcheck disable=SC2046 # a flag for each field
	tshark -2 -n -r "$capture" -Y tcp -T fields -E separator=, -E occurrence=f \
		-e tcp.stream -e tcp.completeness -e tcp.analysis.initial_rtt \
		$(printf ' -e %s' $fields) 2>/dev/null |
		awk -F, -v name="$(basename "$capture" .pcap)" '
			{
				streams[$1] = 1; completeness[$1] = $2
				if ($3 != "") rtt[$1] = $3
				for (i = 4; i <= NF; i++) if ($i != "") n[$1, i]++
				fields = NF
			}
			END {
				for (s = 0; s in streams; s++) {
					line = name " " s
					for (i = 4; i <= fields; i++) line = line " " n[s, i] + 0
					print line, completeness[s], (s in rtt ? rtt[s] : "-")
				}
			}'
done
