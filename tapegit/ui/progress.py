"""How far long work has come, on the last line of a terminal; nothing where no person looks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

    from tapegit.ui.terminal import Terminal

INTERVAL_S: Final = 0.1
_MB: Final = 1_000_000


class Progress:
    """A line such as `importing: 12.3 MB  <what>`, cleared at the end; a context manager."""

    def __init__(self, terminal: Terminal, verb: str) -> None:
        self._terminal = terminal
        self._verb = verb
        self._size_bytes = 0
        self._shown_s = 0.0

    def advance(self, what: str, size_bytes: int) -> None:
        """Add to the bytes that were done, and show them if the last time was long ago."""
        self._size_bytes += size_bytes
        now_s = time.monotonic()
        if self._terminal.is_interactive and now_s - self._shown_s >= INTERVAL_S:
            self._shown_s = now_s
            done = f"{self._verb}: {self._size_bytes / _MB:.1f} MB  "
            room = max(self._terminal.width - len(done) - 1, 0)
            self._terminal.status_line(done + what[-room:] if room else done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._shown_s:
            self._terminal.status_line("")
