"""What a turn of SWE-agent or mini-swe-agent consists of: text, thinking, calls, results.

Pure: the exact bytes of a turn in, parts out. A turn is one message, or a whole document.

Source: tapesdialect-swe-agent(7), "Parts".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.dialects.parts import Unknown
from tapegit.dialects.swe_agent.record import (
    decode_record,
    is_mini_swe_agent,
    is_swe_agent,
    iter_message_parts,
)
from tapegit.dialects.syntax.json_records import NOT_JSON, read_document
from tapegit.dialects.syntax.members import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.dialects.parts import AnyPart


def iter_parts(pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    """Yield the parts of a turn from the pieces of its raw bytes."""
    data = b"".join(pieces)
    if not data:
        return
    value = read_document(data)
    if value is None:
        yield Unknown(type=f"unreadable: {NOT_JSON}", raw=text_of(data))
    elif is_swe_agent(value) or is_mini_swe_agent(value):
        yield Unknown(type="document", raw=text_of(value))
    else:
        is_empty = True
        for part in iter_message_parts(decode_record(value)):
            is_empty = False
            yield part
        if is_empty:
            yield Unknown(type="message", raw=text_of(value))
