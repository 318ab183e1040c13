"""From the bytes of a frame to the objects in it, also where the frame is damaged.

Rules: an index that was verified says what a record's references mean; nothing here verifies
an id, so whoever uses what is joined compares its hash.

Source: tapesformat-pack(5), "Records".
"""

from __future__ import annotations

from binascii import hexlify
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import DataError, FormatError, StorageError
from tapegit.formats import zstd
from tapegit.formats.pack import CONTENT_SIZE_MAX_BYTES, column
from tapegit.formats.records import decode_references, join_rope, join_turn, resolve_references
from tapegit.objects.kind import Kind

if TYPE_CHECKING:
    from tapegit.store.pack_file import PackFile
    from tapegit.upkeep.fsck.packcheck import CheckedPack


class Joined(NamedTuple):
    """An object's data, and what its record refers to: ordinals, or `~place` of an outer id."""

    data: bytes
    targets: list[int]


class RecordJoiner:
    """Puts the objects of one section together.

    Attributes:
        pack: The pack.
        base: The number of its first object in the store.
        number: The section.
        section: The numbers of the section, as in the index.
        outer_ids: Its outer ids, as plain bytes.
    """

    def __init__(self, pack: CheckedPack, base: int, number: int, file: PackFile) -> None:
        """Read the outer ids of the section; where they cannot be read there are none."""
        self.pack = pack
        self.base = base
        self.number = number
        self.section = pack.index.section(number).tolist()
        try:
            self.outer_ids = pack.read_outer_ids(file, number)
        except (DataError, StorageError):
            self.outer_ids = []

    def join(self, record: bytes, kind: Kind, ordinal: int) -> Joined:
        """Return the object of a record.

        Raises:
            DataError: The record breaks a rule of its format.
        """
        if kind is Kind.BLOB or kind is Kind.TAG:
            return Joined(record, [])
        references, start = decode_references(record)
        is_rope = kind is Kind.ROPE
        targets = resolve_references(references, self.section, ordinal=ordinal, is_rope=is_rope)
        ids = [self.id_of(target) for target in targets]
        if is_rope:
            return Joined(_join_rope(record[start:], ids), targets)
        return Joined(join_turn(record[start:], [b'"%b"' % hexlify(oid) for oid in ids]), targets)

    def read_targets(self, record: bytes, kind: Kind, ordinal: int) -> list[int]:
        """Return what a rope's or turn's record refers to, without putting it together.

        Raises:
            DataError: The record breaks a rule of its format.
        """
        references, _ = decode_references(record)
        is_rope = kind is Kind.ROPE
        return resolve_references(references, self.section, ordinal=ordinal, is_rope=is_rope)

    def id_of(self, target: int) -> bytes:
        """Return the id that a target stands for, as plain bytes.

        Raises:
            FormatError: It is an outer id that cannot be read.
        """
        if target < 0:
            if ~target >= len(self.outer_ids):
                raise FormatError("record names an id that cannot be read", where="record")
            return self.outer_ids[~target]
        index = self.pack.index
        return index.id_at(index.positions[target])


def _join_rope(template: bytes, ids: list[bytes]) -> bytes:
    try:
        return join_rope(template, ids)
    except IndexError as error:
        raise FormatError("rope ends inside an entry", where="rope") from error


def decode_records(frame: bytes, count: int, content_size: int, *, where: object) -> list[bytes]:
    """Return the records of a sound frame.

    Raises:
        DataError: The frame is damaged.
    """
    content = zstd.decompress(frame, size_max=CONTENT_SIZE_MAX_BYTES, where=where)
    if len(content) != content_size or content_size < 4 * count:
        raise FormatError(f"cannot read '{where}': a frame has another size", where=where)
    bounds = list(accumulate(column(content[: 4 * count], "I"), initial=4 * count))
    if bounds[-1] != len(content):
        raise FormatError(f"cannot read '{where}': records do not fill a frame", where=where)
    return [content[start:end] for start, end in pairwise(bounds)]


def salvage_records(
    frame: bytes, count: int, content_size: int, *, where: object
) -> list[bytes | None]:
    """Return what a damaged frame gives of its records, None for each that is not whole.

    They are unverified: the bytes of one may be wrong.
    """
    try:
        content = zstd.salvage(
            frame, size_max=CONTENT_SIZE_MAX_BYTES, where=where, content_size=content_size
        )
    except DataError:
        return [None] * count
    start = 4 * count
    if len(content) < start:
        return [None] * count
    bounds = list(accumulate(column(content[:start], "I"), initial=start))
    return [content[low:high] if high <= len(content) else None for low, high in pairwise(bounds)]
