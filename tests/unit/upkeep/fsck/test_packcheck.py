"""Indexes that are sound by their checksum and wrong in what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import DataError, FormatError
from tapegit.formats.packindex import HEADER, IDS_OFFSET, PackIndex
from tapegit.upkeep.fsck.packcheck import describe, open_index, verify_index
from tests import packs
from tests.unit.upkeep.damage import check, overwrite


def sealed(body):
    """Return the bytes of an index with a right checksum."""
    return bytes(body) + packs.hash_content(bytes(body))


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    """Give a pack of every kind of object, in two sections of which one leans on the other."""
    root = packs.make_root(tmp_path_factory.mktemp("packs") / ".tapes")
    return packs.write_pack(root, packs.sample(20))


def test_good_index_is_believed(summary):
    """The tables of a writer fit together."""
    index = open_index(summary.index_path, summary.path.stem)

    assert index.object_count == 62


def test_index_of_another_name_is_not(summary):
    """An index says of which pack it is."""
    with pytest.raises(FormatError, match="another pack"):
        open_index(summary.index_path, "pack-" + "0" * 64)


@given(data=st.data())
def test_forged_index_is_refused_or_leads_nowhere_out_of_bounds(summary, data):
    """Any word of the tables with any value: a named error, or every lookup stays within."""
    body = bytearray(summary.index_path.read_bytes()[:-32])
    at = data.draw(st.integers(HEADER.size // 4, len(body) // 4 - 1)) * 4
    value = data.draw(st.sampled_from([0, 1, 7, 61, 62, 63, 1 << 31, (1 << 31) + 1, (1 << 32) - 1]))
    body[at : at + 4] = value.to_bytes(4, "little")
    try:
        index = PackIndex(memoryview(sealed(body)), where="x")
        verify_index(index)
    except DataError:
        return
    for ordinal in range(index.object_count):
        frame = index.frame_of(ordinal)
        assert 0 <= frame < index.header.frame_count
        assert index.ordinals[index.positions[ordinal]] == ordinal
    for turn in range(index.header.turn_count):
        index.parents_at(turn)


def test_unsorted_ids_are_refused(summary):
    """Two ids that changed places."""
    body = bytearray(summary.index_path.read_bytes()[:-32])
    first, second = IDS_OFFSET, IDS_OFFSET + 32
    body[first : first + 32], body[second : second + 32] = (
        body[second : second + 32],
        body[first : first + 32],
    )

    with pytest.raises(FormatError, match=r"not ascending|fan-out"):
        verify_index(PackIndex(memoryview(sealed(body)), where="x"))


def test_wrong_id_in_a_sealed_index_costs_what_is_named(store):
    """Fsck finds the object whose bytes are not of the id, and the frame it is in."""
    made = packs.write_pack(store, packs.sample(20))
    body = bytearray(made.index_path.read_bytes()[:-32])
    body[IDS_OFFSET + 31] ^= 1
    overwrite(made.index_path, sealed(body))

    result = check(store)

    assert result.code & 4
    assert any("not of the ids" in f.what for f in result.findings)


def test_description_leaves_out_the_path():
    """The finding names the file, so the message need not."""
    error = FormatError("cannot read '/a/b': its frame is damaged")

    assert describe(error, "/a/b") == "its frame is damaged"
    assert describe(error, "/c") == "cannot read '/a/b': its frame is damaged"
