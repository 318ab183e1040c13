"""`tapes unpack-objects`: a pack from standard input as loose objects."""

from __future__ import annotations

import pytest

from tests import packs


@pytest.fixture
def data(tmp_path):
    """Give the bytes of a pack."""
    root = packs.make_root(tmp_path / "elsewhere")
    return packs.write_pack(root, packs.sample(4)).path.read_bytes()


def count_loose(store):
    """Return how many loose objects a store has."""
    return sum(len(path.name) == 62 for path in (store / "objects").glob("??/*"))


def test_objects_become_files(tapes, store, data):
    """All of them, and the store is sound."""
    result = tapes("unpack-objects", input=data)

    assert result.out == ""
    assert result.err == "tapes: unpacked 14 objects\n"
    assert count_loose(store) == 14
    assert not list((store / "objects/pack").glob("pack-*"))
    tapes("fsck", "--full")


def test_dry_run_only_verifies(tapes, store, data):
    """Nothing is written; a bad pack is refused all the same."""
    tapes("unpack-objects", "-n", "-q", input=data)
    assert count_loose(store) == 0
    tapes("unpack-objects", "-n", input=data[:-1], code=30)


def test_damaged_pack_writes_nothing_unless_recovered_from(tapes, store, data):
    """With -r what can be had is unpacked, and the exit code is 1."""
    bad = bytearray(data)
    bad[20] ^= 1

    assert tapes("unpack-objects", input=bytes(bad), code=None).code in range(30, 36)
    assert count_loose(store) == 0

    result = tapes("unpack-objects", "-r", input=bytes(bad), code=1)
    assert "tapes: warning: frame 0" in result.err


def test_limit_on_input(tapes, store, data):
    """--max-input-size refuses a larger pack."""
    tapes("unpack-objects", "--max-input-size", "100", input=data, code=30)
