"""The index of a pack, built from the pack: one pass that verifies every byte.

Rules:

- Nothing is believed: the checksum, the tables, each frame, the hash of each object. What is
  verified is also what makes the index, so an index cannot say more than its pack.
- One frame is in memory at a time, and of each object its id and, of a turn, its facts.
- A turn that cannot be decoded is an object all the same; it has no facts.
- Facts of parents outside the pack come from the caller, where they are known.

Source: tapesformat-pack(5), "Checking"; tapesformat-packindex(5).
"""

from __future__ import annotations

from array import array
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import DataError, FormatError, IntegrityError
from tapegit.formats import zstd
from tapegit.formats.pack import (
    CONTENT_SIZE_MAX_BYTES,
    FOOTER_SIZE_BYTES,
    HEADER_SIZE_BYTES,
    KINDS_BY_NUMBER,
    SECTION_FIRST_OUTER,
    SECTION_WIDTH,
    decode_directory,
    decode_footer,
    decode_record_offsets,
    number_sections,
    verify_header,
)
from tapegit.formats.packindex_writer import IndexTables, PackIdentity, iter_index_parts
from tapegit.formats.records import (
    decode_references,
    join_rope,
    join_turn,
    resolve_references,
)
from tapegit.objects.kind import Kind, Object, object_id
from tapegit.objects.oid import OID_SIZE_BYTES, ObjectId, content_hasher
from tapegit.store.id_table import IdTable
from tapegit.store.turn_tables import TurnTables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tapegit.formats.pack import Directory, Footer
    from tapegit.store.pack_file import PackFile
    from tapegit.store.source import TurnFacts

    FindFacts = Callable[[ObjectId], TurnFacts | None]
    Visit = Callable[[int, ObjectId, Object], None]


class BuiltIndex(NamedTuple):
    """The tables of an index, and the pack they are of."""

    tables: IndexTables
    identity: PackIdentity

    @property
    def object_count(self) -> int:
        """How many objects the pack has."""
        return len(self.tables.ids) // OID_SIZE_BYTES

    def encode(self) -> bytes:
        """Return the index as it stands in its file."""
        return b"".join(iter_index_parts(self.tables, self.identity))


def build_index(
    file: PackFile, *, find_facts: FindFacts | None = None, visit: Visit | None = None
) -> BuiltIndex:
    """Verify a pack and return what its index says.

    Args:
        file: The pack, open.
        find_facts: Returns the facts of a parent that is not in the pack, or None.
        visit: Gets ordinal, id and object of everything in the pack, in order.

    Raises:
        DataError: The pack breaks a rule or is damaged; where a frame is to blame its number
            is the field `frame`.
        StorageError: It cannot be read.
    """
    return _Builder(file, visit).build(find_facts)


class _Builder:
    """One pass over a pack."""

    def __init__(self, file: PackFile, visit: Visit | None) -> None:
        self._file = file
        self._visit = visit
        self._hasher = content_hasher()
        self._table = IdTable()
        self._turns = TurnTables(self._table)
        self._outer_ids = b""

    def build(self, find_facts: FindFacts | None) -> BuiltIndex:
        file = self._file
        header = file.read(0, min(HEADER_SIZE_BYTES, file.size_bytes))
        verify_header(header, where=file.path)
        footer, tail = self._read_footer()
        tables = file.read(footer.directory_offset, footer.directory_size)
        directory = decode_directory(tables, footer, where=file.path)
        self._outer_ids = directory.outer_ids
        sections, owners = number_sections(directory)
        self._hasher.update(header)
        ordinal = 0
        for number, owner in enumerate(owners):
            section = sections[owner * SECTION_WIDTH : (owner + 1) * SECTION_WIDTH]
            self._read_frame(directory, number, section, ordinal)
            ordinal += directory.record_counts[number]
        self._hasher.update(tables)
        self._hasher.update(tail[:-32])
        if self._hasher.digest() != footer.checksum:
            raise IntegrityError(
                f"cannot read '{file.path}': its checksum does not match",
                hint="run 'tapes fsck --full'",
                where=file.path,
            )
        identity = PackIdentity(file.size_bytes, footer.directory_offset, footer.checksum)
        return BuiltIndex(self._tables(directory, sections, owners, find_facts), identity)

    def _read_footer(self) -> tuple[Footer, bytes]:
        file = self._file
        size_bytes = min(FOOTER_SIZE_BYTES, file.size_bytes)
        tail = file.read(file.size_bytes - size_bytes, size_bytes)
        return decode_footer(tail, file_size=file.size_bytes, where=file.path), tail

    def _tables(
        self,
        directory: Directory,
        sections: array[int],
        owners: array[int],
        find_facts: FindFacts | None,
    ) -> IndexTables:
        turns = self._turns
        turns.settle(sections, find_facts)
        firsts = array("I", accumulate(directory.record_counts, initial=0))
        return IndexTables(
            ids=bytes(self._table.ids),
            outer_parents=bytes(turns.outer.ids),
            frame_offsets=directory.offsets,
            frame_compressed_sizes=directory.compressed_sizes,
            frame_content_sizes=directory.content_sizes,
            frame_first_ordinals=firsts[:-1],
            frame_sections=owners,
            frame_kind_numbers=bytes(directory.kind_numbers),
            sections=sections,
            turn_dates=turns.dates,
            turn_generations=turns.generations,
            turn_parents=turns.parents,
            more_parents=turns.more_parents,
        )

    def _read_frame(
        self, directory: Directory, number: int, section: Sequence[int], ordinal: int
    ) -> None:
        frame = directory.frame(number)
        compressed = self._file.read(frame.offset, frame.compressed_size)
        self._hasher.update(compressed)
        kind = KINDS_BY_NUMBER[frame.kind_number]
        try:
            content = decompress_frame(compressed, frame.content_size, where=self._file.path)
            offsets = decode_record_offsets(content, frame.record_count, where=self._file.path)
            if kind is Kind.BLOB or kind is Kind.TAG:
                self._take_plain(kind, content, offsets, ordinal)
            else:
                self._take_linked(kind, content, offsets, section, ordinal)
        except DataError as error:
            raise _with_frame(error, number, self._file) from error

    def _take_plain(self, kind: Kind, content: bytes, offsets: Sequence[int], ordinal: int) -> None:
        for place in range(len(offsets) - 1):
            data = content[offsets[place] : offsets[place + 1]]
            oid = object_id(kind, data)
            self._add(oid)
            if self._visit is not None:
                self._visit(ordinal + place, oid, Object(kind, data))

    def _take_linked(
        self,
        kind: Kind,
        content: bytes,
        offsets: Sequence[int],
        section: Sequence[int],
        ordinal: int,
    ) -> None:
        is_rope = kind is Kind.ROPE
        ids, outer_ids, outer = self._table.ids, self._outer_ids, section[SECTION_FIRST_OUTER]
        for place in range(len(offsets) - 1):
            record = content[offsets[place] : offsets[place + 1]]
            references, start = decode_references(record)
            targets = resolve_references(
                references, section, ordinal=ordinal + place, is_rope=is_rope
            )
            named = [
                bytes(ids[target << 5 : (target + 1) << 5])
                if target >= 0
                else outer_ids[(outer + ~target) << 5 : (outer + ~target + 1) << 5]
                for target in targets
            ]
            if is_rope:
                data = join_rope(record[start:], named)
            else:
                data = join_turn(record[start:], [b'"%s"' % oid.hex().encode() for oid in named])
            oid = object_id(kind, data)
            self._add(oid)
            if not is_rope:
                self._turns.add(data, dict(zip(named, targets, strict=True)))
            if self._visit is not None:
                self._visit(ordinal + place, oid, Object(kind, data))

    def _add(self, oid: ObjectId) -> None:
        if not self._table.add(oid):
            raise FormatError(
                f"cannot read '{self._file.path}': it has object '{oid}' twice",
                where=self._file.path,
                oid=oid,
            )


def decompress_frame(compressed: bytes, content_size: int, *, where: object) -> bytes:
    """Return the content of a frame, which has the size that the table of frames states.

    Raises:
        DataError: It is damaged, breaks a limit, or has another size.
    """
    content = zstd.decompress(compressed, size_max=CONTENT_SIZE_MAX_BYTES, where=where)
    if len(content) != content_size:
        raise FormatError(
            f"cannot read '{where}': a frame of {len(content)} bytes that says {content_size}",
            where=where,
            expected=content_size,
            actual=len(content),
        )
    return content


def _with_frame(error: DataError, number: int, file: PackFile) -> DataError:
    """Return the error with the file and the number of the frame in message and fields."""
    what = error.message.removeprefix(f"cannot read '{file.path}': ")
    return type(error)(
        f"cannot read frame {number} of '{file.path}': {what}",
        hint=error.hint or "run 'tapes fsck --full'",
        **{**error.fields, "where": file.path, "frame": number},
    )
