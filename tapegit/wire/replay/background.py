"""A replay server on an event loop in a thread of its own, and the socket that it listens on.

In isolation the socket is made by the command's side, in a network where nothing else is, and
handed over: sockets stay in the network in which they were made.

Source: tapes-replay(1), "ISOLATION".
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tapegit.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tapegit.wire.replay.live import LiveUpstream
    from tapegit.wire.replay.log import Report
    from tapegit.wire.replay.server import ReplayServer
    from tapegit.wire.replay.silence import Interrupt

Result = TypeVar("Result")

LOOPBACK: Final = "127.0.0.1"
BACKLOG: Final = 256


def listen(port: int = 0) -> socket.socket:
    """Return a socket that listens on loopback.

    Args:
        port: 0: a free one.

    Raises:
        StorageError: The port is taken; the field is port.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        what = "is taken" if error.errno == errno.EADDRINUSE else "cannot be listened on"
        raise StorageError(f"port {port} {what}", port=port, errno=error.errno) from error
    return listener


class BackgroundReplay:
    """The thread in which a replay server runs."""

    def __init__(self, server: ReplayServer) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tapes-replay", daemon=True)

    def go_on_at(self, live: LiveUpstream) -> None:
        """Let what the tape does not answer go there; before the start."""
        self._server.go_on_at(live)

    def interrupt_by(self, interrupt: Interrupt) -> None:
        """Let clients be interrupted that were when recorded; before the start."""
        self._server.interrupt_by(interrupt)

    def start(self, listener: socket.socket) -> None:
        """Answer whoever connects to a socket that listens."""
        listener.setblocking(False)
        self._thread.start()
        self._call(self._server.start(listener))

    def stop(self) -> Report:
        """End every connection and the thread; return what came."""
        if self._thread.is_alive():
            self._call(self._server.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
        return self._server.report()

    def report(self) -> Report:
        """Return what came so far."""
        return self._server.report()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
