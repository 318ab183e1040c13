"""What a turn of SWE-agent or mini-swe-agent consists of: text, thinking, calls, results.

Pure: the exact bytes of a turn in, parts out. A turn is one message, or a whole document.

Source: tapesdialect-swe-agent(7), "Parts".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.dialects.swe_agent.record import (
    decode_record,
    is_mini_swe_agent,
    is_swe_agent,
    iter_message_parts,
)
from tapegit.dialects.syntax.documents import iter_document_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.dialects.parts import AnyPart


def iter_parts(pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    """Yield the parts of a turn from the pieces of its raw bytes."""
    return iter_document_parts(
        pieces,
        lambda value: is_swe_agent(value) or is_mini_swe_agent(value),
        lambda value: iter_message_parts(decode_record(value)),
    )
