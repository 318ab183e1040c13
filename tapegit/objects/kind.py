"""The four kinds of object and the framing that is hashed with their data.

Source: tapesformat-object(5), "Fields".
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from tapegit.errors import FormatError
from tapegit.objects.oid import ObjectId, hash_framed

MIB: Final = 1 << 20


class Kind(StrEnum):
    """What an object is; the value is the word in the framing and in every output."""

    BLOB = "blob"
    ROPE = "rope"
    TURN = "turn"
    TAG = "tag"


KIND_NUMBERS: Final = {Kind.BLOB: 1, Kind.ROPE: 2, Kind.TURN: 3, Kind.TAG: 4}
"""The number of each kind in binary files, which is also the order of kinds in a pack."""

SIZE_MAX_BYTES: Final = {
    Kind.BLOB: 16 * MIB,
    Kind.ROPE: MIB,
    Kind.TURN: MIB,
    Kind.TAG: MIB,
}
"""The largest data an object of each kind may have; larger is refused on write and on read."""

FRAMING_SIZE_MAX_BYTES: Final = 32


class Object(NamedTuple):
    """An object as read: its kind and its data, without framing."""

    kind: Kind
    data: bytes


def format_framing(kind: Kind, size_bytes: int) -> bytes:
    """Return `<kind> <size>` and a NUL, the bytes that precede the data when it is hashed."""
    return b"%s %d\0" % (kind.encode(), size_bytes)


def object_id(kind: Kind, data: bytes) -> ObjectId:
    """Return the id of an object.

    Raises:
        FormatError: The data is larger than an object of this kind may be.
    """
    if len(data) > SIZE_MAX_BYTES[kind]:
        raise FormatError(
            f"{kind} of {len(data)} bytes is larger than {SIZE_MAX_BYTES[kind]}",
            where=str(kind),
            expected=SIZE_MAX_BYTES[kind],
            actual=len(data),
        )
    return hash_framed(format_framing(kind, len(data)), data)


def parse_kind(text: str) -> Kind:
    """Return the kind with this name.

    Raises:
        FormatError: There is no such kind.
    """
    try:
        return Kind(text)
    except ValueError as error:
        raise FormatError(
            f"no object kind '{text[:40]}'", hint="one of blob, rope, turn, tag", actual=text
        ) from error
