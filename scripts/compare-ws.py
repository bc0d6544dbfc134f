#!/usr/bin/env python3
"""Compares what tshark and wirewatch find of WebSockets in captures.

usage: compare-ws.py WIREWATCH DOCUMENT CAPTURE...

It writes the tables of DOCUMENT anew. What is right is told by the logs of the
endpoints (NAME.truth.jsonl) where a capture has one; without a log the tools
are only shown side by side. Nothing here knows what to expect of a capture.
"""
import base64
import collections
import hashlib
import json
import pathlib
import re
import subprocess
import sys

BEGIN, END = "<!-- begin: written by make compare-ws -->\n", "<!-- end -->\n"
CONTROL = {"8": "close", "9": "ping", "10": "pong"}
FIELDS = """ip.src ipv6.src tcp.srcport ip.dst ipv6.dst tcp.dstport websocket.fin websocket.opcode
websocket.payload.text data.data _ws.expert.group _ws.expert.message""".split()
SEQUENCE = str(0x02000000)  # the group of TCP's analysis and of "GET / HTTP/1.1"


class Found:
    """What was found: messages by sender and hash, control frames, violations."""

    def __init__(self):
        self.messages, self.ends, self.control, self.violations = collections.Counter(), 0, collections.Counter(), collections.Counter()

    def right(self, truth):
        return sum((self.messages & truth.messages).values())

    def controls(self, truth):
        return sum((self.control & truth.control).values())


def logged(path):
    truth = Found()
    for line in map(json.loads, path.open()):
        if "opcode" not in line:
            continue
        sender = (line["client"], line["server"])
        sender = sender if line["from"] == "client" else sender[::-1]
        if line["opcode"] in CONTROL.values():
            truth.control[sender, line["opcode"]] += 1
        else:
            truth.messages[sender, line["sha256"]] += 1
            truth.ends += 1
    return truth


def wirewatch(program, capture):
    found = Found()
    out = subprocess.run([program, "-r", capture, "-T", "ndjson", "--body-limit", "all", "-q"], capture_output=True, check=False).stdout
    for rec in map(json.loads, out.splitlines()):
        if rec["kind"] == "anomaly" and re.match(r"ws\.|http\.upgrade", rec["anomaly"]["code"]):
            found.violations[rec["anomaly"]["code"]] += 1
        if rec["kind"] not in ("websocket.message", "websocket.control"):
            continue
        ends = [join(rec[e]["ip"], rec[e]["port"]) for e in ("client", "server")]
        sender, ws = tuple(ends if rec["from"] == "client" else ends[::-1]), rec["websocket"]
        if rec["kind"] == "websocket.control":
            found.control[sender, ws["opcode"]] += 1
            continue
        content = ws["text"].encode() if "text" in ws else base64.b64decode(ws.get("base64", ""))
        found.messages[sender, hashlib.sha256(content).hexdigest()] += 1
        found.ends += 1
    return found


def join(ip, port):
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def tshark(capture):
    found = Found()
    argv = ["tshark", "-n", "-r", capture, "-o", "tcp.reassemble_out_of_order:TRUE", "-Y", "websocket or http", "-T", "json"]
    out = subprocess.run(argv + [a for f in FIELDS for a in ("-e", f)], capture_output=True, check=False).stdout
    for packet in json.loads(out.decode(errors="replace"), strict=False):
        f = collections.defaultdict(list, packet["_source"]["layers"])
        sender = tuple(join((f["ip." + e] or f["ipv6." + e])[0], f["tcp." + e + "port"][0]) for e in ("src", "dst"))
        frames(found, sender, f)
        for group, message in zip(f["_ws.expert.group"], f["_ws.expert.message"]):
            if group != SEQUENCE:
                found.violations[message] += 1
    return found


def frames(found, sender, f):
    """Adds a packet's WebSocket frames. A message that ends in it and of which
    nothing is printed counts as one that is said to be empty."""
    ends = 0
    for fin, opcode in zip(f["websocket.fin"], f["websocket.opcode"]):
        if opcode in CONTROL:
            found.control[sender, CONTROL[opcode]] += 1
        elif fin in ("1", "True"):
            ends += 1
    contents = [t.encode() for t in f["websocket.payload.text"]] + [bytes.fromhex(d.replace(":", "")) for d in f["data.data"]]
    contents += [b""] * (ends - len(contents))
    found.messages.update((sender, hashlib.sha256(c).hexdigest()) for c in contents)
    found.ends += ends


def names(counter):
    return ", ".join(f"{k}" + (f" ×{n}" if n > 1 else "") for k, n in sorted(counter.items())) or "none"


def tables(program, captures):
    """The two tables, as lines of Markdown."""
    real, made, sums = [], [], [0] * 6
    for capture in captures:
        name = re.sub(r"\.pcap.*", "", capture.name)
        shark, wire, log = tshark(str(capture)), wirewatch(program, str(capture)), capture.parent / (name + ".truth.jsonl")
        if log.exists():
            truth = logged(log)
            row = [truth.ends, shark.right(truth), wire.right(truth)]
            row += [sum(truth.control.values()), shark.controls(truth), wire.controls(truth)]
            sums = [a + b for a, b in zip(sums, row)]
            real.append(f"| {name} | " + " | ".join(map(str, row)) + " |")
        else:
            row = [shark.ends, wire.ends, sum(shark.control.values()), sum(wire.control.values())]
            made.append(f"| {name} | " + " | ".join(map(str, row)) + f" | {names(shark.violations)} | {names(wire.violations)} |")
    out = ["| capture | messages sent | right in tshark | right in wirewatch | control frames sent | found by tshark | found by wirewatch |",
           "|---|---|---|---|---|---|---|", *real, "| **all** | " + " | ".join(f"**{n}**" for n in sums) + " |"]
    if made:
        out += ["", "| capture | messages: tshark | wirewatch | control frames: tshark | wirewatch | tshark's expert infos | wirewatch's anomalies |",
                "|---|---|---|---|---|---|---|", *made]
    return out


def main():
    program, document, *captures = sys.argv[1:]
    version = re.search(r"[\d.]+", subprocess.run(["tshark", "--version"], capture_output=True, check=True, text=True).stdout)[0]
    lines = [f"With tshark {version}.", "", *tables(program, sorted(map(pathlib.Path, captures)))]
    path = pathlib.Path(document)
    before, rest = path.read_text().split(BEGIN)
    path.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + rest.split(END)[1])
    print("\n".join(lines))


main()
