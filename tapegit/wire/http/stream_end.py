"""Whether a stream of events has said its last word.

A client that hangs up after the terminal event has got its answer: it is no cancel.

Rules: pure; takes a body after its content coding has been undone, and looks at its end only.

Source: tapesproxy(7), "How an exchange ends".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK_COUNT: Final = 4
"""After the terminal event a comment or `[DONE]` may come."""

_TYPE: Final = rb"(?:message_stop|response\.(?:completed|failed|incomplete))"
_TERMINAL: Final = re.compile(
    rb"(?:event:[ ]?" + _TYPE + rb"|data:[ ]?\[DONE\])\r?$"
    rb'|data:[ ]?\{[ ]?"type"[ ]?:[ ]?"' + _TYPE + rb'"'
    rb'|data:[ ]?\{.*"finishReason"[ ]?:[ ]?"[A-Z]',
    re.MULTILINE,
)
_DONE_LINE: Final = re.compile(rb'\{.*"done"[ ]?:[ ]?true\b')


def has_ended(body: bytes) -> bool:
    """Return whether a stream holds its terminal event, whole.

    Args:
        body: What had arrived of it: server-sent events, or a JSON object on each line.
    """
    if any(_TERMINAL.match(block) for block in _iter_last_blocks(body)):
        return True
    end = body.rfind(b"\n")
    return end > 0 and _DONE_LINE.match(body[body.rfind(b"\n", 0, end) + 1 : end]) is not None


def _iter_last_blocks(body: bytes) -> Iterator[bytes]:
    """Yield the last whole events, the last first."""
    mark = b"\r\n\r\n" if b"\r\n\r\n" in body[-4096:] else b"\n\n"
    end = body.rfind(mark)
    for _ in range(_BLOCK_COUNT):
        if end < 0:
            return
        start = body.rfind(mark, 0, end)
        yield body[0 if start < 0 else start + len(mark) : end]
        end = start
