"""A pack and its index as gc sees them: section by section, frame by frame, ordinal by ordinal.

Rules: what is read here is decompressed under the limits of the format; only `read_object`
verifies an object's id, since whoever walks frames verifies as much as it needs. Nothing is
kept between calls.

Source: tapesformat-pack(5), tapesformat-packindex(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import FormatError, IntegrityError
from tapegit.formats.pack import (
    KINDS_BY_NUMBER,
    SECTION_BLOBS,
    SECTION_END,
    decode_record_offsets,
)
from tapegit.formats.records import decode_references, join_rope, join_turn, resolve_references
from tapegit.objects.kind import Kind, Object, object_id
from tapegit.objects.oid import OID_SIZE_BYTES, ObjectId
from tapegit.store.index_builder import decompress_frame
from tapegit.store.pack_file import PackFile, read_outer_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tapegit.formats.packindex import PackIndex


class Section(NamedTuple):
    """What the references of a section are resolved with.

    `numbers` are the eight of the index; `outer_ids` are plain bytes.
    """

    numbers: Sequence[int]
    outer_ids: list[bytes]


class PackView:
    """One pack with its index.

    Attributes:
        path: The pack file.
        index: Its index.
    """

    def __init__(self, path: Path, index: PackIndex) -> None:
        self.path = path
        self.index = index

    @property
    def size_bytes(self) -> int:
        """The size that the pack file has by its index."""
        return self.index.header.pack_size

    @property
    def section_count(self) -> int:
        """How many sections the pack has."""
        return self.index.header.section_count

    def ordinals_of(self, section: int) -> range:
        """Return the ordinals of the objects of a section."""
        numbers = self.index.section(section)
        return range(numbers[SECTION_BLOBS], numbers[SECTION_END])

    def frames_of(self, section: int) -> range:
        """Return the frames of a section."""
        ordinals = self.ordinals_of(section)
        return range(self.index.frame_of(ordinals[0]), self.index.frame_of(ordinals[-1]) + 1)

    def content(self, frame: int) -> bytes:
        """Return the content of a frame.

        Raises:
            DataError: It is damaged.
            StorageError: The pack is gone, or the system refused.
        """
        index = self.index
        with PackFile(self.path) as file:
            size = index.frame_compressed_sizes[frame]
            compressed = file.read(index.frame_offsets[frame], size)
        return decompress_frame(compressed, index.frame_content_sizes[frame], where=self.path)

    def records(self, frame: int) -> list[bytes]:
        """Return the records of a frame; raises as `content`."""
        content = self.content(frame)
        count = self.index.record_count(frame)
        offsets = decode_record_offsets(content, count, where=self.path)
        return [content[offsets[n] : offsets[n + 1]] for n in range(count)]

    def open_section(self, number: int) -> Section:
        """Return what is needed to resolve the references of a section.

        Raises:
            TruncatedError: The pack is cut short.
            StorageError: It is gone, or the system refused.
        """
        with PackFile(self.path) as file:
            ids = read_outer_ids(file, self.index, number)
        return Section(
            self.index.section(number).tolist(),
            [ids[at : at + OID_SIZE_BYTES] for at in range(0, len(ids), OID_SIZE_BYTES)],
        )

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

    def resolve(self, record: bytes, kind: Kind, ordinal: int, section: Section) -> list[int]:
        """Return what the record of a rope or turn refers to: ordinals, or `~place` of outer ids.

        Raises:
            DataError: It refers to nothing.
        """
        references, _ = decode_references(record)
        return self._targets(references, kind, ordinal, section)

    def join(self, record: bytes, kind: Kind, ordinal: int, section: Section) -> bytes:
        """Return the data of an object, from its record.

        Raises:
            DataError: The record breaks a rule, or refers to nothing.
        """
        if kind is Kind.BLOB or kind is Kind.TAG:
            return record
        references, start = decode_references(record)
        targets = self._targets(references, kind, ordinal, section)
        ids = [self.id_of(t) if t >= 0 else section.outer_ids[~t] for t in targets]
        if kind is Kind.ROPE:
            return join_rope(record[start:], ids)
        return join_turn(record[start:], [b'"%s"' % oid.hex().encode() for oid in ids])

    def _targets(
        self, references: list[int], kind: Kind, ordinal: int, section: Section
    ) -> list[int]:
        is_rope = kind is Kind.ROPE
        try:
            return resolve_references(references, section.numbers, ordinal=ordinal, is_rope=is_rope)
        except FormatError as error:
            oid = ObjectId(self.id_of(ordinal))
            raise FormatError(
                f"cannot read object '{oid}': its record in '{self.path}' refers to nothing",
                oid=oid,
                where=self.path,
            ) from error

    def read_object(self, ordinal: int) -> Object:
        """Return one object, verified to its id.

        Raises:
            DataError: It is damaged.
            StorageError: The pack is gone, or the system refused.
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
