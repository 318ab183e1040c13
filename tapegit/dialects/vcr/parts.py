"""What the turn of a whole cassette consists of; the turns of its calls are of other dialects.

Source: tapesdialect-vcr(7), "Parts".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.dialects.parts import Unknown
from tapegit.dialects.syntax.members import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.dialects.parts import AnyPart


def iter_parts(pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    """Yield the parts of a turn from the pieces of its raw bytes."""
    yield Unknown(type="cassette", raw=text_of(b"".join(pieces)))
