"""Both ends of what a proxy carries: an upstream and its clients, on raw asyncio protocols.

`python -m bench.traffic upstream [FILE]` prints its port and serves; `python -m bench.traffic proxy
UPSTREAM [STORE RECORDER …]` prints the port of a proxy in front of it, which records if it is
told how, and at the end by how much the recorder was behind, and what it recorded.

A header says what the upstream does, `X-Bench: json SIZE`: answer with so many bytes; `X-Bench:
paced COUNT MS`: events, one every so many ms, each with the time at which it was written;
`X-Bench: call N`: answer with the N-th of its file, a JSON array.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.measure import ROOT, environment
from tapegit.wire.proxy.routes import make_upstreams
from tapegit.wire.proxy.server import Proxy
from tapegit.wire.spool.sink import Spool

if TYPE_CHECKING:
    from collections.abc import Sequence

START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_%06d","type":'
    b'"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":9}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n'
)
EVENT = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"t":%17.6f,'
    b'"delta":{"type":"text_delta","text":"word word word "}}\n\n'
)
STOP = (
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":99}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n%b\r\n\r\n"


def find_size(head: bytes) -> int:
    """Return the size of the body that a head states."""
    place = head.find(b"Content-Length: ")
    return int(head[place + 16 : head.find(b"\r", place)]) if place >= 0 else 0


def find_orders(head: bytes) -> list[bytes]:
    """Return what a head asks the upstream to do."""
    place = head.find(b"X-Bench: ")
    return head[place + 9 : head.find(b"\r", place)].split(b" ")


class UpstreamEnd(asyncio.Protocol):
    """Answers each request when it is whole."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers
        self.buffer = bytearray()
        self.need = 0
        self.orders: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take parts of requests; answer those that are whole."""
        self.buffer += data
        while True:
            if not self.need:
                end = self.buffer.find(b"\r\n\r\n")
                if end < 0:
                    return
                head = bytes(self.buffer[: end + 2])
                self.orders = find_orders(head)
                self.need = end + 4 + find_size(head)
            if len(self.buffer) < self.need:
                return
            del self.buffer[: self.need]
            self.need = 0
            self.answer(*self.orders)

    def answer(self, kind: bytes, first: bytes, second: bytes = b"0") -> None:
        """Do as the header says."""
        if kind == b"json":
            size = int(first)
            head = HEAD % (b"application/json", b"Content-Length: %d" % size)
            self.transport.write(head + b'"' + b"x" * (size - 2) + b'"')
        elif kind == b"call":
            body = self.answers[int(first)]
            head = HEAD % (b"text/event-stream", b"Content-Length: %d" % len(body))
            self.transport.write(head + body)
        else:
            self.pacing = asyncio.ensure_future(self.pace(int(first), int(second) / 1000))

    async def pace(self, count: int, pause_s: float) -> None:
        """Write events, one after each pause."""
        self.transport.write(HEAD % (b"text/event-stream", b"Transfer-Encoding: chunked"))
        self.write_chunk(START % random.randrange(10**6))
        due = time.monotonic() + random.random() * pause_s  # streams know nothing of each other
        for _ in range(count):
            due += pause_s
            await asyncio.sleep(due - time.monotonic())
            self.write_chunk(EVENT % time.monotonic())
        self.write_chunk(STOP)
        self.transport.write(b"0\r\n\r\n")

    def write_chunk(self, data: bytes) -> None:
        """Write some events."""
        self.transport.write(b"%x\r\n%b\r\n" % (len(data), data))


class ClientEnd(asyncio.Protocol):
    """Sends a request, and times what comes back."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.delays: list[float] = []
        self.times: list[float] = []
        self.buffer = b""
        self.is_event = b"X-Bench: paced" in request[:300]
        self.deadline = 0.0
        self.started = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = transport

    def begin(self, deadline: float) -> None:
        """Send the first request; go on until a time."""
        self.deadline = deadline
        self.started = time.monotonic()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Take parts of an answer; after the last of it ask again, or end."""
        now = time.monotonic()
        if self.is_event:
            self.note_events(data, now)
            is_whole = self.buffer.endswith(b"\r\n0\r\n\r\n")
        else:
            self.buffer += data
            end = self.buffer.find(b"\r\n\r\n")
            is_whole = end > 0 and len(self.buffer) == end + 4 + find_size(self.buffer[: end + 2])
        if not is_whole:
            return
        self.buffer = b""
        self.times.append(now - self.started)
        if now >= self.deadline:
            self.done.set_result(None)
            return
        self.started = now
        self.transport.write(self.request)

    def note_events(self, data: bytes, now: float) -> None:
        """Take how long ago each event was written."""
        self.buffer = self.buffer[-200:] + data
        place = data.find(b'"t":')
        while place >= 0:
            stamp = data[place + 4 : place + 21]
            if len(stamp) == 17:
                self.delays.append(now - float(stamp))
            place = data.find(b'"t":', place + 21)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed"))


class Measured(NamedTuple):
    """Seconds: each request from its first byte to the last of its answer; each event's way."""

    times: list[float]
    delays: list[float]


def make_request(orders: str, body: bytes, *, scope: str = "bench") -> bytes:
    """Return a request."""
    lines = [
        f"POST /s/{scope}/v1/messages HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        "X-Api-Key: sk-ant-bench-0123456789",
        f"X-Bench: {orders}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def make_body(size: int) -> bytes:
    """Return a body of about so many bytes: one message of a user."""
    return b'{"model":"m","messages":[{"role":"user","content":"%b"}]}' % (b"y " * (size // 2 - 30))


async def load(port: int, request: bytes, *, clients: int, seconds: float) -> Measured:
    """Ask on so many connections at once, again and again for so long."""
    loop = asyncio.get_running_loop()
    ends = []
    for _ in range(clients):
        _, end = await loop.create_connection(lambda: ClientEnd(request), "127.0.0.1", port)
        ends.append(end)
    deadline = time.monotonic() + seconds
    for end in ends:
        end.begin(deadline)
    await asyncio.gather(*(end.done for end in ends))
    for end in ends:
        end.transport.close()
    await asyncio.sleep(0)
    return Measured([t for e in ends for t in e.times], [t for e in ends for t in e.delays])


class Server:
    """A process of this module, by what it is told."""

    def __init__(self, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.traffic", *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment(),
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def stop(self) -> bytes:
        """Let it end; return what it said then."""
        out, _ = self.process.communicate(b"\n", timeout=120)
        return out


async def _serve_upstream(answers: list[bytes]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: UpstreamEnd(answers), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await _wait_for_a_line()


async def _serve_proxy(upstream: str, spool: Spool | None) -> None:
    lag: list[float] = []
    proxy = Proxy(
        make_upstreams({"anthropic": f"http://127.0.0.1:{upstream}"}),
        None if spool is None else spool.take,
        scope="bench",
        clock=lambda: time.time_ns() // 1_000_000,
    )
    print(await proxy.start(), flush=True)
    watching = asyncio.ensure_future(_watch(spool, lag))
    await _wait_for_a_line()
    watching.cancel()
    await proxy.stop()
    print(max(lag, default=0.0))


async def _watch(spool: Spool | None, lag: list[float]) -> None:
    """Note how far the recorder is behind."""
    while spool is not None:
        lag.append(spool.lag_s)
        await asyncio.sleep(0.05)


async def _wait_for_a_line() -> None:
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


def main(args: Sequence[str]) -> None:
    """Serve as one end or the other."""
    if args[0] == "upstream":
        answers = [
            line.encode() for path in args[1:] for line in json.loads(Path(path).read_bytes())
        ]
        asyncio.run(_serve_upstream(answers))
        return
    _, upstream, *recorder = args
    if not recorder:
        asyncio.run(_serve_proxy(upstream, None))
        return
    spool = Spool(recorder[1:], root=Path(recorder[0]), clock=lambda: time.time_ns() // 1_000_000)
    spool.start()
    asyncio.run(_serve_proxy(upstream, spool))
    print(spool.finish())


if __name__ == "__main__":
    main(sys.argv[1:])
