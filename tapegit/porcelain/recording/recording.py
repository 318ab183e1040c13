"""A recording that goes on: a proxy, its upstreams, and what stores the calls that pass.

Source: tapes-record(1), tapes-proxy(1).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from tapegit.porcelain.recording.places import Places
from tapegit.porcelain.recording.user_upstreams import read_user_upstreams
from tapegit.wire.capture import RecordingSummary
from tapegit.wire.proxy.background import BackgroundProxy
from tapegit.wire.proxy.outbound import make_context, parse_outbound
from tapegit.wire.proxy.routes import Upstreams, make_upstreams, parse_upstream
from tapegit.wire.proxy.server import LOOPBACK, Proxy
from tapegit.wire.spool.sink import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from tapegit.repository.repository import Repository
    from tapegit.wire.proxy.server import Counts

DEFAULT_UPSTREAM: Final = "anthropic"
"""Takes what nothing says a provider of: Claude Code asks for `/` before it begins."""


WAIT_S: Final = 2.0
"""How long the end of a recording may take before it is said that it does."""


class Finished(NamedTuple):
    """What a recording came to.

    Attributes:
        summary: What was stored.
        counts: What the proxy saw.
        fault: What was wrong with the proxy itself; None where nothing was.
    """

    summary: RecordingSummary
    counts: Counts
    fault: str | None = None


class Recording:
    """A proxy that records into a store; as a context it runs.

    Attributes:
        places: Its upstreams; once there is a port.
        port: On which it listens.
        finished: What it came to, once it has ended.
        on_wait: Called, in another thread, if the end takes long: the store is slow or locked.
    """

    def __init__(
        self,
        repository: Repository,
        receiver: Sequence[str] | None,
        environ: Mapping[str, str],
        *,
        scope: str,
        port: int = 0,
    ) -> None:
        """Prepare a recording.

        Args:
            repository: The store.
            receiver: Starts the process that stores what passes; None: nothing is stored.
            environ: Says how upstreams are reached.
            scope: Of requests whose path names none.
            port: To listen on; 0 for a free one.

        Raises:
            ConfigError: A setting of the user's about upstreams or the way out is not valid, or
                certificates that it names cannot be read.
        """
        outbound = parse_outbound(environ)
        if outbound.ca_files:
            make_context(outbound.ca_files)  # to say what is wrong with them before anything starts
        self._named = read_user_upstreams(repository.config)
        self._by_name = dict(make_upstreams({}).by_name)
        self._spool = (
            Spool(receiver, root=repository.root, clock=repository.clock)
            if receiver is not None
            else None
        )
        self._background = BackgroundProxy(
            Proxy(
                Upstreams(self._by_name, DEFAULT_UPSTREAM),
                self._spool.take if self._spool is not None else None,
                scope=scope,
                clock=repository.clock,
                outbound=outbound,
            )
        )
        self.port = port
        self.places = Places("")
        self.finished: Finished | None = None
        self.on_wait: Callable[[], None] = _say_nothing

    def __enter__(self) -> Self:
        """Start.

        Raises:
            StorageError: The port is taken.
            RedactionError: The rules that find secrets do not load: nothing may be stored.
        """
        if self._spool is not None:
            self._spool.start()
        self.port = self._background.start(self.port)
        self.places = Places(f"http://{LOOPBACK}:{self.port}")
        for upstream in self._named:
            self.places.add(*upstream)
        self.admit()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._background.stop()
        timer = threading.Timer(WAIT_S, self.on_wait)
        timer.start()
        try:
            summary = self._spool.finish() if self._spool is not None else RecordingSummary()
            self.finished = Finished(summary, self._background.counts, self._background.fault)
        finally:
            timer.cancel()
            timer.join()

    @property
    def counts(self) -> Counts:
        """What the proxy has seen so far."""
        return self._background.counts

    @property
    def lost(self) -> int:
        """How many exchanges are known to be lost so far."""
        return self._spool.lost if self._spool is not None else 0

    def admit(self) -> None:
        """Let requests through to every upstream that `places` has by now.

        Raises:
            ConfigError: One of them is no base URL.
        """
        for place in self.places.all:
            self._by_name[place.name] = parse_upstream(place.url)


def _say_nothing() -> None:
    """Say nothing: nobody asked."""
