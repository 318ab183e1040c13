"""Many small packs asked together: the same answers as one after the other."""

from __future__ import annotations

import random

import pytest

from tapegit.store.database import ObjectDatabase, common_length
from tapegit.store.pack_lookup import PackLookup
from tests.packs import blob, oid_of, write_pack


@pytest.fixture
def readers(root):
    """Give the readers of some packs that share objects."""
    chance = random.Random(4)
    objects = [blob(b"%d" % number) for number in range(300)]
    for _ in range(12):
        write_pack(root, chance.sample(objects, 40))
    return ObjectDatabase(root).packs


@pytest.fixture
def lookup(readers):
    """Give the lookup over them."""
    lookup = PackLookup()
    for reader in readers:
        lookup.add(reader)
    return lookup


def test_candidates_are_the_packs_that_have_an_object(readers, lookup):
    """All of them, and none for an id that begins like no other."""
    for number in range(400):
        oid = oid_of(blob(b"%d" % number))
        holders = [reader for reader in readers if reader.locate(oid) >= 0]
        assert [r for r in lookup.candidates(oid) if r.locate(oid) >= 0] == holders


def test_ids_that_begin_alike_are_told_apart_by_their_packs(root):
    """Four equal bytes lead to both packs, and only the right one has the object."""
    lookup = PackLookup()

    class Index:
        def __init__(self, oid):
            self.oid = oid

        def first_words(self):
            return [int.from_bytes(self.oid[:4], "big")]

        def find_position(self, oid):
            return 0 if oid == self.oid else -1

        def find_neighbours(self, oid):
            return [self.oid] if oid != self.oid else []

    class Reader:
        def __init__(self, oid):
            self.index = Index(oid)

    one, two = (Reader(b"\1\2\3\4" + bytes([last]) * 28) for last in (5, 6))
    lookup.add(one)
    lookup.add(two)
    for _ in range(8):  # so few times each pack is asked itself
        assert lookup.candidates(one.index.oid) == (one,)
    assert lookup.candidates(one.index.oid) == (one, two)
    near = list(lookup.iter_neighbours(one.index.oid))
    assert max(common_length(one.index.oid, other) for other in near) == 9


def test_neighbours_decide_how_short_an_id_may_be(readers, lookup):
    """The longest beginning that another id shares is found among those yielded."""
    ids = {reader.index.id_at(n) for reader in readers for n in range(reader.index.object_count)}
    for oid in sorted(ids):
        near = list(lookup.iter_neighbours(oid))
        longest = max(common_length(oid, other) for other in ids - {oid})
        assert max(common_length(oid, other) for other in near) == longest


def test_nothing_is_near_where_there_is_nothing():
    """An empty lookup answers everything."""
    lookup = PackLookup()
    assert lookup.candidates(bytes(32)) == ()
    assert list(lookup.iter_neighbours(bytes(32))) == []
