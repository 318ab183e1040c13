"""The index of a pack: sorted ids, where each object is, and the facts of turns.

Rules: nothing is parsed when an index is opened; its tables are views of the file and a
lookup reads single numbers. The checksum over the whole file is verified first, so what the
tables say is what was written; whether they fit together is for fsck to find out, and who reads
by a table that does not gets an error or data that is verified all the same.

Source: tapesformat-packindex(5).
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_right
from math import isqrt
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import FormatError, IntegrityError, TruncatedError, UnsupportedVersionError
from tapegit.formats.pack import OBJECT_COUNT_MAX, SECTION_WIDTH, column
from tapegit.objects.oid import OID_SIZE_BYTES, ObjectId, hash_content

if TYPE_CHECKING:
    from tapegit.objects.oid import OidPrefix

MAGIC: Final = b"TIDX"
VERSION: Final = 1
LEADER_BIT: Final = 1 << 31
SEVERAL_PARENTS_BIT: Final = 1 << 31

HEADER: Final = struct.Struct("<4s7IQQ16s32s")
FANOUT_COUNT: Final = 256
IDS_OFFSET: Final = HEADER.size + 4 * FANOUT_COUNT
_CHECKSUM_SIZE_BYTES: Final = 32
_NEAR_COUNT_MIN: Final = 8

_OBJECTS, _FRAMES, _SECTION_NUMBERS, _TURNS, _WORDS = range(5)
_TABLES: Final = {
    "frame_offsets": (_FRAMES, "Q"),
    "turn_dates": (_TURNS, "q"),
    "ordinals": (_OBJECTS, "I"),
    "positions": (_OBJECTS, "I"),
    "frame_compressed_sizes": (_FRAMES, "I"),
    "frame_content_sizes": (_FRAMES, "I"),
    "frame_first_ordinals": (_FRAMES, "I"),
    "frame_sections": (_FRAMES, "I"),
    "sections": (_SECTION_NUMBERS, "I"),
    "turn_generations": (_TURNS, "I"),
    "turn_parents": (_TURNS, "I"),
    "more_parents": (_WORDS, "I"),
    "frame_kind_numbers": (_FRAMES, "B"),
}
"""The tables after the ids, in their order: what each counts, and the type of its numbers."""


class IndexHeader(NamedTuple):
    """The counts of an index, and what it says of its pack; sizes in bytes."""

    object_count: int
    frame_count: int
    section_count: int
    turn_count: int
    word_count: int
    outer_parent_count: int
    pack_size: int
    directory_offset: int
    pack_checksum: bytes

    @property
    def file_size(self) -> int:
        """How large an index with these counts is."""
        return (
            IDS_OFFSET
            + OID_SIZE_BYTES * (self.object_count + self.outer_parent_count)
            + 8 * (self.frame_count + self.turn_count + self.object_count)
            + 17 * self.frame_count
            + 4 * SECTION_WIDTH * self.section_count
            + 8 * self.turn_count
            + 4 * self.word_count
            + _CHECKSUM_SIZE_BYTES
        )


class PackIndex:
    """An index, read; positions, ordinals and frames are numbers from 0."""

    frame_offsets: memoryview
    turn_dates: memoryview
    ordinals: memoryview
    positions: memoryview
    frame_compressed_sizes: memoryview
    frame_content_sizes: memoryview
    frame_first_ordinals: memoryview
    frame_sections: memoryview
    sections: memoryview
    turn_generations: memoryview
    turn_parents: memoryview
    more_parents: memoryview
    frame_kind_numbers: memoryview

    def __init__(self, file: memoryview, *, where: object) -> None:
        """Take the bytes of an index file and verify their checksum.

        Raises:
            TruncatedError: There are too few of them.
            FormatError: They are no index, or its counts do not explain its size.
            UnsupportedVersionError: They are of a version that is not known.
            IntegrityError: The checksum does not match.
        """
        self.where = where
        self.header = header = decode_header(file, where=where)
        self.object_count = objects = header.object_count
        if hash_content(file[:-_CHECKSUM_SIZE_BYTES]) != file[-_CHECKSUM_SIZE_BYTES:]:
            raise IntegrityError(
                f"cannot read '{where}': its checksum does not match",
                hint="run 'tapes index-pack' on the pack of this name",
                where=where,
            )
        # A slice of the object below a view is bytes at once, and half as expensive.
        self._buffer: bytes = file.obj if len(file.obj) == len(file) else bytes(file)  # type: ignore[assignment, arg-type]
        fanout = column(file[HEADER.size : IDS_OFFSET], "I").tolist()
        if fanout != sorted(fanout) or fanout[-1] != objects:
            raise FormatError(f"cannot read '{where}': its fan-out falls", where=where)
        self._fanout: list[int] = [0, *fanout]
        # Three times the standard deviation of where an id is among the ids of its bucket.
        self._near = _NEAR_COUNT_MIN + isqrt(objects // FANOUT_COUNT * 9 // 4)
        self._outer_offset = IDS_OFFSET + OID_SIZE_BYTES * objects
        self._file = file

    def __getattr__(self, name: str) -> memoryview:
        """Lay the tables out when one is first asked for: many a small index is never asked."""
        if name not in _TABLES:
            raise AttributeError(name)
        header = self.header
        offset = self._outer_offset + OID_SIZE_BYTES * header.outer_parent_count
        counts = {
            _OBJECTS: header.object_count,
            _FRAMES: header.frame_count,
            _SECTION_NUMBERS: header.section_count * SECTION_WIDTH,
            _TURNS: header.turn_count,
            _WORDS: header.word_count,
        }
        for table, (counted, code) in _TABLES.items():
            end = offset + counts[counted] * struct.calcsize(f"<{code}")
            setattr(self, table, column(self._file[offset:end], code))
            offset = end
        laid_out: memoryview = self.__dict__[name]
        return laid_out

    def find_position(self, oid: bytes) -> int:
        """Return the position of an id, or -1.

        Ids are evenly spread, so the place is guessed from the digits and a few ids around it
        are searched in one call; where that misses, by bisection.
        """
        first = oid[0]
        low, high = self._fanout[first], self._fanout[first + 1]
        guess = low + (int.from_bytes(oid[1:4], "big") * (high - low) >> 24)
        start, end = guess - self._near, guess + self._near
        start = max(start, low)
        end = min(end, high)
        at = self._buffer.find(oid, IDS_OFFSET + (start << 5), IDS_OFFSET + (end << 5))
        if at >= 0 and not at & 31:
            return (at - IDS_OFFSET) >> 5
        if start > low and self.id_at(start) > oid:
            end = start
            start = low
        elif end < high and self.id_at(end - 1) < oid:
            start = end
            end = high
        elif at < 0:
            return -1
        position = self.bisect(oid, start, end)
        return position if position < high and self.id_at(position) == oid else -1

    def bisect(self, oid: bytes, low: int, high: int) -> int:
        """Return the first position from `low` to `high` whose id is not below this one."""
        buffer = self._buffer
        while low < high:
            middle = (low + high) >> 1
            offset = IDS_OFFSET + middle * OID_SIZE_BYTES
            if buffer[offset : offset + OID_SIZE_BYTES] < oid:
                low = middle + 1
            else:
                high = middle
        return low

    def place_of(self, oid: bytes) -> int:
        """Return the position an id has or would have: how many ids here are below it."""
        return self.bisect(oid, self._fanout[oid[0]], self._fanout[oid[0] + 1])

    def id_at(self, position: int) -> bytes:
        """Return the id at a position, as plain bytes."""
        offset = IDS_OFFSET + position * OID_SIZE_BYTES
        return self._buffer[offset : offset + OID_SIZE_BYTES]

    def oid_at(self, position: int) -> ObjectId:
        """Return the id at a position."""
        return ObjectId(self.id_at(position))

    def outer_parent_at(self, place: int) -> bytes:
        """Return an outer parent, as plain bytes.

        Raises:
            FormatError: There are not so many.
        """
        if place >= self.header.outer_parent_count:
            raise FormatError(f"'{self.where}' names a parent it does not have", where=self.where)
        offset = self._outer_offset + place * OID_SIZE_BYTES
        return self._buffer[offset : offset + OID_SIZE_BYTES]

    def first_words(self) -> array[int]:
        """Return the first four bytes of each id as a number, the first byte being the highest."""
        end = IDS_OFFSET + OID_SIZE_BYTES * self.object_count
        ids = memoryview(self._buffer)[IDS_OFFSET:end].cast("I")
        words = array("I", ids[:: OID_SIZE_BYTES // 4].tolist())
        if sys.byteorder == "little":
            words.byteswap()
        return words

    def match_prefix(self, prefix: OidPrefix, count_max: int) -> list[ObjectId]:
        """Return up to `count_max` ids that begin with a prefix, ascending."""
        low, high = prefix.bounds()
        start = self.place_of(low)
        end = min(start + count_max, self.object_count)
        ids = [self.oid_at(position) for position in range(start, end)]
        return [oid for oid in ids if oid <= high]

    def find_neighbours(self, oid: bytes) -> list[bytes]:
        """Return the ids next to this one, not itself: at most one on each side."""
        place = self.place_of(oid)
        after = place
        if place < self.object_count and self.id_at(place) == oid:
            after += 1
        near = [self.id_at(place - 1)] if place else []
        if after < self.object_count:
            near.append(self.id_at(after))
        return near

    def frame_of(self, ordinal: int) -> int:
        """Return the number of the frame that holds an object."""
        return bisect_right(self.frame_first_ordinals, ordinal) - 1

    def section(self, number: int) -> memoryview:
        """Return the eight numbers of a section; the `SECTION_` constants say which is which."""
        return self.sections[number * SECTION_WIDTH : (number + 1) * SECTION_WIDTH]

    def record_count(self, frame: int) -> int:
        """Return how many objects a frame holds."""
        firsts = self.frame_first_ordinals
        after = firsts[frame + 1] if frame + 1 < self.header.frame_count else self.object_count
        return int(after - firsts[frame])

    def parents_at(self, turn: int) -> list[bytes]:
        """Return the parents of a turn, by its turn number, as plain bytes.

        Raises:
            FormatError: The table names a parent that is not there.
        """
        word = self.turn_parents[turn]
        if word == 0:
            return []
        if word < SEVERAL_PARENTS_BIT:
            return [self._checked_id_at(word - 1)]
        start = word - SEVERAL_PARENTS_BIT
        words = self.more_parents
        if start >= len(words) or not 0 < words[start] < len(words) - start:
            raise FormatError(f"'{self.where}' lists parents out of its bounds", where=self.where)
        return [
            self.outer_parent_at(code >> 1) if code & 1 else self._checked_id_at(code >> 1)
            for code in words[start + 1 : start + 1 + words[start]]
        ]

    def _checked_id_at(self, position: int) -> bytes:
        if position >= self.object_count:
            raise FormatError(f"'{self.where}' names a parent it does not have", where=self.where)
        return self.id_at(position)


def decode_header(file: memoryview, *, where: object) -> IndexHeader:
    """Return the header of an index, its counts in step with the size of the file.

    Raises:
        TruncatedError: The file is too short.
        FormatError: It is no index, or its counts do not explain its size.
        UnsupportedVersionError: It is of a version that is not known.
    """
    if len(file) < IDS_OFFSET + _CHECKSUM_SIZE_BYTES:
        raise _truncated(where, IDS_OFFSET + _CHECKSUM_SIZE_BYTES, len(file))
    magic, version, *counts_and_sizes, zeros, checksum = HEADER.unpack(file[: HEADER.size])
    if magic != MAGIC:
        raise FormatError(f"cannot read '{where}': not a pack index", where=where, expected=MAGIC)
    if version != VERSION:
        raise UnsupportedVersionError(
            f"cannot read '{where}': a pack index of version {version}, known is {VERSION}",
            where=where,
            version=version,
        )
    header = IndexHeader(*counts_and_sizes[:8], checksum)  # type: ignore[call-arg]
    if header.file_size > len(file):
        raise _truncated(where, header.file_size, len(file))
    if header.file_size < len(file) or header.object_count > OBJECT_COUNT_MAX or any(zeros):
        raise FormatError(
            f"cannot read '{where}': its header does not fit its {len(file)} bytes",
            where=where,
            expected=header.file_size,
            actual=len(file),
        )
    return header


def _truncated(where: object, wanted: int, got: int) -> TruncatedError:
    return TruncatedError(
        f"cannot read '{where}': a pack index of {got} bytes that needs {wanted}",
        where=where,
        wanted=wanted,
        got=got,
    )
