#!/usr/bin/env python3
"""Runs wirewatch, tshark and cat by turns on captures, and prints medians.

usage: measure.py RUNS WIREWATCH CAPTURE...

wirewatch writes NDJSON without bodies; tshark writes the HTTP fields in one
pass. Both write to /dev/null. Wall time, CPU time (user and system) and peak
memory are of the whole process, by wait4(2).
"""
import os, shutil, statistics, sys, time

FIELDS = """frame.number frame.time_epoch tcp.stream ip.src tcp.srcport ip.dst tcp.dstport
http.request.method http.request.uri http.request.version http.host http.user_agent http.response.code
http.response.phrase http.content_type http.content_length http.content_encoding http.transfer_encoding
http.request_in http.response_in http.time""".split()


def run(argv):
    null = os.open(os.devnull, os.O_RDWR)
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.execvp(argv[0], argv)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - start
    os.close(null)
    if status:
        sys.exit(f"{argv[0]} failed: {status}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    runs, wirewatch, captures = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    for path in captures:
        size = os.path.getsize(path) / 1e6
        tools = {
            "cat": ["cat", path],
            "wirewatch": [wirewatch, "-r", path, "-T", "ndjson", "--body-limit", "0", "-q"],
        }
        if shutil.which("tshark"):
            tools["tshark"] = ["tshark", "-n", "-r", path, "-Y", "http", "-T", "fields"] + [a for f in FIELDS for a in ("-e", f)]
        seen = {name: [] for name in tools}
        for i in range(runs):
            for name, argv in tools.items():
                if name == "tshark" and i > 0 and seen[name][0][0] > 20:
                    continue  # one long run says enough
                seen[name].append(run(argv))
        print(f"{os.path.basename(path)}: {size:.0f} MB")
        median = {n: [statistics.median(x) for x in zip(*r)] for n, r in seen.items()}
        for name, (wall, cpu, rss) in median.items():
            print(f"  {name:10} {wall:8.3f} s wall {cpu:8.3f} s CPU {rss:7.0f} MiB {size / wall:8.0f} MB/s")
        ours = median["wirewatch"][0]
        print(f"  wirewatch runs at {median['cat'][0] / ours:.2f} of cat's speed", end="")
        print(f", {median['tshark'][0] / ours:.0f} times tshark's" if "tshark" in median else "")


main()
