"""Who may ask the proxy, and what it refuses to read."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from tapegit.wire.proxy.routes import make_upstreams
from tests.peers import proxied, run, until

GET = "GET /v1/models HTTP/1.1\r\n"
CASES = {  # a status of 4: any from 400 to 499
    "another name": (f"{GET}Host: evil.example\r\n\r\n", 421),
    "another name, this port": (f"{GET}Host: evil.example:80\r\n\r\n", 421),
    "a name that looks like ours": (f"{GET}Host: localhost.evil.example\r\n\r\n", 421),
    "a user": (f"{GET}Host: localhost@evil.example\r\n\r\n", 421),
    "another address": (f"{GET}Host: 169.254.169.254\r\n\r\n", 421),
    "no host": ("GET /v1/models HTTP/1.0\r\n\r\n", 421),
    "an empty host": (f"{GET}Host:\r\n\r\n", 421),
    "two hosts": (f"{GET}Host: localhost\r\nHost: evil.example\r\n\r\n", 4),
    "a page": (f"{GET}Host: localhost\r\nOrigin: http://evil.example\r\n\r\n", 403),
    "a page of this machine": (
        f"{GET}Host: localhost:1\r\nOrigin: http://localhost:2\r\n\r\n",
        403,
    ),
    "a page without origin": (f"{GET}Host: localhost\r\nOrigin: null\r\n\r\n", 403),
    "a cross-site fetch": (f"{GET}Host: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n", 403),
    "a same-site fetch": (f"{GET}Host: localhost\r\nSec-Fetch-Site: same-site\r\n\r\n", 403),
    "a preflight": (
        (
            "OPTIONS /v1/messages HTTP/1.1\r\nHost: localhost\r\n"
            "Access-Control-Request-Method: POST\r\n\r\n"
        ),
        403,
    ),
    "a socket of a page": (
        (
            f"{GET}Host: localhost\r\nOrigin: https://evil.example\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\n\r\n"
        ),
        403,
    ),
    "a whole URL": ("GET http://169.254.169.254/latest HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "a tunnel": ("CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n", 400),
    "everything": ("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "no path": (f"{GET}Host: localhost\r\n\r\n".replace("/v1/models", "v1"), 400),
    "an unknown place": ("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "an unknown upstream": ("GET /u/none/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "length and chunks": (
        (
            "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        400,
    ),
    "two lengths": (
        (
            "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
            "Content-Length: 6\r\n\r\n12345"
        ),
        400,
    ),
    "a length of no number": (
        "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\n12345",
        400,
    ),
    "a line feed alone": ("GET /v1/models HTTP/1.1\nHost: localhost\n\n", 400),
    "a folded header": (f"{GET}Host: localhost\r\nX: a\r\n b\r\n\r\n", 400),
    "a space before the colon": (f"{GET}Host : localhost\r\n\r\n", 400),
    "a NUL": (f"{GET}Host: localhost\r\nX: a\0b\r\n\r\n", 400),
    "a huge header": (f"{GET}Host: localhost\r\nX: {'a' * (1 << 20)}\r\n\r\n", 400),
    "a huge line": (f"GET /{'a' * (1 << 20)} HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "many headers": (f"{GET}Host: localhost\r\n{'X: a' + chr(13) + chr(10)}" * 10_000, 400),
    "HTTP/0.9": ("GET /v1/models\r\n\r\n", 421),
    "HTTP/2": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "TLS": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "a negative chunk": (
        "POST /v1/messages HTTP/1.1\r\nHost: evil\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        400,
    ),
}


@pytest.mark.parametrize(("request_text", "status"), CASES.values(), ids=CASES)
def test_refused_requests_reach_nobody(request_text, status):
    """They get an answer that says so, nothing is recorded, and the connection closes."""

    async def scenario():
        async with proxied(
            lambda end: pytest.fail("the upstream was reached"), upstreams=make_upstreams({})
        ) as world:
            client = await world.connect()
            await client.send(request_text.encode("latin-1"))
            message = await client.message()
            assert message.line.startswith(f"HTTP/1.1 {status}")
            assert json.loads(message.body)["error"]["message"].startswith("tapes: ")
            assert not any(n.lower().startswith("access-control") for n, _ in message.headers)
            await client.close()
            assert world.captured == []

    run(scenario())


CHUNK_FAULTS = {
    "a negative size": b"-1\r\n",
    "a huge size": b"ffffffffffffffffff\r\n",
    "no size": b"zz\r\n",
    "more than its size": b"3\r\nabcde",
    "a line feed alone": b"1\n",
    "a huge extension": b"1;" + b"x" * (1 << 20),
    "a huge trailer": b"0\r\nX: " + b"x" * (1 << 20),
    "many trailers": b"0\r\n" + b"X: a\r\n" * 10_000,
}


@pytest.mark.parametrize("chunk", CHUNK_FAULTS.values(), ids=CHUNK_FAULTS)
def test_a_fault_within_a_body_ends_both_connections(chunk):
    """What followed could be read in two ways."""

    async def script(end):
        await end.head()
        assert await end.rest() == (b"2\r\nab\r\n", False)

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(
                b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"
            )
            await until(lambda: world.proxy.counts.open_exchanges == 1)
            await client.send(chunk + b"\r\n" * 3)
            await client.rest()
            request, response = await world.captures(2)
            assert (request.body[:2], request.is_cut) == (b"ab", True)
            assert response.outcome == "client_gone"
            await client.close()

    run(scenario())


ALLOWED = [
    "Host: 127.0.0.1",
    "Host: localhost:4711",
    "Host: [::1]:80",
    "host: LOCALHOST",
    "Host: localhost:5\r\nOrigin: http://localhost:5",
    "Host: localhost\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: cors",
]


@pytest.mark.parametrize("headers", ALLOWED)
def test_programs_of_this_machine_may_ask(headers):
    """Under each of its names, and with what their libraries send."""

    async def script(end):
        await end.head()
        await end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def scenario():
        async with proxied(script) as world:
            client = await world.connect()
            await client.send(f"{GET}{headers}\r\n\r\n".encode())
            assert (await client.message()).body == b"ok"
            await client.close()

    run(scenario())


def test_only_this_machine_is_listened_to():
    """At one address of it, and with no other process at the same port."""

    async def scenario():
        async with proxied(lambda end: end.rest()) as world:
            other = socket.socket()
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", world.port))
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.2", world.port)

    run(scenario())
