"""The capture proxy: what passes goes on unchanged and at once, and a copy of it to a sink.

Rules: listens on loopback alone. Whatever happens to the sink, traffic goes on. Decoding,
redaction and storing are somebody else's, in another process (spool.py).

Source: tapesproxy(7).
"""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import StorageError, UserError
from tapegit.wire.proxy.client_side import ClientSide
from tapegit.wire.proxy.exchange import CAPTURE_SIZE_MAX_BYTES, Ledger
from tapegit.wire.proxy.gate import LOOPBACK_NAMES
from tapegit.wire.proxy.outbound import Outbound, is_loopback
from tapegit.wire.proxy.upstream_side import Dialer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.wire.proxy.exchange import Sink
    from tapegit.wire.proxy.routes import Upstreams

LOOPBACK: Final = "127.0.0.1"


class Counts(NamedTuple):
    """What a proxy has seen.

    Attributes:
        connections: Of clients, ever.
        exchanges: Requests that were complete.
        open_exchanges: Those that are going on.
        failures: Those that ended in anything but `ok`.
    """

    connections: int
    exchanges: int
    open_exchanges: int
    failures: int


class Proxy:
    """A proxy on one port; everything runs on the event loop that started it."""

    def __init__(
        self,
        upstreams: Upstreams,
        sink: Sink | None,
        *,
        scope: str,
        clock: Callable[[], int],
        outbound: Outbound | None = None,
        capture_size_max_bytes: int = CAPTURE_SIZE_MAX_BYTES,
    ) -> None:
        """Prepare a proxy.

        Args:
            upstreams: Where requests go.
            sink: Takes what passed, on the event loop, and returns at once; None: nothing is
                captured.
            scope: Of requests whose path names none.
            clock: Gives ms since the epoch.
            outbound: How upstreams are reached; directly by default.
            capture_size_max_bytes: How much of one body is captured.
        """
        self._upstreams = upstreams
        self._ledger = Ledger(sink, clock=clock, scope=scope, size_max_bytes=capture_size_max_bytes)
        self._dialer = Dialer(outbound or Outbound())
        self._server: asyncio.Server | None = None
        self._clients: set[_Client] = set()
        self.port = 0

    async def start(self, port: int = 0, host: str = LOOPBACK) -> int:
        """Listen; return the port.

        Args:
            port: 0: a free one.
            host: A loopback address.

        Raises:
            UserError: The address is not loopback.
            StorageError: The port is taken; the field is port.
        """
        if not is_loopback(host):
            raise UserError(f"'{host}' is not an address of this machine alone", host=host)
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                self._accept, host, port, reuse_address=True, reuse_port=False
            )
        except OSError as error:
            what = "is taken" if error.errno == errno.EADDRINUSE else "cannot be listened on"
            raise StorageError(f"port {port} {what}", port=port, errno=error.errno) from error
        self.port = self._server.sockets[0].getsockname()[1]
        self._dialer.own_port = self.port
        return self.port

    def base_url(self, scope: str | None = None, upstream: str | None = None) -> str:
        """Return what a client is given as its base URL.

        Args:
            scope: Keeps this client's traffic apart.
            upstream: Takes all its requests, whatever their paths.
        """
        prefix = f"/s/{scope}" if scope is not None else ""
        suffix = f"/u/{upstream}" if upstream is not None else ""
        return f"http://{LOOPBACK}:{self.port}{prefix}{suffix}"

    @property
    def counts(self) -> Counts:
        """What it has seen so far."""
        ledger = self._ledger
        return Counts(ledger.connections, ledger.exchanges, ledger.open_exchanges, ledger.failures)

    async def stop(self) -> None:
        """Listen no more and end every connection; what was going on is `client_gone`."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for client in tuple(self._clients):
            client.close()
        await server.wait_closed()

    def _accept(self) -> _Client:
        client = _Client(self._upstreams, self._ledger, self._dialer, LOOPBACK_NAMES)
        client.clients = self._clients
        return client


class _Client(ClientSide):
    """A connection that is known to its proxy for as long as it lasts."""

    clients: set[_Client]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.clients.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.clients.discard(self)
        super().connection_lost(exc)
