"""How exchanges end that do not end well: who is told, at once, and what is recorded."""

from __future__ import annotations

import asyncio
import json

import pytest

from tapegit.wire.proxy.routes import make_upstreams
from tests.peers import chunked, post, proxied, run, serving, until

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
EVENTS = [
    b'event: message_start\ndata: {"type":"message_start"}\n\n',
    b'event: content_block_delta\ndata: {"type":"content_block_delta","text":"ab"}\n\n',
    b'event: content_block_delta\ndata: {"type":"content_block_delta","text":"cd"}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]
STREAM = STREAM_HEAD + chunked(*EVENTS)
BODY = b"".join(EVENTS)


def decode(data: bytes) -> bytes:
    """Return what is whole or in part of a chunked body."""
    body = b""
    while data:
        line, found, data = data.partition(b"\r\n")
        if not found or line == b"0":
            break
        size = int(line, 16)
        body += data[:size]
        data = data[size + 2 :]
    return body


@pytest.mark.parametrize("is_reset", [False, True])
def test_upstream_cut_at_every_offset_cuts_the_client(is_reset):
    """After exactly the bytes that had come; all of it is recorded."""
    offsets = [*range(0, len(STREAM) - 1, 7), len(STREAM) - 1]

    async def script(end):
        while True:
            offset = int((await end.message()).body)
            await end.send(STREAM[:offset])
            if is_reset:
                await asyncio.sleep(0.003)  # a reset takes away what has not been read
                await end.reset()
            return

    async def scenario():
        async with proxied(script) as world:
            for n, offset in enumerate(offsets):
                client = await world.connect()
                await client.send(post(b"%d" % offset))
                data, _ = await client.rest()
                assert data == STREAM[:offset]
                request, response = (await world.captures(2 * n + 2))[-2:]
                assert request.body == b"%d" % offset
                body = decode(data.partition(b"\r\n\r\n")[2])
                assert response.body == body
                ended = b'stop"}\n\n' in body
                assert response.outcome == ("ok" if ended else "upstream_cut")
                assert response.error
                assert response.status == (200 if offset >= len(STREAM_HEAD) else None)
                await client.close()

    run(scenario())


def test_upstream_cut_is_a_reset_for_the_client():
    """So that a body which ends with its connection is not taken for whole."""

    async def script(end):
        await end.message()
        await end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await asyncio.sleep(0.01)

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(post(b"{}"))
            data, is_reset = await client.rest()
            assert data.endswith(b"half")
            assert is_reset
            await client.close()

    run(scenario())


@pytest.mark.parametrize("is_reset", [False, True])
def test_client_gone_at_every_event_closes_the_upstream_at_once(is_reset):
    """What had arrived is recorded; after the terminal event it is no cancel."""
    gone = asyncio.Queue()

    async def script(end):
        count = int((await end.message()).body)
        await end.send(STREAM_HEAD)
        for event in EVENTS[:count]:
            await end.send(b"%x\r\n%b\r\n" % (len(event), event))
        data, _ = await end.rest()
        assert data == b""
        gone.put_nowait(count)

    async def scenario():
        async with proxied(script) as world:
            for count in range(len(EVENTS) + 1):
                client = await world.connect()
                await client.send(post(b"%d" % count))
                await client.head()
                for event in EVENTS[:count]:
                    await client.reader.readuntil(event + b"\r\n")
                await (client.reset() if is_reset else client.close())
                assert await gone.get() == count
                response = (await world.captures(2 * count + 2))[-1]
                assert response.body == b"".join(EVENTS[:count])
                assert response.outcome == ("ok" if count == len(EVENTS) else "client_gone")
                assert response.status == 200
                if is_reset:
                    await client.close()

    run(scenario())


def test_client_gone_before_the_response_closes_the_upstream():
    """The generation has not begun to come, and costs money all the same."""
    has_come, is_gone = asyncio.Event(), asyncio.Event()

    async def script(end):
        await end.message()
        has_come.set()
        await end.rest()
        is_gone.set()

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(post(b"{}"))
            await has_come.wait()
            await client.close()
            await is_gone.wait()
            response = (await world.captures(2))[1]
            assert (response.outcome, response.status, response.body) == ("client_gone", None, b"")

    run(scenario())


def test_client_gone_within_its_request_is_recorded_as_far_as_it_came():
    """Cut off, and given up."""

    async def script(end):
        await end.head()
        await end.rest()

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(post(b"0123456789")[:-4])
            await until(lambda: world.proxy.counts.open_exchanges == 1)
            await asyncio.sleep(0.01)
            await client.close()
            request, response = await world.captures(2)
            assert (request.body, request.is_cut) == (b"012345", True)
            assert response.outcome == "client_gone"

    run(scenario())


def test_client_gone_while_the_upstream_is_slow_to_read():
    """Even where nothing is read from the client any more."""
    is_gone = asyncio.Event()

    async def script(end):
        await end.head()
        end.writer.transport.pause_reading()
        await is_gone.wait()

    async def scenario():
        async with proxied(script, capture_size_max_bytes=1) as world:
            client = await world.connect()
            client.writer.write(post(b"x" * (32 << 20)))
            await asyncio.sleep(0.1)
            await client.reset()
            response = (await world.captures(2))[1]
            assert response.outcome == "client_gone"
            is_gone.set()
            await client.close()

    run(scenario())


def test_upstream_that_refuses_the_connection_is_named():
    """A 502 that clients of every provider can show; no status was seen."""

    async def scenario():
        async with serving(lambda end: end.message()) as (port, _):
            free = port
        upstreams = make_upstreams({"anthropic": f"http://127.0.0.1:{free}"})
        async with proxied(lambda end: end.rest(), upstreams=upstreams) as world:
            client = await world.connect()
            await client.send(post(b"{}"))
            message = await client.message()
            assert message.line == "HTTP/1.1 502 Bad Gateway"
            error = json.loads(message.body)["error"]
            assert f"cannot reach http://127.0.0.1:{free}: " in error["message"]
            assert await client.reader.read() == b""
            request, response = await world.captures(2)
            assert request.body == b"{}"
            assert (response.outcome, response.status) == ("error", None)
            assert f"127.0.0.1:{free}" in response.error
            await client.close()

    run(scenario())


def test_upstream_without_a_name_is_an_answer_too():
    """Also to a client that is still sending, and to one that asks for a head."""
    upstreams = make_upstreams({"anthropic": "http://nowhere.invalid"})

    async def scenario():
        async with proxied(lambda end: end.rest(), upstreams=upstreams) as world:
            client = await world.connect()
            await client.send(post(b"x" * 100_000)[:50_000])
            assert (await client.message()).line.startswith("HTTP/1.1 502")
            other = await world.connect()
            await other.send(b"HEAD /v1/messages HTTP/1.1\r\nHost: localhost\r\n\r\n")
            data, _ = await other.rest()
            assert data.endswith(b"\r\n\r\n")
            await client.close()
            await other.close()

    run(scenario())


class BrokenDialer:
    """Fails in a way that nobody thought of."""

    own_port = 0

    async def dial(self, origin, peer, *, is_tunnel):
        """Fail."""
        raise RuntimeError(origin.host)


def test_no_failure_to_connect_leaves_a_client_without_an_answer():
    """Whatever it is."""

    async def scenario():
        async with proxied(lambda end: end.rest()) as world:
            world.proxy._dialer = BrokenDialer()
            client = await world.connect()
            await client.send(post(b"{}"))
            assert b"RuntimeError: 127.0.0.1" in (await client.message()).body
            assert (await world.captures(2))[1].outcome == "error"
            await client.close()

    run(scenario())


def test_the_proxy_does_not_connect_to_itself():
    """Which would go on for ever."""

    async def scenario():
        async with proxied(lambda end: end.rest()) as world:
            own = make_upstreams({"anthropic": f"http://localhost:{world.port}"})
            world.proxy._upstreams.by_name["anthropic"] = own.by_name["anthropic"]
            client = await world.connect()
            await client.send(post(b"{}"))
            message = await client.message()
            assert b"it is this proxy itself" in message.body
            assert world.proxy.counts.connections == 1
            await client.close()

    run(scenario())


def test_what_is_no_http_is_passed_on_until_it_ends():
    """The client makes of it what it would have made."""

    async def script(end):
        await end.message()
        await end.send(b"220 smtp.example.com ready\r\n")
        await asyncio.sleep(0.01)
        await end.send(b"more\r\n")

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(post(b"{}"))
            data, _ = await client.rest()
            assert data == b"220 smtp.example.com ready\r\nmore\r\n"
            response = (await world.captures(2))[1]
            assert (response.outcome, response.status) == ("error", None)
            assert response.body == data
            assert "not HTTP" in response.error
            await client.close()

    run(scenario())


def test_an_upstream_that_speaks_unasked_is_dropped():
    """What it says belongs to no exchange; the client's next one has a new connection."""
    connections = []

    async def script(end):
        connections.append(end)
        await end.message()
        await end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await asyncio.sleep(0.02)
        await end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        await end.rest()

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            for n in range(2):
                await client.send(post(b"{}"))
                assert (await client.message()).body == b""
                await until(lambda n=n: len(connections) == n + 1)
                await asyncio.sleep(0.04)
            assert [each.body for each in world.captured[1::2]] == [b"", b""]
            await client.close()

    run(scenario())
    assert len(connections) == 2


def test_stopping_ends_what_is_going_on():
    """Both ends, and as given up."""

    async def script(end):
        await end.message()
        await end.send(STREAM_HEAD)
        await end.rest()

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(post(b"{}"))
            await client.head()
            await world.proxy.stop()
            await client.rest()
            assert (await world.captures(2))[1].outcome == "client_gone"
            assert world.proxy.counts.open_exchanges == 0
            with pytest.raises(OSError):
                await world.connect()
            await client.close()

    run(scenario())
