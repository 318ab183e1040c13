"""Ids of sessions whose documents have none: of what in them stays as they grow.

An id is a function of the document alone: of members that the harness writes once, and of the
messages up to the first answer. Two runs that said the same up to there, and of which nothing
else tells that they are two, are one session.

Source: tapesdialect-swe-agent(7), "Session id".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.objects.oid import hash_content

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.dialects.syntax.members import Json

DIGIT_COUNT: Final = 16


def content_id(pieces: Iterable[Json]) -> str:
    """Return 16 hexadecimal digits for pieces of JSON, in order."""
    sized = b"".join(b"%d\n%b" % (len(piece), bytes(piece)) for piece in pieces)
    return hash_content(sized).hex()[:DIGIT_COUNT]
