"""Objects from a pack that has no index and may be damaged.

Rules: a frame is taken whole or not at all, since only its checksum vouches for it; an object
is taken if everything that its record refers to by number was.

Source: tapesformat-pack(5), "Damage".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.errors import DataError, StorageError
from tapegit.formats.pack import (
    FOOTER_SIZE_BYTES,
    KINDS_BY_NUMBER,
    SECTION_FIRST_OUTER,
    SECTION_WIDTH,
    decode_directory,
    decode_footer,
    number_sections,
)
from tapegit.formats.records import decode_references, join_rope, join_turn, resolve_references
from tapegit.objects.kind import Kind, Object, object_id
from tapegit.upkeep.fsck.packcheck import describe
from tapegit.upkeep.fsck.packrecords import decode_records

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterator, Sequence

    from tapegit.formats.pack import Directory
    from tapegit.objects.oid import ObjectId
    from tapegit.store.pack_file import PackFile


def iter_rescued(file: PackFile, note: Callable[[str], None]) -> Iterator[tuple[ObjectId, Object]]:
    """Yield every object that a pack gives, with its id, links first.

    Args:
        file: The pack, open.
        note: Takes what is wrong, in words.

    Raises:
        DataError: The tables of the pack are damaged.
        StorageError: The system refused to read.
    """
    start = max(file.size_bytes - FOOTER_SIZE_BYTES, 0)
    tail = file.read(start, file.size_bytes - start)
    footer = decode_footer(tail, file_size=file.size_bytes, where=file.path)
    tables = file.read(footer.directory_offset, footer.directory_size)
    directory = decode_directory(tables, footer, where=file.path)
    sections, owners = number_sections(directory)
    ids: dict[int, bytes] = {}
    ordinal = 0
    for number, owner in enumerate(owners):
        section = sections[owner * SECTION_WIDTH : (owner + 1) * SECTION_WIDTH]
        frame = directory.frame(number)
        try:
            packed = file.read(frame.offset, frame.compressed_size)
            records = decode_records(
                packed, frame.record_count, frame.content_size, where=file.path
            )
        except (DataError, StorageError) as error:
            note(f"frame {number}: {describe(error, file.path)}")
            records = []
        kind = KINDS_BY_NUMBER[frame.kind_number]
        for place, record in enumerate(records, ordinal):
            data = _join(record, kind, place, section, directory, ids)
            if data is None:
                note(f"frame {number}: record {place - ordinal} cannot be put together")
                continue
            oid = object_id(kind, data)
            ids[place] = oid
            yield oid, Object(kind, data)
        ordinal += frame.record_count


def _join(
    record: bytes,
    kind: Kind,
    ordinal: int,
    section: Sequence[int] | array[int],
    directory: Directory,
    ids: dict[int, bytes],
) -> bytes | None:
    """Return the data of a record, or None where something it refers to is not known."""
    if kind is Kind.BLOB or kind is Kind.TAG:
        return record
    is_rope = kind is Kind.ROPE
    try:
        references, start = decode_references(record)
        named = []
        for target in resolve_references(references, section, ordinal=ordinal, is_rope=is_rope):
            if target >= 0:
                oid = ids.get(target)
            else:
                place = section[SECTION_FIRST_OUTER] + ~target
                oid = directory.outer_ids[place << 5 : (place + 1) << 5]
            if oid is None:
                return None
            named.append(oid)
        if is_rope:
            return join_rope(record[start:], named)
        return join_turn(record[start:], [b'"%b"' % oid.hex().encode() for oid in named])
    except (DataError, IndexError):
        return None
