"""Putting another text into one part of an answer that came as a stream.

A stream says a text piece by piece, and often a second time as a whole at its end: there is no
one place that could be changed. So the answer is written anew as a stream, from the parts that
it had; id, model, stop reason and usage stay what they were. What a stream holds besides them
(pings, pieces' borders) is lost, and an answer with a part that cannot be written is refused.

Source: tapes-amend(1), "WHAT IS WRITTEN".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tapegit.dialects.parts import ToolCall
from tapegit.dialects.wire_parts import decode_answer, is_stream, iter_values
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.dialects.writing.editing import Edited, is_signed, part_text, same_words, verify_json
from tapegit.dialects.writing.response_encode import encode_response
from tapegit.errors import FormatError, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapegit.dialects.parts import AnyPart


def is_streamed(dialect: str | None, pieces: Sequence[bytes]) -> bool:
    """Return whether the raw bytes of an answer are those of a stream."""
    if dialect not in WIRE_DIALECTS:
        return False
    data = b"".join(pieces)
    return is_stream(data) or len(list(iter_values(data))) > 1


def replace_in_stream(dialect: str, pieces: Sequence[bytes], number: int, text: str) -> Edited:
    """Put another text into the part of this number, counted from 0; signed thinking goes.

    Args:
        dialect: One of the wire dialects.
        pieces: The raw bytes of an answer, a stream.
        number: Which part.
        text: The new text; of a call JSON.

    Raises:
        UserError: There is no such part, it is of a kind that cannot be replaced, or the text
            is no JSON where it must be.
        FormatError: The answer has a part that cannot be written.
    """
    wire = WIRE_DIALECTS[dialect]
    response = decode_answer(wire, b"".join(pieces))
    parts = list(response.parts)
    if number >= len(parts):
        raise UserError(f"the turn has {len(parts)} parts, counted from 0, and no part {number}")
    before, part = part_text(parts[number]), parts[number]
    if isinstance(part, ToolCall):
        verify_json(text)
        parts[number] = _compact(msgspec.structs.replace(part, arguments=text))
    else:
        parts[number] = msgspec.structs.replace(part, text=text)
    wanted = [each for each in parts if not is_signed(each)]
    response = msgspec.structs.replace(response, parts=tuple(wanted))
    data = encode_response(dialect, response, is_stream=True)
    now = decode_answer(wire, data)
    if not same_words(*([_compact(each) for each in some] for some in (now.parts, wanted))):
        raise FormatError(
            f"part {number} cannot be replaced: the answer has parts that cannot be written anew",
            where=f"part {number}",
        )
    empty = (b"",) * (len(pieces) - 1)
    return Edited((data, *empty), before, len(parts) - len(wanted))


def _compact(part: AnyPart) -> AnyPart:
    """Return a part, the arguments of a call without blanks, as they are written."""
    if not isinstance(part, ToolCall):
        return part
    try:
        text = msgspec.json.format(part.arguments.encode(), indent=-1).decode()
    except (msgspec.DecodeError, UnicodeError):
        return part
    return msgspec.structs.replace(part, arguments=text)
