"""A pack as fsck opens it: its file and its index, each judged by itself and then together.

Rules:

- Either one may be damaged and the other one makes up for it: an index is built anew from a
  sound pack; a sound index has a copy of the tables of its pack. Only outer ids stand in the
  pack alone.
- An index is believed only when its checksum matches and its tables fit together, so that
  whoever works with it afterwards needs to check no bounds.
- The file is read with pread and opened for each use: a pack that gc moved away is told from
  one that is damaged, and a bad disk is an error with a name.

Source: tapesformat-pack(5) and tapesformat-packindex(5), "Checking".
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from operator import lt
from typing import TYPE_CHECKING, Final

from tapegit.errors import DataError, FormatError, IntegrityError, StorageError
from tapegit.files.safe_read import map_file
from tapegit.formats.pack import (
    FOOTER_SIZE_BYTES,
    HEADER_SIZE_BYTES,
    KINDS_BY_NUMBER,
    SECTION_OUTER_COUNT,
    Directory,
    Frame,
    Section,
    decode_directory,
    decode_footer,
    number_sections,
    outer_ids_offset,
    verify_header,
)
from tapegit.formats.packindex import FANOUT_COUNT, SEVERAL_PARENTS_BIT, PackIndex
from tapegit.objects.kind import KIND_NUMBERS, Kind
from tapegit.objects.oid import OID_SIZE_BYTES, content_hasher
from tapegit.store.pack_file import PackFile, read_outer_ids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tapegit.formats.pack import Footer

_CHUNK_COUNT: Final = 1 << 16
_CHUNK_SIZE_BYTES: Final = 1 << 22
_TURN_NUMBER: Final = KIND_NUMBERS[Kind.TURN]


class CheckedPack:
    """One pack that can be worked with, for its index is sound.

    Attributes:
        name: `pack-<checksum>`.
        path: The pack file.
        index: Its index, from the disk or built anew.
        is_damaged: Whether something is wrong with the pack file itself.
        is_unreadable: Whether the system refuses the file, so that nobody knows how it is.
    """

    def __init__(self, path: Path, index: PackIndex) -> None:
        self.path = path
        self.name = path.stem
        self.index = index
        self.is_damaged = False
        self.is_unreadable = False

    @property
    def object_count(self) -> int:
        """How many objects the pack has."""
        return self.index.object_count

    def kind_of(self, ordinal: int) -> Kind:
        """Return the kind of an object."""
        return KINDS_BY_NUMBER[self.index.frame_kind_numbers[self.index.frame_of(ordinal)]]

    def read_frame(self, file: PackFile, frame: int) -> bytes:
        """Return the compressed bytes of a frame.

        Raises:
            TruncatedError: The file ends before.
            StorageError: The system refused.
        """
        index = self.index
        return file.read(index.frame_offsets[frame], index.frame_compressed_sizes[frame])

    def read_outer_ids(self, file: PackFile, section: int) -> list[bytes]:
        """Return the outer ids of a section, as plain bytes; raises as `read_frame`."""
        ids = read_outer_ids(file, self.index, section)
        return [ids[at : at + OID_SIZE_BYTES] for at in range(0, len(ids), OID_SIZE_BYTES)]


def open_index(path: Path, pack_name: str) -> PackIndex:
    """Return the index of a pack, with everything checked that can be without the pack.

    Args:
        path: The index file.
        pack_name: `pack-<checksum>`, which the index must be of.

    Raises:
        FileNotFoundError: There is none.
        DataError: It is damaged, of another pack, or its tables do not fit together.
        UnsafePathError: It is a link or a special file.
        StorageError: The system refused.
    """
    index = PackIndex(map_file(path), where=path)
    if f"pack-{index.header.pack_checksum.hex()}" != pack_name:
        raise FormatError(f"cannot use '{path}': it is of another pack", where=path)
    verify_index(index)
    return index


def verify_index(index: PackIndex) -> None:
    """Check that the tables of an index fit together, so that no number leads out of bounds.

    Raises:
        FormatError: They do not.
    """
    _verify_frames(index)
    _verify_order(index)
    _verify_turns(index)


def _verify_frames(index: PackIndex) -> None:
    header = index.header
    firsts = [*index.frame_first_ordinals, header.object_count]
    owners = list(index.frame_sections)
    offsets = accumulate(index.frame_compressed_sizes, initial=HEADER_SIZE_BYTES)
    if (
        [*index.frame_offsets, header.directory_offset] != list(offsets)
        or 0 in index.frame_compressed_sizes
        or any(low >= high for low, high in pairwise(firsts))
        or owners != sorted(owners)
        or sorted(set(owners)) != list(range(header.section_count))
        or any(kind not in KINDS_BY_NUMBER for kind in index.frame_kind_numbers)
    ):
        raise _index_error(index, "its frames do not fill the pack")
    directory = _directory_of(index)
    outer_count = sum(section.outer_count for section in directory.sections)
    size_bytes = (
        outer_ids_offset(header.directory_offset, header.frame_count, header.section_count)
        + outer_count * OID_SIZE_BYTES
        + FOOTER_SIZE_BYTES
    )
    sections, _ = number_sections(directory)
    if size_bytes != header.pack_size or sections.tolist() != index.sections.tolist():
        raise _index_error(index, "its sections do not fit its frames")


def _directory_of(index: PackIndex) -> Directory:
    """Return the tables of the pack that an index is of; the outer ids are not in it."""
    directory = Directory()
    for number in range(index.header.frame_count):
        directory.append(
            Frame(
                index.frame_offsets[number],
                index.frame_compressed_sizes[number],
                index.frame_content_sizes[number],
                index.record_count(number),
                index.frame_kind_numbers[number],
            )
        )
    owners = index.frame_sections.tolist()
    for number in range(index.header.section_count):
        frames = [frame for frame, owner in enumerate(owners) if owner == number]
        count = sum(directory.record_counts[frame] for frame in frames)
        outer_count = index.section(number)[SECTION_OUTER_COUNT]
        directory.sections.append(Section(len(frames), outer_count, count))
    return directory


def _verify_order(index: PackIndex) -> None:
    """Check ids, fan-out, ordinals and positions, some thousands at a time."""
    count = index.object_count
    last = b""
    tally = [0] * FANOUT_COUNT
    for start in range(0, count, _CHUNK_COUNT):
        places = range(start, min(start + _CHUNK_COUNT, count))
        ids = list(map(index.id_at, places))
        if not all(map(lt, [last, *ids], ids)):
            raise _index_error(index, "its ids are not ascending")
        last = ids[-1]
        for oid in ids:
            tally[oid[0]] += 1
        ordinals = index.ordinals[places.start : places.stop].tolist()
        if max(ordinals) >= count or max(index.positions[places.start : places.stop]) >= count:
            raise _index_error(index, "it names an object it does not have")
        if list(map(index.positions.__getitem__, ordinals)) != list(places):
            raise _index_error(index, "its ordinals and positions do not fit together")
    starts = accumulate(tally, initial=0)
    for first, (start, end) in enumerate(pairwise(starts)):
        low, high = (bytes([first]) + rest * (OID_SIZE_BYTES - 1) for rest in (b"\0", b"\xff"))
        if index.place_of(low) != start or not end - 1 <= index.place_of(high) <= end:
            raise _index_error(index, "its fan-out does not fit its ids")


def _verify_turns(index: PackIndex) -> None:
    turns = sum(
        index.record_count(frame)
        for frame, kind in enumerate(index.frame_kind_numbers)
        if kind == _TURN_NUMBER
    )
    if turns != index.header.turn_count:
        raise _index_error(index, "it states a wrong count of turns")
    words = index.turn_parents
    if any(0 < word < SEVERAL_PARENTS_BIT and word > index.object_count for word in words):
        raise _index_error(index, "it names a parent it does not have")
    for turn, word in enumerate(words):
        if word >= SEVERAL_PARENTS_BIT:
            index.parents_at(turn)


def _index_error(index: PackIndex, what: str) -> FormatError:
    return FormatError(
        f"cannot use '{index.where}': {what}",
        hint="run 'tapes fsck --salvage': an index is built anew from its pack",
        where=index.where,
    )


def iter_pack_damage(pack: CheckedPack, *, full: bool) -> Iterator[str]:
    """Yield what is wrong with a pack file apart from its frames; nothing for a sound one.

    Args:
        pack: The pack.
        full: Read the whole file, for its checksum.

    Raises:
        PackGoneError: The file is gone.
        UnsafePathError: It is a link, a folder or a special file.
        StorageError: The system refused to open it.
    """
    with PackFile(pack.path) as file:
        try:
            verify_tables(pack, file)
        except (DataError, StorageError) as error:
            yield describe(error, pack.path)
        if not full:
            return
        try:
            verify_checksum(pack, file)
        except (DataError, StorageError) as error:
            yield describe(error, pack.path)


def describe(error: Exception, path: object) -> str:
    """Return the message of an error without the path that the finding names anyway."""
    text = str(error)
    return text.partition(f"'{path}': ")[2] or text


def verify_tables(pack: CheckedPack, file: PackFile) -> None:
    """Check the header and the tables of a pack, and that they are those of its index.

    Raises:
        DataError: They are damaged, or others.
        StorageError: The system refused to read.
    """
    footer, directory = read_tables(file)
    header = pack.index.header
    if f"pack-{footer.checksum.hex()}" != pack.name:
        raise IntegrityError("its footer states another checksum than its name", where=pack.path)
    if footer.directory_offset != header.directory_offset:
        raise FormatError("its index is not of this pack", where=pack.path)
    index = pack.index
    sections, owners = number_sections(directory)
    same = (
        sections.tolist() == index.sections.tolist()
        and owners.tolist() == index.frame_sections.tolist()
        and directory.record_counts == _directory_of(index).record_counts
        and directory.compressed_sizes.tolist() == index.frame_compressed_sizes.tolist()
        and directory.content_sizes.tolist() == index.frame_content_sizes.tolist()
        and bytes(directory.kind_numbers) == bytes(index.frame_kind_numbers)
    )
    if not same:
        raise FormatError("its tables are not those of its index", where=pack.path)


def read_tables(file: PackFile) -> tuple[Footer, Directory]:
    """Return the footer and the tables of a pack, every rule about them checked.

    Raises:
        DataError: A rule is broken.
        StorageError: The system refused to read.
    """
    verify_header(file.read(0, min(HEADER_SIZE_BYTES, file.size_bytes)), where=file.path)
    start = max(file.size_bytes - FOOTER_SIZE_BYTES, 0)
    footer_bytes = file.read(start, file.size_bytes - start)
    footer = decode_footer(footer_bytes, file_size=file.size_bytes, where=file.path)
    tables = file.read(footer.directory_offset, footer.directory_size)
    return footer, decode_directory(tables, footer, where=file.path)


def verify_checksum(pack: CheckedPack, file: PackFile) -> None:
    """Check that the pack is what its name says, by its bytes.

    Raises:
        IntegrityError: It is not.
        StorageError: The system refused to read.
    """
    hasher = content_hasher()
    end = max(file.size_bytes - OID_SIZE_BYTES, 0)
    for start in range(0, end, _CHUNK_SIZE_BYTES):
        hasher.update(file.read(start, min(_CHUNK_SIZE_BYTES, end - start)))
    if f"pack-{hasher.hexdigest()}" != pack.name:
        raise IntegrityError("its bytes do not match its checksum", where=pack.path)
