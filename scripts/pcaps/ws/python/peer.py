"""WebSocket ends for the real captures, on Python's websockets.

usage: peer.py server PORT LOG
       peer.py client URL LOG PLAN:SETTING...

They follow ../plans.json and log what they send, as ../node/peer.js does.
"""
import asyncio
import hashlib
import json
import pathlib
import signal
import socket
import struct
import sys
import urllib.parse

import websockets
from websockets.extensions import permessage_deflate as pmd
from websockets.frames import Close

PLANS = json.loads((pathlib.Path(__file__).parent.parent / "plans.json").read_text())
OPCODES = {1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
log = None

# What each end says of permessage-deflate: keyword arguments for the server's
# factory and the client's.
SETTINGS = {
    "on": ({}, {}),
    "server-no-context": ({"server_no_context_takeover": True}, {}),
    "client-no-context": ({"client_no_context_takeover": True}, {"client_no_context_takeover": True}),
    "no-context": ({"server_no_context_takeover": True, "client_no_context_takeover": True}, {}),
    "bits-9": ({"server_max_window_bits": 9, "client_max_window_bits": 9}, {"server_max_window_bits": 9, "client_max_window_bits": 9}),
    "bits-10": ({"server_max_window_bits": 12, "client_max_window_bits": 10}, {"client_max_window_bits": 11}),
    "bits-15": ({"server_max_window_bits": 15, "client_max_window_bits": 15}, {"server_max_window_bits": 15}),
}


def extensions(setting, end):
    """The factories of permessage-deflate for an end: 0 is the server."""
    factory = (pmd.ServerPerMessageDeflateFactory, pmd.ClientPerMessageDeflateFactory)[end]
    return [factory(**SETTINGS[setting][end])] if setting in SETTINGS else None


def note(**line):
    log.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    log.flush()


def digest(data):
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def text(size, n):
    unit = '[%d, "Жара 🔥, κύμα, ñandú %s"]' % (n, "αβγ"[n % 3])
    whole = (unit * (size // len(unit.encode()) + 1)).encode()[:size].decode(errors="ignore").encode()
    return whole + b"." * (size - len(whole))


def binary(size, n):
    return bytes((i * 7 + (i >> 5) * n) & 255 for i in range(size))


class Logged:
    """Notes every message and control frame as it is written."""

    parts = None  # of the message that is being written

    def ends(self):
        local, remote = (f"{a[0]}:{a[1]}" for a in (self.local_address, self.remote_address))
        return {"client": local, "server": remote} if self.is_client else {"client": remote, "server": local}

    def write_frame_sync(self, fin, opcode, data):
        super().write_frame_sync(fin, opcode, data)
        if opcode >= 8:
            self.sent(OPCODES[opcode], data)
            return
        if opcode:
            self.parts, self.opcode = [], opcode
        self.parts.append(bytes(data))
        if fin:
            self.sent(OPCODES[self.opcode], b"".join(self.parts), frames=len(self.parts))

    def sent(self, opcode, data, **more):
        self.ordinal = getattr(self, "ordinal", 0) + 1
        if opcode == "close" and data:
            more = {"code": struct.unpack("!H", data[:2])[0], "reason": data[2:].decode()}
        note(by="sender", **self.ends(), **{"from": "client" if self.is_client else "server"},
             ordinal=self.ordinal, opcode=opcode, **digest(data), **more)

    async def follow(self, steps):
        self.received, self.arrived = 0, asyncio.Event()
        hearing = asyncio.create_task(self.hear())
        for n, step in enumerate(steps):
            await self.step(step, n)
        await self.wait_closed()
        await hearing

    async def hear(self):
        try:
            async for _ in self:
                self.received += 1
                self.arrived.set()
        except websockets.ConnectionClosed:
            pass  # a plan's reset
        finally:
            self.received = 1 << 30
            self.arrived.set()

    async def step(self, step, n):
        if "await" in step:
            while self.received < step["await"]:
                self.arrived.clear()
                await self.arrived.wait()
        elif "sleep" in step:
            await asyncio.sleep(step["sleep"] / 1000)
        elif "close" in step:
            await self.shut(step["close"], step.get("reason", ""))
        elif "reset" in step:
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        elif "end" in step:
            self.transport.close()
        elif "text" in step or "binary" in step:
            await self.message(1 if "text" in step else 2, step, n)
        elif "ping" in step:
            await self.ping(step["ping"].encode())
        else:
            await self.pong(step["pong"].encode())

    async def shut(self, code, reason):
        if code:
            await self.close(code, reason)
        else:  # the library's close always has a code
            await self.write_close_frame(Close(1005, ""), b"")

    async def message(self, opcode, step, n):
        """Frame by frame, for the library cuts text only between characters."""
        data = text(step["text"], n) if opcode == 1 else binary(step["binary"], n)
        parts = step.get("parts", 1)
        size = -(-len(data) // parts)
        for i in range(parts):
            await self.write_frame(i == parts - 1, 0 if i else opcode, data[i * size:(i + 1) * size])
            if i == 0 and "ping" in step:
                await self.ping(step["ping"].encode())


class Client(Logged, websockets.WebSocketClientProtocol):
    pass


class Server(Logged, websockets.WebSocketServerProtocol):
    def process_extensions(self, headers, _):
        query = urllib.parse.urlsplit(self.path).query
        setting = dict(urllib.parse.parse_qsl(query)).get("deflate", "off")
        return super().process_extensions(headers, extensions(setting, 0))


async def serve(ws):
    note(by="server", **ws.ends(), ordinal=1, method="GET", target=ws.path, status=101, request=digest(b""))
    await ws.follow(PLANS[urllib.parse.urlsplit(ws.path).path[1:]]["server"])


OPTIONS = {"compression": None, "ping_interval": None, "max_size": None}


async def server(port):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with websockets.serve(serve, "0.0.0.0", port, create_protocol=Server, **OPTIONS):
        await stop.wait()


async def client(base, wanted):
    for plan, _, setting in (w.partition(":") for w in wanted):
        setting = setting or "off"
        async with websockets.connect(f"{base}/{plan}?deflate={setting}", create_protocol=Client,
                                      extensions=extensions(setting, 1), **OPTIONS) as ws:
            await ws.follow(PLANS[plan]["client"])


def main():
    global log
    role, where, name, *wanted = sys.argv[1:]
    log = open(name, "w", encoding="utf-8")
    asyncio.run(server(int(where)) if role == "server" else client(where, wanted))


main()
