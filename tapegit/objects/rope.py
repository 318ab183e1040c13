"""Rope nodes: a tree of pieces that concatenate to exact bytes.

A node states its level (0: a leaf), the size and the BLAKE3 of the bytes below it, and lists
entries: in a leaf literals and blobs, in an inner node ropes of the next lower level. This
module reads and writes one node; `rope_builder` decides where nodes end, `rope_reader` walks.

    version u8 = 1 | level u8 | size varint | whole 32 bytes | entry…
    entry = 00 varint-length bytes | 01 oid varint-size | 02 oid varint-size

Source: tapesformat-rope(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import FormatError, TruncatedError, UnsupportedVersionError
from tapegit.objects.kind import SIZE_MAX_BYTES, Kind
from tapegit.objects.oid import OID_SIZE_BYTES, ObjectId
from tapegit.objects.varint import decode_varint, encode_varint

if TYPE_CHECKING:
    from collections.abc import Sequence

ROPE_VERSION: Final = 1
LEVEL_MAX: Final = 12
LITERAL_SIZE_MAX_BYTES: Final = 255
NODE_ENTRY_COUNT_MAX: Final = 256
NODE_ID_COUNT_MAX: Final = 64

TAG_LITERAL: Final = 0
TAG_BLOB: Final = 1
TAG_ROPE: Final = 2

_WHOLE_SIZE_BYTES: Final = 32
_HEADER_SIZE_MIN_BYTES: Final = 2


class RopeEntry(NamedTuple):
    """One entry of a node: a literal (oid is None), or an object and its size in bytes.

    The object is a blob in a leaf, else a rope, whose size is that of the bytes below it.
    """

    oid: ObjectId | None
    size_bytes: int
    literal: bytes = b""


class RopeNode(NamedTuple):
    """One node: `whole` is BLAKE3-256 of the `size_bytes` bytes that the entries give."""

    level: int
    size_bytes: int
    whole: bytes
    entries: tuple[RopeEntry, ...]


def encode_rope(level: int, whole: bytes, entries: Sequence[RopeEntry]) -> bytes:
    """Return a node's data; its size is the sum of its entries'.

    Raises:
        FormatError: The node breaks a rule of tapesformat-rope(5).
    """
    tag = bytes([TAG_BLOB if level == 0 else TAG_ROPE])
    size_bytes = sum(entry.size_bytes for entry in entries)
    parts = [bytes([ROPE_VERSION, level]), encode_varint(size_bytes), whole]
    for oid, size, literal in entries:
        if oid is None:
            parts += (b"\0", encode_varint(len(literal)), literal)
        else:
            parts += (tag, oid, encode_varint(size))
    _verify_node(level, whole, entries)
    _verify_counts(entries, size_bytes)
    return b"".join(parts)


def decode_rope(data: bytes) -> RopeNode:
    """Return the node that these bytes hold, every rule that one node can break checked.

    Raises:
        TruncatedError: The bytes end inside a field.
        UnsupportedVersionError: They are of a version that is not known.
        FormatError: They break another rule.
    """
    level, size_bytes, offset = _decode_header(data)
    whole = bytes(data[offset : offset + _WHOLE_SIZE_BYTES])
    offset += _WHOLE_SIZE_BYTES
    if len(whole) < _WHOLE_SIZE_BYTES:
        raise TruncatedError("rope ends inside its header", where="rope", got=len(data))
    entries: list[RopeEntry] = []
    while offset < len(data):
        if len(entries) == NODE_ENTRY_COUNT_MAX:
            raise FormatError(f"rope has more than {NODE_ENTRY_COUNT_MAX} entries", where="rope")
        entry, offset = _decode_entry(data, offset, level)
        entries.append(entry)
    _verify_counts(entries, size_bytes)
    return RopeNode(level, size_bytes, whole, tuple(entries))


def _decode_header(data: bytes) -> tuple[int, int, int]:
    if len(data) > SIZE_MAX_BYTES[Kind.ROPE]:
        raise FormatError(f"rope of {len(data)} bytes is too large", where="rope")
    if len(data) < _HEADER_SIZE_MIN_BYTES:
        raise TruncatedError("rope ends inside its header", where="rope", got=len(data))
    if data[0] != ROPE_VERSION:
        raise UnsupportedVersionError(
            f"rope has version {data[0]}, known is {ROPE_VERSION}", where="rope", version=data[0]
        )
    if data[1] > LEVEL_MAX:
        raise FormatError(f"rope has level {data[1]}, the most is {LEVEL_MAX}", where="rope")
    size_bytes, offset = decode_varint(data, 2, where="rope")
    return data[1], size_bytes, offset


def _decode_entry(data: bytes, offset: int, level: int) -> tuple[RopeEntry, int]:
    tag = data[offset]
    offset += 1
    if tag == TAG_LITERAL and level == 0:
        size, offset = decode_varint(data, offset, where="rope")
        literal = bytes(data[offset : offset + size])
        if not 1 <= size <= LITERAL_SIZE_MAX_BYTES:
            raise FormatError(f"rope has a literal of {size} bytes", where="rope")
        if len(literal) < size:
            raise TruncatedError("rope ends inside a literal", where="rope", got=len(data))
        return RopeEntry(None, size, literal), offset + size
    if tag != (TAG_BLOB if level == 0 else TAG_ROPE):
        raise FormatError(f"rope of level {level} has an entry of type {tag}", where="rope")
    oid = ObjectId(data[offset : offset + OID_SIZE_BYTES])
    if len(oid) < OID_SIZE_BYTES:
        raise TruncatedError("rope ends inside an id", where="rope", got=len(data))
    size, offset = decode_varint(data, offset + OID_SIZE_BYTES, where="rope")
    if size == 0:
        raise FormatError("rope has an entry of no bytes", where="rope")
    return RopeEntry(oid, size), offset


def _verify_node(level: int, whole: bytes, entries: Sequence[RopeEntry]) -> None:
    if not 0 <= level <= LEVEL_MAX:
        raise FormatError(f"rope has level {level}, the most is {LEVEL_MAX}", where="rope")
    if len(whole) != _WHOLE_SIZE_BYTES or len(entries) > NODE_ENTRY_COUNT_MAX:
        raise FormatError("rope has a wrong hash or too many entries", where="rope")
    for oid, size, literal in entries:
        if size < 1 or (oid is not None and len(oid) != OID_SIZE_BYTES):
            raise FormatError("rope has an entry of no bytes or no id", where="rope")
        if oid is None and not (level == 0 and size == len(literal) <= LITERAL_SIZE_MAX_BYTES):
            raise FormatError("rope has a literal that may not be there", where="rope")


def _verify_counts(entries: Sequence[RopeEntry], size_bytes: int) -> None:
    if not entries:
        raise FormatError("rope has no entries", where="rope")
    if sum(entry.oid is not None for entry in entries) > NODE_ID_COUNT_MAX:
        raise FormatError(f"rope names more than {NODE_ID_COUNT_MAX} objects", where="rope")
    actual = sum(entry.size_bytes for entry in entries)
    if actual != size_bytes:
        raise FormatError(
            f"rope states {size_bytes} bytes, its entries add up to {actual}",
            where="rope",
            expected=size_bytes,
            actual=actual,
        )
