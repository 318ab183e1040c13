"""Tombstones: the objects that were removed on purpose, and what took the place of each.

A file of records, sorted by id, each id once; so a lookup is a binary search in a map.

    "TOMB" | version u32 = 1 | count u32 | 20 zero bytes
    count x (id 32 | successor 32, zeros for none | time i64 ms | reason u8 | 7 zero bytes)
    BLAKE3 of everything before, 32 bytes

Source: tapesformat-tombstones(5).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import FormatError, IntegrityError, TruncatedError, UnsupportedVersionError
from tapegit.objects.oid import OID_SIZE_BYTES, ZERO_OID, ObjectId, hash_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAGIC: Final = b"TOMB"
VERSION: Final = 1
REDACTED: Final = "redacted"
FORGOTTEN: Final = "forgotten"
EXPIRED: Final = "expired"

_REASONS: Final = {1: REDACTED, 2: FORGOTTEN, 3: EXPIRED}
_NUMBERS: Final = {reason: number for number, reason in _REASONS.items()}
_HEADER: Final = struct.Struct("<4sII20x")
_ZEROS_START: Final = 12
_RECORD: Final = struct.Struct("<32s32sqB7x")
_CHECKSUM_SIZE_BYTES: Final = 32
_WAY_OUT: Final = "'tapes fsck --salvage' writes it anew from its records"


class Tombstone(NamedTuple):
    """An object that was removed on purpose.

    Attributes:
        oid: Its id.
        successor: What took its place, if anything did.
        time_ms: When, in ms since the epoch.
        reason: One of `REDACTED`, `FORGOTTEN`, `EXPIRED`.
    """

    oid: ObjectId
    successor: ObjectId | None
    time_ms: int
    reason: str


class Tombstones:
    """The records of a file, verified.

    Args:
        data: The whole file, or nothing for no records.
        where: The file, for errors.

    Raises:
        DataError: The file is damaged, or of another version.
    """

    def __init__(self, data: bytes | memoryview = b"", where: object = "tombstones") -> None:
        self._data = memoryview(data)
        self._count = _verify(self._data, where) if len(self._data) else 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, oid: object) -> bool:
        return isinstance(oid, bytes) and self.find(ObjectId(oid)) is not None

    def __iter__(self) -> Iterator[Tombstone]:
        return map(self._record, range(self._count))

    def find(self, oid: ObjectId) -> Tombstone | None:
        """Return the record of an object, or None."""
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if self._id(middle) < oid:
                low = middle + 1
            else:
                high = middle
        return self._record(low) if low < self._count and self._id(low) == oid else None

    def _id(self, number: int) -> bytes:
        start = _HEADER.size + number * _RECORD.size
        return bytes(self._data[start : start + OID_SIZE_BYTES])

    def _record(self, number: int) -> Tombstone:
        return _decode_record(self._data, _HEADER.size + number * _RECORD.size)


def _decode_record(data: bytes | memoryview, start: int) -> Tombstone:
    oid, successor, time_ms, reason = _RECORD.unpack_from(data, start)
    other = None if successor == ZERO_OID else ObjectId(successor)
    return Tombstone(ObjectId(oid), other, time_ms, _REASONS.get(reason, REDACTED))


def iter_any_records(data: bytes) -> Iterator[Tombstone]:
    """Yield the records of a damaged file, for repair: one of them may name something else."""
    for start in range(_HEADER.size, len(data) - _CHECKSUM_SIZE_BYTES, _RECORD.size):
        if start + _RECORD.size <= len(data):
            record = _decode_record(data, start)
            if record.oid != ZERO_OID:
                yield record


def encode_tombstones(records: Iterable[Tombstone]) -> bytes:
    """Return the file of these records; of several of one id the last one counts."""
    by_id = {record.oid: record for record in records}
    parts = [_HEADER.pack(MAGIC, VERSION, len(by_id))]
    for oid in sorted(by_id):
        record = by_id[oid]
        parts.append(
            _RECORD.pack(oid, record.successor or ZERO_OID, record.time_ms, _NUMBERS[record.reason])
        )
    data = b"".join(parts)
    return data + hash_content(data)


def _verify(data: memoryview, where: object) -> int:
    if len(data) < _HEADER.size + _CHECKSUM_SIZE_BYTES:
        raise TruncatedError(
            f"cannot read '{where}': it is cut short", hint=_WAY_OUT, where=where, got=len(data)
        )
    magic, version, count = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise FormatError(
            f"cannot read '{where}': it is no file of tombstones", hint=_WAY_OUT, where=where
        )
    if version != VERSION:
        raise UnsupportedVersionError(
            f"cannot read '{where}': it has version {version}, known is {VERSION}",
            where=where,
            version=version,
        )
    if any(data[_ZEROS_START : _HEADER.size]):
        raise FormatError(
            f"cannot read '{where}': bytes that must be zero are not", hint=_WAY_OUT, where=where
        )
    end = _HEADER.size + count * _RECORD.size
    if len(data) != end + _CHECKSUM_SIZE_BYTES:
        raise TruncatedError(
            f"cannot read '{where}': {len(data)} bytes cannot hold {count} records",
            hint=_WAY_OUT,
            where=where,
            wanted=end + _CHECKSUM_SIZE_BYTES,
            got=len(data),
        )
    if hash_content(data[:end]) != data[end:]:
        raise IntegrityError(
            f"cannot read '{where}': its checksum does not match", hint=_WAY_OUT, where=where
        )
    return int(count)
