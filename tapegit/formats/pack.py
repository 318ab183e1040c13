"""A pack file: header, frames, directory and footer, and the content of a frame.

Pure: the caller reads and writes the file. The tables are kept as columns of numbers, so
that a pack with very many frames needs no more memory than its own tables.

Source: tapesformat-pack(5).
"""

from __future__ import annotations

import struct
import sys
from array import array
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import FormatError, TruncatedError, UnsupportedVersionError
from tapegit.objects.kind import KIND_NUMBERS, SIZE_MAX_BYTES, Kind
from tapegit.objects.oid import OID_SIZE_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

MAGIC: Final = b"TPCK"
VERSION: Final = 1
OBJECT_COUNT_MAX: Final = (1 << 31) - 2
RECORD_COUNT_MAX: Final = 1 << 20
CONTENT_SIZE_MAX_BYTES: Final = SIZE_MAX_BYTES[Kind.BLOB] + 4
COMPRESSED_SIZE_MAX_BYTES: Final = CONTENT_SIZE_MAX_BYTES + (CONTENT_SIZE_MAX_BYTES >> 7) + 4096

SPACE_OUTER: Final = 0
SPACE_BLOB: Final = 1
SPACE_ROPE: Final = 2
SPACE_TURN: Final = 3

# Places of the eight numbers of a section, as in the index of a pack.
SECTION_WIDTH: Final = 8
SECTION_BLOBS: Final = 0
SECTION_ROPES: Final = 1
SECTION_TURNS: Final = 2
SECTION_TAGS: Final = 3
SECTION_END: Final = 4
SECTION_FIRST_OUTER: Final = 5
SECTION_OUTER_COUNT: Final = 6
SECTION_FIRST_TURN: Final = 7

KINDS_BY_NUMBER: Final = {number: kind for kind, number in KIND_NUMBERS.items()}

_HEADER: Final = struct.Struct("<4sI")
_FRAME: Final = struct.Struct("<QIIIB3s")
_SECTION: Final = struct.Struct("<III")
_FOOTER: Final = struct.Struct("<QIIII32s")

HEADER_SIZE_BYTES: Final = _HEADER.size
FOOTER_SIZE_BYTES: Final = _FOOTER.size
_ZEROS: Final = b"\0\0\0"


class Frame(NamedTuple):
    """Where a frame is in its pack and what is in it; sizes in bytes."""

    offset: int
    compressed_size: int
    content_size: int
    record_count: int
    kind_number: int


class Section(NamedTuple):
    """How many frames, outer ids and objects a section has."""

    frame_count: int
    outer_count: int
    object_count: int


class Footer(NamedTuple):
    """The counts at the end of a pack, and its checksum."""

    directory_offset: int
    section_count: int
    frame_count: int
    outer_count: int
    object_count: int
    checksum: bytes

    @property
    def directory_size(self) -> int:
        """The size of the three tables, in bytes."""
        return (
            self.frame_count * _FRAME.size
            + self.section_count * _SECTION.size
            + self.outer_count * OID_SIZE_BYTES
        )


class Directory:
    """The tables of a pack, verified; frames and sections by number, outer ids as bytes."""

    def __init__(self) -> None:
        self.offsets = array("Q")
        self.compressed_sizes = array("I")
        self.content_sizes = array("I")
        self.record_counts = array("I")
        self.kind_numbers = bytearray()
        self.sections: list[Section] = []
        self.outer_ids = b""

    def append(self, frame: Frame) -> None:
        """Add a frame after the last one."""
        self.offsets.append(frame.offset)
        self.compressed_sizes.append(frame.compressed_size)
        self.content_sizes.append(frame.content_size)
        self.record_counts.append(frame.record_count)
        self.kind_numbers.append(frame.kind_number)

    def frame(self, number: int) -> Frame:
        """Return one frame."""
        return Frame(
            self.offsets[number],
            self.compressed_sizes[number],
            self.content_sizes[number],
            self.record_counts[number],
            self.kind_numbers[number],
        )

    def __len__(self) -> int:
        return len(self.offsets)


def encode_header() -> bytes:
    """Return the first bytes of every pack."""
    return _HEADER.pack(MAGIC, VERSION)


def verify_header(header: bytes, *, where: object) -> None:
    """Check the first 8 bytes of a pack.

    Raises:
        FormatError: This is no pack.
        UnsupportedVersionError: It is of a version that is not known.
    """
    if len(header) < HEADER_SIZE_BYTES or not header.startswith(MAGIC):
        raise FormatError(f"cannot read '{where}': not a pack", where=where, expected=MAGIC)
    version = _HEADER.unpack(header[:HEADER_SIZE_BYTES])[1]
    if version != VERSION:
        raise UnsupportedVersionError(
            f"cannot read '{where}': a pack of version {version}, known is {VERSION}",
            where=where,
            version=version,
        )


def encode_directory(directory: Directory) -> bytes:
    """Return the three tables as they stand in the file."""
    parts = [_FRAME.pack(*directory.frame(number), _ZEROS) for number in range(len(directory))]
    parts += [_SECTION.pack(*section) for section in directory.sections]
    parts.append(directory.outer_ids)
    return b"".join(parts)


def encode_footer(directory: Directory, directory_offset: int) -> bytes:
    """Return the footer without the checksum that follows it."""
    return _FOOTER.pack(
        directory_offset,
        len(directory.sections),
        len(directory),
        len(directory.outer_ids) // OID_SIZE_BYTES,
        sum(section.object_count for section in directory.sections),
        b"",
    )[:-32]


def decode_footer(footer: bytes, *, file_size: int, where: object) -> Footer:
    """Return the footer, its counts in step with the size of the file.

    Raises:
        TruncatedError: The file is too small to be a pack.
        FormatError: The counts do not explain the size of the file, or break a limit.
    """
    if len(footer) < FOOTER_SIZE_BYTES or file_size < HEADER_SIZE_BYTES + FOOTER_SIZE_BYTES:
        raise TruncatedError(
            f"cannot read '{where}': too short for a pack",
            where=where,
            wanted=HEADER_SIZE_BYTES + FOOTER_SIZE_BYTES,
            got=file_size,
        )
    decoded = Footer(*_FOOTER.unpack(footer))
    wanted = decoded.directory_offset + decoded.directory_size + FOOTER_SIZE_BYTES
    if wanted != file_size:
        raise FormatError(
            f"cannot read '{where}': its footer speaks of {wanted} bytes, it has {file_size}",
            where=where,
            expected=wanted,
            actual=file_size,
        )
    if decoded.object_count > OBJECT_COUNT_MAX:
        raise _error(where, "too many objects")
    return decoded


def decode_directory(tables: bytes | memoryview, footer: Footer, *, where: object) -> Directory:
    """Return the tables of a pack, every rule about them checked.

    Args:
        tables: The bytes between the last frame and the footer.
        footer: The footer, from `decode_footer`.
        where: The path, for messages.

    Raises:
        FormatError: A rule is broken.
    """
    directory = Directory()
    view = memoryview(tables)
    frames_end = footer.frame_count * _FRAME.size
    sections_end = frames_end + footer.section_count * _SECTION.size
    offset = HEADER_SIZE_BYTES
    for *fields, zeros in _FRAME.iter_unpack(view[:frames_end]):
        frame = Frame(*fields)
        if frame.offset != offset or zeros != _ZEROS:
            raise _error(where, f"frame {len(directory)} is not where it must be")
        _verify_frame(frame, where)
        directory.append(frame)
        offset += frame.compressed_size
    if offset != footer.directory_offset:
        raise _error(where, "its frames do not end where its directory starts")
    directory.sections = [
        Section(*fields) for fields in _SECTION.iter_unpack(view[frames_end:sections_end])
    ]
    directory.outer_ids = bytes(view[sections_end:])
    _verify_sections(directory, footer, where)
    return directory


def outer_ids_offset(directory_offset: int, frame_count: int, section_count: int) -> int:
    """Return where the outer ids start in a pack."""
    return directory_offset + frame_count * _FRAME.size + section_count * _SECTION.size


def number_sections(directory: Directory) -> tuple[array[int], array[int]]:
    """Return the eight numbers of each section, and the section of each frame.

    Both as they stand in the index of the pack.
    """
    numbers, owners = array("I"), array("I")
    frame = ordinal = outer = turns = 0
    for place, section in enumerate(directory.sections):
        counts = [0, 0, 0, 0]
        for number in range(frame, frame + section.frame_count):
            counts[directory.kind_numbers[number] - 1] += directory.record_counts[number]
        starts = list(accumulate(counts, initial=ordinal))
        numbers.extend((*starts, outer, section.outer_count, turns))
        owners.extend(array("I", [place]) * section.frame_count)
        frame += section.frame_count
        ordinal += section.object_count
        outer += section.outer_count
        turns += counts[SECTION_TURNS]
    return numbers, owners


def encode_frame_content(records: Sequence[bytes]) -> bytes:
    """Return the content of a frame: the sizes of its records, then the records."""
    sizes = struct.pack(f"<{len(records)}I", *map(len, records))
    return b"".join((sizes, *records))


def decode_record_offsets(content: bytes | memoryview, count: int, *, where: object) -> array[int]:
    """Return where each record starts in a frame's content, and where the last one ends.

    Raises:
        FormatError: The sizes do not add up to the content, or there are none.
    """
    start = 4 * count
    if count < 1 or len(content) < start:
        raise _error(where, f"a frame of {len(content)} bytes says it has {count} records")
    offsets = array("Q", accumulate(column(content[:start], "I"), initial=start))
    if offsets[-1] != len(content):
        raise _error(where, "the records of a frame do not fill it")
    return offsets


def column(table: bytes | memoryview, code: str) -> memoryview:
    """Return a table of little-endian numbers as a sequence; on most machines nothing is copied.

    Args:
        table: The bytes of the table.
        code: The type of its numbers, as of `struct`: `I`, `Q`, `q`.
    """
    if sys.byteorder == "little":
        return memoryview(table).cast("B").cast(code)  # type: ignore[call-overload, no-any-return]
    numbers = array(code, bytes(table))
    numbers.byteswap()
    return memoryview(numbers)


def _verify_frame(frame: Frame, where: object) -> None:
    if frame.kind_number not in KINDS_BY_NUMBER:
        raise _error(where, f"a frame is of kind {frame.kind_number}")
    if not 0 < frame.compressed_size <= COMPRESSED_SIZE_MAX_BYTES:
        raise _error(where, f"a frame of {frame.compressed_size} bytes")
    if not 0 < frame.record_count <= RECORD_COUNT_MAX:
        raise _error(where, f"a frame of {frame.record_count} records")
    if not 4 * frame.record_count <= frame.content_size <= CONTENT_SIZE_MAX_BYTES:
        raise _error(where, f"a frame with {frame.content_size} bytes of content")


def _verify_sections(directory: Directory, footer: Footer, where: object) -> None:
    first = outer_count = object_count = 0
    for section in directory.sections:
        after = first + section.frame_count
        if not section.frame_count or after > len(directory):
            raise _error(where, "its sections do not fit its frames")
        kinds = directory.kind_numbers[first:after]
        if any(one > next_ for one, next_ in pairwise(kinds)):
            raise _error(where, "a section has its frames out of order")
        if sum(directory.record_counts[first:after]) != section.object_count:
            raise _error(where, "a section states a wrong count of objects")
        first = after
        outer_count += section.outer_count
        object_count += section.object_count
    totals = (first, outer_count, object_count)
    if totals != (footer.frame_count, footer.outer_count, footer.object_count):
        raise _error(where, "its counts do not add up")


def _error(where: object, what: str) -> FormatError:
    return FormatError(f"cannot read '{where}': {what}", where=where)
