"""Connections of clients: requests go on as they come in, responses as they come back.

Rules:

- Bytes of a response are written before anybody looks at them, framing and all, so that what a
  client gets is what it would have got. Of a request the head is made anew (heads.py) and the
  body is framed anew; its bytes stay.
- No bytes are held for longer than it takes to connect. Who reads slowly slows down the other
  side: with more than the limits waiting, nothing more is read.
- Each connection of a client has one upstream connection of its own at a time. When one ends
  during an exchange, so does the other, in the same way.

Source: tapesproxy(7), "Forwarding" and "How an exchange ends".
"""

from __future__ import annotations

import asyncio
import fcntl
import select
import socket
import struct
import termios
from collections import deque
from typing import TYPE_CHECKING, Final

from tapegit.errors import TapesError
from tapegit.wire.capture import SWITCHING
from tapegit.wire.http.framing import MalformedError
from tapegit.wire.http.parsing import RequestReader, ResponseReader
from tapegit.wire.proxy.exchange import Exchange
from tapegit.wire.proxy.gate import Refusal, find_refusal
from tapegit.wire.proxy.heads import encode_request_head, is_websocket
from tapegit.wire.proxy.routes import find_route
from tapegit.wire.proxy.upstream_side import DialError, UpstreamSide

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.wire.http.parsing import Body, RequestHead
    from tapegit.wire.proxy.exchange import Ledger
    from tapegit.wire.proxy.routes import Route, Upstreams
    from tapegit.wire.proxy.upstream_side import Dialer

PENDING_SIZE_MAX_BYTES: Final = 1 << 20
"""Of a body that comes in before the upstream connection is there."""

LINGER_S: Final = 2.0
"""How long a client may go on sending what is not read, so that it gets its answer."""


WATCH_PAUSE_S: Final = 0.25
"""How often to look at a connection that is not read from."""

_HUNG_UP: Final = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)


class ClientSide(asyncio.Protocol):
    """One connection of a client, and the upstream connection that belongs to it."""

    def __init__(
        self, upstreams: Upstreams, ledger: Ledger, dialer: Dialer, names: Iterable[str]
    ) -> None:
        self._upstreams = upstreams
        self._ledger = ledger
        self._dialer = dialer
        self._names = names
        self._loop = asyncio.get_running_loop()
        self._reader = RequestReader(self._loop)
        self._waiting: deque[tuple[RequestHead, Body]] = deque()
        ledger.connections += 1
        self._number = ledger.connections
        self._transport: asyncio.Transport | None = None
        self._upstream: UpstreamSide | None = None
        self._dialing: asyncio.Task[None] | None = None
        self._end_exchange()
        self._is_reading = True
        self._is_held = False
        self._is_slow = False
        self._is_leaving = False

    def _end_exchange(self) -> None:
        """Forget the exchange that was; there is none until `_begin`."""
        self._exchange: Exchange | None = None
        self._head: RequestHead | None = None
        self._body: Body | None = None
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._is_request_complete = False
        self._response: ResponseReader | None = None
        self._is_blind = False
        self._is_tunnel = False
        self._is_ending = False
        self._must_close = False

    # --- what the client does ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; with a limit of 0 it says when all has been written."""
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=0)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take bytes of requests, or of frames."""
        if self._is_leaving:
            return
        if self._is_tunnel:
            self._send_frames(data)
            return
        if self._reader.is_upgraded:
            self._reader.tail += data
            self._read_on()
            return
        try:
            self._waiting.extend(self._reader.feed(data))
        except MalformedError as error:
            self._refuse(Refusal(400, f"the request is not valid: {error}"))
            return
        self._advance()

    def eof_received(self) -> None:
        """Take a half-closed connection for closed, as servers do."""
        self._lose_client()

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the upstream connection at once: a generation costs money."""
        self._lose_client()

    def pause_writing(self) -> None:
        """Read no more of the response: the client is slow."""
        self._is_slow = True
        if self._upstream is not None:
            self._upstream.hold_response(is_held=True)

    def resume_writing(self) -> None:
        """Go on: all that was read has been written."""
        self._is_slow = False
        if self._is_ending:
            self._finish()
        elif self._upstream is not None:
            self._upstream.hold_response(is_held=False)

    # --- requests ---

    def _advance(self) -> None:
        """Do what can be done with what has been read."""
        if self._exchange is None and self._waiting:
            self._begin(*self._waiting.popleft())
        elif self._exchange is not None:
            self._pass_body()
        self._read_on()

    def _begin(self, head: RequestHead, body: Body) -> None:
        refusal = find_refusal(head, self._names)
        if refusal is not None:
            self._refuse(refusal, with_body=head.method != "HEAD")
            return
        route = find_route(self._upstreams, head.target, head.headers)
        if route is None:
            self._refuse(
                Refusal(404, f"no upstream is known for '{head.target.partition('?')[0]}'"),
                with_body=head.method != "HEAD",
            )
            return
        self._exchange = Exchange(self._ledger, self._number, head, route)
        self._head = head
        self._body = body
        self._response = ResponseReader(self._loop, has_body=head.method != "HEAD")
        upstream = self._upstream
        if upstream is not None and upstream.is_open and upstream.origin == route.origin:
            headers = upstream.proxy_headers
            self._put(encode_request_head(head, route, proxy_headers=headers))
            self._pass_body()
            return
        self._drop_upstream()
        self._pass_body()
        self._dialing = self._loop.create_task(self._dial(head, route))
        self._dialing.add_done_callback(self._end_dialing)

    async def _dial(self, head: RequestHead, route: Route) -> None:
        try:
            upstream = await self._dialer.dial(route.origin, self, is_tunnel=is_websocket(head))
        except (DialError, TapesError) as error:
            self._dialing = None
            self._answer_unreachable(f"cannot reach {route.origin}: {error}")
            return
        self._dialing = None
        self._upstream = upstream
        self._is_held = False
        waiting, self._pending, self._pending_size = self._pending, [], 0
        encoded = encode_request_head(head, route, proxy_headers=upstream.proxy_headers)
        upstream.write(b"".join([encoded, *waiting]))
        self._read_on()

    def _end_dialing(self, dialing: asyncio.Task[None]) -> None:
        """Answer also where connecting failed in a way that nobody thought of."""
        if dialing.cancelled() or (error := dialing.exception()) is None:
            return
        self._dialing = None
        self._answer_unreachable(f"cannot reach the upstream: {type(error).__name__}: {error}")

    def _pass_body(self) -> None:
        """Send what has come of the request's body."""
        body, exchange = self._body, self._exchange
        if body is None or exchange is None or self._is_request_complete:
            self._flush()
            return
        assert self._head is not None
        data = body.take()
        if data:
            exchange.add_request(data)
            self._put(b"%x\r\n%b\r\n" % (len(data), data) if self._head.is_chunked else data)
        if body.is_complete:
            if self._head.is_chunked:
                self._put(b"0\r\n" + body.trailers + b"\r\n")
            self._is_request_complete = True
        self._flush()
        if self._is_request_complete:
            exchange.complete_request()

    def _put(self, data: bytes) -> None:
        self._pending.append(data)
        self._pending_size += len(data)

    def _flush(self) -> None:
        """Write what is to be written, in one go; before there is a connection, keep it."""
        if self._dialing is None and self._upstream is not None and self._pending:
            data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
            self._pending, self._pending_size = [], 0
            self._upstream.write(data)

    def hold_request(self, *, is_held: bool) -> None:
        """Stop or go on reading, as the upstream can take it."""
        self._is_held = is_held
        self._read_on()

    def _read_on(self) -> None:
        """Read from the client, or stop, as what is kept for it allows."""
        is_full = self._pending_size > PENDING_SIZE_MAX_BYTES or (
            self._reader.is_upgraded and len(self._reader.tail) > PENDING_SIZE_MAX_BYTES
        )
        wanted = not (self._is_held or is_full or (self._waiting and self._exchange is not None))
        if wanted != self._is_reading and self._transport is not None:
            self._is_reading = wanted
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()
                self._loop.call_later(WATCH_PAUSE_S, self._watch)

    def _watch(self) -> None:
        """Look whether a client that is not read from has hung up, for nobody else would."""
        if self._transport is None or self._is_reading:
            return
        if _has_hung_up(self._transport):
            self._lose_client()
        else:
            self._loop.call_later(WATCH_PAUSE_S, self._watch)

    # --- responses ---

    def take_response(self, upstream: UpstreamSide, data: bytes) -> None:
        """Write bytes that came from the upstream, then look at them."""
        exchange, response = self._exchange, self._response
        if exchange is None or response is None or self._transport is None or self._is_ending:
            self._drop_upstream()  # it speaks without having been asked
            return
        self._transport.write(data)
        if self._is_tunnel:
            exchange.pass_frames(data, is_from_client=False)
            return
        if self._is_blind:
            exchange.add_response(data)
            return
        is_begun = response.head is not None
        try:
            body = response.feed(data)
        except MalformedError:
            # Let the client make of it what it can, until the connection ends.
            self._is_blind = True
            exchange.add_response(data)
            return
        if not is_begun and response.head is not None:
            exchange.begin_response(response.head)
            if response.head.status == SWITCHING:
                self._begin_tunnel(exchange, response.tail)
                return
        if body:
            exchange.add_response(body)
        if response.is_complete:
            self._complete_response(
                should_close=response.head is None or response.head.should_close
            )

    def _complete_response(self, *, should_close: bool) -> None:
        """End the exchange as soon as the client has been sent everything."""
        assert self._head is not None
        if should_close or not self._is_request_complete:
            self._drop_upstream()
            self._must_close = True
        if self._head.should_close:
            self._must_close = True
        if self._is_slow:
            self._is_ending = True
        else:
            self._finish()

    def _finish(self) -> None:
        exchange = self._exchange
        must_close, is_whole = self._must_close, self._is_request_complete
        is_stale = self._reader.is_upgraded
        self._end_exchange()
        if exchange is not None:
            exchange.finish("ok")
        if must_close:
            self._leave(is_whole=is_whole)
            return
        if is_stale:  # the upstream did not switch: go on with HTTP
            tail, self._reader = self._reader.tail, RequestReader(self._loop)
            self.data_received(tail)
            return
        self._advance()

    def lose_upstream(self, upstream: UpstreamSide, error: Exception | None) -> None:
        """End the client's connection as the upstream's ended, where that was in use."""
        if upstream is not self._upstream:
            return
        self._upstream = None
        exchange, response = self._exchange, self._response
        if exchange is None or response is None or self._is_ending:
            return
        if self._is_tunnel:
            self._end_exchange()
            exchange.end_frames(is_from_client=False)
            self._leave(is_whole=True)
        elif error is None and response.end():
            self._complete_response(should_close=True)
        else:
            self._cut(exchange, error)

    def _cut(self, exchange: Exchange, error: Exception | None) -> None:
        """Record a response that broke off, and break off the client's connection too."""
        text = "the connection ended early" if error is None else str(error) or repr(error)
        if self._is_blind:
            exchange.finish("error", f"this is not HTTP: {text}")
        else:
            exchange.finish("ok" if exchange.has_ended() else "upstream_cut", text)
        self._end_exchange()
        transport, self._is_leaving = self._transport, True
        if transport is None:
            return
        _reset_on_close(transport)
        transport.close()

    def _answer_unreachable(self, message: str) -> None:
        exchange, head = self._exchange, self._head
        if exchange is None or head is None or self._transport is None:
            return
        is_whole = self._is_request_complete
        self._end_exchange()
        exchange.finish("error", message)
        self._transport.write(Refusal(502, message).encode(with_body=head.method != "HEAD"))
        self._leave(is_whole=is_whole)

    # --- WebSockets ---

    def _begin_tunnel(self, exchange: Exchange, tail: bytes) -> None:
        self._is_tunnel = True
        exchange.finish("ok")
        if tail:
            exchange.pass_frames(tail, is_from_client=False)
        early, self._reader.tail = self._reader.tail, b""
        if early:
            self._send_frames(early)
        self._read_on()

    def _send_frames(self, data: bytes) -> None:
        if self._upstream is not None and self._exchange is not None:
            self._upstream.write(data)
            self._exchange.pass_frames(data, is_from_client=True)

    # --- ends ---

    def _refuse(self, refusal: Refusal, *, with_body: bool = True) -> None:
        """Answer without asking anybody, and close."""
        if self._exchange is not None:  # its response comes first, and then nobody reads this
            self._lose_client()
        elif self._transport is not None:
            self._transport.write(refusal.encode(with_body=with_body))
            self._leave(is_whole=False)

    def _leave(self, *, is_whole: bool) -> None:
        """Close once everything has been written.

        Args:
            is_whole: No more is coming; otherwise it is read and dropped for a while, because
                a connection that is closed with bytes unread loses what was just sent on it.
        """
        self._is_leaving = True
        self._drop_upstream()
        transport = self._transport
        if transport is None:
            return
        if is_whole or not transport.can_write_eof():
            transport.close()
            return
        transport.write_eof()
        if not self._is_reading:
            self._is_reading = True
            transport.resume_reading()
        self._loop.call_later(LINGER_S, transport.abort)

    def _lose_client(self) -> None:
        transport, self._transport = self._transport, None
        if transport is None:
            return
        self._is_leaving = True
        if self._dialing is not None:
            self._dialing.cancel()
            self._dialing = None
        self._drop_upstream()
        exchange, is_tunnel, is_slow = self._exchange, self._is_tunnel, self._is_slow
        self._end_exchange()
        if exchange is None:
            transport.close()
            return
        if is_tunnel:
            exchange.end_frames(is_from_client=True)
        else:
            exchange.finish("ok" if not is_slow and exchange.has_ended() else "client_gone")
        transport.abort()

    def _drop_upstream(self) -> None:
        upstream, self._upstream = self._upstream, None
        self._is_held = False
        if upstream is not None:
            upstream.abort()

    def close(self) -> None:
        """End it now, with whatever is going on."""
        self._lose_client()


def _reset_on_close(transport: asyncio.Transport) -> None:
    """Let closing reset the connection, unless that would take away what is on its way.

    A reset tells of a cut where the framing does not; but it discards what the client's
    machine has not taken yet, and a body that has its length or its chunks tells by itself.
    """
    plain = transport.get_extra_info("socket")
    if plain is None or transport.get_write_buffer_size():
        return
    unsent = struct.unpack("i", fcntl.ioctl(plain.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
    if not unsent:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _has_hung_up(transport: asyncio.Transport) -> bool:
    plain = transport.get_extra_info("socket")
    if plain is None:
        return False
    poll = select.poll()
    poll.register(plain.fileno(), _HUNG_UP)
    return bool(poll.poll(0))
