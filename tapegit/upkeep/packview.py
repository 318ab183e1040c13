"""A pack and its index as upkeep sees them: frame by frame, ordinal by ordinal.

Rules: what is read here is decompressed under the limits of the format; only `read_object`
verifies an object's id, since whoever walks frames verifies as much as it needs. Nothing is
kept between calls.

Source: tapesformat-pack(5), tapesformat-packindex(5).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import FormatError, IntegrityError
from tapegit.files.safe_read import map_file
from tapegit.formats import zstd
from tapegit.formats.pack import (
    CONTENT_SIZE_MAX_BYTES,
    FOOTER_SIZE_BYTES,
    KINDS_BY_NUMBER,
    SECTION_END,
    SECTION_FIRST_OUTER,
    SECTION_OUTER_COUNT,
    SECTION_ROPES,
    SECTION_TAGS,
    SECTION_TURNS,
    SPACE_BLOB,
    SPACE_OUTER,
    SPACE_ROPE,
    SPACE_TURN,
    decode_record_offsets,
)
from tapegit.formats.records import decode_references, join_rope, join_turn
from tapegit.objects.kind import Kind, Object, object_id
from tapegit.objects.oid import OID_SIZE_BYTES, ObjectId
from tapegit.store.pack_file import PackFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tapegit.formats.packindex import PackIndex

_FRAME_ENTRY_SIZE_BYTES: Final = 24
_SECTION_ENTRY_SIZE_BYTES: Final = 12


class SectionBounds(NamedTuple):
    """Ordinals where the objects of each kind of a section start, and where it ends."""

    blobs: int
    ropes: int
    turns: int
    tags: int
    end: int


class PackView:
    """One pack with its index.

    Attributes:
        path: The pack file.
        index: Its index.
    """

    def __init__(self, path: Path, index: PackIndex) -> None:
        self.path = path
        self.index = index

    @cached_property
    def file(self) -> memoryview:
        """The bytes of the pack, mapped: for whoever looks at a damaged one."""
        return map_file(self.path)

    @property
    def size_bytes(self) -> int:
        """The size that the pack file has by its index."""
        return self.index.header.pack_size

    def read_bytes(self, offset: int, size_bytes: int) -> bytes:
        """Return bytes of the pack file.

        Raises:
            TruncatedError: It ends before.
            StorageError: The pack is gone, or the system refused.
        """
        with PackFile(self.path) as file:
            return file.read(offset, size_bytes)

    @property
    def section_count(self) -> int:
        """How many sections the pack has."""
        return self.index.header.section_count

    def content(self, frame: int) -> bytes:
        """Return the content of a frame.

        Raises:
            DataError: It is damaged.
        """
        index = self.index
        content = zstd.decompress(
            self.read_bytes(index.frame_offsets[frame], index.frame_compressed_sizes[frame]),
            size_max=CONTENT_SIZE_MAX_BYTES,
            where=self.path,
        )
        if len(content) != index.frame_content_sizes[frame]:
            raise FormatError(
                f"cannot read '{self.path}': frame {frame} has another size than its index says",
                where=self.path,
            )
        return content

    def records(self, frame: int) -> list[bytes]:
        """Return the records of a frame; raises as `content`."""
        content = self.content(frame)
        return split_content(content, self.index.record_count(frame), where=self.path)

    def bounds(self, section: int) -> SectionBounds:
        """Return where the kinds of a section start."""
        numbers = self.index.section(section)
        return SectionBounds(
            numbers[0],
            numbers[SECTION_ROPES],
            numbers[SECTION_TURNS],
            numbers[SECTION_TAGS],
            numbers[SECTION_END],
        )

    def outer_ids(self, section: int) -> list[bytes]:
        """Return the outer ids of a section, as plain bytes."""
        header, numbers = self.index.header, self.index.section(section)
        table = (
            header.directory_offset
            + header.frame_count * _FRAME_ENTRY_SIZE_BYTES
            + header.section_count * _SECTION_ENTRY_SIZE_BYTES
        )
        start = table + numbers[SECTION_FIRST_OUTER] * OID_SIZE_BYTES
        size_bytes = numbers[SECTION_OUTER_COUNT] * OID_SIZE_BYTES
        if start + size_bytes > self.size_bytes - FOOTER_SIZE_BYTES:
            raise FormatError(f"cannot read '{self.path}': it is cut short", where=self.path)
        ids = self.read_bytes(start, size_bytes)
        return [ids[at : at + OID_SIZE_BYTES] for at in range(0, len(ids), OID_SIZE_BYTES)]

    def frames_of(self, section: int) -> range:
        """Return the frames of a section."""
        bounds = self.bounds(section)
        after = bounds.end
        first = self.index.frame_of(bounds.blobs)
        last = self.index.frame_of(after - 1)
        return range(first, last + 1)

    def kind_of(self, ordinal: int) -> Kind:
        """Return the kind of an object."""
        return KINDS_BY_NUMBER[self.index.frame_kind_numbers[self.index.frame_of(ordinal)]]

    def id_of(self, ordinal: int) -> bytes:
        """Return the id of an object, as plain bytes."""
        return self.index.id_at(self.index.positions[ordinal])

    def iter_bucket(self, bucket: int) -> Iterator[tuple[bytes, int]]:
        """Yield (id, ordinal) of the objects whose ids begin with this byte, ascending by id."""
        index = self.index
        start = index.place_of(bytes([bucket]) + bytes(OID_SIZE_BYTES - 1))
        after = (
            index.object_count
            if bucket == 255
            else index.place_of(bytes([bucket + 1]) + bytes(OID_SIZE_BYTES - 1))
        )
        ordinals, id_at = index.ordinals, index.id_at
        for position in range(start, after):
            yield id_at(position), ordinals[position]

    def join(self, record: bytes, kind: Kind, ordinal: int, section: Section) -> bytes:
        """Return the data of an object, from its record.

        Raises:
            DataError: The record breaks a rule, or refers to nothing.
        """
        if kind is Kind.BLOB or kind is Kind.TAG:
            return record
        references, start = decode_references(record)
        ids = [self._resolve(reference, kind, ordinal, section) for reference in references]
        if kind is Kind.ROPE:
            return join_rope(record[start:], ids)
        return join_turn(record[start:], [b'"%s"' % oid.hex().encode() for oid in ids])

    def open_section(self, number: int) -> Section:
        """Return what is needed to resolve the references of a section."""
        return Section(self.bounds(number), self.outer_ids(number))

    def iter_section(self, number: int) -> Iterator[tuple[int, Object]]:
        """Yield (ordinal, object) of a section, in order; ids are not verified.

        Raises:
            DataError: A frame or record is damaged.
        """
        section = self.open_section(number)
        for frame in self.frames_of(number):
            kind = KINDS_BY_NUMBER[self.index.frame_kind_numbers[frame]]
            ordinal = self.index.frame_first_ordinals[frame]
            for record in self.records(frame):
                yield ordinal, Object(kind, self.join(record, kind, ordinal, section))
                ordinal += 1

    def read_object(self, ordinal: int) -> Object:
        """Return one object, verified to its id.

        Raises:
            DataError: It is damaged.
        """
        frame = self.index.frame_of(ordinal)
        kind = KINDS_BY_NUMBER[self.index.frame_kind_numbers[frame]]
        record = self.records(frame)[ordinal - self.index.frame_first_ordinals[frame]]
        section = self.open_section(self.index.frame_sections[frame])
        data = self.join(record, kind, ordinal, section)
        if object_id(kind, data) != self.id_of(ordinal):
            oid = ObjectId(self.id_of(ordinal))
            raise IntegrityError(
                f"cannot read object '{oid}': the bytes in '{self.path}' are not of this id",
                oid=oid,
                where=self.path,
            )
        return Object(kind, data)

    def _resolve(self, reference: int, kind: Kind, ordinal: int, section: Section) -> bytes:
        space, value = reference & 3, reference >> 2
        if space == SPACE_OUTER:
            if value >= len(section.outer_ids):
                raise self.reference_error(ordinal)
            return section.outer_ids[value]
        target = resolve_inner(space, value, kind is Kind.ROPE, ordinal, section.bounds)
        if target < 0:
            raise self.reference_error(ordinal)
        return self.id_of(target)

    def reference_error(self, ordinal: int) -> FormatError:
        """Return the error of a record that refers to nothing."""
        oid = ObjectId(self.id_of(ordinal))
        return FormatError(
            f"cannot read object '{oid}': its record in '{self.path}' refers to nothing",
            oid=oid,
            where=self.path,
        )


class Section(NamedTuple):
    """What the references of a section are resolved with."""

    bounds: SectionBounds
    outer_ids: list[bytes]


def resolve_inner(
    space: int,
    value: int,
    in_rope: bool,  # noqa: FBT001 - called for each reference
    ordinal: int,
    bounds: SectionBounds,
) -> int:
    """Return the ordinal that a reference within a section leads to, or -1 where it is none."""
    if space == SPACE_BLOB:
        target = bounds.blobs + value
        return target if target < bounds.ropes else -1
    if space == SPACE_ROPE and not in_rope:
        target = bounds.ropes + value
        return target if target < bounds.turns else -1
    low = bounds.ropes if space == SPACE_ROPE else bounds.turns
    if value < 1 or (space == SPACE_TURN and in_rope):
        return -1
    target = ordinal - value
    return target if target >= low else -1


def split_content(content: bytes, count: int, *, where: object) -> list[bytes]:
    """Return the records in a frame's content.

    Raises:
        FormatError: Their sizes do not add up.
    """
    offsets = decode_record_offsets(content, count, where=where)
    return [content[offsets[n] : offsets[n + 1]] for n in range(count)]
