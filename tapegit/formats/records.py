"""Records of ropes and turns in a pack: the data with its ids cut out.

A record is the count of references, the references, and a template. What a reference means
is for the pack to say (`formats/pack`); here it is a number. A template and its ids give the
data back byte by byte, whatever the data is, or the data is refused.

Source: tapesformat-pack(5), "Records".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tapegit.errors import FormatError, TruncatedError
from tapegit.formats.pack import (
    SECTION_BLOBS,
    SECTION_OUTER_COUNT,
    SECTION_ROPES,
    SECTION_TURNS,
    SPACE_BLOB,
    SPACE_ROPE,
    SPACE_TURN,
)
from tapegit.objects.kind import SIZE_MAX_BYTES, Kind
from tapegit.objects.oid import OID_SIZE_BYTES
from tapegit.objects.rope import TAG_BLOB, TAG_LITERAL, TAG_ROPE
from tapegit.objects.varint import decode_varint, encode_varint

if TYPE_CHECKING:
    from collections.abc import Sequence

_ID_TOKEN: Final = rb'"([0-9a-f]{64})"'
_TOKEN_SIZE_BYTES: Final = 66
_ROPE_WHOLE_SIZE_BYTES: Final = 32
_ROPE_SIZE_OFFSET: Final = 2
_TAGS_WITH_ID: Final = (TAG_BLOB, TAG_ROPE)


def encode_record(references: Sequence[int], template: bytes) -> bytes:
    """Return the record of a rope or turn."""
    head = b"".join(map(encode_varint, references))
    return encode_varint(len(references)) + head + template


def decode_references(record: bytes) -> tuple[list[int], int]:
    """Return a record's references and where its template starts.

    Raises:
        FormatError: A number is not in its shortest form.
        TruncatedError: The record ends inside them.
    """
    count, offset = decode_varint(record, 0, where="record")
    if count > len(record):
        raise TruncatedError("record ends inside its references", where="record")
    references: list[int] = []
    try:
        for _ in range(count):
            number = record[offset]
            offset += 1
            if number > 0x7F:
                number, offset = decode_varint(record, offset - 1, where="record")
            references.append(number)
    except IndexError as error:
        raise TruncatedError("record ends inside its references", where="record") from error
    return references, offset


def split_turn(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the ids in a turn's data, as hexadecimal digits, and the template.

    Raises:
        FormatError: The data holds a zero byte, which no turn does.
    """
    if b"\0" in data:
        raise FormatError("turn holds a zero byte", where="turn")
    parts = re.split(_ID_TOKEN, data)
    return parts[1::2], b"\0".join(parts[::2])


def join_turn(template: bytes, tokens: Sequence[bytes]) -> bytes:
    """Return a turn's data.

    Args:
        template: The data with a zero byte for each id.
        tokens: The ids as hexadecimal digits between quotes.

    Raises:
        FormatError: There are more or fewer ids than zero bytes, or the data is too large.
    """
    parts = template.split(b"\0")
    count = len(tokens)
    if len(parts) != count + 1:
        raise FormatError(
            f"turn has {len(parts) - 1} places for {count} ids",
            where="turn",
            expected=len(parts) - 1,
            actual=count,
        )
    if len(template) + count * (_TOKEN_SIZE_BYTES - 1) > SIZE_MAX_BYTES[Kind.TURN]:
        raise FormatError("turn is too large", where="turn", expected=SIZE_MAX_BYTES[Kind.TURN])
    whole = [b""] * (2 * count + 1)
    whole[::2] = parts
    whole[1::2] = tokens
    return b"".join(whole)


def split_rope(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the ids in a rope's data, and the template.

    Raises:
        FormatError: The data is no rope.
        TruncatedError: It ends inside a field.
    """
    ids: list[bytes] = []
    parts: list[bytes] = []
    start, offset = 0, _entries_offset(data)
    while offset < len(data):
        offset, is_id = _skip_to_id(data, offset)
        if is_id:
            ids.append(data[offset : offset + OID_SIZE_BYTES])
            parts.append(data[start:offset])
            start = offset + OID_SIZE_BYTES
            _, offset = decode_varint(data, start, where="rope")
    _verify_end(data, offset)
    parts.append(data[start:])
    return ids, b"".join(parts)


def join_rope(template: bytes, ids: Sequence[bytes]) -> bytes:
    """Return a rope's data.

    Raises:
        FormatError: There are more or fewer ids than places, the template is of no rope, or
            the data is too large.
        TruncatedError: It ends inside a field.
    """
    if len(template) + len(ids) * OID_SIZE_BYTES > SIZE_MAX_BYTES[Kind.ROPE]:
        raise FormatError("rope is too large", where="rope", expected=SIZE_MAX_BYTES[Kind.ROPE])
    parts: list[bytes] = []
    start, offset, used = 0, _entries_offset(template), 0
    while offset < len(template):
        offset, is_id = _skip_to_id(template, offset)
        if is_id:
            parts.append(template[start:offset])
            parts += ids[used : used + 1]
            used += 1
            start = offset
            _, offset = decode_varint(template, start, where="rope")
    _verify_end(template, offset)
    if used != len(ids):
        raise FormatError(
            f"rope has {used} places for {len(ids)} ids",
            where="rope",
            expected=used,
            actual=len(ids),
        )
    parts.append(template[start:])
    return b"".join(parts)


def _verify_end(data: bytes, offset: int) -> None:
    if offset != len(data):
        raise TruncatedError("rope ends inside a field", where="rope", wanted=offset, got=len(data))


def _entries_offset(data: bytes) -> int:
    _, offset = decode_varint(data, _ROPE_SIZE_OFFSET, where="rope")
    return offset + _ROPE_WHOLE_SIZE_BYTES


def _skip_to_id(data: bytes, offset: int) -> tuple[int, bool]:
    """Return the offset after an entry's type, or after a whole literal, and which it is."""
    tag = data[offset]
    offset += 1
    if tag in _TAGS_WITH_ID:
        return offset, True
    if tag != TAG_LITERAL:
        raise FormatError(f"rope has an entry of type {tag}", where="rope")
    size, offset = decode_varint(data, offset, where="rope")
    return offset + size, False


def resolve_references(
    references: Sequence[int], section: Sequence[int], *, ordinal: int, is_rope: bool
) -> list[int]:
    """Return what a record's references mean: ordinals, or `~place` of an outer id.

    Args:
        references: From `decode_references`.
        section: The section of the record, as in `formats/packindex`.
        ordinal: That of the record.
        is_rope: Whether the record is a rope, not a turn.

    Raises:
        FormatError: A reference leads out of the section, or to what comes later.
    """
    targets: list[int] = []
    for reference in references:
        space, value = reference & 3, reference >> 2
        if space == SPACE_BLOB:
            target = section[SECTION_BLOBS] + value
            is_valid = target < section[SECTION_ROPES]
        elif space == SPACE_TURN:
            target = ordinal - value
            is_valid = value > 0 and target >= section[SECTION_TURNS] and not is_rope
        elif space == SPACE_ROPE:
            target = ordinal - value if is_rope else section[SECTION_ROPES] + value
            is_valid = section[SECTION_ROPES] <= target < min(ordinal, section[SECTION_TURNS])
        else:
            target = ~value
            is_valid = value < section[SECTION_OUTER_COUNT]
        if not is_valid:
            raise FormatError(
                f"record {ordinal} names an object that is not in its section",
                where="record",
                actual=reference,
            )
        targets.append(target)
    return targets
