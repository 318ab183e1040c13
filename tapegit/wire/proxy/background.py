"""A proxy on an event loop in a thread of its own, for callers that wait for something else.

Rules: `start` and `stop` are called from one thread; between them everything runs in the other.

Source: tapesproxy(7).
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from tapegit.wire.proxy.server import Counts, Proxy

Result = TypeVar("Result")

GRACE_S: Final = 2.0
"""How long requests that are going on may take to end once nobody waits for them."""
_PAUSE_S: Final = 0.02


class BackgroundProxy:
    """The thread in which a proxy runs."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._loop = asyncio.new_event_loop()
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
