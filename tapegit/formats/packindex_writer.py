"""The bytes of a pack index, from its tables.

Apart from `formats/packindex`, so that reading does not load it.

Source: tapesformat-packindex(5).
"""

from __future__ import annotations

import sys
from array import array
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.formats.pack import SECTION_WIDTH
from tapegit.formats.packindex import (
    FANOUT_COUNT,
    HEADER,
    MAGIC,
    SEVERAL_PARENTS_BIT,
    VERSION,
)
from tapegit.objects.oid import OID_SIZE_BYTES, content_hasher

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CHUNK_COUNT: Final = 1 << 14


class IndexTables(NamedTuple):
    """The tables of an index as its builder has them; see tapesformat-packindex(5) for each.

    `ids` are all ids in the order of ordinals, joined; they must be unique. `outer_parents`
    are ids, joined. `frame_*` have a number for each frame, `sections` eight for each
    section, `turn_*` one for each turn. A parent in `turn_parents` and `more_parents` is
    given by *ordinal* where the file has a position: positions are known only here.
    """

    ids: bytes
    outer_parents: bytes
    frame_offsets: Sequence[int]
    frame_compressed_sizes: Sequence[int]
    frame_content_sizes: Sequence[int]
    frame_first_ordinals: Sequence[int]
    frame_sections: Sequence[int]
    frame_kind_numbers: bytes
    sections: Sequence[int]
    turn_dates: Sequence[int]
    turn_generations: Sequence[int]
    turn_parents: Sequence[int]
    more_parents: Sequence[int]


class PackIdentity(NamedTuple):
    """What an index says of its pack."""

    pack_size: int
    directory_offset: int
    checksum: bytes


def iter_index_parts(tables: IndexTables, pack: PackIdentity) -> Iterator[bytes]:
    """Yield the bytes of an index in pieces, from the first to the checksum.

    Args:
        tables: The tables; ids must be unique.
        pack: The pack they are of.
    """
    hasher = content_hasher()
    for part in _iter_tables(tables, pack):
        hasher.update(part)
        yield part
    yield hasher.digest()


def sort_ordinals(ids: bytes) -> array[int]:
    """Return the ordinals of joined ids, ascending by id.

    Sorted by first byte and then within it, so that few keys exist at a time.
    """
    size = OID_SIZE_BYTES
    buckets = [array("I") for _ in range(FANOUT_COUNT)]
    for ordinal, first in enumerate(ids[::size]):
        buckets[first].append(ordinal)
    ordinals = array("I")
    for bucket in buckets:
        ordinals.extend(sorted(bucket, key=lambda o: ids[o * size : o * size + size]))
    return ordinals


def _iter_tables(tables: IndexTables, pack: PackIdentity) -> Iterator[bytes]:
    ids, size = tables.ids, OID_SIZE_BYTES
    ordinals = sort_ordinals(ids)
    positions = array("I", bytes(4 * len(ordinals)))
    for position, ordinal in enumerate(ordinals):
        positions[ordinal] = position
    more_parents = _place_more_parents(tables.more_parents, positions)
    yield HEADER.pack(
        MAGIC,
        VERSION,
        len(ordinals),
        len(tables.frame_offsets),
        len(tables.sections) // SECTION_WIDTH,
        len(tables.turn_parents),
        len(more_parents),
        len(tables.outer_parents) // size,
        pack.pack_size,
        pack.directory_offset,
        b"",
        pack.checksum,
    )
    counts = [0] * FANOUT_COUNT
    for first in ids[::size]:
        counts[first] += 1
    yield _encode(array("I", accumulate(counts)))
    for start in range(0, len(ordinals), _CHUNK_COUNT):
        chunk = ordinals[start : start + _CHUNK_COUNT]
        yield b"".join([ids[o * size : o * size + size] for o in chunk])
    yield tables.outer_parents
    yield _encode(array("Q", tables.frame_offsets))
    yield _encode(array("q", tables.turn_dates))
    yield _encode(ordinals)
    yield _encode(positions)
    yield _encode(array("I", tables.frame_compressed_sizes))
    yield _encode(array("I", tables.frame_content_sizes))
    yield _encode(array("I", tables.frame_first_ordinals))
    yield _encode(array("I", tables.frame_sections))
    yield _encode(array("I", tables.sections))
    yield _encode(array("I", tables.turn_generations))
    yield _encode(_place_parents(tables.turn_parents, positions))
    yield _encode(more_parents)
    yield tables.frame_kind_numbers


def _place_parents(words: Sequence[int], positions: array[int]) -> array[int]:
    """Return the words of "turn parent" with positions for ordinals."""
    return array(
        "I",
        (1 + positions[word - 1] if 0 < word < SEVERAL_PARENTS_BIT else word for word in words),
    )


def _place_more_parents(words: Sequence[int], positions: array[int]) -> array[int]:
    """Return the words of "more parents" with positions for ordinals."""
    placed = array("I")
    left = 0
    for word in words:
        if left == 0:
            left = word
            placed.append(word)
        else:
            left -= 1
            placed.append(word if word & 1 else 2 * positions[word >> 1])
    return placed


def _encode(numbers: array[int]) -> bytes:
    if sys.byteorder != "little":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()
