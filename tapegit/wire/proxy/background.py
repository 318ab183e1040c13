"""A proxy on an event loop in a thread of its own, for callers that wait for something else.

Rules: `start` and `stop` are called from one thread; between them everything runs in the other.

Source: tapesproxy(7).
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tapegit.wire.proxy.server import Counts, Proxy

Result = TypeVar("Result")

GRACE_S: Final = 2.0
"""How long requests that are going on may take to end once nobody waits for them."""
_PAUSE_S: Final = 0.02


class BackgroundProxy:
    """The thread in which a proxy runs.

    Attributes:
        fault: What was wrong with the proxy itself, where anything was: its kind and its place.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._note_fault)
        self.fault: str | None = None
        self._thread = threading.Thread(target=self._run, name="tapes-proxy", daemon=True)

    def start(self, port: int = 0) -> int:
        """Listen on a port, 0 for a free one, and return it; raises as `Proxy.start` does."""
        self._thread.start()
        try:
            return self._call(self._proxy.start(port))
        except BaseException:
            self._end()
            raise

    @property
    def counts(self) -> Counts:
        """What the proxy has seen so far."""
        return self._proxy.counts

    def stop(self, *, grace_s: float = GRACE_S) -> None:
        """Wait a little for what is going on, then end every connection and the thread."""
        deadline = time.monotonic() + grace_s
        while self._proxy.counts.open_exchanges and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)
        self._call(self._stop())
        self._end()

    def _note_fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Note a fault that cost a connection; its text may hold what passed, and is not kept."""
        error = context.get("exception")
        if error is None or isinstance(error, OSError):
            return
        self.fault = type(error).__name__
        for frame, line in traceback.walk_tb(error.__traceback__):
            place = f"{os.path.basename(frame.f_code.co_filename)}:{line}"
            self.fault = f"{type(error).__name__} at {place}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _stop(self) -> None:
        await self._proxy.stop()
        await asyncio.sleep(0)  # what was closed tells its protocols in the next turn of the loop

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
