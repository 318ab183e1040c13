"""Connections to upstreams: how one is made, and what is told to the client's side of it.

Rules: an upstream connection belongs to one connection of a client. Nothing here has a time
limit: whoever waits hangs up when it has waited enough, and that ends it.

Source: tapesproxy(7), "The way out".
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Final, Protocol

from tapegit.wire.proxy.outbound import is_loopback, make_context

if TYPE_CHECKING:
    from tapegit.wire.capture import Headers
    from tapegit.wire.proxy.outbound import Outbound, OutboundProxy
    from tapegit.wire.proxy.routes import Origin

WRITE_SIZE_MAX_BYTES: Final = 1 << 18
"""What waits to be written upstream before the client is read no further."""

_HAPPY_EYEBALLS_S: Final = 0.25
_CONNECT_ANSWER_MAX_BYTES: Final = 1 << 16


class DialError(Exception):
    """An upstream cannot be reached; says why."""


class Peer(Protocol):
    """The client's side, as its upstream connection sees it."""

    def take_response(self, upstream: UpstreamSide, data: bytes) -> None:
        """Take bytes of the response."""

    def lose_upstream(self, upstream: UpstreamSide, error: Exception | None) -> None:
        """Take the end of the connection; None where it was orderly."""

    def hold_request(self, *, is_held: bool) -> None:
        """Stop or go on reading the request."""


class UpstreamSide(asyncio.Protocol):
    """One connection to an upstream."""

    def __init__(self, peer: Peer, origin: Origin, *, proxy_headers: Headers | None) -> None:
        """Args: proxy_headers: None but where this leads to a proxy that reads requests."""
        self.origin = origin
        self.proxy_headers = proxy_headers
        self._peer = peer
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=WRITE_SIZE_MAX_BYTES)
        plain = transport.get_extra_info("socket")
        if plain is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Pass on what came."""
        self._peer.take_response(self, data)

    def eof_received(self) -> None:
        """Pass on that no more comes, at once: a write buffer may never be emptied."""
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on that the connection is gone."""
        self._end(exc)

    def pause_writing(self) -> None:
        """Hold the client: the upstream is slow."""
        self._peer.hold_request(is_held=True)

    def resume_writing(self) -> None:
        """Let the client go on."""
        self._peer.hold_request(is_held=False)

    def write(self, data: bytes) -> None:
        """Send bytes of a request."""
        if self._transport is not None:
            self._transport.write(data)

    def hold_response(self, *, is_held: bool) -> None:
        """Stop or go on reading: the client is slow, or quick again."""
        if self._transport is None:
            return
        if is_held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    @property
    def is_open(self) -> bool:
        """Whether it can be written to."""
        return self._transport is not None and not self._transport.is_closing()

    def abort(self) -> None:
        """Close it at once, and say nothing more to the client's side."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    def _end(self, error: Exception | None) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            self._peer.lose_upstream(self, error)
            transport.abort()


class Dialer:
    """Makes connections to upstreams."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._context: ssl.SSLContext | None = None
        self.own_port: int | None = None
        """Where the proxy listens; it never dials itself."""

    async def dial(self, origin: Origin, peer: Peer, *, is_tunnel: bool) -> UpstreamSide:
        """Return a new connection.

        Args:
            origin: Where to.
            peer: Whose it is.
            is_tunnel: It will not stay HTTP, so that no outbound proxy may read it.

        Raises:
            DialError: It cannot be made.
            ConfigError: The certificates to trust cannot be read.
        """
        proxy = self._outbound.find_proxy(origin)
        try:
            if proxy is None:
                upstream = UpstreamSide(peer, origin, proxy_headers=None)
                await self._connect(upstream, origin, is_secure=origin.scheme == "https")
                return upstream
            if origin.scheme == "https" or is_tunnel:
                return await self._dial_through(proxy, origin, peer)
            upstream = UpstreamSide(peer, origin, proxy_headers=proxy.headers)
            await self._connect(upstream, proxy.origin, is_secure=proxy.origin.scheme == "https")
        except (OSError, ssl.SSLError, UnicodeError) as error:
            raise DialError(_describe(error)) from error
        return upstream

    async def _connect(
        self, protocol: asyncio.Protocol, origin: Origin, *, is_secure: bool
    ) -> asyncio.Transport:
        if origin.port == self.own_port and origin.host in {"127.0.0.1", "::1", "localhost"}:
            raise DialError("it is this proxy itself")
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(
            lambda: protocol,
            origin.host,
            origin.port,
            ssl=self._make_context() if is_secure else None,
            # A race that is cancelled may leave its winner open; there is none to one address.
            happy_eyeballs_delay=None if is_loopback(origin.host) else _HAPPY_EYEBALLS_S,
        )
        return transport

    async def _dial_through(self, proxy: OutboundProxy, origin: Origin, peer: Peer) -> UpstreamSide:
        """Return a connection through a tunnel that an outbound proxy makes."""
        asking = _Asking()
        transport = await self._connect(
            asking, proxy.origin, is_secure=proxy.origin.scheme == "https"
        )
        try:
            await asking.ask(origin, proxy.headers)
            upstream = UpstreamSide(peer, origin, proxy_headers=None)
            if origin.scheme == "https":
                loop = asyncio.get_running_loop()
                secure = await loop.start_tls(
                    transport, upstream, self._make_context(), server_hostname=origin.host
                )
                assert secure is not None
                transport = secure
            else:
                transport.set_protocol(upstream)
        except BaseException:
            transport.abort()
            raise
        upstream.connection_made(transport)
        return upstream

    def _make_context(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = make_context(self._outbound.ca_files)
        return self._context


class _Asking(asyncio.Protocol):
    """The start of a connection to an outbound proxy, until it has made a tunnel."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer = b""
        self._is_answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._answer += data
        is_long = len(self._answer) > _CONNECT_ANSWER_MAX_BYTES
        if (is_long or b"\r\n\r\n" in self._answer) and not self._is_answered.done():
            self._is_answered.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_answered.done():
            self._is_answered.set_result(None)

    async def ask(self, origin: Origin, headers: Headers) -> None:
        """Ask for a tunnel.

        Raises:
            DialError: The proxy makes none.
        """
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        lines = [f"CONNECT {host}:{origin.port} HTTP/1.1", f"Host: {host}:{origin.port}"]
        lines += [f"{name}: {value}" for name, value in headers]
        assert self._transport is not None
        self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        await self._is_answered
        status = self._answer.split(b"\r\n", 1)[0].split(b" ", 2)
        if len(status) < 2 or not status[0].startswith(b"HTTP/1.") or status[1][:1] != b"2":
            said = b" ".join(status[1:]).decode("latin-1") or "nothing"
            raise DialError(f"the outbound proxy makes no tunnel; it says: {said[:100]}")


def _describe(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
