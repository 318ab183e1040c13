"""What a turn of OpenCode consists of: text, thinking, calls with results, the rest.

Pure: the exact bytes of a turn in, parts out. A turn is one message, or a whole export.

Source: tapesdialect-opencode(7), "Parts".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.dialects.opencode.record import decode_record, is_export, iter_message_parts
from tapegit.dialects.syntax.documents import iter_document_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.dialects.parts import AnyPart


def iter_parts(pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    """Yield the parts of a turn from the pieces of its raw bytes."""
    return iter_document_parts(
        pieces, is_export, lambda value: iter_message_parts(decode_record(value))
    )
