"""The way out: through which proxy of the user's, and whom to trust."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import subprocess

import pytest

from tapegit.errors import ConfigError
from tapegit.wire.proxy.outbound import make_context, parse_outbound
from tapegit.wire.proxy.routes import make_upstreams, parse_upstream
from tests.peers import End, post, proxied, run, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def find(environment, url):
    """Return through what an upstream is reached, as text."""
    proxy = parse_outbound(environment).find_proxy(parse_upstream(url).origin)
    return None if proxy is None else str(proxy.origin)


HTTPS = {"HTTPS_PROXY": "http://p.example:3128"}
CASES = [
    ({}, "https://a.example", None),
    (HTTPS, "https://a.example", "http://p.example:3128"),
    (HTTPS, "http://a.example", None),
    (HTTPS, "https://localhost", None),
    (HTTPS, "https://127.0.0.2", None),
    (HTTPS, "https://[::1]", None),
    ({"HTTP_PROXY": "p.example"}, "http://a.example", "http://p.example"),
    ({"ALL_PROXY": "https://p.example"}, "http://a.example", "https://p.example"),
    ({**HTTPS, "https_proxy": "http://q:1"}, "https://a.example", "http://q:1"),
    ({**HTTPS, "NO_PROXY": "*"}, "https://a.example", None),
    ({**HTTPS, "NO_PROXY": "b.example, a.example"}, "https://a.example", None),
    ({**HTTPS, "NO_PROXY": "a.example"}, "https://api.A.example", None),
    ({**HTTPS, "NO_PROXY": ".example"}, "https://a.example", None),
    ({**HTTPS, "NO_PROXY": "*.example"}, "https://a.example", None),
    ({**HTTPS, "NO_PROXY": "ample"}, "https://a.example", "http://p.example:3128"),
    ({**HTTPS, "NO_PROXY": "a.example:444"}, "https://a.example", "http://p.example:3128"),
    ({**HTTPS, "NO_PROXY": "a.example:443"}, "https://a.example", None),
    ({**HTTPS, "NO_PROXY": "10.0.0.0/8"}, "https://10.1.2.3", None),
    ({**HTTPS, "NO_PROXY": "10.0.0.0/8"}, "https://11.1.2.3", "http://p.example:3128"),
    ({**HTTPS, "NO_PROXY": "fd00::/8,::2"}, "https://[fd00::5]", None),
    ({**HTTPS, "NO_PROXY": "::2"}, "https://[::2]", None),
    ({**HTTPS, "NO_PROXY": "[::2]:443"}, "https://[::2]", None),
]


@pytest.mark.parametrize(("environment", "url", "expected"), CASES)
def test_the_environment_says_the_way(environment, url, expected):
    """As for curl."""
    assert find(environment, url) == expected


@pytest.mark.parametrize("value", ["socks5://p", "http://:99999", "http://h:x", "http://"])
def test_an_outbound_proxy_that_is_none_is_an_error(value):
    """Before anything starts; it says which variable to correct."""
    with pytest.raises(ConfigError, match="https_proxy holds no ") as caught:
        parse_outbound({"https_proxy": value, "ALL_PROXY": "http://p"})
    assert "unset" in (caught.value.hint or "")
    with pytest.raises(ConfigError, match="ALL_PROXY holds no "):
        parse_outbound({"ALL_PROXY": value})


def test_certificates_that_cannot_be_read_are_an_error(tmp_path):
    """Missing, or no certificates."""
    bad = tmp_path / "bad.pem"
    bad.write_text("nothing")
    for path in (bad, tmp_path / "missing"):
        with pytest.raises(ConfigError, match=path.name):
            make_context((str(path),))
    assert parse_outbound({"SSL_CERT_FILE": "a", "NODE_EXTRA_CA_CERTS": "b"}).ca_files == ("a", "b")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Give a certificate for localhost and its key, which nobody trusts."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    try:
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-keyout",
                str(key),
                "-out",
                str(cert),
                "-addext",
                "subjectAltName=DNS:localhost,DNS:far.example",
            ],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("openssl is not there to make a certificate")
    return cert, key


@contextlib.asynccontextmanager
async def secure_upstream(certificate, seen):
    """Give the port of an upstream that speaks TLS and answers everything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    async def handle(reader, writer):
        end = End(reader, writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                seen.append(await end.message())
                await end.send(OK)
        await end.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def tunnelling(port, heads, status=b"200 OK"):
    """Return the script of an outbound proxy that leads everything to one port."""

    async def copy(source, target):
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65_536):
                target.write(data)
        target.close()

    async def script(end):
        heads.append(await end.head())
        if status != b"200 OK":
            await end.send(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
            return
        far = await End.open(port)
        await end.send(b"HTTP/1.1 " + status + b"\r\n\r\n")
        try:
            await asyncio.gather(copy(end.reader, far.writer), copy(far.reader, end.writer))
        finally:
            far.writer.transport.abort()
            await far.close()

    return script


async def ask(world):
    """Send a request and return the answer to it."""
    client = await world.connect()
    await client.send(post(b"{}"))
    message = await client.message()
    await client.close()
    return message


def test_secure_upstreams_are_trusted_only_with_a_certificate(certificate):
    """Of the system or of a file that the user named; else the answer says why."""
    seen = []

    async def scenario():
        async with secure_upstream(certificate, seen) as port:
            upstreams = make_upstreams({"anthropic": f"https://localhost:{port}"})
            async with proxied(lambda end: end.rest(), upstreams=upstreams) as world:
                message = await ask(world)
                assert message.line.startswith("HTTP/1.1 502")
                assert b"certificate is not trusted" in message.body
            outbound = parse_outbound({"NODE_EXTRA_CA_CERTS": str(certificate[0])})
            async with proxied(
                lambda end: end.rest(), upstreams=upstreams, outbound=outbound
            ) as world:
                assert (await ask(world)).body == b"ok"
                assert [each.outcome for each in world.captured[1::2]] == ["ok"]

    run(scenario())
    assert [each.body for each in seen] == [b"{}"]


def test_a_secure_upstream_is_reached_through_a_tunnel(certificate):
    """The outbound proxy is told a name and a port, and its own password."""
    seen, heads = [], []

    async def scenario():
        async with (
            secure_upstream(certificate, seen) as port,
            serving(tunnelling(port, heads)) as (outbound_port, _),
        ):
            environment = {
                "HTTPS_PROXY": f"http://me:p%40ss@127.0.0.1:{outbound_port}",
                "SSL_CERT_FILE": str(certificate[0]),
            }
            async with proxied(
                lambda end: end.rest(),
                upstreams=make_upstreams({"anthropic": "https://far.example"}),
                outbound=parse_outbound(environment),
            ) as world:
                assert (await ask(world)).body == b"ok"

    run(scenario())
    coded = base64.b64encode(b"me:p@ss").decode()
    assert heads[0].split(b"\r\n") == [
        b"CONNECT far.example:443 HTTP/1.1",
        b"Host: far.example:443",
        f"Proxy-Authorization: Basic {coded}".encode(),
    ]
    assert seen[0].get("host") == "far.example"
    assert seen[0].get("proxy-authorization") is None


def test_a_tunnel_that_is_refused_is_told(certificate):
    """With what the outbound proxy said."""
    heads = []

    async def scenario():
        script = tunnelling(0, heads, status=b"407 Proxy Authentication Required")
        async with (
            serving(script) as (port, _),
            proxied(
                lambda end: end.rest(),
                upstreams=make_upstreams({"anthropic": "https://far.example"}),
                outbound=parse_outbound({"HTTPS_PROXY": f"http://127.0.0.1:{port}"}),
            ) as world,
        ):
            message = await ask(world)
            assert b"makes no tunnel; it says: 407 Proxy" in message.body
            assert (await world.captures(2))[1].outcome == "error"

    run(scenario())


def test_a_plain_upstream_is_asked_for_through_its_whole_address():
    """The outbound proxy reads the request; what is recorded is the upstream's address."""

    async def script(end):
        message = await end.message()
        assert message.line == "POST http://far.example/base/v1/messages HTTP/1.1"
        assert message.get("host") == "far.example"
        assert message.get("proxy-authorization") == "Basic dTpw"
        await end.send(OK)
        await end.rest()

    async def scenario():
        async with serving(script) as (port, failures):
            async with proxied(
                lambda end: end.rest(),
                upstreams=make_upstreams({"anthropic": "http://far.example/base/"}),
                outbound=parse_outbound({"http_proxy": f"http://u:p@127.0.0.1:{port}"}),
            ) as world:
                assert (await ask(world)).body == b"ok"
                assert (await world.captures(1))[0].url == "http://far.example/base/v1/messages"
            assert failures == []

    run(scenario())


def test_a_plain_socket_goes_through_a_tunnel():
    """Nobody may read frames as HTTP."""
    heads = []

    async def far(end):
        assert b"Upgrade: websocket" in await end.head()
        await end.send(b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nhi")
        await end.rest()

    async def scenario():
        async with (
            serving(far) as (far_port, failures),
            serving(tunnelling(far_port, heads)) as (port, _),
            proxied(
                lambda end: end.rest(),
                upstreams=make_upstreams({"openai": "http://far.example"}),
                outbound=parse_outbound({"HTTP_PROXY": f"http://127.0.0.1:{port}"}),
            ) as world,
        ):
            client = await world.connect()
            await client.send(
                b"GET /v1/responses HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\n"
                b"Upgrade: websocket\r\n\r\n"
            )
            assert (await client.head()).startswith(b"HTTP/1.1 101")
            assert await client.reader.readexactly(2) == b"hi"
            await client.close()
            assert failures == []

    run(scenario())
    assert heads[0].startswith(b"CONNECT far.example:80 ")
