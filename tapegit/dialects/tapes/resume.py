"""Records that tapes wrote into the file of a session, so that a client goes on from a turn.

They repeat, in the client's own format, what the turns before say; so they say nothing more.

Source: tapesdialect-tapes-resume(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.dialects.parts import AnyPart, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DIALECT: Final = "tapes.resume@1"


def iter_parts(pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    """Yield one part that nothing is said in: how many lines there are."""
    lines = sum(piece.count(b"\n") for piece in pieces)
    yield Unknown(type=f"{lines} records that repeat the turns before", raw="")
