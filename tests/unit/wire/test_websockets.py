"""WebSockets through the proxy: the very bytes, and for the recorder whole messages."""

from __future__ import annotations

import asyncio
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.wire.capture import CapturedClose, CapturedFrames, CapturedMessage
from tapegit.wire.http.sockets import SocketReader
from tests.peers import post, proxied, run

HANDSHAKE = (
    b"GET /v1/responses HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: realtime, other\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: realtime\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate%b\r\n\r\n"
)
PLAIN = SWITCH % b""


def frame(
    opcode: int, payload: bytes, *, mask: bytes = b"", is_last: bool = True, rsv1: bool = False
):
    """Return one frame."""
    first = opcode | (0x80 if is_last else 0) | (0x40 if rsv1 else 0)
    size = len(payload)
    flag = 0x80 if mask else 0
    if size < 126:
        head = bytes([first, flag | size])
    elif size < 65_536:
        head = bytes([first, flag | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, flag | 127]) + size.to_bytes(8, "big")
    if mask:
        payload = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
    return head + mask + payload


class Deflater:
    """permessage-deflate, with or without a context that is kept."""

    def __init__(self, *, has_context: bool = True) -> None:
        self.has_context = has_context
        self.deflater = zlib.compressobj(wbits=-15)

    def __call__(self, payload: bytes) -> bytes:
        """Return a message, compressed."""
        data = self.deflater.compress(payload) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        if not self.has_context:
            self.deflater = zlib.compressobj(wbits=-15)
        return data[:-4]


def read(client: bytes, server: bytes, *, extensions: bytes = b"", step: int = 1 << 20):
    """Return what a reader makes of two directions, fed in steps."""
    value = "permessage-deflate" + extensions.decode()
    reader = SocketReader(7, (("Sec-WebSocket-Extensions", value),))
    found = []
    for is_from_client, data in ((True, client), (False, server)):
        for n in range(0, len(data), step):
            piece = data[n : n + step]
            found += reader.feed(CapturedFrames(7, is_from_client, piece, 5))
    found += reader.feed(CapturedFrames(7, False, b"", 9, "upstream_cut"))
    return found


MASK = b"\x01\x80\xff\x42"
LARGE = random.Random(3).randbytes(70_000)


@pytest.mark.parametrize("step", [1, 2, 3, 1 << 20])
def test_frames_become_messages_however_they_are_cut(step):
    """Fragments are joined, control frames in between are not in the way, any size."""
    deflate = Deflater()
    text = deflate(b"hello hello hello")
    client = b"".join(
        [
            frame(1, b"a" * 125, mask=MASK),
            frame(2, b"b" * 126, mask=MASK),
            frame(1, text[:4], mask=MASK, is_last=False, rsv1=True),
            frame(9, b"ping", mask=MASK),
            frame(0, text[4:8], mask=MASK, is_last=False),
            frame(0, text[8:], mask=MASK),
            frame(1, deflate(b"hello again"), mask=MASK, rsv1=True),
            frame(8, b"\x03\xe8bye", mask=MASK),
        ]
    )
    server = frame(2, LARGE) + frame(10, b"ping") + frame(1, b"") + frame(8, b"\x03\xe9")

    found = read(client, server, step=step)

    assert found == [
        CapturedMessage(7, True, True, b"a" * 125, 5),
        CapturedMessage(7, True, False, b"b" * 126, 5),
        CapturedMessage(7, True, True, b"hello hello hello", 5),
        CapturedMessage(7, True, True, b"hello again", 5),
        CapturedMessage(7, False, False, LARGE, 5),
        CapturedMessage(7, False, True, b"", 5),
        CapturedClose(7, "ok", 1000, 9),
    ]


def test_a_side_without_context_begins_each_message_anew():
    """As the handshake's response says of each side."""
    client, server = Deflater(has_context=False), Deflater()
    texts = [b"one one one", b"one one two"]

    found = read(
        b"".join(frame(1, client(text), mask=MASK, rsv1=True) for text in texts),
        b"".join(frame(1, server(text), rsv1=True) for text in texts),
        extensions=b"; client_no_context_takeover",
    )

    assert [each.payload for each in found[:4]] == texts * 2
    assert found[4] == CapturedClose(7, "upstream_cut", None, 9)


BROKEN = {
    "too large": frame(1, b"")[:1] + b"\x7f" + b"\xff" * 8,
    "not compressed": frame(1, b"\xff\xff\xff", rsv1=True) + frame(1, b"never"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_direction_is_read_no_further(data):
    """The other one is."""
    found = read(data, frame(1, b"fine"))

    assert [type(each) for each in found] == [CapturedMessage, CapturedClose]
    assert found[0].payload == b"fine"


def test_a_compressed_bomb_is_read_no_further(monkeypatch):
    """A message that would be larger than any."""
    monkeypatch.setattr("tapegit.wire.http.sockets.MESSAGE_SIZE_MAX_BYTES", 10_000)

    assert read(frame(1, Deflater()(b"x" * 20_000), rsv1=True), b"")[:-1] == []


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(1, 50))
def test_whatever_bytes_pass_they_can_be_read(client, server, step):
    """As messages, or not at all; the end is always told."""
    found = read(client, server, step=step)

    assert isinstance(found[-1], CapturedClose)
    assert all(isinstance(each, CapturedMessage) for each in found[:-1])


def test_a_socket_passes_byte_for_byte():
    """Handshake, frames of both sides and their end; the recorder gets the same."""
    deflate = Deflater()
    up = [
        frame(1, deflate(b'{"type":"response.create"}'), mask=MASK, rsv1=True),
        frame(1, b"frag", mask=MASK, is_last=False) + frame(0, b"ments", mask=MASK),
        frame(9, b"p", mask=MASK),
    ]
    down = [frame(1, b'{"type":"response.created"}') + frame(10, b"p"), frame(2, LARGE)]
    close = frame(8, b"\x03\xe8", mask=MASK)
    seen = []

    async def script(end):
        seen.append(await end.head())
        await end.send(PLAIN + down[0])
        data = await end.reader.readexactly(sum(map(len, up)))
        seen.append(data)
        await end.send(down[1])
        seen.append(await end.reader.readexactly(len(close)))
        await end.send(frame(8, b"\x03\xe8"))

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(HANDSHAKE)
            assert await client.reader.readexactly(len(PLAIN)) == PLAIN
            assert await client.reader.readexactly(len(down[0])) == down[0]
            for piece in up:
                await client.send(piece)
                await asyncio.sleep(0.002)
            assert await client.reader.readexactly(len(down[1])) == down[1]
            await client.send(close)
            data, is_reset = await client.rest()
            assert data == frame(8, b"\x03\xe8")
            assert not is_reset
            await client.close()
            await world.captures(4)
            reader = SocketReader(1, world.captured[1].headers)
            frames = [each for each in world.captured if isinstance(each, CapturedFrames)]
            found = [each for one in frames for each in reader.feed(one)]
            assert [each.payload for each in found[:-1] if each.is_from_client] == [
                b'{"type":"response.create"}',
                b"fragments",
            ]
            assert [each.payload for each in found[:-1] if not each.is_from_client] == [
                b'{"type":"response.created"}',
                LARGE,
            ]
            assert found[-1][:3] == (1, "ok", 1000)
            assert world.captured[1].status == 101
            assert world.proxy.counts.open_exchanges == 0

    run(scenario())
    assert b"Sec-WebSocket-Protocol: realtime, other" in seen[0]
    assert b"Upgrade: websocket" in seen[0]
    assert seen[1:] == [b"".join(up), close]


@pytest.mark.parametrize("who", ["client", "upstream"])
def test_a_socket_that_breaks_off_breaks_off_at_the_other_end(who):
    """And is recorded as what it is."""

    async def script(end):
        await end.head()
        await end.send(PLAIN)
        if who == "client":
            assert await end.rest() == (b"x", False)

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(HANDSHAKE)
            await client.head()
            if who == "client":
                await client.send(b"x")
            else:
                assert (await client.rest())[0] == b""
            await client.close()
            last = (await world.captures(4 if who == "client" else 3))[-1]
            assert last.outcome == ("client_gone" if who == "client" else "upstream_cut")

    run(scenario())


def test_a_refused_handshake_leaves_a_connection_for_http():
    """Codex falls back to it on the same connection or a new one."""

    async def script(end):
        assert b"Upgrade" in await end.head()
        await end.send(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno")
        await end.message()
        await end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(HANDSHAKE)
            assert (await client.message()).body == b"no"
            await client.send(post(b"{}"))
            assert (await client.message()).body == b"yes"
            await client.close()

    run(scenario())


def test_an_upgrade_to_anything_else_is_not_offered():
    """HTTP/2 over an open connection would be nothing that this proxy can follow."""
    seen = []

    async def script(end):
        seen.append(await end.head())
        await end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(
                b"GET /v1/messages HTTP/1.1\r\nHost: localhost\r\n"
                b"Connection: Upgrade, HTTP2-Settings, keep-alive\r\n"
                b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"
            )
            assert (await client.message()).body == b"ok"
            await client.close()

    run(scenario())
    assert b"pgrade" not in seen[0]
    assert b"HTTP2" not in seen[0]
    assert b"Connection:  keep-alive" in seen[0]
