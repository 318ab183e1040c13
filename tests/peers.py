"""Both ends of a proxied connection, byte for byte, on loopback: no HTTP library, none of ours.

`proxied` gives a running proxy in front of a scripted upstream. A script is a coroutine that is
given each connection to the upstream; tests open connections of clients themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

from tapegit.wire.proxy.routes import make_upstreams
from tapegit.wire.proxy.server import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tapegit.wire.capture import Carried

SCENARIO_TIMEOUT_S = 30.0
"""Ends a scenario that hangs; none takes a tenth of it."""


class Message(NamedTuple):
    """One message of HTTP: its head as raw bytes, and its body without framing."""

    head: bytes
    body: bytes

    @property
    def line(self) -> str:
        """The first line."""
        return self.head.split(b"\r\n", 1)[0].decode("latin-1")

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names and values in order."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return [(name, value.lstrip()) for name, _, value in (ln.partition(":") for ln in lines)]

    def get(self, name: str) -> str | None:
        """Return the first value of a header."""
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)


class End:
    """One end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> End:
        """Connect to a port of this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 26))

    async def send(self, data: bytes) -> None:
        """Write and wait until the system has it."""
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> bytes:
        """Read a head, without the empty line at its end."""
        return (await self.reader.readuntil(b"\r\n\r\n"))[:-4]

    async def message(self, *, has_body: bool = True) -> Message:
        """Read one message, whatever its framing."""
        head = await self.head()
        message = Message(head, b"")
        if not has_body or head.startswith(b"HTTP/1.1 1"):
            return message
        if (message.get("transfer-encoding") or "").lower() == "chunked":
            return Message(head, b"".join([chunk async for chunk in self.chunks()]))
        length = message.get("content-length")
        if length is not None:
            return Message(head, await self.reader.readexactly(int(length)))
        if head.startswith(b"HTTP/"):
            return Message(head, await self.reader.read())
        return message

    async def chunks(self) -> AsyncIterator[bytes]:
        """Read chunks up to the last, and what trails it."""
        while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
            yield await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        while await self.reader.readuntil(b"\r\n") != b"\r\n":
            pass

    async def rest(self) -> tuple[bytes, bool]:
        """Read to the end; return it and whether that came by a reset."""
        parts = []
        try:
            while data := await self.reader.read(1 << 16):
                parts.append(data)
        except ConnectionError:
            return b"".join(parts), True
        return b"".join(parts), False

    async def close(self) -> None:
        """Close in good order."""
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    async def reset(self) -> None:
        """Close with a reset."""
        plain = self.writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        await asyncio.sleep(0)


Script = "Callable[[End], Awaitable[None]]"


class World(NamedTuple):
    """A proxy, its upstream, and what it captured.

    Attributes:
        proxy: It listens at `port`.
        port: Of the proxy.
        upstream_port: Of the scripted upstream.
        captured: What the sink got.
        failures: What scripts raised.
    """

    proxy: Proxy
    port: int
    upstream_port: int
    captured: list[Carried]
    failures: list[BaseException]

    async def connect(self) -> End:
        """Return a connection of a client."""
        return await End.open(self.port)

    async def captures(self, count: int) -> list[Carried]:
        """Wait until so much has been captured, and return it."""
        await until(lambda: len(self.captured) >= count)
        return self.captured


async def until(is_true: Callable[[], bool]) -> None:
    """Wait for something that comes by itself."""
    while not is_true():  # noqa: ASYNC110 - what is waited for knows nothing of this test
        await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def serving(script: Script) -> AsyncIterator[tuple[int, list[BaseException]]]:
    """Give the port of a scripted upstream, and what its scripts raised."""
    failures: list[BaseException] = []
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        end = End(reader, writer)
        try:
            await script(end)
        except (AssertionError, ValueError, KeyError) as error:
            failures.append(error)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client is gone, or the test is over
        finally:
            tasks.discard(task)
            await end.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1 << 26)
    try:
        yield server.sockets[0].getsockname()[1], failures
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@contextlib.asynccontextmanager
async def proxied(script: Script, **options: object) -> AsyncIterator[World]:
    """Give a running proxy in front of a scripted upstream, which takes everything."""
    captured: list[Carried] = []
    async with serving(script) as (port, failures):
        url = f"http://127.0.0.1:{port}"
        urls = dict.fromkeys(("anthropic", "openai", "gemini", "ollama"), url)
        upstreams = options.pop("upstreams", None) or make_upstreams(urls, default="anthropic")
        clock = iter(range(1_700_000_000_000, 1_800_000_000_000)).__next__
        sink = options.pop("sink", captured.append)
        proxy = Proxy(upstreams, sink, scope="run", clock=clock, **options)
        world = World(proxy, await proxy.start(), port, captured, failures)
        try:
            yield world
        finally:
            await proxy.stop()
            await asyncio.sleep(0)
        assert failures == []


def run(scenario: Awaitable[None]) -> None:
    """Run a scenario to its end, in debug mode."""

    async def bounded() -> None:
        await asyncio.wait_for(scenario, SCENARIO_TIMEOUT_S)

    asyncio.run(bounded(), debug=False)


def sha256(data: bytes) -> str:
    """Return the digest that both ends compare."""
    return hashlib.sha256(data).hexdigest()


def post(body: bytes, path: str = "/v1/messages", *headers: str) -> bytes:
    """Return a request with a body of a stated length."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(*parts: bytes) -> bytes:
    """Return parts as chunks, and the end."""
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
