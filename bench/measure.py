#!/usr/bin/env python3
"""Runs wirewatch, tshark and cat by turns on captures, and prints medians.

usage: measure.py RUNS WIREWATCH CAPTURE...

wirewatch writes NDJSON without bodies; tshark writes the HTTP fields in one
pass. Of a capture of WebSockets, which its CAPTURE.truth.json tells, wirewatch
writes NDJSON with every message in full and tshark the WebSocket fields with
the payloads; and what wirewatch finds is compared with what the ends counted. Both
write to /dev/null. Wall time, CPU time (user and system) and peak memory are of
the whole process, by wait4(2).
"""
import collections, json, os, shutil, statistics, subprocess, sys, time

ADDRESSES = "frame.number frame.time_epoch tcp.stream ip.src tcp.srcport ip.dst tcp.dstport "
HTTP = (ADDRESSES + """http.request.method http.request.uri http.request.version http.host http.user_agent http.response.code
http.response.phrase http.content_type http.content_length http.content_encoding http.transfer_encoding
http.request_in http.response_in http.time""").split()
WEBSOCKET = (ADDRESSES + """websocket.fin websocket.opcode websocket.mask websocket.pmc websocket.payload_length
websocket.payload.text data.data websocket.payload.ping websocket.payload.pong websocket.payload.close.status_code""").split()


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


def counted(path):
    """What the ends of a capture's WebSockets counted, by sender; None if it has none."""
    try:
        with open(path + ".truth.json") as f:
            truth = json.load(f)
    except FileNotFoundError:
        return None
    heard = {by[3:9]: c for by, c in truth.items() if by.startswith("ws-")}
    names = {"text": "recv_text", "binary": "recv_binary", "bytes": "recv_payload_bytes", "ping": "recv_ping", "pong": "recv_pong"}
    return {(sender, k): heard[hearer].get(name, 0) for sender, hearer in (("client", "server"), ("server", "client"))
            for k, name in names.items()} if heard else None


def found(wirewatch, path):
    """The same as wirewatch finds it."""
    c = collections.Counter()
    argv = [wirewatch, "-r", path, "-T", "ndjson", "--body-limit", "0", "-q"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as p:
        for rec in map(json.loads, p.stdout):
            if rec["kind"] not in ("websocket.message", "websocket.control"):
                continue
            ws = rec["websocket"]
            c[rec["from"], ws["opcode"]] += 1
            if rec["kind"] == "websocket.message":
                c[rec["from"], "bytes"] += ws["size"]
    return c


def check(wirewatch, path, truth):
    got = found(wirewatch, path)
    for what, n in truth.items():
        if got[what] != n:
            sys.exit(f"{path}: {' '.join(what)}: wirewatch finds {got[what]}, the ends counted {n}")
    messages = sum(n for (_, k), n in truth.items() if k in ("text", "binary"))
    print(f"  all {messages} messages that the ends counted are found, with {sum(n for (_, k), n in truth.items() if k == 'bytes')} bytes")


def main():
    runs, wirewatch, captures = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    for path in captures:
        size = os.path.getsize(path) / 1e6
        truth = counted(path)
        body, display, fields = ("all", "websocket", WEBSOCKET) if truth else ("0", "http", HTTP)
        tools = {
            "cat": ["cat", path],
            "wirewatch": [wirewatch, "-r", path, "-T", "ndjson", "--body-limit", body, "-q"],
        }
        if shutil.which("tshark"):
            tools["tshark"] = ["tshark", "-n", "-r", path, "-Y", display, "-T", "fields"] + [a for f in fields for a in ("-e", f)]
        seen = {name: [] for name in tools}
        for i in range(runs):
            for name, argv in tools.items():
                if name == "tshark" and i > 0 and seen[name][0][0] > 20:
                    continue  # one long run says enough
                seen[name].append(run(argv))
        print(f"{os.path.basename(path)}: {size:.0f} MB")
        if truth:
            check(wirewatch, path, truth)
        median = {n: [statistics.median(x) for x in zip(*r)] for n, r in seen.items()}
        for name, (wall, cpu, rss) in median.items():
            print(f"  {name:10} {wall:8.3f} s wall {cpu:8.3f} s CPU {rss:7.0f} MiB {size / wall:8.0f} MB/s")
        ours = median["wirewatch"][0]
        print(f"  wirewatch runs at {median['cat'][0] / ours:.2f} of cat's speed", end="")
        print(f", {median['tshark'][0] / ours:.0f} times tshark's" if "tshark" in median else "")


main()
