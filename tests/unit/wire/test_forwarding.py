"""What passes the proxy: every byte of it, in both directions, as it comes."""

from __future__ import annotations

import asyncio
import gzip
import random
import socket

import pytest

from tapegit.wire.capture import CapturedRequest, CapturedResponse
from tests.peers import chunked, post, proxied, run, sha256, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answering(response: bytes):
    """Return a script that answers every request of a connection alike."""

    async def script(end):
        while True:
            await end.message()
            await end.send(response)

    return script


def exchange(request: bytes, response: bytes, *, size: int | None = None):
    """Pass one request and one response; return what came at each end, raw, and captures."""
    got: dict[str, bytes] = {}
    captured: list[object] = []

    async def script(end):
        message = await end.message()
        got["head"], got["body"] = message
        await end.send(response)
        if b"\r\nConnection: close" in response:
            return
        await end.reader.read()

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(request)
            got["response"] = await client.reader.readexactly(size or len(response))
            await client.close()
            captured.extend(await world.captures(2))

    run(scenario())
    return got, captured


BODIES = {
    "json": b'{"a": 1}',
    "text that is no UTF-8": bytes(range(256)),
    "gzip": gzip.compress(b"x" * 5000),
    "nothing": b"",
    "large": random.Random(1).randbytes(700_001),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_bodies_arrive_unchanged_both_ways(body, is_chunked):
    """Whatever is in them and however they are framed."""
    parts = [body[n : n + 10_007] for n in range(0, len(body), 10_007)]
    if is_chunked:
        head = (
            b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        request = head + chunked(*parts)
        response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(*parts)
    else:
        request = post(body)
        response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    got, captured = exchange(request, response)

    assert sha256(got["body"]) == sha256(body)
    assert got["response"] == response
    assert [sha256(each.body) for each in captured] == [sha256(body)] * 2
    assert captured[1].outcome == "ok"
    assert not captured[0].is_cut
    assert not captured[1].is_cut


def test_heads_keep_order_spelling_and_duplicates():
    """A request's is made anew with another Host; a response's is the very bytes."""
    request = (
        b"POST /v1/messages?beta=true&x=%2F HTTP/1.1\r\n"
        b"X-Stainless-Lang: js\r\nx-stainless-lang: py\r\nHOST: localhost:1\r\n"
        b"Accept-Encoding: gzip, br\r\nuser-agent: Bun/1.4.0\r\nX-Latin: \xe9t\xe9\r\n"
        b"Content-Length: 2\r\nConnection: keep-alive\r\nX-Empty:\r\n\r\n{}"
    )
    response = (
        b"HTTP/1.1 299 Odd  Reason\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Latin: \xe9t\xe9\r\n"
        b"server:   spaced\r\nContent-Length: 0\r\n\r\n"
    )

    got, captured = exchange(request, response)

    lines = got["head"].split(b"\r\n")
    assert lines[0] == b"POST /v1/messages?beta=true&x=%2F HTTP/1.1"
    assert lines[3].startswith(b"HOST: 127.0.0.1:")
    expected = request.split(b"\r\n\r\n")[0].replace(b"X-Empty:", b"X-Empty: ").split(b"\r\n")
    lines, expected = ([ln for ln in each if b"HOST" not in ln] for each in (lines, expected))
    assert lines == expected
    assert got["response"] == response
    assert captured[0].headers[0] == ("X-Stainless-Lang", "js")
    assert ("X-Latin", "\xe9t\xe9") in captured[0].headers
    assert captured[1].status == 299
    assert captured[1].headers[:2] == (("Set-Cookie", "a=1"), ("set-cookie", "b=2"))


RESPONSES = {
    "no content": b"HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n",
    "not modified, with a length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
    "a redirect": b"HTTP/1.1 307 Moved\r\nLocation: http://e.com/\r\nContent-Length: 0\r\n\r\n",
    "overloaded": b"HTTP/1.1 529 Overloaded\r\nretry-after: 1\r\nContent-Length: 2\r\n\r\n{}",
    "trailers": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n0\r\nT: 1\r\n\r\n"
    ),
    "early hints": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    ),
    "a version of old": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
}


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_every_kind_of_response_is_passed_as_it_is(response):
    """Byte for byte, and each is one exchange with its status."""
    got, captured = exchange(post(b"{}"), response)

    assert got["response"] == response
    assert captured[1].status == int(response.split(b"HTTP/")[-1][4:7])
    assert captured[1].outcome == ("error" if captured[1].status >= 400 else "ok")


def test_head_has_no_body_whatever_its_length_says():
    """And the connection goes on after it."""

    async def script(end):
        assert (await end.head()).startswith(b"HEAD / ")
        await end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        await end.message()
        await end.send(OK)

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"500" in await client.head()
            await client.send(post(b"{}"))
            assert (await client.message()).body == b"ok"
            captured = await world.captures(4)
            assert [each.outcome for each in captured[1::2]] == ["ok", "ok"]
            await client.close()

    run(scenario())


def test_a_body_without_a_length_ends_with_the_connection():
    """The client's ends then too, in good order."""
    response = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"y" * 100_000

    async def script(end):
        await end.message()
        await end.send(response)

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(post(b"{}"))
            assert await client.rest() == (response, False)
            assert (await world.captures(2))[1].outcome == "ok"
            await client.close()

    run(scenario())


def test_the_client_decides_about_expect_and_the_upstream_answers_it():
    """The body goes on only after the client has heard 100."""
    body = b"z" * 3_000_000

    async def script(end):
        head = await end.head()
        assert b"Expect: 100-continue" in head
        assert end.reader._buffer == b""
        await end.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await end.reader.readexactly(len(body)) == body
        await end.send(OK)

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            head = post(body, "/v1/messages", "Expect: 100-continue")[: -len(body)]
            await client.send(head)
            assert await client.head() == b"HTTP/1.1 100 Continue"
            await client.send(body)
            assert (await client.message()).body == b"ok"
            await client.close()

    run(scenario())


def test_a_refused_expectation_needs_no_body():
    """The upstream's 417 comes through, and the connection closes."""

    async def script(end):
        await end.head()
        await end.send(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
        await end.reader.read()

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(post(b"abc", "/v1/messages", "Expect: 100-continue")[:-3])
            data, is_reset = await client.rest()
            assert data.startswith(b"HTTP/1.1 417")
            assert not is_reset
            request, response = await world.captures(2)
            assert request.is_cut
            assert response.outcome == "error"
            await client.close()

    run(scenario())


def test_a_request_is_passed_on_while_it_comes_in():
    """The upstream has each part before the client sends the next."""

    async def script(end):
        await end.head()
        seen = 0
        async for chunk in end.chunks():
            seen += len(chunk)
            await end.send(b"HTTP/1.1 102 %d\r\n\r\n" % seen)
        await end.send(OK)

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(
                b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            )
            for n in range(1, 6):
                await client.send(b"3\r\nabc\r\n")
                assert await client.head() == b"HTTP/1.1 102 %d" % (3 * n)
            await client.send(b"0\r\n\r\n")
            assert (await client.message()).body == b"ok"
            assert (await world.captures(2))[0].body == b"abc" * 5
            await client.close()

    run(scenario())


def test_a_response_is_passed_on_while_it_comes_in():
    """The client has each event before the upstream writes the next."""
    heard = asyncio.Queue()

    async def script(end):
        await end.message()
        await end.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for n in range(5):
            event = b"data: %d\n\n" % n
            await end.send(b"%x\r\n%b\r\n" % (len(event), event))
            assert await heard.get() == event
        await end.send(b"0\r\n\r\n")

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(post(b"{}"))
            await client.head()
            async for chunk in client.chunks():
                heard.put_nowait(chunk)
            assert (await world.captures(2))[1].body == b"".join(
                b"data: %d\n\n" % n for n in range(5)
            )
            await client.close()

    run(scenario())


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_trailers_of_a_request_are_passed_on_and_no_header_of_the_next(size):
    """However the network cuts them, also where requests come one upon the other."""
    trailers = b"X-Sum: abc\r\nx-two: d\r\n"
    head = b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with_trailers = head + b"2;name=value\r\n{}\r\n0\r\n" + trailers + b"\r\n"
    data = with_trailers + post(b"[]") + head + chunked(b"a", b"b") + with_trailers + post(b"")
    got = []

    async def script(end):
        for _ in range(5):
            lines = (await end.head()).split(b"\r\n")
            body = b""
            if lines[-1] == b"Transfer-Encoding: chunked":
                while not body.endswith(b"\r\n\r\n"):
                    body += await end.reader.readuntil(b"\r\n")
                body = body.replace(b"1\r\na\r\n1\r\nb\r\n", b"2\r\nab\r\n")
                body = body.replace(b"1\r\n{\r\n1\r\n}\r\n", b"2\r\n{}\r\n")
            else:
                body = await end.reader.readexactly(int(lines[-1].rpartition(b" ")[2]))
            got.append((len(lines), body))
            await end.send(OK)

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            for at in range(0, len(data), size):
                await client.send(data[at : at + size])
                await asyncio.sleep(0)
            for _ in range(5):
                assert (await client.message()).body == b"ok"
            requests = [each.body for each in (await world.captures(10))[::2]]
            assert requests == [b"{}", b"[]", b"ab", b"{}", b""]
            await client.close()

    run(scenario())
    trailing = (3, b"2\r\n{}\r\n0\r\n" + trailers + b"\r\n")
    assert got == [trailing, (3, b"[]"), (3, b"2\r\nab\r\n0\r\n\r\n"), trailing, (3, b"")]


def test_an_early_answer_does_not_wait_for_the_request():
    """A 413 in the middle of a large body reaches the client, which may still be writing."""

    async def script(end):
        await end.head()
        await end.send(b"HTTP/1.1 413 Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate")

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(post(b"x" * 50_000_000)[:200_000])
            assert (await client.message()).body == b"late"
            request, response = await world.captures(2)
            assert request.is_cut
            assert (response.status, response.outcome) == (413, "error")
            await client.close()

    run(scenario())


def test_pipelined_requests_are_answered_in_order():
    """One after the other, on one upstream connection."""
    connections = []

    async def script(end):
        connections.append(end)
        while True:
            body = (await end.message()).body
            await asyncio.sleep(0.005)
            await end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + body)

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(b"".join(post(b"%d" % n) for n in range(8)))
            assert [(await client.message()).body for _ in range(8)] == [
                b"%d" % n for n in range(8)
            ]
            captured = await world.captures(16)
            assert [each.number for each in captured] == [n // 2 + 1 for n in range(16)]
            await client.close()

    run(scenario())
    assert len(connections) == 1


def test_an_upstream_that_closed_its_idle_connection_is_connected_to_again():
    """The client does not notice."""
    connections = []

    async def script(end):
        connections.append(end)
        await end.message()
        await end.send(OK)

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            for n in range(3):
                await client.send(post(b"{}"))
                assert (await client.message()).body == b"ok"
                await world.captures(2 * n + 2)
                await asyncio.sleep(0.01)
            await client.close()

    run(scenario())
    assert len(connections) == 3


def test_many_streams_at_once_do_not_mix():
    """64 connections, each with bodies of its own."""

    async def script(end):
        while True:
            message = await end.message()
            await end.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            half = len(message.body) // 2
            for part in (message.body[:half], message.body[half:]):
                await end.send(b"%x\r\n%b\r\n" % (len(part), part))
                await asyncio.sleep(0)
            await end.send(b"0\r\n\r\n")

    async def talk(world, seed):
        client = await world.connect()
        luck = random.Random(seed)
        for _ in range(3):
            body = luck.randbytes(luck.randrange(2, 90_000))
            await client.send(post(body))
            assert sha256((await client.message()).body) == sha256(body)
        await client.close()

    async def scenario():
        async with proxied(script) as world:
            await asyncio.gather(*(talk(world, seed) for seed in range(64)))
            await world.captures(384)
            bodies: dict[int, bytes] = {}
            for each in world.captured:
                assert bodies.setdefault(each.number, each.body) == each.body
            assert world.proxy.counts == (64, 192, 0, 0)

    run(scenario())


def test_a_large_body_passes_whole_and_is_captured_in_part():
    """100 MB each way, in bounded memory."""
    size, block = 100 << 20, random.Random(5).randbytes(1 << 20)

    async def script(end):
        await end.head()
        for _ in range(size >> 20):
            assert await end.reader.readexactly(1 << 20) == block
        await end.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size >> 20):
            await end.send(block)

    async def scenario():
        async with proxied(script, capture_size_max_bytes=3_000_000) as world:
            client = await world.connect()
            await client.send(post(b"")[:-5] + b"%d\r\n\r\n" % size)
            for _ in range(size >> 20):
                await client.send(block)
            await client.head()
            for _ in range(size >> 20):
                assert await client.reader.readexactly(1 << 20) == block
            for each in await world.captures(2):
                assert each.is_cut
                assert each.body == (block * 3)[:3_000_000]
            await client.close()

    run(scenario())


def test_a_slow_reader_holds_the_upstream_and_not_the_memory():
    """The upstream cannot write on; later all of it arrives."""
    total = 64 << 20
    written = 0

    async def script(end):
        nonlocal written
        end.writer.transport.set_write_buffer_limits(high=0)
        await end.message()
        await end.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while written < total:
            await end.send(b"s" * 65_536)
            written += 65_536

    async def scenario():
        async with proxied(script, capture_size_max_bytes=1) as world:
            plain = socket.create_connection(("127.0.0.1", world.port))
            plain.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(plain, post(b"{}"))
            before = -1
            while before != written:  # until nothing moves any more
                before = written
                await asyncio.sleep(0.1)
            assert written < 40 << 20
            seen = 0
            while seen < total:
                seen += len(await loop.sock_recv(plain, 1 << 20))
            assert written == total
            plain.close()

    run(scenario())


def test_a_slow_upstream_holds_the_client():
    """What it has not read is not kept here."""
    total = 64 << 20
    gate = asyncio.Event()

    async def script(end):
        await end.head()
        end.writer.transport.pause_reading()
        await gate.wait()
        end.writer.transport.resume_reading()
        for _ in range(total >> 16):
            await end.reader.readexactly(65_536)
        await end.send(OK)

    async def scenario():
        async with proxied(script, capture_size_max_bytes=1) as world:
            client = await world.connect()
            client.writer.transport.set_write_buffer_limits(high=0)
            sent = 0

            async def send_all():
                nonlocal sent
                await client.send(post(b"")[:-5] + b"%d\r\n\r\n" % total)
                while sent < total:
                    await client.send(b"s" * 65_536)
                    sent += 65_536

            task = asyncio.create_task(send_all())
            before = -1
            while before != sent:
                before = sent
                await asyncio.sleep(0.1)
            assert sent < 40 << 20
            gate.set()
            await task
            assert (await client.message()).body == b"ok"
            await client.close()

    run(scenario())


def test_all_that_is_held_has_a_limit(monkeypatch):
    """Then bodies are captured in part; the room is there again when they have been handed over."""
    monkeypatch.setattr("tapegit.wire.proxy.exchange.HELD_SIZE_MAX_BYTES", 1000)

    async def scenario():
        async with proxied(answering(OK)) as world:
            client = await world.connect()
            for _ in range(3):
                await client.send(post(b"x" * 1500))
                assert (await client.message()).body == b"ok"
            captured = await world.captures(6)
            assert [(len(each.body), each.is_cut) for each in captured] == [
                (1000, True),
                (2, False),
            ] * 3
            assert world.proxy._ledger.held_size == 0
            await client.close()

    run(scenario())


@pytest.mark.parametrize("seed", range(12))
def test_bytes_may_come_in_any_pieces(seed):
    """What is said does not depend on how the network cuts it."""
    luck = random.Random(seed)
    bodies = [luck.randbytes(luck.randrange(0, 60)) for _ in range(4)]
    requests = b"".join(
        post(body)
        if luck.random() < 0.5
        else b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunked(*(bytes([byte]) for byte in body))
        for body in bodies
    )

    def pieces(data):
        while data:
            size = luck.randrange(1, 40)
            yield data[:size]
            data = data[size:]

    async def send(end, data):
        for piece in pieces(data):
            end.writer.write(piece)
            await asyncio.sleep(0)

    async def script(end):
        while True:
            body = (await end.message()).body
            await send(end, b"HTTP/1.1 100 Continue\r\n\r\n" * luck.randrange(2))
            await send(end, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            await send(end, chunked(*(body[n : n + 7] for n in range(0, len(body), 7))))

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            sending = asyncio.create_task(send(client, requests))
            for body in bodies:
                message = await client.message()
                while b" 100 " in message.head:
                    message = await client.message()
                assert message.body == body
            await sending
            captured = await world.captures(8)
            assert [each.body for each in captured] == [b for b in bodies for _ in range(2)]
            await client.close()

    run(scenario())


def test_without_a_sink_everything_passes_and_is_counted():
    """Recording is off."""

    async def scenario():
        async with proxied(answering(OK), sink=None) as world:
            client = await world.connect()
            for _ in range(3):
                await client.send(post(b"{}"))
                assert (await client.message()).body == b"ok"
            await client.close()
            await until(lambda: world.proxy.counts.exchanges == 3)
            assert world.captured == []

    run(scenario())


def test_captures_carry_numbers_scopes_times_and_addresses():
    """As capture.py says."""

    async def scenario():
        async with proxied(answering(OK)) as world:
            client = await world.connect()
            await client.send(post(b"{}", "/s/mine/v1/messages?beta=true"))
            await client.message()
            other = await world.connect()
            await other.send(post(b"[]", "/u/openai/chat"))
            await other.message()
            first, second, third, _ = await world.captures(4)
            assert isinstance(first, CapturedRequest)
            assert isinstance(second, CapturedResponse)
            assert (first.number, first.scope, first.connection) == (1, "mine", 1)
            assert first.target == "/v1/messages?beta=true"
            assert first.url == f"http://127.0.0.1:{world.upstream_port}/v1/messages?beta=true"
            assert first.started_ms < second.first_byte_ms <= second.ended_ms
            assert (third.number, third.scope, third.connection) == (2, "run", 2)
            assert third.target == "/chat"
            await client.close()
            await other.close()

    run(scenario())
