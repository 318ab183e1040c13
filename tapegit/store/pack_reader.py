"""One pack, read through its index: an object is a record of a frame, and is verified.

Rules:

- The index is verified whole before it is believed, a frame by the ids of what is taken from
  it: the bytes that are returned hash to the id that was asked for.
- The pack file is open only while a frame is read from it.
- Damage is an error that names object, pack and frame; all ids of the frame go with it.

Source: tapesformat-pack(5), tapesformat-packindex(5).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from tapegit.errors import (
    DataError,
    FormatError,
    IntegrityError,
    StorageError,
    UnsafePathError,
)
from tapegit.formats import zstd
from tapegit.formats.pack import (
    COMPRESSED_SIZE_MAX_BYTES,
    CONTENT_SIZE_MAX_BYTES,
    KINDS_BY_NUMBER,
    SECTION_FIRST_TURN,
    SECTION_TURNS,
    decode_record_offsets,
)
from tapegit.formats.packindex import LEADER_BIT
from tapegit.formats.records import (
    decode_references,
    join_rope,
    join_turn,
    resolve_references,
)
from tapegit.objects.kind import KIND_NUMBERS, Kind, Object, format_framing
from tapegit.objects.oid import OID_SIZE_BYTES, ObjectId, hash_framed
from tapegit.store.frames import DecodedFrame
from tapegit.store.pack_file import PackFile, read_outer_ids
from tapegit.store.read_ahead import FrameRun
from tapegit.store.runs import COUNT_MIN, read_blob_run, read_turn_run
from tapegit.store.source import TurnFacts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tapegit.formats.packindex import PackIndex
    from tapegit.store.frames import FrameBuffer, FrameCache

_BLOB_NUMBER: Final = KIND_NUMBERS[Kind.BLOB]
_TURN_NUMBER: Final = KIND_NUMBERS[Kind.TURN]
_NAMED_IDS_MAX: Final = 1 << 16
_RUN_COUNT_MAX: Final = 1 << 8
"""So many objects of a frame are copied out of it at once."""


class PackReader:
    """A pack and its index.

    Attributes:
        path: The pack file.
        index: Its index, verified.
    """

    def __init__(self, path: Path, index: PackIndex, cache: FrameCache, number: int) -> None:
        """Take a pack; `number` tells its frames from those of other packs in the cache."""
        self.path = path
        self.index = index
        self.number = number
        self._cache = cache
        # The turns of the frame looked at last: ordinals from, to, and what to take off.
        self._turns_from = self._turns_to = self._turns_shift = 0

    def locate(self, oid: bytes) -> int:
        """Return the ordinal of an object, or -1."""
        position = self.index.find_position(oid)
        return -1 if position < 0 else self.index.ordinals[position]

    def read_at(self, ordinal: int, oid: ObjectId) -> Object:
        """Return the object of an ordinal, verified to its id.

        Raises:
            DataError: It is damaged; fields oid, where, frame, oids (of the whole frame).
            PackGoneError: The pack is not there any more.
            StorageError: It cannot be read.
        """
        number = self.index.frame_of(ordinal)
        try:
            return self._read_record(number, ordinal, oid)
        except DataError as error:
            raise self._with_frame(error, oid, number) from error
        except (IndexError, KeyError) as error:
            raise self._contradiction() from error

    def find_run(self, wanted: Sequence[tuple[int, ObjectId]], start: int, end: int) -> FrameRun:
        """Return as many of the objects that are wanted as are in the frame of the first.

        Args:
            wanted: Ordinals and ids; from `start` to `end` ascending.
            start: Where to begin.
            end: Where to end at the latest; after `start`.
        """
        index = self.index
        number = index.frame_of(wanted[start][0])
        after = index.frame_first_ordinals[number] + index.record_count(number)
        end = max(bisect_left(wanted, (after, b""), start, end), start + 1)
        return FrameRun(self, number, start, end)

    def iter_run(
        self,
        run: FrameRun,
        wanted: Sequence[tuple[int, ObjectId]],
        frame: DecodedFrame | None = None,
    ) -> Iterator[tuple[int, Object | None]]:
        """Yield the place of each object of a run in what is wanted, and the object.

        None stands for one that is damaged or cannot be read: `read_at` says why.

        Args:
            run: What `find_run` returned.
            wanted: The same as there.
            frame: Its frame, where the caller has that.
        """
        for start in range(run.start, run.end, _RUN_COUNT_MAX):
            part = wanted[start : min(start + _RUN_COUNT_MAX, run.end)]
            for place, found in enumerate(self.read_run(run.frame, part, frame), start):
                try:
                    yield place, found or self.read_at(*wanted[place])
                except (DataError, StorageError, UnsafePathError):
                    yield place, None

    def read_run(
        self,
        number: int,
        wanted: Sequence[tuple[int, ObjectId]],
        frame: DecodedFrame | None = None,
    ) -> list[Object | None]:
        """Return objects of one frame; None stands for one that has to be read by itself.

        Args:
            number: The frame.
            wanted: Ordinals of it, ascending, and the ids that they must have.
            frame: The frame itself, where the caller has it.
        """
        index = self.index
        if frame is not None or len(wanted) >= COUNT_MIN:
            kind_number = index.frame_kind_numbers[number]
            try:
                if kind_number == _BLOB_NUMBER:
                    return read_blob_run(frame or self._frame(number), wanted)
                if kind_number == _TURN_NUMBER:
                    section = index.section(index.frame_sections[number])
                    return read_turn_run(index, frame or self._frame(number), section, wanted)
            except (DataError, StorageError, UnsafePathError, IndexError):
                pass  # each says for itself what is wrong with it
        return [None] * len(wanted)

    def _read_record(self, number: int, ordinal: int, oid: ObjectId) -> Object:
        frame = self._frame(number)
        kind = KINDS_BY_NUMBER[frame.kind_number]
        data = frame.record(ordinal)
        if kind is Kind.TURN or kind is Kind.ROPE:
            data = self._join(kind, data, ordinal, number)
        if hash_framed(format_framing(kind, len(data)), data) != oid:
            raise IntegrityError(f"cannot read '{self.path}': the bytes are not of this id")
        return Object(kind, data)

    def facts_at(self, ordinal: int) -> TurnFacts | None:
        """Return the facts of the turn of an ordinal; None for anything else, or no facts.

        Raises:
            FormatError: The index contradicts itself.
        """
        try:
            return self._facts_at(ordinal)
        except (IndexError, KeyError) as error:
            raise self._contradiction() from error

    def _facts_at(self, ordinal: int) -> TurnFacts | None:
        if not self._turns_from <= ordinal < self._turns_to and not self._find_turns(ordinal):
            return None
        index = self.index
        turn = ordinal - self._turns_shift
        generation = index.turn_generations[turn]
        word = index.turn_parents[turn]
        parents: tuple[ObjectId, ...]
        if 0 < word <= index.object_count:
            parents = (index.oid_at(word - 1),)
        else:
            parents = tuple(map(ObjectId, index.parents_at(turn)))
            if not generation & ~LEADER_BIT and not parents:
                return None
        return TurnFacts(
            generation & ~LEADER_BIT,
            index.turn_dates[turn],
            parents,
            generation >= LEADER_BIT,
        )

    def parent_at(self, ordinal: int) -> int:
        """Return the ordinal of the only parent of the turn whose facts were asked for last.

        -1 where it has none or several, or one outside this pack.
        """
        index = self.index
        word = index.turn_parents[ordinal - self._turns_shift]
        return index.ordinals[word - 1] if 0 < word <= index.object_count else -1

    def trace_leader(self, ordinal: int) -> int:
        """Return the ordinal of the leader of a turn's tape, going back along first parents.

        Where that leads out of the pack, or to a merge, it is that of the last turn before.

        Raises:
            FormatError: The index contradicts itself.
        """
        index = self.index
        generations, parents = index.turn_generations, index.turn_parents
        ordinals, count = index.ordinals, index.object_count
        try:
            for _ in range(len(parents)):
                is_near = self._turns_from <= ordinal < self._turns_to
                if not is_near and not self._find_turns(ordinal):
                    return ordinal
                turn = ordinal - self._turns_shift
                word = parents[turn]
                if generations[turn] >= LEADER_BIT or not 0 < word <= count:
                    return ordinal
                ordinal = ordinals[word - 1]
        except (IndexError, KeyError) as error:
            raise self._contradiction() from error
        raise self._contradiction()  # more steps than turns: a circle

    def _find_turns(self, ordinal: int) -> bool:
        """Note which turn numbers the frame of an ordinal has; return whether it has turns."""
        index = self.index
        number = index.frame_of(ordinal)
        if index.frame_kind_numbers[number] != _TURN_NUMBER:
            return False
        section = index.section(index.frame_sections[number])
        self._turns_from = index.frame_first_ordinals[number]
        self._turns_to = self._turns_from + index.record_count(number)
        self._turns_shift = section[SECTION_TURNS] - section[SECTION_FIRST_TURN]
        return True

    def is_missing(self, number: int, size_min: int) -> bool:
        """Return whether a frame of blobs of this size or more has to be decompressed."""
        compressed_size, content_size = self.sizes(number)
        return (
            size_min <= content_size <= CONTENT_SIZE_MAX_BYTES
            and compressed_size <= COMPRESSED_SIZE_MAX_BYTES
            and self.index.frame_kind_numbers[number] == _BLOB_NUMBER
            and (self.number, number) not in self._cache
        )

    def _frame(self, number: int) -> DecodedFrame:
        key = (self.number, number)
        frame = self._cache.find(key)
        if frame is None:
            frame = self.load(number)
            self._cache.put(key, frame)
        return frame

    def sizes(self, number: int) -> tuple[int, int]:
        """Return the sizes of a frame, in the pack and decompressed, as the index has them."""
        index = self.index
        return index.frame_compressed_sizes[number], index.frame_content_sizes[number]

    def load(self, number: int, buffer: FrameBuffer | None = None) -> DecodedFrame:
        """Return a frame, decompressed and not kept; any thread may call this.

        Args:
            number: The frame.
            buffer: Where it goes, its checksum not being looked at; None for memory of its own.

        Raises:
            DataError: It is damaged.
            PackGoneError: The pack is not there any more.
            StorageError: It cannot be read.
        """
        index = self.index
        size = index.frame_compressed_sizes[number]
        if size > COMPRESSED_SIZE_MAX_BYTES:
            raise FormatError(f"cannot read '{self.path}': {size} bytes are no frame")
        content: bytes | memoryview
        with PackFile(self.path) as file:
            if buffer is None:
                compressed = file.read(index.frame_offsets[number], size)
            else:
                file.read_into(buffer.compressed[:size], index.frame_offsets[number])
        if buffer is None:
            content = zstd.decompress(compressed, size_max=CONTENT_SIZE_MAX_BYTES, where=self.path)
        else:
            frame = buffer.compressed[:size]
            content = zstd.decompress_into(buffer.content, frame, where=self.path)
        if len(content) != index.frame_content_sizes[number]:
            raise FormatError(
                f"cannot read '{self.path}': {len(content)} bytes where the index says"
                f" {index.frame_content_sizes[number]}"
            )
        offsets = decode_record_offsets(content, index.record_count(number), where=self.path)
        return DecodedFrame(
            content,
            offsets,
            index.frame_kind_numbers[number],
            index.frame_first_ordinals[number],
        )

    def _join(self, kind: Kind, record: bytes, ordinal: int, number: int) -> bytes:
        """Return the data of a rope or turn, from its record."""
        index = self.index
        section_number = index.frame_sections[number]
        references, start = decode_references(record)
        targets = resolve_references(
            references,
            index.section(section_number),
            ordinal=ordinal,
            is_rope=kind is Kind.ROPE,
        )
        positions, id_at = index.positions, index.id_at
        ids = [
            id_at(positions[target]) if target >= 0 else self._outer_id(section_number, ~target)
            for target in targets
        ]
        if kind is Kind.ROPE:
            return join_rope(record[start:], ids)
        return join_turn(record[start:], [b'"%s"' % oid.hex().encode() for oid in ids])

    def _outer_id(self, section: int, place: int) -> bytes:
        """Return an outer id; the ids of a section are kept as if they were a frame."""
        key = (self.number, ~section)
        kept = self._cache.find(key)
        if kept is None:
            with PackFile(self.path) as file:
                ids = read_outer_ids(file, self.index, section)
            kept = DecodedFrame(ids, array("Q"), 0, 0)
            self._cache.put(key, kept)
        return bytes(kept.content[place * OID_SIZE_BYTES : (place + 1) * OID_SIZE_BYTES])

    def _with_frame(self, error: DataError, oid: ObjectId, number: int) -> DataError:
        """Return the error with the object, the pack, the frame and all that is in it."""
        what = error.message.removeprefix(f"cannot read '{self.path}': ")
        index = self.index
        count, first = index.record_count(number), index.frame_first_ordinals[number]
        oids = [
            index.oid_at(position)
            for position in index.positions[first : first + min(count, _NAMED_IDS_MAX)]
        ]
        others = f" (it holds {count} objects)" if count > 1 else ""
        return type(error)(
            f"cannot read object '{oid}' in frame {number} of '{self.path}'{others}: {what}",
            hint="run 'tapes fsck --full'",
            **{**error.fields, "oid": oid, "where": self.path, "frame": number, "oids": oids},
        )

    def _contradiction(self) -> FormatError:
        return FormatError(
            f"cannot read '{self.index.where}': it contradicts itself",
            hint="run 'tapes index-pack' on the pack of this name",
            where=self.index.where,
        )
