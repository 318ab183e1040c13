"""The index of a pack as bytes: lookups, and counts that lie."""

from __future__ import annotations

import random
import struct
from array import array
from bisect import bisect_left

import pytest

from tapegit.errors import DataError, FormatError, IntegrityError, UnsupportedVersionError
from tapegit.formats.packindex import (
    IDS_OFFSET,
    LEADER_BIT,
    SEVERAL_PARENTS_BIT,
    PackIndex,
    decode_header,
)
from tapegit.formats.packindex_writer import IndexTables, PackIdentity, iter_index_parts
from tapegit.objects.oid import OidPrefix, hash_content
from tests.vectors.vector import read_man_examples

(EXAMPLE,) = read_man_examples("tapesformat-packindex.5.md")
PACK = read_man_examples("tapesformat-pack.5.md")[0]
HERE = "here"


def open_index(data):
    """Return an index over bytes."""
    return PackIndex(memoryview(data), where=HERE)


def make_tables(ids, **changes):
    """Return the tables of a pack with one frame of blobs."""
    tables = IndexTables(
        ids=b"".join(ids),
        outer_parents=b"",
        frame_offsets=[8],
        frame_compressed_sizes=[10],
        frame_content_sizes=[20],
        frame_first_ordinals=[0],
        frame_sections=[0],
        frame_kind_numbers=b"\1",
        sections=[0, len(ids), len(ids), len(ids), len(ids), 0, 0, 0],
        turn_dates=[],
        turn_generations=[],
        turn_parents=[],
        more_parents=[],
    )
    return tables._replace(**changes)


def make_index(ids, **changes):
    """Return an index with these ids, in the order of ordinals."""
    identity = PackIdentity(1000, 18, b"c" * 32)
    return open_index(b"".join(iter_index_parts(make_tables(ids, **changes), identity)))


def seal(data):
    """Return bytes with a right checksum at their end."""
    return bytes(data) + hash_content(bytes(data))


def test_the_example_of_the_page_decodes():
    """Ids, places and facts are those that the page and its neighbours state."""
    index = open_index(EXAMPLE)
    header = index.header
    assert (header.pack_size, header.pack_checksum) == (len(PACK), PACK[-32:])
    assert index.object_count == header.frame_count == 4
    ids = [index.id_at(index.positions[ordinal]).hex()[:8] for ordinal in range(4)]
    assert ids == ["c9a94c1a", "953a9166", "4a3f237f", "698bd351"]
    assert list(index.frame_kind_numbers) == [1, 2, 3, 4]
    assert list(index.turn_generations) == [1]
    assert list(index.turn_dates) == [1_780_000_000_000]
    assert index.parents_at(0) == []
    assert list(index.section(0)) == [0, 1, 2, 3, 4, 0, 0, 0]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 100, 5000])
def test_every_id_is_found_and_no_other(count):
    """Positions are those of the sorted ids; what is not there is -1, also near the ends."""
    chance = random.Random(count)
    ids = [chance.randbytes(32) for _ in range(count)]
    index = make_index(ids)
    ordered = sorted(ids)
    assert [index.find_position(oid) for oid in ordered] == list(range(count))
    assert [index.ordinals[index.find_position(oid)] for oid in ids] == list(range(count))
    for _ in range(1000):
        absent = chance.randbytes(32)
        assert index.find_position(absent) == -1
        assert index.place_of(absent) == bisect_left(ordered, absent)


def test_ids_that_are_not_spread_evenly_are_found():
    """Made-up ids, all alike but for the end or full of their neighbours' bytes, do no harm."""
    same = [b"\x42" * 28 + struct.pack(">I", number) for number in range(3000)]
    runs = [bytes([number // 40] * 16 + [number % 40] * 16) for number in range(2000)]
    ids = sorted({*same, *runs, bytes(32), b"\xff" * 32})
    index = make_index(ids)
    assert [index.find_position(oid) for oid in ids] == list(range(len(ids)))
    for oid in ids:
        assert index.find_position(oid[1:] + b"\x07") in (-1, *_places(ids, oid[1:] + b"\x07"))


def _places(ids, oid):
    place = bisect_left(ids, oid)
    return [place] if place < len(ids) and ids[place] == oid else []


def test_neighbours_and_prefixes_at_the_ends():
    """The first and the last id have one neighbour, an absent id two."""
    ids = [bytes([first]) * 32 for first in (0, 7, 255)]
    index = make_index(ids[::-1])
    assert index.find_neighbours(ids[0]) == [ids[1]]
    assert index.find_neighbours(ids[1]) == [ids[0], ids[2]]
    assert index.find_neighbours(ids[2]) == [ids[1]]
    assert index.find_neighbours(b"\x08" * 32) == [ids[1], ids[2]]
    assert index.match_prefix(OidPrefix("ffff"), 2) == [ids[2]]
    assert index.match_prefix(OidPrefix("0000"), 2) == [ids[0]]
    assert index.match_prefix(OidPrefix("0700"), 2) == []


def test_parents_are_given_by_id():
    """None, one here, several, one elsewhere."""
    ids = [bytes([9 - number]) * 32 for number in range(4)]
    outer = b"\xaa" * 32
    index = make_index(
        ids,
        outer_parents=outer,
        frame_kind_numbers=b"\3",
        sections=[0, 0, 0, 4, 4, 0, 0, 0],
        turn_dates=[1, -2, 3, 4],
        turn_generations=[1 | LEADER_BIT, 2, 3, 0],
        turn_parents=[0, 1, SEVERAL_PARENTS_BIT, SEVERAL_PARENTS_BIT + 3],
        more_parents=[2, 2, 0, 2, 1, 4],
    )
    assert [index.parents_at(turn) for turn in range(4)] == [
        [],
        [ids[0]],
        [ids[1], ids[0]],
        [outer, ids[2]],
    ]
    assert list(index.turn_dates) == [1, -2, 3, 4]


@pytest.mark.parametrize(
    "changes",
    [
        {"turn_parents": [0, 0, 0, SEVERAL_PARENTS_BIT + 1]},
        {"turn_parents": [0, 0, 0, 0xFFFFFFFF]},
        {"more_parents": [1, 3]},
        {"more_parents": [0, 0]},
        {"more_parents": [7, 1]},
    ],
)
def test_parents_out_of_bounds_are_an_error(changes):
    """A table that leads nowhere is refused when it is followed, not believed."""
    changes = {"turn_parents": [0, 0, 0, SEVERAL_PARENTS_BIT], **changes}
    index = make_index(
        [bytes([number]) * 32 for number in range(4)],
        frame_kind_numbers=b"\3",
        turn_dates=[0] * 4,
        turn_generations=[1] * 4,
        **changes,
    )
    with pytest.raises(FormatError):
        index.parents_at(3)


def test_any_changed_byte_is_refused():
    """The checksum covers all of the file."""
    for offset in range(len(EXAMPLE)):
        changed = bytearray(EXAMPLE)
        changed[offset] ^= 1
        with pytest.raises(DataError):
            open_index(bytes(changed))


def test_any_other_length_is_refused():
    """Cut anywhere, or with more behind it."""
    for size in range(len(EXAMPLE)):
        with pytest.raises(DataError):
            open_index(EXAMPLE[:size])
    with pytest.raises(DataError):
        open_index(EXAMPLE + b"\0")


def test_counts_of_billions_allocate_nothing():
    """The header is compared with the size of the file first."""
    for place in range(8, 32, 4):
        forged = bytearray(EXAMPLE)
        forged[place : place + 4] = b"\xff\xff\xff\xff"
        with pytest.raises(DataError, match=r"needs|fit"):
            decode_header(memoryview(bytes(forged)), where=HERE)


def test_other_versions_and_magics_are_told_apart():
    """Another version may be a newer program's, another magic is no index."""
    forged = bytearray(EXAMPLE[:-32])
    forged[4] = 2
    with pytest.raises(UnsupportedVersionError):
        open_index(seal(forged))
    forged[:4] = b"TPCK"
    with pytest.raises(FormatError):
        open_index(seal(forged))
    forged = bytearray(EXAMPLE[:-32])
    forged[50] = 1
    with pytest.raises(FormatError):
        open_index(seal(forged))


def test_a_fan_out_that_falls_is_refused():
    """Lookups stay within the table of ids."""
    forged = bytearray(EXAMPLE[:-32])
    forged[IDS_OFFSET - 4 : IDS_OFFSET] = array("I", [5]).tobytes()
    with pytest.raises(FormatError):
        open_index(seal(forged))
    forged[IDS_OFFSET - 4 : IDS_OFFSET] = array("I", [3]).tobytes()
    with pytest.raises(FormatError):
        open_index(seal(forged))


def test_a_wrong_checksum_names_the_remedy():
    """The index can be made anew from its pack."""
    with pytest.raises(IntegrityError) as caught:
        open_index(EXAMPLE[:-1] + b"\0")
    assert "index-pack" in caught.value.hint
