"""Answers that a client did not wait for: after what came of them the server says nothing more.

Rules: a silence has an end. A client that gives up by itself does so as it did when recorded; one
that somebody interrupted then is interrupted again, by whoever runs it; one that still waits is
cut off, so that no replay waits for ever.

Source: tapes-replay(1), "WHAT IS SERVED".
"""

from __future__ import annotations

from asyncio import sleep as pause
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.wire_parts import decode_answer
from tapegit.dialects.wire_table import WIRE_DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from tapegit.wire.replay.match import Match, Matcher

    Interrupt = Callable[[int], bool]
    """Interrupts the client whose end of a connection has this port; False where it cannot."""

SPARE_S: Final = 1.0
"""For a client that gives up by itself; more than it takes on a slow machine."""
INTERRUPTED_S: Final = 10.0
"""For a client to end once it was interrupted."""
LOOK_S: Final = 0.02


class Silence(NamedTuple):
    """How long a client is left without a word, and what comes then.

    Attributes:
        entry: Of the report, counted from 0.
        seconds: For it to give up by itself.
        is_interrupted: Somebody interrupted it when it was recorded: nothing was tried again.
    """

    entry: int
    seconds: float
    is_interrupted: bool


def find_silence(matcher: Matcher, match: Match, plain: bytes, entry: int) -> Silence | None:
    """Return the silence that an answer ends in, None where its end was a cut or is there.

    A conversation that the tape has more of may go on because the client gave up by itself: it
    gets the time that it had then.
    """
    taped = match.step.answer
    if not taped.reply.is_left or match.step.is_side:
        return None
    wire = WIRE_DIALECTS.get(taped.keys.dialect or "")
    if wire is not None and plain and decode_answer(wire, plain).is_complete:
        return None
    after = matcher.list_after(match.step)
    is_retried = taped.group is not None and any(step.answer.group == taped.group for step in after)
    seconds = taped.reply.first_s + taped.reply.rest_s if after else 0.0
    return Silence(entry, seconds + SPARE_S, not is_retried)


async def is_gone(request: web.BaseRequest, seconds: float) -> bool:
    """Wait for a client to hang up; return whether it did."""
    for _ in range(max(round(seconds / LOOK_S), 1)):
        if request.transport is None or request.transport.is_closing():
            return True
        await pause(LOOK_S)
    return False
