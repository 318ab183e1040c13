"""Turns whose raw bytes are one message, or the whole document that messages are in.

Pure: the exact bytes of a turn in, parts out.

Source: tapesdialect-opencode(7) and tapesdialect-swe-agent(7), "Parts".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.dialects.parts import AnyPart, Unknown
from tapegit.dialects.syntax.json_records import NOT_JSON, read_document
from tapegit.dialects.syntax.members import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def iter_document_parts(
    pieces: Iterable[bytes],
    is_document: Callable[[bytes], bool],
    iter_message: Callable[[bytes], Iterator[AnyPart]],
) -> Iterator[AnyPart]:
    """Yield the parts of a turn; a document, and a message without parts, are unknown ones.

    Args:
        pieces: The raw bytes of the turn, in order.
        is_document: Tells a document from a message, by its JSON.
        iter_message: Yields the parts of a message, from its JSON.
    """
    data = b"".join(pieces)
    if not data:
        return
    value = read_document(data)
    if value is None:
        yield Unknown(type=f"unreadable: {NOT_JSON}", raw=text_of(data))
    elif is_document(value):
        yield Unknown(type="document", raw=text_of(value))
    else:
        is_empty = True
        for part in iter_message(value):
            is_empty = False
            yield part
        if is_empty:
            yield Unknown(type="message", raw=text_of(value))
