"""A relay in front of a server, which hangs up, for good, after so many bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK_SIZE_BYTES = 4096


class Relay(contextlib.AbstractContextManager["Relay"]):
    """Passes bytes on to a port of this machine, in both directions and for any number of clients.

    Args:
        target: The port.
        limit: After how many bytes of both directions something happens, or None for never.
        strike: What happens; by default all connections are cut, and there are no more.
    """

    def __init__(
        self, target: int, limit: int | None = None, strike: Callable[[], object] | None = None
    ) -> None:
        self._target = target
        self._limit = limit
        self._strike = strike or self.cut
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._is_cut = False
        self.passed = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._serve)

    def cut(self) -> None:
        """Hang up, for good."""
        with self._lock:
            self._is_cut = True
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _start(self, run: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                with self._lock:
                    self._open |= {client, server}
                self._start(self._pass, client, server)
                self._start(self._pass, server, client)
                if self._is_cut:
                    self.cut()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK_SIZE_BYTES):
                target.sendall(data[: self._count(len(data))])
                if self._limit is not None and self.passed >= self._limit:
                    self._limit = None
                    self._strike()
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _count(self, size: int) -> int:
        """Return how many bytes may pass of some more."""
        with self._lock:
            rest = size if self._limit is None else max(0, self._limit - self.passed)
            passing = size if self._strike != self.cut else min(size, rest)
            self.passed += min(size, rest)
            return passing

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()
        for each in self._open:
            each.close()

    def __enter__(self) -> Self:
        return self
