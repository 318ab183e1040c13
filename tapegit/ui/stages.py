"""How far work of several stages has come, on the last line of a terminal.

Rules: nothing is written where no person looks, unless it is asked for; the terminal takes the
line away before it writes another.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tapegit.ui.terminal import Terminal

INTERVAL_S: Final = 0.1
BYTES: Final = "bytes"
_MB: Final = 1_000_000


class Stages:
    """A line such as `sending: 45% (12.3 of 27.1 MB)`.

    Args:
        terminal: Where it is shown.
        is_shown: Whether it is; None for where a person reads standard error.
    """

    def __init__(self, terminal: Terminal, *, is_shown: bool | None) -> None:
        self._terminal = terminal
        self._is_shown = terminal.is_interactive if is_shown is None else is_shown
        self._shown_s = 0.0
        self._stage = ""

    def show(self, verb: str, things: str, done: int, total: int) -> None:
        """Show how much is done of a total, 0 where it is not known; at most ten times a second."""
        now_s = time.monotonic()
        if not self._is_shown or (verb == self._stage and now_s - self._shown_s < INTERVAL_S):
            return
        self._shown_s, self._stage = now_s, verb
        self._terminal.status_line(f"{verb}: {format_done(things, done, total)}", is_forced=True)


def format_done(things: str, done: int, total: int) -> str:
    """Return how much is done: `1200 turns`, `45% (450/1000 turns)` or `45% (12.3 of 27.1 MB)`."""
    is_size = things == BYTES
    if not total:
        return f"{done / _MB:.1f} MB" if is_size else f"{done} {things}"
    percent = 100 * min(done, total) // total
    if is_size:
        return f"{percent}% ({done / _MB:.1f} of {total / _MB:.1f} MB)"
    return f"{percent}% ({done}/{total} {things})"
